"""Pages of searches by face that rest, and what a case's page asks of look-alikes."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from service.candidates.asked import CandidatesDep
from service.errors import ConflictError, InvalidInputError
from service.web.dependencies import (
    AdvocateActor,
    DatabaseDep,
    ReadSession,
    StaffActor,
    WriteSession,
)
from service.web.render import render
from service.web.responses import see_other

router = APIRouter()

Field = Annotated[str, Form()]


@router.get("/resting-searches")
def show_resting(
    request: Request, session: ReadSession, candidates: CandidatesDep, actor: StaffActor
) -> Response:
    """What rests, and why; numbers only."""
    return render(
        request,
        "candidates/resting.html",
        resting=candidates.floods.open(session, actor),
        names=candidates.name_floods.open(session, actor),
        problem=None,
    )


@router.post("/resting-searches/{flood_id}")
def decide_resting(
    request: Request,
    database: DatabaseDep,
    candidates: CandidatesDep,
    actor: StaffActor,
    flood_id: uuid.UUID,
    decision: Field = "",
) -> Response:
    """Go on, go on above a higher threshold, or rest on."""
    try:
        with database.write() as session:
            candidates.floods.decide(session, actor, flood_id, decision)
    except (ConflictError, InvalidInputError) as error:
        with database.read() as session:
            return render(
                request,
                "candidates/resting.html",
                status_code=error.http_status,
                resting=candidates.floods.open(session, actor),
                names=candidates.name_floods.open(session, actor),
                problem=str(error),
            )
    return see_other("/resting-searches")


@router.post("/cases/{person_id}/look-alikes/{limit_id}")
def show_again(
    session: WriteSession,
    candidates: CandidatesDep,
    actor: AdvocateActor,
    person_id: uuid.UUID,
    limit_id: uuid.UUID,
) -> Response:
    """Weaker look-alikes on a site are shown again, once it was looked at again."""
    candidates.look_alikes.show_again(session, actor, person_id, limit_id)
    return see_other(f"/cases/{person_id}#look-alikes")
