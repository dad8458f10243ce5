"""The JSON API of the exchange: lists for operators, what was found, and the person's own say."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, File, Response, UploadFile

from service.enrolment.asked import own_person_id
from service.errors import InvalidInputError
from service.hashbank.exchange.asked import ExchangeDep
from service.hashbank.exchange.schemas import (
    FoundOut,
    HandOverOut,
    ImportedOut,
    ListIn,
    ListOut,
    ProgrammeOut,
    ProgrammeSayIn,
)
from service.hashbank.exchange.signals import kind_of_name
from service.web.dependencies import (
    AdvocateActor,
    DatabaseDep,
    OperatorActor,
    PersonActor,
    ReadSession,
    StaffActor,
    WriteSession,
)
from service.web.errors import error_responses

router = APIRouter(tags=["exchange of hashes"])

_CREATED = 201
_NO_CONTENT = 204


@router.get("/hash-lists", summary="Lists of hashes", responses=error_responses(401, 403))
def list_lists(session: ReadSession, exchange: ExchangeDep, actor: StaffActor) -> list[ListOut]:
    """The organisation's lists."""
    return [ListOut.of(view) for view in exchange.lists.lists(session, actor)]


@router.post(
    "/hash-lists",
    status_code=_CREATED,
    summary="Add a list",
    responses=error_responses(401, 403, 404, 409, 422),
)
def add_list(
    body: ListIn, session: WriteSession, exchange: ExchangeDep, actor: OperatorActor
) -> ListOut:
    """A list that the organisation is entitled to, still without hashes."""
    return ListOut.of(exchange.lists.add(session, actor, body.draft()))


@router.post(
    "/hash-lists/{list_id}/file",
    summary="Import a file of hashes",
    responses=error_responses(401, 403, 404, 409, 413, 422),
)
def import_file(
    list_id: uuid.UUID,
    database: DatabaseDep,
    exchange: ExchangeDep,
    actor: OperatorActor,
    file: Annotated[UploadFile, File()],
    kind: str = "",
    whole: bool = False,
) -> ImportedOut:
    """All or nothing; a line that cannot be read is named. `whole`: take off all others."""
    wanted = kind_of_name(kind) if kind else None
    with database.read() as session:
        exchange.lists.list(session, actor, list_id)
    if kind and wanted is None:
        raise InvalidInputError('Kind: "pdq", "sha256" or "md5".')
    imported = exchange.lists.import_file(
        database, actor, list_id, file.file, kind=wanted, whole=whole
    )
    return ImportedOut.of(imported)


@router.post(
    "/hash-lists/{list_id}/fetch",
    summary="Fetch what changed",
    responses=error_responses(401, 403, 404, 409, 422, 502, 503),
)
def fetch_list(
    list_id: uuid.UUID, database: DatabaseDep, exchange: ExchangeDep, actor: OperatorActor
) -> ImportedOut:
    """Over the list's connection, from where the last fetch stood."""
    return ImportedOut.of(exchange.lists.fetch(database, actor, list_id))


@router.delete(
    "/hash-lists/{list_id}",
    status_code=_NO_CONTENT,
    summary="Remove a list",
    responses=error_responses(401, 403, 404),
)
def remove_list(
    list_id: uuid.UUID, database: DatabaseDep, exchange: ExchangeDep, actor: OperatorActor
) -> Response:
    """Out of force at once; its hashes are deleted."""
    exchange.lists.remove(database, actor, list_id)
    return Response(status_code=_NO_CONTENT)


@router.get("/found-from-lists", summary="What lists named", responses=error_responses(401, 403))
def list_found(session: ReadSession, exchange: ExchangeDep, actor: AdvocateActor) -> list[FoundOut]:
    """Addresses in words, for advocates."""
    return [FoundOut.of(found) for found in exchange.hits.found(session, actor)]


@router.get(
    "/hash-lists/to-report",
    summary="What lists stopped and has to be reported",
    responses=error_responses(401, 403),
)
def list_to_report(
    session: ReadSession, exchange: ExchangeDep, actor: OperatorActor
) -> list[FoundOut]:
    """Addresses that may show somebody under 18, for operators."""
    return [FoundOut.of(found) for found in exchange.hits.to_report(session, actor)]


@router.get(
    "/my/programmes", summary="Programmes for my pictures", responses=error_responses(401, 403, 404)
)
def list_programmes(
    session: ReadSession, exchange: ExchangeDep, actor: PersonActor
) -> list[ProgrammeOut]:
    """Each with the text that would be signed; off until it is."""
    person_id = own_person_id(actor)
    views = exchange.consents.programmes(session, actor, person_id)
    return [ProgrammeOut.of(view) for view in views]


@router.post(
    "/my/programmes",
    status_code=_NO_CONTENT,
    summary="Agree to one programme, or withdraw",
    responses=error_responses(401, 403, 404, 409, 422),
)
def decide_programme(
    body: ProgrammeSayIn, database: DatabaseDep, exchange: ExchangeDep, actor: PersonActor
) -> Response:
    """For this one programme. After a withdrawal what lies in a bank is taken out."""
    person_id = own_person_id(actor)
    with database.write() as session:
        if body.agree:
            exchange.consents.agree(
                session,
                actor,
                person_id,
                body.programme_id,
                signature_name=body.signature_name,
                agreed=True,
            )
        else:
            exchange.consents.withdraw(session, actor, person_id, body.programme_id)
    if not body.agree:
        exchange.exports.take_back(database, person_id)
    return Response(status_code=_NO_CONTENT)


@router.get(
    "/my/hand-over",
    summary="Services that I go to myself",
    responses=error_responses(401, 403, 404),
)
def list_services(
    session: ReadSession, exchange: ExchangeDep, actor: PersonActor
) -> list[HandOverOut]:
    """Nothing is submitted there by us."""
    views = exchange.hand_overs.services(session, actor, own_person_id(actor))
    return [HandOverOut.of(view) for view in views]
