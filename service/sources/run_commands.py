"""`likeness run`: visits of sites, for operators on the server."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.command_context import rooms_of
from service.errors import InvalidInputError
from service.sources.schemas import RunOut
from service.sources.views import RunView
from service.sources.words import STATE_WORDS, reason_words

app = typer.Typer(name="run", help="Visits of sites.", no_args_is_help=True)

_AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
_RunId = Annotated[str, typer.Argument(help="Id of the run.")]
_ACTOR = Actor.system("command line")
_SHOWN = 20

Move = Callable[[Session, Actor, uuid.UUID], RunView]


@app.command("list")
def list_runs(context: typer.Context, as_json: _AsJson = False) -> None:
    """List the latest runs of all organisations."""
    with rooms_of(context) as rooms, rooms.database.read() as session:
        runs = rooms.sources.runs(session, _ACTOR, limit=_SHOWN)
    if as_json:
        typer.echo(json.dumps([RunOut.of(run).model_dump(mode="json") for run in runs], indent=2))
        return
    for run in runs:
        typer.echo(_line(run))


@app.command("pause")
def pause_run(context: typer.Context, run: _RunId, as_json: _AsJson = False) -> None:
    """Let one run wait; it stops within seconds. Its site is not visited beside it."""
    with rooms_of(context) as rooms:
        _move(rooms, rooms.sources.control.pause, run, as_json)


@app.command("resume")
def resume_run(context: typer.Context, run: _RunId, as_json: _AsJson = False) -> None:
    """Go on with a run where it was."""
    with rooms_of(context) as rooms:
        _move(rooms, rooms.sources.control.resume, run, as_json)


@app.command("cancel")
def cancel_run(context: typer.Context, run: _RunId, as_json: _AsJson = False) -> None:
    """End a run; what it found stays."""
    with rooms_of(context) as rooms:
        _move(rooms, rooms.sources.control.cancel, run, as_json)


def _move(rooms: Any, move: Move, run: str, as_json: bool) -> None:
    try:
        run_id = uuid.UUID(run)
    except ValueError as error:
        raise InvalidInputError(
            f'"{run[:60]}" is no id of a run: see `likeness run list`.'
        ) from error
    with rooms.database.write() as session:
        found = rooms.sources.run(session, _ACTOR, run_id)
        owner = Actor.system("command line", found.organisation_id)
        moved = move(session, owner, run_id)
    if as_json:
        typer.echo(json.dumps(RunOut.of(moved).model_dump(mode="json"), indent=2))
    else:
        typer.echo(_line(moved))


def _line(run: RunView) -> str:
    reasons = "; ".join(reason_words(code) for code in run.state_reason.split(",") if code)
    words = STATE_WORDS[run.state] + (f" ({reasons})" if reasons else "")
    return f"{run.id}  {run.site_name}: {words}, {run.pages_seen} pages, {run.media_seen} media"
