"""What every command of `likeness bench` shares: its group, a progress bar, where figures go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

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
