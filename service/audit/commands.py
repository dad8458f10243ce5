"""`likeness audit`: check the chain of the audit trail."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from service.audit.trail import AuditCheck
from service.command_context import rooms_of

app = typer.Typer()
_audit = typer.Typer(name="audit", help="The audit trail.", no_args_is_help=True)
app.add_typer(_audit)


@_audit.command()
def verify(
    context: typer.Context,
    expect: Annotated[
        str, typer.Option(help="The last hash that was noted; it must still be in the chain's end.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Walk the whole chain; exit code 1 when an entry was altered or is missing."""
    with rooms_of(context) as rooms, rooms.database.read() as session:
        check: AuditCheck = rooms.audit.verify(session)
        noted_is_there = not expect or rooms.audit.has_hash(session, expect)
    problem = check.problem
    if problem is None and not noted_is_there:
        problem = "the noted hash is not in the chain: entries were cut off or replaced"
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "intact": problem is None,
                    "entries": check.entries,
                    "head": check.head_hash,
                    "problem": problem,
                }
            )
        )
    else:
        typer.echo(f"{check.entries} entries, last hash {check.head_hash}")
        typer.echo("Intact." if problem is None else f"NOT INTACT: {problem}")
    if problem is not None:
        raise typer.Exit(1)
