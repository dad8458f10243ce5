"""`likeness person`: for operators; ids, states and counts, never a name or a picture."""

from __future__ import annotations

import json
import uuid
from typing import Annotated

import typer

from service.accounts.actor import Actor
from service.command_context import rooms_of
from service.errors import InvalidInputError

app = typer.Typer()
_person = typer.Typer(name="person", help="Cases by number: list, erase.", no_args_is_help=True)
app.add_typer(_person)

_AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@_person.command("list")
def list_people(context: typer.Context, as_json: _AsJson = False) -> None:
    """List cases: id, state, when begun, when changed."""
    with rooms_of(context) as rooms, rooms.database.read() as session:
        counts = rooms.enrolment.case_counts(session, Actor.system("list by the command line"))
    if as_json:
        rows = [
            {
                "id": str(count.person_id),
                "state": count.state,
                "created_at": count.created_at.isoformat(),
                "changed_at": count.changed_at.isoformat(),
            }
            for count in counts
        ]
        typer.echo(json.dumps(rows))
        return
    for count in counts:
        typer.echo(f"{count.person_id}  {count.state:8}  {count.changed_at:%Y-%m-%d %H:%M} UTC")


@_person.command("erase")
def erase_person(
    context: typer.Context,
    person: Annotated[str, typer.Argument(help="The id that `likeness person list` shows.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
    as_json: _AsJson = False,
) -> None:
    """Erase a person wholly: rows, files, key. It cannot be undone."""
    try:
        person_id = uuid.UUID(person)
    except ValueError as error:
        raise InvalidInputError(
            "The id has to be one that `likeness person list` shows."
        ) from error
    if not yes:
        typer.confirm("Erase this person wholly? It cannot be undone.", abort=True, err=True)
    with rooms_of(context) as rooms:
        actor = Actor.system("erase by the command line")
        done = rooms.erasure.erase(rooms.database, actor, None, person_id)
    if as_json:
        typer.echo(done.receipt.file().decode())
        return
    for count in done.counts:
        typer.echo(f"{count.count:6}  {count.what}")
    typer.echo(f"Erased. Receipt {done.receipt_id}")
