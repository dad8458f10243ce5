"""For advocates: handing a case's hashes to programmes that the person agreed to."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from service.accounts.actor import Actor
from service.database import Database
from service.errors import ConflictError, InvalidInputError, LikenessError, NotFoundError
from service.hashbank.exchange.asked import ExchangeDep
from service.hashbank.exchange.exports import STATEMENT, Handed
from service.hashbank.exchange.registry import Form as ExportForm
from service.hashbank.exchange.service import HashExchange
from service.hashbank.exchange.signals import KIND_WORDS
from service.hashbank.exchange.words import FORM_WORDS, STATE_WORDS
from service.web.dependencies import AdvocateActor, DatabaseDep
from service.web.render import render
from service.web.responses import see_other

router = APIRouter()

Field = Annotated[str, Form()]


@router.get("/cases/{person_id}/programmes")
def show_programmes(
    request: Request,
    database: DatabaseDep,
    exchange: ExchangeDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
) -> Response:
    """What the person agreed to, what was handed over, and where they went themselves."""
    return _page(request, database, exchange, actor, person_id)


@router.post("/cases/{person_id}/programmes/{connection_id}")
def hand_over(
    request: Request,
    database: DatabaseDep,
    exchange: ExchangeDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
    connection_id: uuid.UUID,
    form: Field = "",
    statement: Field = "",
) -> Response:
    """A file to hand over, or straight into the programme's bank."""
    try:
        handed = exchange.exports.hand_over(
            database,
            actor,
            person_id,
            connection_id,
            _form(form),
            statement_ticked=statement == "on",
        )
    except NotFoundError:
        raise
    except LikenessError as error:
        return _page(request, database, exchange, actor, person_id, error=error)
    return _answer(handed, person_id)


@router.post("/cases/{person_id}/programmes/{connection_id}/take-back")
def take_back(
    request: Request,
    database: DatabaseDep,
    exchange: ExchangeDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
    connection_id: uuid.UUID,
) -> Response:
    """The file that names what has to be deleted there."""
    try:
        handed = exchange.exports.take_back_file(database, actor, person_id, connection_id)
    except ConflictError as error:
        return _page(request, database, exchange, actor, person_id, error=error)
    return _answer(handed, person_id)


def _answer(handed: Handed, person_id: uuid.UUID) -> Response:
    if handed.file is None:
        return see_other(f"/cases/{person_id}/programmes")
    return Response(
        handed.file.content,
        media_type=handed.file.content_type,
        headers={"Content-Disposition": f'attachment; filename="{handed.file.name}"'},
    )


def _page(
    request: Request,
    database: Database,
    exchange: HashExchange,
    actor: Actor,
    person_id: uuid.UUID,
    *,
    error: LikenessError | None = None,
) -> Response:
    with database.read() as session:
        programmes = exchange.consents.programmes(session, actor, person_id)
        hand_overs = exchange.hand_overs.services(session, actor, person_id)
    counts = {
        str(view.programme.id): len(
            exchange.shareable.of_case(database, actor, person_id, view.programme.kind.takes)
        )
        for view in programmes
        if view.agreed
    }
    return render(
        request,
        "hashbank/case_programmes.html",
        status_code=error.http_status if error else 200,
        person_id=person_id,
        programmes=programmes,
        counts=counts,
        hand_overs=hand_overs,
        statement=STATEMENT,
        form_words=FORM_WORDS,
        state_words=STATE_WORDS,
        kind_words=KIND_WORDS,
        problem=str(error) if error else None,
    )


def _form(text: str) -> ExportForm:
    match text:
        case "text" | "csv" | "push":
            return text
        case _:
            raise InvalidInputError("Please choose how the hashes are handed over.")
