"""`likeness models`: which packs there are, what they permit, and whether they are whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.table import Table

from indexer.faces import check_pack, fetch_pack, list_packs
from service.command_context import settings_of
from service.settings import Settings
from service.work.model_in_use import named_model, with_named_model
from service.work.preflight import Tell

app = typer.Typer(name="models", help="Model packs for faces.", no_args_is_help=True)

_AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
_Name = Annotated[str, typer.Argument(help="The pack; the one in use when none is named.")]
_NOT_READY = 1


@app.command("list")
def list_models(context: typer.Context, as_json: _AsJson = False) -> None:
    """List all packs that are known, with their licences and what is on this machine."""
    settings, in_use = _settings(context)
    rows = []
    for pack in list_packs(settings.models_dir):
        status = check_pack(pack.name, settings.models_dir)
        rows.append(
            {
                "name": pack.name,
                "in_use": pack.name == in_use,
                "state": status.state,
                "licence": pack.licence.licence_id,
                "permits": pack.licence.permits,
                "needs_acceptance": pack.licence.needs_acceptance,
                "dimension": pack.dimension,
                "default_threshold": pack.calibration.default_threshold,
                "calibrated": pack.calibration.measured,
                "calibration": pack.calibration.words,
                "source": pack.source,
                "files": [
                    {"name": file.name, "sha256": file.sha256, "bytes": file.size_bytes}
                    for file in pack.files
                ],
            }
        )
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("pack", "state", "permits", "dimension", "threshold", "from")
    for row in rows:
        name = f"{row['name']} (in use)" if row["in_use"] else str(row["name"])
        threshold = f"{row['default_threshold']:.3f}" + (
            "" if row["calibrated"] else ", not measured"
        )
        table.add_row(
            name,
            str(row["state"]),
            str(row["permits"]),
            str(row["dimension"]),
            threshold,
            str(row["source"]),
        )
    console = Console()
    console.print(table)
    for row in rows:
        if row["calibrated"]:
            console.print(f"{row['name']} was {row['calibration']}.")


@app.command("fetch")
def fetch_model(context: typer.Context, name: _Name = "", as_json: _AsJson = False) -> None:
    """Fetch a pack, check every file's digest, and keep it."""
    settings, _ = _settings(context)
    with progress_bar(quiet=as_json) as tell:
        status = fetch_pack(
            name or settings.pack,
            settings.models_dir,
            tell,
            accepted_licences=settings.accepted_licences,
        )
    if as_json:
        typer.echo(json.dumps({"name": status.pack.name, "state": status.state}))
    else:
        typer.echo(f"{status.pack.name} is here and whole: {status.folder}")


@app.command("check")
def check_model(context: typer.Context, name: _Name = "", as_json: _AsJson = False) -> None:
    """Compare every file of a pack with its digest. Exit code 1 when it is not whole."""
    settings, _ = _settings(context)
    status = check_pack(name or settings.pack, settings.models_dir)
    if as_json:
        row = {
            "name": status.pack.name,
            "state": status.state,
            "problems": list(status.problems),
            "folder": str(status.folder),
        }
        typer.echo(json.dumps(row, indent=2))
    else:
        typer.echo(f"{status.pack.name}: {status.state}")
        for problem in status.problems:
            typer.echo(f"  {problem}")
    if status.state != "ready":
        raise typer.Exit(_NOT_READY)


def _settings(context: typer.Context) -> tuple[Settings, str]:
    """The settings with the pack that searches, and its name."""
    settings = settings_of(context)
    found = with_named_model(settings, named_model(settings))
    return found, found.pack


@contextmanager
def progress_bar(quiet: bool = False) -> Iterator[Tell]:
    """A bar on standard error that a fetch moves."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        task = progress.add_task("models", total=None)

        def tell(words: str, done: int, total: int) -> None:
            progress.update(task, description=words, completed=done, total=total or None)

        yield tell
