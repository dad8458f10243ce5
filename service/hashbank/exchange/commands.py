"""`likeness hashes`: lists of hashes, for operators on the server.

Credentials are asked for and never echoed, or read from standard input; they are no argument, which
would stay in the shell's history.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from service.accounts.actor import Actor
from service.command_context import rooms_of
from service.errors import InvalidInputError, NotFoundError
from service.hashbank.exchange.connections import ConnectionDraft
from service.hashbank.exchange.list_service import Imported, ListDraft
from service.hashbank.exchange.signals import hash_value, kind_of_name
from service.hashbank.exchange.views import ACTION_WORDS, ConnectionView, ListView

app = typer.Typer(
    name="hashes", help="Lists of hashes that you are entitled to.", no_args_is_help=True
)

_AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
_Name = Annotated[str, typer.Argument(help="Name or id of the list.")]
_Connection = Annotated[str, typer.Argument(help="Name of the connection.")]
_Entitled = Annotated[
    bool, typer.Option("--entitled", help="You checked the terms: they entitle you to this use.")
]
_SignedBy = Annotated[str, typer.Option(help="Your name, under that statement.")]


@app.command("list")
def list_lists(context: typer.Context, as_json: _AsJson = False) -> None:
    """The lists, and how many hashes of them are in force."""
    with rooms_of(context) as rooms, rooms.database.read() as session:
        lists = rooms.exchange.lists.lists(session, _actor(rooms, session))
    if as_json:
        typer.echo(json.dumps([_row(each) for each in lists], indent=2))
        return
    table = Table("list", "what is done", "hashes", "given by", "problem")
    for each in lists:
        action = ACTION_WORDS[each.action]
        table.add_row(each.name, action, str(each.entries), each.given_by, each.problem)
    Console().print(table)


@app.command("add")
def add_list(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="How you call the list.")],
    action: Annotated[str, typer.Option(help='"match", "never_show" or "stop" (minors).')],
    given_by: Annotated[str, typer.Option(help="Who it comes from.")],
    terms: Annotated[str, typer.Option(help="On what agreement or terms, in words.")],
    signed_by: _SignedBy,
    entitled: _Entitled = False,
    connection: Annotated[str, typer.Option(help="Fetched over this connection.")] = "",
    selection: Annotated[str, typer.Option(help="Bank or privacy group of it.")] = "",
    as_json: _AsJson = False,
) -> None:
    """Add a list to the first organisation of this installation, still without hashes."""
    with rooms_of(context) as rooms, rooms.database.write() as session:
        actor = _actor(rooms, session)
        over = _find(rooms, session, actor, connection).id if connection else None
        draft = ListDraft(
            name=name,
            action=action,
            given_by=given_by,
            terms=terms,
            signed_by=signed_by,
            agreed=entitled,
            connection_id=over,
            selection=selection,
        )
        added = rooms.exchange.lists.add(session, actor, draft)
    _show(added, as_json)


@app.command("import")
def import_file(
    context: typer.Context,
    name: _Name,
    file: Annotated[Path, typer.Argument(help="The file; - reads standard input.")],
    kind: Annotated[
        str, typer.Option(help='"pdq", "sha256" or "md5", where the lines do not say it.')
    ] = "",
    whole: Annotated[
        bool,
        typer.Option("--whole", help="The file is the whole list: take off what is not in it."),
    ] = False,
    as_json: _AsJson = False,
) -> None:
    """Take in a file of hashes. A line that cannot be read changes nothing, and is named."""
    wanted = kind_of_name(kind) if kind else None
    if kind and wanted is None:
        raise InvalidInputError('Kind: "pdq", "sha256" or "md5".')
    with rooms_of(context) as rooms:
        with rooms.database.read() as session:
            actor = _actor(rooms, session)
            found = rooms.exchange.lists.list_named(session, actor, name)

        def take_in(content: Any) -> Imported:
            imported: Imported = rooms.exchange.lists.import_file(
                rooms.database, actor, found.id, content, kind=wanted, whole=whole
            )
            return imported

        if str(file) == "-":
            imported = take_in(sys.stdin.buffer)
        else:
            imported = _with_progress(file, take_in, quiet=as_json)
    _say(imported, as_json)


@app.command("fetch")
def fetch_list(context: typer.Context, name: _Name, as_json: _AsJson = False) -> None:
    """Fetch what changed since the last time, over the list's connection."""
    with rooms_of(context) as rooms:
        with rooms.database.read() as session:
            actor = _actor(rooms, session)
            found = rooms.exchange.lists.list_named(session, actor, name)
        imported = rooms.exchange.lists.fetch(rooms.database, actor, found.id)
    _say(imported, as_json)


@app.command("remove")
def remove_list(context: typer.Context, name: _Name, as_json: _AsJson = False) -> None:
    """Take a list out of force and delete its hashes."""
    with rooms_of(context) as rooms:
        with rooms.database.read() as session:
            actor = _actor(rooms, session)
            found = rooms.exchange.lists.list_named(session, actor, name)
        rooms.exchange.lists.remove(rooms.database, actor, found.id)
    typer.echo(json.dumps({"removed": str(found.id)}) if as_json else f'"{found.name}" is removed.')


