"""`likeness hash`: hashes of files that an organisation lawfully holds for a person's own case."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from indexer.media import Decoder
from service.command_context import settings_of
from service.hashbank.file_hashes import FileHasher, FileHashes, files_in

app = typer.Typer()

_STANDARD_INPUT = "-"
_SOME_FAILED = 1


@app.command("hash")
def hash_files(
    context: typer.Context,
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="- is standard input.")],
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Also all files in folders.")
    ] = False,
    orientations: Annotated[
        bool, typer.Option("--orientations", help="PDQ turned and mirrored in all eight ways.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    fingerprints: Annotated[
        bool, typer.Option("--fingerprints", help="What a person's case takes, as JSON.")
    ] = False,
) -> None:
    """Print SHA-256 and PDQ of pictures and videos that you lawfully hold for a person's own case.

    Nothing is stored or sent, no database and no key is opened, and files are decoded in a confined
    process. To hand the hashes to a case, the person pastes them on their page "Pictures that are
    being spread", or sends what --fingerprints prints to POST /api/v1/my/known/fingerprints. On
    that page their own device can make them as well: then the picture need not be held at all.

    Exit code 0 when all could be hashed, 1 when some could not (it is said which, and why), 2 when
    the command was not understood.
    """
    wanted = _wanted(files, recursive=recursive)
    with Decoder(sandbox=settings_of(context).sandbox) as decoder:
        quiet = as_json or fingerprints
        hashed = list(_hashed(FileHasher(decoder), wanted, quiet=quiet or len(wanted) == 1))
    if fingerprints:
        known = [each.fingerprint() for each in hashed if each.sha256]
        typer.echo(msgspec.json.format(msgspec.json.encode({"media": known}), indent=2))
    elif as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(hashed), indent=2))
    else:
        for each in hashed:
            _print(each, orientations=orientations)
    for each in hashed:
        if each.problem or each.note:
            typer.echo(f"{each.file}: {each.problem or each.note}", err=True)
    if any(each.problem for each in hashed):
        raise typer.Exit(_SOME_FAILED)


def _wanted(files: list[str], *, recursive: bool) -> list[Path | None]:
    """What to hash; None stands for standard input."""
    wanted: list[Path | None] = []
    for name in files:
        path = Path(name)
        if name == _STANDARD_INPUT:
            wanted.append(None)
        elif path.is_dir():
            if not recursive:
                raise typer.BadParameter(f"{name} is a folder: add --recursive.")
            wanted += files_in([path])
        else:
            wanted.append(path)
    if wanted.count(None) > 1:
        raise typer.BadParameter("Standard input can be read once only.")
    return wanted


def _hashed(hasher: FileHasher, wanted: list[Path | None], *, quiet: bool) -> Iterator[FileHashes]:
    columns = (TextColumn("hashing"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        for path in progress.track(wanted):
            if path is None:
                yield hasher.hashed_stream(_STANDARD_INPUT, sys.stdin.buffer)
            else:
                yield hasher.hashed(path)


def _print(each: FileHashes, *, orientations: bool) -> None:
    if not each.sha256:
        return
    typer.echo(each.file)
    typer.echo(f"  SHA-256 {each.sha256}")
    if each.pdq:
        typer.echo(f"  PDQ     {each.pdq}  quality {each.quality}")
    if orientations:
        for name, pdq in each.orientations[1:]:
            typer.echo(f"  {name:18} {pdq}")
    for frame in each.frames:
        typer.echo(f"  PDQ     {frame.pdq}  quality {frame.quality}  at {frame.at_ms / 1000:.1f} s")
    if each.parts:
        typer.echo(f"  and {len(each.parts)} parts (--json shows them)")
