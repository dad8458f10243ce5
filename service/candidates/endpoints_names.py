"""The JSON API of names that are looked for."""

from __future__ import annotations

import uuid

from fastapi import APIRouter
from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.candidates.asked import CandidatesDep
from service.candidates.pages_names import CountedChoosing
from service.candidates.schemas_names import (
    NameIdOut,
    NameIn,
    NameOut,
    RestingNameDecisionIn,
    RestingNameDecisionOut,
    RestingNameOut,
)
from service.candidates.service import CandidateService
from service.enrolment.asked import EnrolmentDep, own_person_id
from service.enrolment.service import EnrolmentService
from service.web.dependencies import (
    AdvocateActor,
    PersonActor,
    ReadSession,
    StaffActor,
    WriteSession,
)
from service.web.errors import error_responses

router = APIRouter()

_CREATED = 201
_NO_CONTENT = 204


@router.get("/my/names", summary="My names", responses=error_responses(401, 403))
def list_names(
    session: ReadSession, enrolment: EnrolmentDep, candidates: CandidatesDep, actor: PersonActor
) -> list[NameOut]:
    """What is looked for on pages."""
    return _listed(session, enrolment, candidates, actor, own_person_id(actor))


@router.post(
    "/my/names",
    status_code=_CREATED,
    summary="Look for a name",
    responses=error_responses(401, 403, 409, 422, 429),
    dependencies=[CountedChoosing],
)
def choose_name(
    body: NameIn, session: WriteSession, enrolment: EnrolmentDep, actor: PersonActor
) -> NameIdOut:
    """From the next visit of the sites on."""
    return _chosen(body, session, enrolment, actor, own_person_id(actor))


@router.delete(
    "/my/names/{name_id}",
    status_code=_NO_CONTENT,
    summary="Look for it no longer",
    responses=error_responses(401, 403, 404),
)
def remove_name(
    session: WriteSession, enrolment: EnrolmentDep, actor: PersonActor, name_id: uuid.UUID
) -> None:
    """At once."""
    enrolment.names.remove(session, actor, name_id, own_person_id(actor))


@router.get(
    "/cases/{person_id}/names", summary="Names of a case", responses=error_responses(401, 403, 404)
)
def list_names_of_case(
    session: ReadSession,
    enrolment: EnrolmentDep,
    candidates: CandidatesDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
) -> list[NameOut]:
    """What is looked for on pages."""
    enrolment.person_view(session, actor, person_id)
    return _listed(session, enrolment, candidates, actor, person_id)


@router.post(
    "/cases/{person_id}/names",
    status_code=_CREATED,
    summary="Look for a name of a case",
    responses=error_responses(401, 403, 404, 409, 422),
)
def choose_name_of_case(
    body: NameIn,
    session: WriteSession,
    enrolment: EnrolmentDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
) -> NameIdOut:
    """What the person asked their advocate for, under a mandate to search."""
    return _chosen(body, session, enrolment, actor, person_id)


@router.delete(
    "/cases/{person_id}/names/{name_id}",
    status_code=_NO_CONTENT,
    summary="Look for it no longer in a case",
    responses=error_responses(401, 403, 404),
)
def remove_name_of_case(
    session: WriteSession,
    enrolment: EnrolmentDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
    name_id: uuid.UUID,
) -> None:
    """At once."""
    enrolment.names.remove(session, actor, name_id, person_id)


@router.get("/resting-names", summary="Names that rest", responses=error_responses(401, 403))
def list_resting_names(
    session: ReadSession, candidates: CandidatesDep, actor: StaffActor
) -> list[RestingNameOut]:
    """Numbers only."""
    return [RestingNameOut.of(view) for view in candidates.name_floods.open(session, actor)]


@router.post(
    "/resting-names/{name_flood_id}",
    summary="Decide on a name that rests",
    responses=error_responses(401, 403, 404, 409, 422),
)
def decide_resting_name(
    body: RestingNameDecisionIn,
    session: WriteSession,
    candidates: CandidatesDep,
    actor: StaffActor,
    name_flood_id: uuid.UUID,
) -> RestingNameDecisionOut:
    """After going on pages are read again: nothing was kept of what was left out."""
    state = candidates.name_floods.decide(session, actor, name_flood_id, body.decision)
    return RestingNameDecisionOut(state=state)


def _listed(
    session: Session,
    enrolment: EnrolmentService,
    candidates: CandidateService,
    actor: Actor,
    person_id: uuid.UUID,
) -> list[NameOut]:
    resting = candidates.name_floods.names_at_rest(session, actor, person_id)
    chosen = enrolment.names.chosen(session, actor, person_id)
    return [NameOut.of(view, resting) for view in chosen]


def _chosen(
    body: NameIn,
    session: Session,
    enrolment: EnrolmentService,
    actor: Actor,
    person_id: uuid.UUID,
) -> NameIdOut:
    name_id = enrolment.names.choose(
        session, actor, person_id, body.name, body.purpose, statement_ticked=body.own_name
    )
    return NameIdOut(name_id=name_id)