@app.command("connect")
def connect(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="How you call the server or programme.")],
    kind: Annotated[
        str, typer.Option(help='"hma", "ncmec", "stopncii", "fb_threatexchange" or "partner".')
    ],
    run_by: Annotated[str, typer.Option(help="The organisation behind it.")],
    terms: Annotated[str, typer.Option(help="On what agreement or terms, in words.")],
    signed_by: _SignedBy,
    entitled: _Entitled = False,
    address: Annotated[str, typer.Option(help="Address of a server, or name of its place.")] = "",
    bank: Annotated[str, typer.Option(help="Bank that hashes are put into.")] = "",
    takes_exports: Annotated[
        bool, typer.Option("--takes-exports", help="Hashes of cases are handed to it.")
    ] = False,
    as_json: _AsJson = False,
) -> None:
    """Connect a server or programme; give it credentials with `likeness hashes credentials`."""
    with rooms_of(context) as rooms, rooms.database.write() as session:
        draft = ConnectionDraft(
            name=name,
            kind=kind,
            run_by=run_by,
            terms=terms,
            signed_by=signed_by,
            agreed=entitled,
            address=address,
            bank=bank,
            takes_exports=takes_exports,
        )
        view = rooms.exchange.connections.add(session, _actor(rooms, session), draft)
    row = {"id": str(view.id), "name": view.name, "kind": view.kind.key}
    typer.echo(json.dumps(row) if as_json else f'"{view.name}" is connected.')


@app.command("credentials")
def set_credentials(
    context: typer.Context,
    connection: _Connection,
    from_stdin: Annotated[
        bool, typer.Option("--stdin", help="One credential on each line, in the order asked.")
    ] = False,
) -> None:
    """Give a connection its credentials; they are kept encrypted and never shown again."""
    with rooms_of(context) as rooms:
        with rooms.database.read() as session:
            actor = _actor(rooms, session)
            view = _find(rooms, session, actor, connection)
        given: dict[str, str] = {}
        for field in view.kind.credentials:
            if from_stdin:
                given[field.key] = sys.stdin.readline().rstrip("\r\n")
            else:
                given[field.key] = typer.prompt(field.label, hide_input=True, default="")
        with rooms.database.write() as session:
            rooms.exchange.connections.set_credentials(session, actor, view.id, given)
    typer.echo(f'The credentials of "{view.name}" are kept.')


@app.command("peer")
def ask_peer(
    context: typer.Context,
    connection: _Connection,
    look_up: Annotated[
        str, typer.Option("--hash", help="Also ask what it finds for this PDQ hash.")
    ] = "",
    as_json: _AsJson = False,
) -> None:
    """Ask a Hasher-Matcher-Actioner server what it has, and what it finds for a hash."""
    with rooms_of(context) as rooms:
        with rooms.database.read() as session:
            actor = _actor(rooms, session)
            view = _find(rooms, session, actor, connection)
        status = rooms.exchange.peers.status(rooms.database, actor, view.id)
        said: dict[str, Any] = {"banks": list(status.banks), "indexes": dict(status.indexes)}
        if look_up:
            try:
                value = hash_value("pdq", look_up)
            except ValueError:
                raise InvalidInputError("Hash: 64 hexadecimal digits.") from None
            answer = rooms.exchange.peers.look_up(rooms.database, actor, view.id, "pdq", value)
            said["matching_banks"] = list(answer.banks)
            said["matches"] = [
                {"content_id": match.content_id, "distance": match.distance}
                for match in answer.matches
            ]
    if as_json:
        typer.echo(json.dumps(said, indent=2))
        return
    for field, value_said in said.items():
        typer.echo(f"{field.replace('_', ' '):16} {value_said}")


def _actor(rooms: Any, session: Any) -> Actor:
    return Actor.system("command line", rooms.accounts.default_organisation(session).id)


def _find(rooms: Any, session: Any, actor: Actor, name: str) -> ConnectionView:
    views: tuple[ConnectionView, ...] = rooms.exchange.connections.connections(session, actor)
    for view in views:
        if name in (view.name, str(view.id)):
            return view
    raise NotFoundError(f'There is no connection called "{name}".')


def _with_progress(file: Path, take_in: Any, *, quiet: bool) -> Imported:
    try:
        size = file.stat().st_size
        content = file.open("rb")
    except OSError as error:
        raise InvalidInputError(f"{file}: {error.strerror or error}.") from error
    with content, Progress(disable=quiet, transient=True, console=Console(stderr=True)) as progress:
        task = progress.add_task("importing", total=size)
        imported: Imported = take_in(
            _Counted(content, lambda at: progress.update(task, completed=at))
        )
    return imported


class _Counted:
    """A file that tells how far it was read."""

    def __init__(self, content: Any, tell: Any) -> None:
        self._content = content
        self._tell = tell
        self._lines = 0

    def readline(self, limit: int) -> bytes:
        """The next line."""
        self._lines += 1
        if self._lines % 10_000 == 0:
            self._tell(self._content.tell())
        line: bytes = self._content.readline(limit)
        return line

    def read(self, limit: int) -> bytes:
        """The next bytes."""
        content: bytes = self._content.read(limit)
        return content


def _row(view: ListView) -> dict[str, object]:
    return {
        "id": str(view.id),
        "name": view.name,
        "action": view.action,
        "given_by": view.given_by,
        "entries": dict(view.counts),
        "problem": view.problem,
        "changed_at": view.changed_at.isoformat(),
    }


def _show(view: ListView, as_json: bool) -> None:
    typer.echo(json.dumps(_row(view), indent=2) if as_json else f'"{view.name}" is added.')


def _say(imported: Imported, as_json: bool) -> None:
    changed = imported.changed
    said = {
        "added": changed.added,
        "removed": changed.removed,
        "entries": changed.entries,
        "left_out": dict(imported.left_out),
    }
    if as_json:
        typer.echo(json.dumps(said))
        return
    typer.echo(f"{changed.added} added, {changed.removed} removed; {changed.entries} in force.")
    for name, count in imported.left_out:
        typer.echo(f"left out, because it cannot be compared: {count} {name}")
