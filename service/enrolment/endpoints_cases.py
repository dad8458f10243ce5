"""Cases, for programs of advocates: list, look, attest, rest, close, lend."""

from __future__ import annotations

import uuid

from fastapi import APIRouter, Response

from service.enrolment.asked import EnrolmentDep
from service.enrolment.schemas import (
    AcuteIn,
    AcuteOut,
    AttestIn,
    CaseLineOut,
    CaseOut,
    LendIn,
    ReasonIn,
    SignedOut,
)
from service.web.dependencies import AdvocateActor, ReadSession, WriteSession
from service.web.errors import error_responses

router = APIRouter(tags=["cases"])

_CREATED = 201
_NO_CONTENT = 204


@router.get("/cases", summary="Cases", responses=error_responses(401, 403))
def list_cases(
    session: ReadSession, enrolment: EnrolmentDep, actor: AdvocateActor
) -> list[CaseLineOut]:
    """Cases with a live mandate to the caller's organisation; those in acute danger, then
    those that wait, first.
    """
    return [CaseLineOut.of(line) for line in enrolment.list_cases(session, actor)]


@router.get("/cases/{person_id}", summary="One case", responses=error_responses(401, 403, 404))
def show_case(
    session: ReadSession, enrolment: EnrolmentDep, actor: AdvocateActor, person_id: uuid.UUID
) -> CaseOut:
    """The case in words; no picture."""
    return CaseOut.of(enrolment.person_view(session, actor, person_id))


@router.post(
    "/cases/{person_id}/attestation",
    status_code=_NO_CONTENT,
    summary="Attest who a person is",
    responses=error_responses(401, 403, 404, 409, 422),
)
def attest(
    body: AttestIn,
    session: WriteSession,
    enrolment: EnrolmentDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
) -> Response:
    """Nobody is looked for before this."""
    enrolment.attest(
        session,
        actor,
        person_id,
        accepted=body.accepted,
        method=body.method,
        statement_ticked=body.statement_ticked,
        reason=body.reason,
        photos=body.photos,
    )
    return Response(status_code=_NO_CONTENT)


@router.post(
    "/cases/{person_id}/pause",
    status_code=_NO_CONTENT,
    summary="Let a case rest",
    responses=error_responses(401, 403, 404, 409, 422),
)
def pause(
    body: ReasonIn,
    session: WriteSession,
    enrolment: EnrolmentDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
) -> Response:
    """Nothing is looked for until it is resumed."""
    enrolment.pause(session, actor, person_id, body.reason)
    return Response(status_code=_NO_CONTENT)


@router.post(
    "/cases/{person_id}/resume",
    status_code=_NO_CONTENT,
    summary="Go on with a case",
    responses=error_responses(401, 403, 404, 409),
)
def resume(
    session: WriteSession, enrolment: EnrolmentDep, actor: AdvocateActor, person_id: uuid.UUID
) -> Response:
    """Look again."""
    enrolment.resume(session, actor, person_id)
    return Response(status_code=_NO_CONTENT)


@router.put(
    "/cases/{person_id}/acute",
    summary="Say that a danger is acute",
    responses=error_responses(401, 403, 404, 409, 422),
)
def set_acute(
    body: AcuteIn,
    session: WriteSession,
    enrolment: EnrolmentDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
) -> AcuteOut:
    """What is done for this case goes first, until the stated time."""
    until = enrolment.acute.set(session, actor, person_id, body.reason, body.hours)
    return AcuteOut(acute_until=until)


@router.delete(
    "/cases/{person_id}/acute",
    status_code=_NO_CONTENT,
    summary="End an acute danger",
    responses=error_responses(401, 403, 404),
)
def end_acute(
    session: WriteSession, enrolment: EnrolmentDep, actor: AdvocateActor, person_id: uuid.UUID
) -> Response:
    """The case is like others again."""
    enrolment.acute.end(session, actor, person_id)
    return Response(status_code=_NO_CONTENT)


@router.post(
    "/cases/{person_id}/close",
    status_code=_NO_CONTENT,
    summary="Close a case",
    responses=error_responses(401, 403, 404, 409, 422),
)
def close(
    body: ReasonIn,
    session: WriteSession,
    enrolment: EnrolmentDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
) -> Response:
    """Templates are destroyed; the rest stays until the person erases it."""
    enrolment.close(session, actor, person_id, body.reason)
    return Response(status_code=_NO_CONTENT)


@router.post(
    "/cases/{person_id}/loans",
    status_code=_CREATED,
    summary="Lend a case to a reviewer",
    responses=error_responses(401, 403, 404, 422),
)
def lend(
    body: LendIn,
    session: WriteSession,
    enrolment: EnrolmentDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
) -> SignedOut:
    """They see the case's finds and nothing else of it."""
    loan = enrolment.loans.lend(session, actor, person_id, body.reviewer, body.days)
    return SignedOut(id=loan)


@router.delete(
    "/cases/{person_id}/loans/{reviewer}",
    status_code=_NO_CONTENT,
    summary="End a loan",
    responses=error_responses(401, 403, 404),
)
def end_loan(
    session: WriteSession,
    enrolment: EnrolmentDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
    reviewer: uuid.UUID,
) -> Response:
    """The reviewer sees the case's finds no more."""
    enrolment.loans.end(session, actor, person_id, reviewer)
    return Response(status_code=_NO_CONTENT)
