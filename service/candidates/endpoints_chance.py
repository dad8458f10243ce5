"""The JSON API of look-alikes that were not shown, and of searches that rest."""

from __future__ import annotations

import uuid

from fastapi import APIRouter

from service.candidates.asked import CandidatesDep
from service.candidates.schemas_chance import (
    LookAlikeOut,
    RestingDecisionIn,
    RestingDecisionOut,
    RestingSearchOut,
)
from service.web.dependencies import AdvocateActor, ReadSession, StaffActor, WriteSession
from service.web.errors import error_responses

router = APIRouter()

_NO_CONTENT = 204


@router.get(
    "/resting-searches", summary="Searches by face that rest", responses=error_responses(401, 403)
)
def list_resting(
    session: ReadSession, candidates: CandidatesDep, actor: StaffActor
) -> list[RestingSearchOut]:
    """Those that ask come first. Numbers only."""
    return [RestingSearchOut.of(view) for view in candidates.floods.open(session, actor)]


@router.post(
    "/resting-searches/{flood_id}",
    summary="Decide how to go on",
    responses=error_responses(401, 403, 404, 409, 422),
)
def decide_resting(
    body: RestingDecisionIn,
    session: WriteSession,
    candidates: CandidatesDep,
    actor: StaffActor,
    flood_id: uuid.UUID,
) -> RestingDecisionOut:
    """After going on the sites are looked at again: nothing was kept of what was left out."""
    state = candidates.floods.decide(session, actor, flood_id, body.decision)
    return RestingDecisionOut(state=state)


@router.get(
    "/cases/{person_id}/look-alikes",
    summary="Look-alikes that were not shown",
    responses=error_responses(401, 403, 404),
)
def list_look_alikes(
    session: ReadSession, candidates: CandidatesDep, actor: AdvocateActor, person_id: uuid.UUID
) -> list[LookAlikeOut]:
    """By site, as numbers: nothing is kept of them."""
    views = candidates.look_alikes.of_person(session, actor, person_id)
    return [LookAlikeOut.of(view) for view in views]


@router.delete(
    "/cases/{person_id}/look-alikes/{limit_id}",
    status_code=_NO_CONTENT,
    summary="Show them again",
    responses=error_responses(401, 403, 404),
)
def show_again(
    session: WriteSession,
    candidates: CandidatesDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
    limit_id: uuid.UUID,
) -> None:
    """The sites are looked at again, and weaker likenesses are shown."""
    candidates.look_alikes.show_again(session, actor, person_id, limit_id)
