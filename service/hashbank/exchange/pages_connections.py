"""Pages of connections, for operators: servers and programmes, and their credentials."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from service.accounts.actor import Actor
from service.database import Database
from service.errors import ConflictError, LikenessError
from service.hashbank.exchange.asked import ExchangeDep
from service.hashbank.exchange.connections import ConnectionDraft
from service.hashbank.exchange.registry import (
    ENTITLEMENT_STATEMENT,
    EXPORT_STATEMENT,
    KINDS,
    KindOfConnection,
    kind_of,
)
from service.hashbank.exchange.service import HashExchange
from service.hashbank.exchange.signals import KIND_WORDS
from service.web.dependencies import DatabaseDep, OperatorActor
from service.web.render import render
from service.web.responses import see_other

router = APIRouter()

Field = Annotated[str, Form()]
_TYPED = ("name", "run_by", "terms", "signed_by", "address", "bank")
_PAGE = "/hash-connections"


@router.get(_PAGE)
def show_connections(
    request: Request, database: DatabaseDep, exchange: ExchangeDep, actor: OperatorActor
) -> Response:
    """What is connected, and a form for each kind."""
    return _page(request, database, exchange, actor)


@router.post(_PAGE)
def add_connection(
    request: Request,
    database: DatabaseDep,
    exchange: ExchangeDep,
    actor: OperatorActor,
    kind: Field = "",
    name: Field = "",
    run_by: Field = "",
    terms: Field = "",
    signed_by: Field = "",
    agreed: Field = "",
    address: Field = "",
    bank: Field = "",
    takes_exports: Field = "",
    credential_1: Field = "",
    credential_2: Field = "",
) -> Response:
    """Connect a server or programme; credentials are never shown again."""
    try:
        draft = ConnectionDraft(
            name=name,
            kind=kind,
            run_by=run_by,
            terms=terms,
            signed_by=signed_by,
            agreed=agreed == "on",
            address=address,
            bank=bank,
            takes_exports=takes_exports == "on",
            credentials=_credentials(kind_of(kind), credential_1, credential_2),
        )
        with database.write() as session:
            exchange.connections.add(session, actor, draft)
    except LikenessError as error:
        typed = {
            "kind": kind,
            "name": name,
            "run_by": run_by,
            "terms": terms,
            "signed_by": signed_by,
            "address": address,
            "bank": bank,
        }
        return _page(request, database, exchange, actor, error=error, typed=typed)
    return see_other(_PAGE)


@router.post(_PAGE + "/{connection_id}/credentials")
def set_credentials(
    request: Request,
    database: DatabaseDep,
    exchange: ExchangeDep,
    actor: OperatorActor,
    connection_id: uuid.UUID,
    credential_1: Field = "",
    credential_2: Field = "",
) -> Response:
    """Replace the credentials."""
    try:
        with database.write() as session:
            view = exchange.connections.connection(session, actor, connection_id)
            given = _credentials(view.kind, credential_1, credential_2)
            exchange.connections.set_credentials(session, actor, connection_id, given)
    except LikenessError as error:
        return _page(request, database, exchange, actor, error=error)
    return see_other(_PAGE)


@router.post(_PAGE + "/{connection_id}/check")
def check_connection(
    request: Request,
    database: DatabaseDep,
    exchange: ExchangeDep,
    actor: OperatorActor,
    connection_id: uuid.UUID,
) -> Response:
    """Ask a server what it has: whether address and credentials are right."""
    try:
        status = exchange.peers.status(database, actor, connection_id)
    except LikenessError as error:
        return _page(request, database, exchange, actor, error=error)
    banks = ", ".join(status.banks) or "none"
    indexes = ", ".join(f"{size} {name}" for name, size in status.indexes) or "none"
    done = f"The server answered. Banks: {banks}. Indexes: {indexes}."
    return _page(request, database, exchange, actor, done=done)


@router.post(_PAGE + "/{connection_id}/close")
def close_connection(
    request: Request,
    database: DatabaseDep,
    exchange: ExchangeDep,
    actor: OperatorActor,
    connection_id: uuid.UUID,
) -> Response:
    """Use it no more."""
    try:
        with database.write() as session:
            exchange.connections.close(session, actor, connection_id)
    except ConflictError as error:
        return _page(request, database, exchange, actor, error=error)
    return see_other(_PAGE)


def _page(
    request: Request,
    database: Database,
    exchange: HashExchange,
    actor: Actor,
    *,
    error: LikenessError | None = None,
    done: str = "",
    typed: Mapping[str, str] | None = None,
) -> Response:
    with database.read() as session:
        connections = exchange.connections.connections(session, actor)
    return render(
        request,
        "hashbank/connections.html",
        status_code=error.http_status if error else 200,
        connections=connections,
        kinds=KINDS,
        kind_words=KIND_WORDS,
        entitlement=ENTITLEMENT_STATEMENT,
        export_statement=EXPORT_STATEMENT,
        problem=str(error) if error else None,
        done=done,
        typed=typed or dict.fromkeys((*_TYPED, "kind"), ""),
    )


def _credentials(kind: KindOfConnection, *values: str) -> dict[str, str]:
    """The typed credentials by their keys, in the order of the kind's fields."""
    return {field.key: value for field, value in zip(kind.credentials, values, strict=False)}
