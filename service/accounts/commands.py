"""`likeness account`: links for those who cannot sign in yet, or not any more.

Whoever may run this on the server may let themselves in: that is said in the threat model.
"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from service.accounts.actor import Actor
from service.command_context import rooms_of
from service.errors import NotFoundError

app = typer.Typer()
_account = typer.Typer(name="account", help="Links for operators.", no_args_is_help=True)
app.add_typer(_account)

_AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@_account.command("setup-link")
def setup_link(context: typer.Context, as_json: _AsJson = False) -> None:
    """Make a one-time link that sets up an organisation and its first operator."""
    with rooms_of(context) as rooms:
        with rooms.database.write() as session:
            token = rooms.accounts.create_setup_link(session)
        _say_link(f"{rooms.settings.effective_public_url}/setup/{token}", as_json)


@_account.command("new-password-link")
def new_password_link(
    context: typer.Context,
    username: Annotated[str, typer.Argument(help="Whose password is to be set anew.")],
    as_json: _AsJson = False,
) -> None:
    """Make a one-time link by which an account gets a new password, without its second factor."""
    actor = Actor.system("new password by the command line")
    with rooms_of(context) as rooms:
        with rooms.database.write() as session:
            wanted = username.strip().casefold()
            accounts = rooms.accounts.accounts(session, actor)
            found = next((view for view in accounts if view.username == wanted), None)
            if found is None:
                raise NotFoundError(f"There is no account called {wanted!r}.")
            token = rooms.accounts.create_new_password_link(session, actor, found.id)
        _say_link(f"{rooms.settings.effective_public_url}/invitations/{token}", as_json)


@_account.command("list")
def list_accounts(context: typer.Context, as_json: _AsJson = False) -> None:
    """List the accounts of all organisations."""
    with rooms_of(context) as rooms, rooms.database.read() as session:
        views = rooms.accounts.accounts(session, Actor.system("list by the command line"))
    if as_json:
        rows = [
            {
                "id": str(view.id),
                "username": view.username,
                "role": view.role.value,
                "trained": view.trained,
                "active": view.active,
                "second_factor": view.has_second_factor,
            }
            for view in views
        ]
        typer.echo(json.dumps(rows))
        return
    for view in views:
        typer.echo(
            f"{view.username}  {view.role.value}"
            f"{'  trained' if view.trained else ''}{'' if view.active else '  closed'}"
        )


def _say_link(link: str, as_json: bool) -> None:
    typer.echo(json.dumps({"link": link}) if as_json else link)
