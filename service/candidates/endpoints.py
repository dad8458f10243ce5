"""The JSON API of candidates and intake. No endpoint takes a picture and answers finds."""

from __future__ import annotations

import uuid

from fastapi import APIRouter, Response

from service.candidates import endpoints_chance, endpoints_names
from service.candidates.asked import CandidatesDep, IntakeDep
from service.candidates.intake import GivenDeclaration
from service.candidates.schemas import (
    AnswerIn,
    CandidateIdsOut,
    CandidateOut,
    DeclaredLinksIn,
    HaltedOut,
    LinksIn,
    MinorSignIn,
    PersonFindOut,
    QueueItemOut,
    ResolutionOut,
    VerdictIn,
)
from service.enrolment.asked import own_person_id
from service.enrolment.face_pictures import face_response
from service.web.dependencies import (
    AdvocateActor,
    OperatorActor,
    PersonActor,
    ReadSession,
    WriteSession,
)
from service.web.errors import error_responses

router = APIRouter(tags=["candidates"])
router.include_router(endpoints_chance.router)
router.include_router(endpoints_names.router)

_CREATED = 201


@router.get("/candidates", summary="The queue", responses=error_responses(401, 403))
def list_candidates(
    session: ReadSession, candidates: CandidatesDep, actor: AdvocateActor
) -> list[QueueItemOut]:
    """What waits for reviewers, due first on top."""
    return [QueueItemOut.of(item) for item in candidates.queue(session, actor)]


@router.get(
    "/candidates/halted", summary="What has to be reported", responses=error_responses(401, 403)
)
def list_halted(
    session: ReadSession, candidates: CandidatesDep, actor: OperatorActor
) -> list[HaltedOut]:
    """For operators: addresses, time and reason of what may show a minor."""
    return [HaltedOut.of(item) for item in candidates.halted(session, actor)]


@router.get(
    "/candidates/{candidate_id}",
    summary="One candidate",
    responses=error_responses(401, 403, 404),
)
def show_candidate(
    session: ReadSession, candidates: CandidatesDep, actor: AdvocateActor, candidate_id: uuid.UUID
) -> CandidateOut:
    """In words; what the search said only after one has decided."""
    return CandidateOut.of(candidates.view(session, actor, candidate_id))


@router.get(
    "/candidates/{candidate_id}/face",
    summary="The face alone",
    response_class=Response,
    responses={
        200: {"content": {"image/png": {}}, "description": "A small greyscale picture"},
        **error_responses(401, 403, 404),
    },
)
def show_face(
    session: WriteSession,
    candidates: CandidatesDep,
    actor: AdvocateActor,
    candidate_id: uuid.UUID,
    clear: bool = False,
) -> Response:
    """The aligned crop, blurred unless `clear`; each look is recorded."""
    return face_response(candidates.show_face(session, actor, candidate_id), clear=clear)


@router.post(
    "/candidates/{candidate_id}/verdict",
    status_code=_CREATED,
    summary="Decide",
    responses=error_responses(401, 403, 404, 409, 422),
)
def decide(
    body: VerdictIn,
    session: WriteSession,
    candidates: CandidatesDep,
    actor: AdvocateActor,
    candidate_id: uuid.UUID,
) -> ResolutionOut:
    """One verdict for each trained reviewer, independently."""
    resolution = candidates.decide(
        session,
        actor,
        candidate_id,
        body.verdict,
        body.reason,
        tuple(body.statements),
        never_again=body.never_again,
        never_on_site=body.never_on_site,
    )
    return ResolutionOut.of(resolution)


@router.post(
    "/candidates/{candidate_id}/minor-sign",
    status_code=_CREATED,
    summary="It may show a minor",
    responses=error_responses(401, 403, 404),
)
def report_minor_sign(
    body: MinorSignIn,
    session: WriteSession,
    candidates: CandidatesDep,
    actor: AdvocateActor,
    candidate_id: uuid.UUID,
) -> ResolutionOut:
    """Halts at once and destroys what is held."""
    resolution = candidates.report_minor_sign(session, actor, candidate_id, body.reason)
    return ResolutionOut.of(resolution)


@router.get("/my/finds", summary="My finds", responses=error_responses(401, 403))
def list_finds(
    session: ReadSession, candidates: CandidatesDep, actor: PersonActor
) -> list[PersonFindOut]:
    """In words; those that wait for the person first."""
    finds = candidates.finds_of(session, actor, own_person_id(actor))
    return [PersonFindOut.of(find) for find in finds]


@router.get(
    "/my/finds/{candidate_id}", summary="One find", responses=error_responses(401, 403, 404)
)
def show_find(
    session: ReadSession, candidates: CandidatesDep, actor: PersonActor, candidate_id: uuid.UUID
) -> CandidateOut:
    """In words."""
    return CandidateOut.of(candidates.view(session, actor, candidate_id))


@router.post(
    "/my/finds/{candidate_id}/answer",
    status_code=_CREATED,
    summary="My own word",
    responses=error_responses(401, 403, 404, 409, 422),
)
def answer(
    body: AnswerIn,
    session: WriteSession,
    candidates: CandidatesDep,
    actor: PersonActor,
    candidate_id: uuid.UUID,
) -> ResolutionOut:
    """Needed for yes, and enough for no."""
    resolution = candidates.person_decides(
        session,
        actor,
        candidate_id,
        body.verdict,
        tuple(body.statements),
        body.signature_name,
    )
    return ResolutionOut.of(resolution)


@router.post(
    "/my/links",
    status_code=_CREATED,
    summary="Bring links",
    responses=error_responses(401, 403, 409, 422),
)
def add_own_links(
    body: DeclaredLinksIn, session: WriteSession, intake: IntakeDep, actor: PersonActor
) -> CandidateIdsOut:
    """All of them or none; their capture is asked for at once."""
    ids = intake.add_links(
        session,
        actor,
        own_person_id(actor),
        [link.given() for link in body.links],
        GivenDeclaration(body.signature_name, agreed=body.declared),
    )
    return CandidateIdsOut(candidates=list(ids))


@router.post(
    "/cases/{person_id}/links",
    status_code=_CREATED,
    summary="Bring links into a case",
    responses=error_responses(401, 403, 404, 409, 422),
)
def add_links(
    body: LinksIn,
    session: WriteSession,
    intake: IntakeDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
) -> CandidateIdsOut:
    """They wait for the person's own declaration."""
    ids = intake.add_links(session, actor, person_id, [link.given() for link in body.links])
    return CandidateIdsOut(candidates=list(ids))
