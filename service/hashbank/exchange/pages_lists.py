"""Pages of lists: operators add, import, fetch and remove; advocates read what was found."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from service.accounts.actor import Actor
from service.database import Database
from service.errors import InvalidInputError, LikenessError
from service.hashbank.exchange.asked import ExchangeDep
from service.hashbank.exchange.list_service import Imported, ListDraft
from service.hashbank.exchange.registry import ENTITLEMENT_STATEMENT
from service.hashbank.exchange.service import HashExchange
from service.hashbank.exchange.signals import KIND_WORDS, HashKind, kind_of_name
from service.hashbank.exchange.views import ACTION_WORDS
from service.web.dependencies import (
    AdvocateActor,
    DatabaseDep,
    OperatorActor,
    ReadSession,
    StaffActor,
)
from service.web.render import render
from service.web.responses import see_other

router = APIRouter()

Field = Annotated[str, Form()]
_EMPTY: Mapping[str, str] = dict.fromkeys(
    ("name", "action", "given_by", "terms", "signed_by", "connection", "selection"), ""
)


@router.get("/hash-lists")
def show_lists(
    request: Request, database: DatabaseDep, exchange: ExchangeDep, actor: StaffActor
) -> Response:
    """The organisation's lists, and how many addresses they named."""
    return _lists_page(request, database, exchange, actor)


@router.post("/hash-lists")
def add_list(
    request: Request,
    database: DatabaseDep,
    exchange: ExchangeDep,
    actor: OperatorActor,
    name: Field = "",
    action: Field = "",
    given_by: Field = "",
    terms: Field = "",
    signed_by: Field = "",
    agreed: Field = "",
    connection: Field = "",
    selection: Field = "",
) -> Response:
    """Add a list; what is wrong is said above what was typed."""
    try:
        draft = ListDraft(
            name=name,
            action=action,
            given_by=given_by,
            terms=terms,
            signed_by=signed_by,
            agreed=agreed == "on",
            connection_id=_connection_id(connection),
            selection=selection,
        )
        with database.write() as session:
            added = exchange.lists.add(session, actor, draft)
    except LikenessError as error:
        typed = {
            "name": name,
            "action": action,
            "given_by": given_by,
            "terms": terms,
            "signed_by": signed_by,
            "connection": connection,
            "selection": selection,
        }
        return _lists_page(request, database, exchange, actor, error, typed)
    return see_other(f"/hash-lists/{added.id}")


@router.get("/hash-lists/{list_id}")
def show_list(
    request: Request,
    database: DatabaseDep,
    exchange: ExchangeDep,
    actor: OperatorActor,
    list_id: uuid.UUID,
) -> Response:
    """One list: where it comes from, how many hashes, and what can be done with it."""
    return _list_page(request, database, exchange, actor, list_id)


@router.post("/hash-lists/{list_id}/import")
def import_file(
    request: Request,
    database: DatabaseDep,
    exchange: ExchangeDep,
    actor: OperatorActor,
    list_id: uuid.UUID,
    file: Annotated[UploadFile | None, File()] = None,
    kind: Field = "",
    whole: Field = "",
) -> Response:
    """Take in a file of hashes; all or nothing."""
    try:
        if file is None or not file.size:
            raise InvalidInputError("File: please choose one.")
        imported = exchange.lists.import_file(
            database, actor, list_id, file.file, kind=_kind(kind), whole=whole == "on"
        )
    except LikenessError as error:
        return _list_page(request, database, exchange, actor, list_id, error=error)
    return _list_page(request, database, exchange, actor, list_id, done=_words(imported))


@router.post("/hash-lists/{list_id}/fetch")
def fetch_list(
    request: Request,
    database: DatabaseDep,
    exchange: ExchangeDep,
    actor: OperatorActor,
    list_id: uuid.UUID,
) -> Response:
    """Fetch what changed since the last time."""
    try:
        imported = exchange.lists.fetch(database, actor, list_id)
    except LikenessError as error:
        return _list_page(request, database, exchange, actor, list_id, error=error)
    return _list_page(request, database, exchange, actor, list_id, done=_words(imported))


@router.post("/hash-lists/{list_id}/action")
def set_action(
    request: Request,
    database: DatabaseDep,
    exchange: ExchangeDep,
    actor: OperatorActor,
    list_id: uuid.UUID,
    action: Field = "",
) -> Response:
    """Change what is done with what the list names."""
    try:
        with database.write() as session:
            exchange.lists.set_action(session, actor, list_id, action)
    except LikenessError as error:
        return _list_page(request, database, exchange, actor, list_id, error=error)
    return see_other(f"/hash-lists/{list_id}")


@router.post("/hash-lists/{list_id}/remove")
def remove_list(
    database: DatabaseDep, exchange: ExchangeDep, actor: OperatorActor, list_id: uuid.UUID
) -> Response:
    """Out of force at once."""
    exchange.lists.remove(database, actor, list_id)
    return see_other("/hash-lists")


@router.get("/found-from-lists")
def show_found(
    request: Request, session: ReadSession, exchange: ExchangeDep, actor: AdvocateActor
) -> Response:
    """Addresses that lists named, in words; no picture."""
    return render(
        request,
        "hashbank/found_from_lists.html",
        found=exchange.hits.found(session, actor),
        action_words=ACTION_WORDS,
        kind_words=KIND_WORDS,
    )


def _lists_page(
    request: Request,
    database: Database,
    exchange: HashExchange,
    actor: Actor,
    error: LikenessError | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    with database.read() as session:
        lists = exchange.lists.lists(session, actor)
        counts = exchange.hits.counts(session, actor)
        connections = exchange.connections.connections(session, actor)
    return render(
        request,
        "hashbank/lists.html",
        status_code=error.http_status if error else 200,
        lists=lists,
        counts=counts,
        connections=[one for one in connections if one.kind.gives and not one.takes_exports],
        action_words=ACTION_WORDS,
        kind_words=KIND_WORDS,
        statement=ENTITLEMENT_STATEMENT,
        problem=str(error) if error else None,
        typed=typed or _EMPTY,
    )


def _list_page(
    request: Request,
    database: Database,
    exchange: HashExchange,
    actor: Actor,
    list_id: uuid.UUID,
    *,
    error: LikenessError | None = None,
    done: str = "",
) -> Response:
    with database.read() as session:
        view = exchange.lists.list(session, actor, list_id)
        connection = (
            exchange.connections.connection(session, actor, view.connection_id)
            if view.connection_id is not None
            else None
        )
    return render(
        request,
        "hashbank/list.html",
        status_code=error.http_status if error else 200,
        list=view,
        connection=connection,
        action_words=ACTION_WORDS,
        kind_words=KIND_WORDS,
        problem=str(error) if error else None,
        done=done,
    )


def _connection_id(text: str) -> uuid.UUID | None:
    if not text.strip():
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        raise InvalidInputError("Connection: choose one of those that are offered.") from None


def _kind(text: str) -> HashKind | None:
    if not text:
        return None
    kind = kind_of_name(text)
    if kind is None:
        raise InvalidInputError("Kind: choose one of those that are offered.")
    return kind


def _words(imported: Imported) -> str:
    changed = imported.changed
    words = f"{changed.added} added, {changed.removed} removed; {changed.entries} in force."
    left = ", ".join(f"{count} {name}" for name, count in imported.left_out)
    return f"{words} Left out, because they cannot be compared: {left}." if left else words
