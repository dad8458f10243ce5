"""`likeness case`: for operators: states, counts, bringing links in. No pictures, no names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from service.accounts.actor import Actor
from service.candidates.intake import BroughtFile
from service.command_context import rooms_of
from service.errors import InvalidInputError

app = typer.Typer()
_case = typer.Typer(name="case", help="Cases: list, show, bring links in.", no_args_is_help=True)
app.add_typer(_case)

_AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
_MAX_FILE_BYTES = 500 * 1024 * 1024


@_case.command("list")
def list_cases(context: typer.Context, as_json: _AsJson = False) -> None:
    """List cases with how many finds are in which state."""
    actor = Actor.system("list by the command line")
    with rooms_of(context) as rooms, rooms.database.read() as session:
        rows = [
            {
                "id": str(count.person_id),
                "state": count.state,
                "finds": dict(rooms.candidates.counts(session, actor, count.person_id)),
            }
            for count in rooms.enrolment.case_counts(session, actor)
        ]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    for row in rows:
        typer.echo(f"{row['id']}  {row['state']:8}  {_in_words(row['finds'])}")


@_case.command("show")
def show_case(
    context: typer.Context,
    case: Annotated[str, typer.Argument(help="The case number, as the person or advocate has it.")],
    as_json: _AsJson = False,
) -> None:
    """Show one case: state, what is signed, counts. No name, no address, no picture."""
    actor = Actor.system("show by the command line")
    with rooms_of(context) as rooms, rooms.database.read() as session:
        person_id = rooms.enrolment.find_case(session, actor, case)
        view = rooms.enrolment.person_view(session, actor, person_id)
        finds = dict(rooms.candidates.counts(session, actor, person_id))
    row: dict[str, object] = {
        "id": str(person_id),
        "state": view.state,
        "release_ends_at": view.release.ends_at.isoformat() if view.release else None,
        "mandate_expires_at": view.mandate.expires_at.isoformat() if view.mandate else None,
        "face_opt_in": view.face_opt_in,
        "photos": len(view.photos),
        "finds": finds,
    }
    if as_json:
        typer.echo(json.dumps(row))
        return
    for name, value in row.items():
        typer.echo(f"{name:20} {_in_words(finds) if name == 'finds' else value}")


@_case.command("import")
def import_file(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    case: Annotated[str, typer.Option("--case", help="The case number.")],
    address: Annotated[
        list[str] | None,
        typer.Option("--address", help="Of a capture: an address in it that this is about."),
    ] = None,
    captured_by: Annotated[str, typer.Option(help="Of a capture: who made it.")] = "",
    tool: Annotated[str, typer.Option(help="Of a capture: with what.")] = "",
    as_json: _AsJson = False,
) -> None:
    """Bring links (CSV: url, page_url, seen_at, note) or a capture (WARC, WACZ, HAR, any file).

    Nothing is half imported. The person's own declaration is asked for on their page.
    """
    if file.stat().st_size > _MAX_FILE_BYTES:
        raise InvalidInputError(f"{file.name} is larger than {_MAX_FILE_BYTES // 1024**2} MB.")
    content = file.read_bytes()
    actor = Actor.system("import by the command line")
    with rooms_of(context) as rooms:
        with rooms.database.read() as session:
            person_id = rooms.enrolment.find_case(session, actor, case)
        if file.suffix.lower() in (".csv", ".tsv"):
            with rooms.database.write() as session:
                ids = rooms.intake.import_csv(session, actor, person_id, content)
        else:
            brought = BroughtFile(file.name, content, captured_by, tool, tuple(address or ()))
            ids = rooms.intake.import_file(
                rooms.database, actor, rooms.examiner, person_id, brought
            )
    if as_json:
        typer.echo(json.dumps({"candidates": [str(one) for one in ids]}))
        return
    typer.echo(f"{len(ids)} links are in the case; their capture is on its way.")


def _in_words(finds: object) -> str:
    if not isinstance(finds, dict) or not finds:
        return "no finds"
    return ", ".join(f"{count} {state}" for state, count in sorted(finds.items()))
