"""For the person: which programmes may have fingerprints, and services they go to themselves."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from service.accounts.actor import Actor
from service.database import Database
from service.enrolment.asked import own_person_id
from service.errors import ConflictError, InvalidInputError, LikenessError
from service.hashbank.exchange.asked import ExchangeDep
from service.hashbank.exchange.service import HashExchange
from service.hashbank.exchange.signals import KIND_WORDS
from service.hashbank.exchange.words import FORM_WORDS, STATE_WORDS
from service.web.dependencies import DatabaseDep, PersonActor
from service.web.render import render
from service.web.responses import see_other

router = APIRouter()

Field = Annotated[str, Form()]


@router.get("/my/programmes")
def show_programmes(
    request: Request, database: DatabaseDep, exchange: ExchangeDep, actor: PersonActor
) -> Response:
    """Each programme in words: what leaves, to whom, what can be undone."""
    return _programmes_page(request, database, exchange, actor)


@router.post("/my/programmes")
def decide(
    request: Request,
    database: DatabaseDep,
    exchange: ExchangeDep,
    actor: PersonActor,
    programme: Field = "",
    agreed: Field = "",
    signature_name: Field = "",
    withdraw: Field = "",
) -> Response:
    """The person's say for one programme, or its withdrawal: then what lies in a bank is taken
    out, now or as soon as it can be.
    """
    try:
        with database.write() as session:
            person_id, programme_id = own_person_id(actor), _programme_id(programme)
            if withdraw:
                exchange.consents.withdraw(session, actor, person_id, programme_id)
            else:
                exchange.consents.agree(
                    session,
                    actor,
                    person_id,
                    programme_id,
                    signature_name=signature_name,
                    agreed=agreed == "on",
                )
    except (InvalidInputError, ConflictError) as error:
        return _programmes_page(
            request,
            database,
            exchange,
            actor,
            error=error,
            signature_name=signature_name,
            typed_for=programme,
        )
    if withdraw:
        exchange.exports.take_back(database, own_person_id(actor))
    return see_other("/my/programmes")


@router.get("/my/hand-over")
def show_services(
    request: Request, database: DatabaseDep, exchange: ExchangeDep, actor: PersonActor
) -> Response:
    """Services to which only the person may submit, with the steps."""
    return _services_page(request, database, exchange, actor)


@router.post("/my/hand-over")
def note_service(
    request: Request,
    database: DatabaseDep,
    exchange: ExchangeDep,
    actor: PersonActor,
    service: Field = "",
    done_on: Field = "",
    forget: Field = "",
) -> Response:
    """A note that the person went there, or its taking back; sealed."""
    try:
        with database.write() as session:
            if forget:
                exchange.hand_overs.forget(session, actor, own_person_id(actor), service)
            else:
                exchange.hand_overs.note(session, actor, own_person_id(actor), service, done_on)
    except InvalidInputError as error:
        return _services_page(request, database, exchange, actor, error=error)
    return see_other("/my/hand-over")


def _programme_id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise InvalidInputError("Programme: one of those that are shown.") from None


def _programmes_page(
    request: Request,
    database: Database,
    exchange: HashExchange,
    actor: Actor,
    *,
    error: LikenessError | None = None,
    signature_name: str = "",
    typed_for: str = "",
) -> Response:
    with database.read() as session:
        programmes = exchange.consents.programmes(session, actor, own_person_id(actor))
    return render(
        request,
        "hashbank/my_programmes.html",
        status_code=error.http_status if error else 200,
        programmes=programmes,
        form_words=FORM_WORDS,
        state_words=STATE_WORDS,
        kind_words=KIND_WORDS,
        signature_name=signature_name,
        typed_for=typed_for,
        problem=str(error) if error else None,
    )


def _services_page(
    request: Request,
    database: Database,
    exchange: HashExchange,
    actor: Actor,
    *,
    error: LikenessError | None = None,
) -> Response:
    with database.read() as session:
        services = exchange.hand_overs.services(session, actor, own_person_id(actor))
    return render(
        request,
        "hashbank/hand_over.html",
        status_code=error.http_status if error else 200,
        services=services,
        problem=str(error) if error else None,
    )
