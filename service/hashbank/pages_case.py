"""What an advocate does with the known pictures of a case: vouch for them, decide on look-alikes.

No picture is shown, and none is known here: only counts and the person's own notes.
"""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from service.enrolment.asked import EnrolmentDep
from service.errors import InvalidInputError
from service.hashbank.asked import HashBankDep, SeenAnswersDep
from service.hashbank.matches import VOUCHING_STATEMENT
from service.web.dependencies import AdvocateActor, DatabaseDep, ReadSession, WriteSession
from service.web.render import render
from service.web.responses import see_other

router = APIRouter()


@router.get("/cases/{person_id}/known")
def show_known_of_case(
    request: Request,
    session: ReadSession,
    enrolment: EnrolmentDep,
    answers: SeenAnswersDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
) -> Response:
    """Where the pictures of a case were seen before, in counts, and on whose word they rest."""
    return render(
        request,
        "hashbank/case_known.html",
        person=enrolment.person_view(session, actor, person_id),
        seen=answers.view(session, actor, person_id),
        statement=VOUCHING_STATEMENT,
        problem=None,
    )


@router.post("/cases/{person_id}/known/vouch")
def vouch(
    request: Request,
    database: DatabaseDep,
    enrolment: EnrolmentDep,
    hashbank: HashBankDep,
    answers: SeenAnswersDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
    known: Annotated[list[uuid.UUID] | None, Form()] = None,
    statement_ticked: Annotated[str, Form()] = "",
) -> Response:
    """Vouch for those that were on the page; what was given meanwhile waits for the next time."""
    try:
        with database.write() as session:
            hashbank.matches.vouch(
                session,
                actor,
                person_id,
                frozenset(known or ()),
                statement_ticked=statement_ticked == "on",
            )
    except InvalidInputError as error:
        with database.read() as session:
            return render(
                request,
                "hashbank/case_known.html",
                status_code=error.http_status,
                person=enrolment.person_view(session, actor, person_id),
                seen=answers.view(session, actor, person_id),
                statement=VOUCHING_STATEMENT,
                problem=str(error),
            )
    return see_other(f"/cases/{person_id}/known")


@router.post("/known/{known_id}/similar")
def decide_on_similar(
    session: WriteSession,
    hashbank: HashBankDep,
    actor: AdvocateActor,
    known_id: uuid.UUID,
    wanted: Annotated[str, Form()] = "",
) -> Response:
    """Whether look-alikes of a known picture make candidates."""
    chosen = {"yes": True, "no": False}.get(wanted)
    person_id = hashbank.matches.want_similar(session, actor, known_id, wanted=chosen)
    return see_other(f"/cases/{person_id}/known")
