"""For reviewers: what is due, one candidate in words, the face when asked for, the verdict.

For operators: what was halted, and where it is reported.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from service.accounts.actor import Actor
from service.candidates.asked import CandidatesDep
from service.candidates.grouped import grouped_queue
from service.candidates.service import CandidateService
from service.candidates.statements import (
    CONFIRMED_SENTENCE,
    MINOR_REPORTING,
    Verdict,
    reasons_for,
)
from service.enrolment.face_pictures import face_response
from service.errors import ConflictError, InvalidInputError, NotAllowedError
from service.hashbank.exchange.asked import ExchangeDep
from service.hashbank.strength import STRENGTH_WORDS
from service.web.dependencies import (
    AdvocateActor,
    DatabaseDep,
    OperatorActor,
    ReadSession,
    WriteSession,
)
from service.web.render import render
from service.web.responses import see_other

router = APIRouter()

Field = Annotated[str, Form()]
Fields = Annotated[list[str], Form()]
_NOTHING_TYPED = dict.fromkeys(
    ("verdict", "reason", "reason_words", "never_again", "never_on_site"), ""
)


@router.get("/candidates")
def show_queue(
    request: Request, session: ReadSession, candidates: CandidatesDep, actor: AdvocateActor
) -> Response:
    """What is due first on top; no picture."""
    items = candidates.queue(session, actor)
    return render(
        request,
        "candidates/queue.html",
        mine=grouped_queue(item for item in items if not item.mine),
        others=grouped_queue(item for item in items if item.mine),
        resting=candidates.floods.open(session, actor),
        names_resting=candidates.name_floods.open(session, actor),
        more_pages=candidates.all_more_pages(session, actor),
        strength_words=STRENGTH_WORDS,
    )


@router.get("/candidates/halted")
def show_halted(
    request: Request,
    session: ReadSession,
    candidates: CandidatesDep,
    exchange: ExchangeDep,
    actor: OperatorActor,
) -> Response:
    """What an operator has to report, and where."""
    return render(
        request,
        "candidates/halted.html",
        items=candidates.halted(session, actor),
        listed=exchange.hits.to_report(session, actor),
        reporting=MINOR_REPORTING,
    )


@router.get("/candidates/{candidate_id}")
def show_candidate(
    request: Request,
    session: ReadSession,
    candidates: CandidatesDep,
    actor: AdvocateActor,
    candidate_id: uuid.UUID,
) -> Response:
    """Words first; the face beside a reference photo's when asked for."""
    return _page(request, session, candidates, actor, candidate_id)


@router.get("/candidates/{candidate_id}/face")
def show_face(
    session: WriteSession,
    candidates: CandidatesDep,
    actor: AdvocateActor,
    candidate_id: uuid.UUID,
    clear: bool = False,
) -> Response:
    """The aligned grey crop of the face alone, blurred unless asked for again; audited."""
    return face_response(candidates.show_face(session, actor, candidate_id), clear=clear)


@router.post("/candidates/{candidate_id}")
def decide(
    request: Request,
    database: DatabaseDep,
    candidates: CandidatesDep,
    actor: AdvocateActor,
    candidate_id: uuid.UUID,
    verdict: Field = "",
    reason: Field = "",
    reason_words: Field = "",
    statements: Fields = [],  # noqa: B006 - FastAPI copies it
    never_again: Field = "",
    never_on_site: Field = "",
) -> Response:
    """Record the verdict; then the next one."""
    chosen = reason_words if reason in ("", "other") else reason
    try:
        with database.write() as session:
            candidates.decide(
                session,
                actor,
                candidate_id,
                _verdict(verdict),
                chosen,
                tuple(statements),
                never_again=never_again == "on",
                never_on_site=never_on_site == "on",
            )
    except (InvalidInputError, ConflictError, NotAllowedError) as error:
        with database.read() as session:
            return _page(
                request,
                session,
                candidates,
                actor,
                candidate_id,
                problem=str(error),
                typed={
                    "verdict": verdict,
                    "reason": reason,
                    "reason_words": reason_words,
                    "never_again": never_again,
                    "never_on_site": never_on_site,
                },
                status_code=error.http_status,
            )
    return see_other(f"/candidates/{candidate_id}")


@router.post("/candidates/{candidate_id}/minor")
def report_minor(
    session: WriteSession,
    candidates: CandidatesDep,
    actor: AdvocateActor,
    candidate_id: uuid.UUID,
    reason: Field = "",
) -> Response:
    """Halt at once."""
    candidates.report_minor_sign(session, actor, candidate_id, reason)
    return see_other(f"/candidates/{candidate_id}")


def _verdict(text: str) -> Verdict:
    match text:
        case "same" | "different" | "cannot_tell":
            return text
        case _:
            raise InvalidInputError("Please choose what you decide.")


def _page(
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
    beside = request.query_params.get("beside", "")
    references = [str(photo_id) for photo_id in view.reference_faces]
    if beside not in references:
        beside = references[0] if references else ""
    return render(
        request,
        "candidates/candidate.html",
        status_code=status_code,
        candidate=view,
        confirmed_sentence=CONFIRMED_SENTENCE,
        reasons=reasons_for(view.kind),
        reporting=MINOR_REPORTING,
        shown=shown if view.has_face and shown in ("blurred", "clear") else "",
        beside=beside,
        references=references,
        problem=problem,
        typed=typed or _NOTHING_TYPED,
        strength_words=STRENGTH_WORDS,
    )
