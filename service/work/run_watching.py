"""`likeness crawl --now`: a run as a progress bar, read from the database every half second."""

from __future__ import annotations

import time
import uuid
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from service.accounts.actor import Actor
from service.sources.run_watching import RunWatch, duration, watch
from service.sources.views import RunView
from service.sources.words import STATE_WORDS

LOOK_EVERY_S = 0.5
PATIENCE_S = 10.0
_ACTOR = Actor.system("command line")


def follow(rooms: Any, run: RunView, *, quiet: bool) -> RunView:
    """Show how the run goes until it has ended; returns it as it is then."""
    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=24),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
    )
    began = time.monotonic()
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        task = progress.add_task("waiting for a worker", total=None)
        while run.is_live:
            time.sleep(LOOK_EVERY_S)
            watched = _look(rooms, run.id)
            run = watched.run
            words = progress_line(watched)
            if run.state == "queued" and time.monotonic() - began > PATIENCE_S:
                words = "waiting for a worker: is `likeness serve` running?"
            total = watched.known if run.state != "queued" else None
            progress.update(task, description=words, completed=watched.done, total=total)
    return run


def progress_line(watched: RunWatch) -> str:
    """How a run goes, in one line."""
    run = watched.run
    left = "" if watched.seconds_left is None else f", about {duration(watched.seconds_left)} left"
    return (
        f"{STATE_WORDS[run.state]}: {run.pages_seen} pages ({watched.pages_waiting} wait), "
        f"{run.media_seen} media ({watched.media_waiting} wait), {run.faces_counted} faces, "
        f"{run.candidates_found} candidates, {watched.errors_in_all} refused{left}"
    )


def _look(rooms: Any, run_id: uuid.UUID) -> RunWatch:
    with rooms.database.read() as session:
        return watch(session, _ACTOR, run_id, rooms.clock.now())
