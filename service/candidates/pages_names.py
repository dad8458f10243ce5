"""Names that are looked for: chosen and removed by the person, or by an advocate of the case.

Names travel in the bodies of forms alone, never in an address, and no problem repeats one.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from service.accounts.actor import Actor, Role
from service.accounts.asked import AccountsDep
from service.accounts.rate_limits import Limit
from service.candidates.asked import CandidatesDep
from service.candidates.service import CandidateService
from service.enrolment.asked import EnrolmentDep, own_person_id
from service.enrolment.names import CLIENTS_NAME_STATEMENT, MAX_NAMES, OWN_NAME_STATEMENT
from service.enrolment.service import EnrolmentService
from service.errors import ConflictError, InvalidInputError, NotAllowedError
from service.web.dependencies import (
    AdvocateActor,
    DatabaseDep,
    PersonActor,
    ReadSession,
    StaffActor,
    WriteSession,
)
from service.web.render import render
from service.web.responses import see_other

router = APIRouter()

Field = Annotated[str, Form()]
CHOSEN_BY_PERSON = Limit("names-chosen", 60, 24 * 60 * 60)
"""Enough for as many as may be kept, and too few to try the names of other people."""
_NOTHING_TYPED = dict.fromkeys(("name", "purpose"), "")


def count_choosing(database: DatabaseDep, accounts: AccountsDep, actor: PersonActor) -> None:
    """Count one name that this person chose."""
    limit, subject = CHOSEN_BY_PERSON, str(own_person_id(actor))
    accounts.limits.hit(database, limit.kind, subject, limit.attempts, limit.window_s)


CountedChoosing = Depends(count_choosing)


@router.get("/my/names")
def show_names(
    request: Request,
    session: ReadSession,
    enrolment: EnrolmentDep,
    candidates: CandidatesDep,
    actor: PersonActor,
) -> Response:
    """The person's names, and what becomes of them."""
    return _page(request, session, enrolment, candidates, actor, own_person_id(actor))


@router.post("/my/names", dependencies=[CountedChoosing])
def choose_name(
    request: Request,
    database: DatabaseDep,
    enrolment: EnrolmentDep,
    candidates: CandidatesDep,
    actor: PersonActor,
    name: Field = "",
    purpose: Field = "",
    statement_ticked: Field = "",
) -> Response:
    """Look for one more name."""
    person_id = own_person_id(actor)
    typed = {"name": name, "purpose": purpose, "statement_ticked": statement_ticked}
    return _choose(request, database, enrolment, candidates, actor, person_id, typed)


@router.post("/my/names/{name_id}/remove")
def remove_name(
    session: WriteSession, enrolment: EnrolmentDep, actor: PersonActor, name_id: uuid.UUID
) -> Response:
    """Look for it no longer."""
    enrolment.names.remove(session, actor, name_id, own_person_id(actor))
    return see_other("/my/names")


@router.get("/cases/{person_id}/names")
def show_names_of_case(
    request: Request,
    session: ReadSession,
    enrolment: EnrolmentDep,
    candidates: CandidatesDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
) -> Response:
    """The names of a case, and what was only counted."""
    return _page(request, session, enrolment, candidates, actor, person_id)


@router.post("/cases/{person_id}/names")
def choose_name_of_case(
    request: Request,
    database: DatabaseDep,
    enrolment: EnrolmentDep,
    candidates: CandidatesDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
    name: Field = "",
    purpose: Field = "",
    statement_ticked: Field = "",
) -> Response:
    """What the person asked their advocate to have looked for."""
    typed = {"name": name, "purpose": purpose, "statement_ticked": statement_ticked}
    return _choose(request, database, enrolment, candidates, actor, person_id, typed)


@router.post("/cases/{person_id}/names/{name_id}/remove")
def remove_name_of_case(
    session: WriteSession,
    enrolment: EnrolmentDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
    name_id: uuid.UUID,
) -> Response:
    """Look for it no longer."""
    enrolment.names.remove(session, actor, name_id, person_id)
    return see_other(f"/cases/{person_id}/names")


@router.post("/resting-searches/names/{name_flood_id}")
def decide_resting_name(
    session: WriteSession,
    candidates: CandidatesDep,
    actor: StaffActor,
    name_flood_id: uuid.UUID,
    decision: Field = "",
) -> Response:
    """Go on with a name that was everywhere, or let it rest on."""
    candidates.name_floods.decide(session, actor, name_flood_id, decision)
    return see_other("/resting-searches")


def _choose(
    request: Request,
    database: DatabaseDep,
    enrolment: EnrolmentService,
    candidates: CandidateService,
    actor: Actor,
    person_id: uuid.UUID,
    typed: Mapping[str, str],
) -> Response:
    try:
        with database.write() as session:
            enrolment.names.choose(
                session,
                actor,
                person_id,
                typed["name"],
                typed["purpose"],
                statement_ticked=typed["statement_ticked"] == "on",
            )
    except (InvalidInputError, ConflictError, NotAllowedError) as error:
        with database.read() as session:
            return _page(
                request,
                session,
                enrolment,
                candidates,
                actor,
                person_id,
                problem=str(error),
                typed=typed,
                status_code=error.http_status,
            )
    return see_other("/my/names" if actor.role is Role.PERSON else f"/cases/{person_id}/names")


def _page(
    request: Request,
    session: Session,
    enrolment: EnrolmentService,
    candidates: CandidateService,
    actor: Actor,
    person_id: uuid.UUID,
    *,
    problem: str | None = None,
    typed: Mapping[str, str] | None = None,
    status_code: int = 200,
) -> Response:
    is_person = actor.role is Role.PERSON
    return render(
        request,
        "candidates/names.html",
        status_code=status_code,
        person=enrolment.person_view(session, actor, person_id),
        is_person=is_person,
        action="/my/names" if is_person else f"/cases/{person_id}/names",
        names=enrolment.names.chosen(session, actor, person_id),
        resting=candidates.name_floods.names_at_rest(session, actor, person_id),
        more=() if is_person else candidates.more_pages(session, actor, person_id),
        statement=OWN_NAME_STATEMENT if is_person else CLIENTS_NAME_STATEMENT,
        max_names=MAX_NAMES,
        problem=problem,
        typed=typed or _NOTHING_TYPED,
    )
