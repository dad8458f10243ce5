"""The advocates' list of cases, and what they do with one: attest, rest, close, lend."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from service.accounts.actor import Actor
from service.database import Database
from service.enrolment.acute import DEFAULT_HOURS
from service.enrolment.asked import EnrolmentDep, PhotosDep
from service.enrolment.face_pictures import face_response
from service.enrolment.release_text import ATTESTATION_STATEMENT
from service.enrolment.service import EnrolmentService
from service.errors import ConflictError, InvalidInputError
from service.web.dependencies import AdvocateActor, DatabaseDep, ReadSession, WriteSession
from service.web.render import render
from service.web.responses import see_other

router = APIRouter()

Field = Annotated[str, Form()]
_NOTHING_TYPED = dict.fromkeys(("decision", "method", "reason"), "")


@router.get("/cases")
def show_cases(
    request: Request, session: ReadSession, enrolment: EnrolmentDep, actor: AdvocateActor
) -> Response:
    """Cases that wait for an advocate first."""
    return render(request, "enrolment/cases.html", cases=enrolment.list_cases(session, actor))


@router.get("/cases/{person_id}/attest")
def show_attest(
    request: Request,
    database: DatabaseDep,
    enrolment: EnrolmentDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
) -> Response:
    """How was it checked who this is?"""
    return _attest_page(request, database, enrolment, actor, person_id, None)


@router.post("/cases/{person_id}/attest")
def attest(
    request: Request,
    database: DatabaseDep,
    enrolment: EnrolmentDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
    decision: Field = "",
    method: Field = "",
    statement_ticked: Field = "",
    reason: Field = "",
    photo: Annotated[list[uuid.UUID] | None, Form()] = None,
) -> Response:
    """Attest, or give the case back with a reason that the person reads."""
    typed = {"decision": decision, "method": method, "reason": reason}
    if decision not in ("accept", "refuse"):
        problem = "Please choose whether you can attest or not."
        return _attest_page(request, database, enrolment, actor, person_id, problem, 422, typed)
    try:
        with database.write() as session:
            enrolment.attest(
                session,
                actor,
                person_id,
                accepted=decision == "accept",
                method=method,
                statement_ticked=statement_ticked == "on",
                reason=reason,
                photos=frozenset(photo or ()),
            )
    except (InvalidInputError, ConflictError) as error:
        return _attest_page(
            request, database, enrolment, actor, person_id, str(error), error.http_status, typed
        )
    return see_other(f"/cases/{person_id}" if decision == "accept" else "/cases")


@router.post("/cases/{person_id}/pause")
def pause(
    session: WriteSession,
    enrolment: EnrolmentDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
    reason: Field = "",
) -> Response:
    """Let the case rest."""
    enrolment.pause(session, actor, person_id, reason)
    return see_other(f"/cases/{person_id}")


@router.post("/cases/{person_id}/resume")
def resume(
    session: WriteSession, enrolment: EnrolmentDep, actor: AdvocateActor, person_id: uuid.UUID
) -> Response:
    """Look again."""
    enrolment.resume(session, actor, person_id)
    return see_other(f"/cases/{person_id}")


@router.post("/cases/{person_id}/acute")
def set_acute(
    session: WriteSession,
    enrolment: EnrolmentDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
    reason: Field = "",
    hours: Annotated[int, Form()] = DEFAULT_HOURS,
) -> Response:
    """What is done for this case goes first for a while."""
    enrolment.acute.set(session, actor, person_id, reason, hours)
    return see_other(f"/cases/{person_id}")


@router.post("/cases/{person_id}/acute/end")
def end_acute(
    session: WriteSession, enrolment: EnrolmentDep, actor: AdvocateActor, person_id: uuid.UUID
) -> Response:
    """The case is like others again."""
    enrolment.acute.end(session, actor, person_id)
    return see_other(f"/cases/{person_id}")


@router.post("/cases/{person_id}/close")
def close(
    session: WriteSession,
    enrolment: EnrolmentDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
    reason: Field = "",
) -> Response:
    """End the case."""
    enrolment.close(session, actor, person_id, reason)
    return see_other("/cases")


@router.post("/cases/{person_id}/loans")
def lend(
    session: WriteSession,
    enrolment: EnrolmentDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
    reviewer: Annotated[uuid.UUID, Form()],
) -> Response:
    """Let a reviewer of another organisation confirm finds of this case."""
    enrolment.loans.lend(session, actor, person_id, reviewer)
    return see_other(f"/cases/{person_id}")


@router.post("/cases/{person_id}/loans/{reviewer}/end")
def end_loan(
    session: WriteSession,
    enrolment: EnrolmentDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
    reviewer: uuid.UUID,
) -> Response:
    """End a loan."""
    enrolment.loans.end(session, actor, person_id, reviewer)
    return see_other(f"/cases/{person_id}")


@router.get("/reference-photos/{photo_id}/face")
def show_face(
    database: DatabaseDep,
    photos: PhotosDep,
    actor: AdvocateActor,
    photo_id: uuid.UUID,
    clear: bool = False,
) -> Response:
    """The aligned grey face of a reference photo, blurred unless asked for again; audited."""
    return face_response(photos.face_crop(database, actor, photo_id), clear=clear)


def _attest_page(
    request: Request,
    database: Database,
    enrolment: EnrolmentService,
    actor: Actor,
    person_id: uuid.UUID,
    problem: str | None,
    status_code: int = 200,
    typed: Mapping[str, str] | None = None,
) -> Response:
    with database.read() as session:
        view = enrolment.person_view(session, actor, person_id)
    return render(
        request,
        "enrolment/attest.html",
        status_code=status_code,
        person=view,
        statement=ATTESTATION_STATEMENT,
        shown=request.query_params.get("show", ""),
        clear=request.query_params.get("clear") == "yes",
        problem=problem,
        typed=typed or _NOTHING_TYPED,
    )
