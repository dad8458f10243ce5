"""Links that a person brings: pasted, or as a file; while enrolling and later."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from service.accounts.actor import Actor
from service.candidates.asked import CandidatesDep, IntakeDep
from service.candidates.intake import BroughtFile, GivenDeclaration
from service.candidates.links import links_of_text
from service.candidates.service import CandidateService
from service.candidates.statements import DECLARATION
from service.enrolment.asked import EyesDep, own_person_id
from service.errors import ConflictError, InvalidInputError
from service.web.dependencies import DatabaseDep, PersonActor, ReadSession
from service.web.render import render
from service.web.responses import see_other

router = APIRouter()

Field = Annotated[str, Form()]
Upload = Annotated[UploadFile | None, File()]


@router.get("/enrol/links")
def show_enrol_links(
    request: Request, session: ReadSession, candidates: CandidatesDep, actor: PersonActor
) -> Response:
    """Step 5: links that they know already; none is fine."""
    return _page(request, session, candidates, actor, enrolling=True)


@router.get("/my/links")
def show_links(
    request: Request, session: ReadSession, candidates: CandidatesDep, actor: PersonActor
) -> Response:
    """Links that were brought, and room for more."""
    return _page(request, session, candidates, actor, enrolling=False)


@router.post("/my/links")
def add_links(
    request: Request,
    database: DatabaseDep,
    candidates: CandidatesDep,
    intake: IntakeDep,
    actor: PersonActor,
    links: Field = "",
    declared: Field = "",
    signature_name: Field = "",
    enrolling: Field = "",
    file: Upload = None,
) -> Response:
    """Take links in, all of them or none."""
    person_id = own_person_id(actor)
    declaration = GivenDeclaration(signature_name, agreed=declared == "on")
    try:
        if file is not None and file.size:
            content = file.file.read()
            with database.write() as session:
                intake.import_csv(session, actor, person_id, content, declaration)
        else:
            with database.write() as session:
                intake.add_links(session, actor, person_id, links_of_text(links), declaration)
    except (InvalidInputError, ConflictError) as error:
        with database.read() as session:
            return _page(
                request,
                session,
                candidates,
                actor,
                enrolling=enrolling == "yes",
                links=links,
                problem=str(error),
                status_code=error.http_status,
            )
    return see_other("/enrol/links" if enrolling == "yes" else "/my/links")


@router.post("/my/links/file")
def add_file(
    request: Request,
    database: DatabaseDep,
    candidates: CandidatesDep,
    intake: IntakeDep,
    eyes: EyesDep,
    actor: PersonActor,
    file: Annotated[UploadFile, File()],
    addresses: Field = "",
    captured_by: Field = "",
    tool: Field = "",
    declared: Field = "",
    signature_name: Field = "",
) -> Response:
    """Take a capture in that was made elsewhere."""
    brought = BroughtFile(
        file.filename or "file",
        file.file.read(),
        captured_by,
        tool,
        tuple(link.url for link in links_of_text(addresses)),
    )
    declaration = GivenDeclaration(signature_name, agreed=declared == "on")
    try:
        intake.import_file(database, actor, eyes, own_person_id(actor), brought, declaration)
    except (InvalidInputError, ConflictError) as error:
        with database.read() as session:
            return _page(
                request,
                session,
                candidates,
                actor,
                enrolling=False,
                problem=str(error),
                status_code=error.http_status,
            )
    return see_other("/my/links")


def _page(
    request: Request,
    session: Session,
    candidates: CandidateService,
    actor: Actor,
    *,
    enrolling: bool,
    links: str = "",
    problem: str | None = None,
    status_code: int = 200,
) -> Response:
    finds = candidates.finds_of(session, actor, own_person_id(actor))
    return render(
        request,
        "candidates/my_links.html",
        status_code=status_code,
        enrolling=enrolling,
        pointed=[find for find in finds if find.kind == "pointed"],
        declaration=DECLARATION,
        links=links,
        problem=problem,
    )
