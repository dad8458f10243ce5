"""What every command of `likeness bench` shares: its group, a progress bar, where figures go."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
import typer
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from service.errors import InvalidInputError

app = typer.Typer(name="bench", help="Figures on your own data.", no_args_is_help=True)

STANDARD_OUTPUT: Final = "-"
_WIDE_COLUMNS: Final = 240


@app.callback()
def bench() -> None:
    """Figures on your own data, side by side with named peers. Nothing is kept or sent."""


def console_for_tables() -> Console:
    """Standard output; wide where it goes to a file, so that no cell is folded."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDE_COLUMNS)


def check_target(json_file: str) -> None:
    """Refuse a file that could not be written, before anything is measured: some runs take hours.

    Raises `InvalidInputError`.
    """
    if not json_file or json_file == STANDARD_OUTPUT:
        return
    target = Path(json_file)
    if target.is_dir() or not os.access(target if target.exists() else target.parent, os.W_OK):
        raise InvalidInputError(f"{json_file} cannot be written; name a file in a folder of yours.")


def give(result: msgspec.Struct, json_file: str, tables: Iterable[RenderableType]) -> None:
    """Write the figures to the file, too, and show the tables; or only write to standard output."""
    written = msgspec.json.format(msgspec.json.encode(result), indent=2)
    if json_file == STANDARD_OUTPUT:
        typer.echo(written.decode())
        return
    if json_file:
        Path(json_file).write_bytes(written)
    console = console_for_tables()
    for part in tables:
        console.print(part)


@contextmanager
def progress_of() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on standard error that says what is being done, how much of it, of how much."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("starting", total=None)

        def said(words: str, done: int, total: int) -> None:
            progress.update(task, description=words, completed=done, total=total or None)

        yield said
