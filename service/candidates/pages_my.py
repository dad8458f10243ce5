"""A person's own case: in words what happened and who acts next, and their finds."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from service.accounts.actor import Actor
from service.candidates.asked import CandidatesDep, StoryDep
from service.candidates.grouped import grouped_finds, grouped_story
from service.candidates.service import CandidateService
from service.candidates.statements import Verdict
from service.enrolment.asked import EnrolmentDep, own_person_id
from service.enrolment.collaborators import StoryEvent
from service.enrolment.face_pictures import face_response
from service.enrolment.own_services import SERVICES_FOR_MINORS
from service.enrolment.views import PersonView
from service.enrolment.views_of import next_step
from service.errors import ConflictError, InvalidInputError
from service.hashbank.asked import SeenAnswersDep
from service.sources.asked import SweepsDep
from service.web.dependencies import DatabaseDep, PersonActor, ReadSession, WriteSession
from service.web.render import render
from service.web.responses import see_other

router = APIRouter()

Field = Annotated[str, Form()]
Fields = Annotated[list[str], Form()]
_NOTHING_TYPED = dict.fromkeys(("verdict", "signature_name"), "")


@router.get("/my")
def show_my_case(
    request: Request,
    session: ReadSession,
    enrolment: EnrolmentDep,
    candidates: CandidatesDep,
    story: StoryDep,
    answers: SeenAnswersDep,
    sweeps: SweepsDep,
    actor: PersonActor,
) -> Response:
    """Who acts next, what was found, what happened."""
    person_id = own_person_id(actor)
    view = enrolment.person_view(session, actor, person_id)
    finds = candidates.finds_of(session, actor, person_id)
    mine = [find for find in finds if find.waits_for_me and not find.waits_for_advocates]
    events = _events_of_case(view)
    for source in story:
        events += source.story(session, actor, person_id)
    return render(
        request,
        "candidates/my.html",
        person=view,
        step=next_step(view, len(mine)),
        waiting=len(mine),
        confirmed=sum(find.state == "confirmed" for find in finds),
        judged=sum(find.state == "waiting" and find not in mine for find in finds),
        events=grouped_story(events),
        seen=answers.view(session, actor, person_id),
        again=sweeps.of_person(session, actor, person_id),
        face_search_rests=candidates.floods.rests(session, actor, person_id),
    )


@router.get("/my/finds")
def show_finds(
    request: Request, session: ReadSession, candidates: CandidatesDep, actor: PersonActor
) -> Response:
    """What was found, by site, in words; no picture."""
    person_id = own_person_id(actor)
    return render(
        request,
        "candidates/my_finds.html",
        groups=grouped_finds(candidates.finds_of(session, actor, person_id)),
        face_search_rests=candidates.floods.rests(session, actor, person_id),
    )


@router.get("/my/finds/{candidate_id}")
def show_find(
    request: Request,
    session: ReadSession,
    candidates: CandidatesDep,
    actor: PersonActor,
    candidate_id: uuid.UUID,
) -> Response:
    """One find in words; the face when asked for."""
    return _find_page(request, session, candidates, actor, candidate_id)


@router.get("/my/finds/{candidate_id}/face")
def show_face(
    session: WriteSession,
    candidates: CandidatesDep,
    actor: PersonActor,
    candidate_id: uuid.UUID,
    clear: bool = False,
) -> Response:
    """The aligned grey crop of the face alone, blurred unless asked for again; audited."""
    return face_response(candidates.show_face(session, actor, candidate_id), clear=clear)


@router.post("/my/finds/{candidate_id}")
def answer(
    request: Request,
    database: DatabaseDep,
    candidates: CandidatesDep,
    actor: PersonActor,
    candidate_id: uuid.UUID,
    verdict: Field = "",
    statements: Fields = [],  # noqa: B006 - FastAPI copies it
    signature_name: Field = "",
) -> Response:
    """The person's own word."""
    try:
        with database.write() as session:
            candidates.person_decides(
                session,
                actor,
                candidate_id,
                _verdict(verdict),
                tuple(statements),
                signature_name,
            )
    except (InvalidInputError, ConflictError) as error:
        with database.read() as session:
            return _find_page(
                request,
                session,
                candidates,
                actor,
                candidate_id,
                problem=str(error),
                typed={"verdict": verdict, "signature_name": signature_name},
                status_code=error.http_status,
            )
    if verdict == "minor_sign":
        return render(request, "enrolment/minor.html", services=SERVICES_FOR_MINORS)
    return see_other("/my/finds")


def _verdict(text: str) -> Verdict:
    match text:
        case "same" | "different" | "cannot_tell" | "minor_sign":
            return text
        case _:
            raise InvalidInputError("Please choose an answer.")


def _find_page(
    request: Request,
    session: Session,
    candidates: CandidateService,
    actor: Actor,
    candidate_id: uuid.UUID,
    *,
    problem: str | None = None,
    typed: Mapping[str, str] | None = None,
    status_code: int = 200,
) -> Response:
    view = candidates.view(session, actor, candidate_id)
    shown = request.query_params.get("show", "")
    return render(
        request,
        "candidates/my_find.html",
        status_code=status_code,
        find=view,
        statements=view.statements,
        shown=shown if view.has_face and shown in ("blurred", "clear") else "",
        problem=problem,
        typed=typed or _NOTHING_TYPED,
    )


def _events_of_case(view: PersonView) -> list[StoryEvent]:
    events = [StoryEvent(view.created_at, "You began your case.")]
    if view.release is not None:
        events.append(StoryEvent(view.release.signed_at, "You signed the agreement."))
    if view.mandate is not None:
        events.append(StoryEvent(view.mandate.signed_at, "You signed the mandate."))
    if view.photos:
        last = max(photo.added_at for photo in view.photos)
        count = len(view.photos)
        photos = "one photo" if count == 1 else f"{count} photos"
        events.append(StoryEvent(last, f"You have given {photos} so far."))
    if view.attestation is not None:
        words = (
            "An advocate confirmed who you are."
            if view.attestation.accepted
            else "An advocate could not confirm who you are yet."
        )
        events.append(StoryEvent(view.attestation.attested_at, words))
    return events
