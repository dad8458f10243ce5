"""One case for its advocates: the person in words, finds, links to bring, resting and lending."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from service.accounts.actor import Actor
from service.candidates.asked import CandidatesDep, IntakeDep
from service.candidates.intake import BroughtFile
from service.candidates.links import links_of_text
from service.candidates.service import CandidateService
from service.enrolment.asked import EnrolmentDep, EyesDep
from service.enrolment.service import EnrolmentService
from service.enrolment.views_of import next_step
from service.errors import ConflictError, InvalidInputError
from service.hashbank.asked import SeenAnswersDep
from service.hashbank.seen_answer import SeenAnswers
from service.sources.around import AroundService
from service.sources.asked import AroundDep, SweepsDep
from service.sources.sweeps import SweepService
from service.web.dependencies import AdvocateActor, DatabaseDep, ReadSession
from service.web.render import render
from service.web.responses import see_other

router = APIRouter()

Field = Annotated[str, Form()]


@router.get("/cases/{person_id}")
def show_case(
    request: Request,
    session: ReadSession,
    enrolment: EnrolmentDep,
    candidates: CandidatesDep,
    answers: SeenAnswersDep,
    sweeps: SweepsDep,
    around: AroundDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
) -> Response:
    """The case in words."""
    return _page(request, session, enrolment, candidates, answers, sweeps, around, actor, person_id)


@router.post("/cases/{person_id}/links")
def add_links(
    request: Request,
    database: DatabaseDep,
    enrolment: EnrolmentDep,
    candidates: CandidatesDep,
    answers: SeenAnswersDep,
    sweeps: SweepsDep,
    around: AroundDep,
    intake: IntakeDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
    links: Field = "",
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Links that the advocate brings wait for the person's own declaration."""
    try:
        if file is not None and file.size:
            content = file.file.read()
            with database.write() as session:
                intake.import_csv(session, actor, person_id, content)
        else:
            with database.write() as session:
                intake.add_links(session, actor, person_id, links_of_text(links))
    except (InvalidInputError, ConflictError) as error:
        with database.read() as session:
            return _page(
                request,
                session,
                enrolment,
                candidates,
                answers,
                sweeps,
                around,
                actor,
                person_id,
                links=links,
                problem=str(error),
                status_code=error.http_status,
            )
    return see_other(f"/cases/{person_id}")


@router.post("/cases/{person_id}/files")
def add_file(
    request: Request,
    database: DatabaseDep,
    enrolment: EnrolmentDep,
    candidates: CandidatesDep,
    answers: SeenAnswersDep,
    sweeps: SweepsDep,
    around: AroundDep,
    intake: IntakeDep,
    eyes: EyesDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
    file: Annotated[UploadFile, File()],
    addresses: Field = "",
    captured_by: Field = "",
    tool: Field = "",
) -> Response:
    """A capture that somebody else made."""
    brought = BroughtFile(
        file.filename or "file",
        file.file.read(),
        captured_by,
        tool,
        tuple(link.url for link in links_of_text(addresses)),
    )
    try:
        intake.import_file(database, actor, eyes, person_id, brought)
    except (InvalidInputError, ConflictError) as error:
        with database.read() as session:
            return _page(
                request,
                session,
                enrolment,
                candidates,
                answers,
                sweeps,
                around,
                actor,
                person_id,
                problem=str(error),
                status_code=error.http_status,
            )
    return see_other(f"/cases/{person_id}")


def _page(
    request: Request,
    session: Session,
    enrolment: EnrolmentService,
    candidates: CandidateService,
    answers: SeenAnswers,
    sweeps: SweepService,
    around: AroundService,
    actor: Actor,
    person_id: uuid.UUID,
    *,
    links: str = "",
    problem: str | None = None,
    status_code: int = 200,
) -> Response:
    view = enrolment.person_view(session, actor, person_id)
    finds = candidates.finds_of(session, actor, person_id)
    return render(
        request,
        "candidates/case.html",
        status_code=status_code,
        person=view,
        step=next_step(
            view, sum(find.waits_for_me and not find.waits_for_advocates for find in finds)
        ),
        finds=finds,
        counts=candidates.counts(session, actor, person_id),
        seen=answers.view(session, actor, person_id),
        again=sweeps.of_person(session, actor, person_id),
        around=around.of_person(session, actor, person_id),
        look_alikes=candidates.look_alikes.of_person(session, actor, person_id),
        face_search_rests=candidates.floods.rests(session, actor, person_id),
        loans=enrolment.loans.current(session, actor, person_id),
        links=links,
        problem=problem,
    )
