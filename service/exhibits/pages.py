"""The pages of evidence, for advocates: words first, never a picture."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from service.accounts.actor import Actor
from service.database import Database
from service.exhibits.asked import ExhibitsDep, bundle_name, download
from service.exhibits.errors import NotSealedError
from service.exhibits.manifest import wording_of
from service.exhibits.service import PAGE_SIZE, ExhibitService
from service.exhibits.trust import grouped
from service.exhibits.verify import Verification
from service.web.dependencies import AdvocateActor, DatabaseDep, ReadSession, WriteSession
from service.web.render import render
from service.web.responses import see_other

router = APIRouter()

_STATES = {
    "sealed": "sealed",
    "unsealed": "not sealed",
    "withdrawn": "withdrawn",
}


@router.get("/exhibits")
def show_exhibits(
    request: Request,
    session: ReadSession,
    exhibits: ExhibitsDep,
    actor: AdvocateActor,
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> Response:
    """All exhibits, the newest first, and the organisation's fingerprint for receivers."""
    lines = exhibits.list_exhibits(session, actor, page=page)
    signer = exhibits.signer(session, actor)
    return render(
        request,
        "exhibits/exhibits.html",
        exhibits=lines,
        states=_STATES,
        page=page,
        has_more=len(lines) == PAGE_SIZE,
        signer=signer,
        fingerprint=grouped(signer.fingerprint),
    )


@router.get("/exhibits/{exhibit_id}")
def show_exhibit(
    request: Request,
    exhibit_id: uuid.UUID,
    database: DatabaseDep,
    exhibits: ExhibitsDep,
    actor: AdvocateActor,
) -> Response:
    """One exhibit in words; looking is an entry in its custody."""
    return _exhibit_page(request, database, exhibits, actor, exhibit_id)


@router.post("/exhibits/{exhibit_id}/verify")
def verify_exhibit(
    request: Request,
    exhibit_id: uuid.UUID,
    database: DatabaseDep,
    exhibits: ExhibitsDep,
    actor: AdvocateActor,
) -> Response:
    """Verify the bundle as it is kept here, and show the answer."""
    verification = exhibits.check(database, actor, exhibit_id)
    return _exhibit_page(request, database, exhibits, actor, exhibit_id, verification=verification)


@router.get("/exhibits/{exhibit_id}/bundle")
def take_bundle(
    exhibit_id: uuid.UUID, session: WriteSession, exhibits: ExhibitsDep, actor: AdvocateActor
) -> Response:
    """Take the sealed bundle away; an entry in its custody."""
    view = exhibits.exhibit(session, actor, exhibit_id)
    content = exhibits.bundle(session, actor, exhibit_id)
    return download(content, "application/zip", bundle_name(view))


@router.post("/exhibits/{exhibit_id}/renew")
def renew_exhibit(
    request: Request,
    exhibit_id: uuid.UUID,
    database: DatabaseDep,
    exhibits: ExhibitsDep,
    actor: AdvocateActor,
) -> Response:
    """Capture again and seal a new version."""
    try:
        with database.write() as session:
            new_id = exhibits.renew(session, actor, exhibit_id)
    except NotSealedError as error:
        return _exhibit_page(request, database, exhibits, actor, exhibit_id, problem=str(error))
    return see_other(f"/exhibits/{new_id}")


def _exhibit_page(
    request: Request,
    database: Database,
    exhibits: ExhibitService,
    actor: Actor,
    exhibit_id: uuid.UUID,
    *,
    verification: Verification | None = None,
    problem: str = "",
) -> Response:
    with database.write() as session:
        detail = exhibits.look(session, actor, exhibit_id)
        signer = exhibits.signer(session, actor)
    exhibit = detail.exhibit
    return render(
        request,
        "exhibits/exhibit.html",
        status_code=409 if problem else 200,
        detail=detail,
        exhibit=exhibit,
        states=_STATES,
        wording=wording_of(exhibit.found_by),
        fingerprint=grouped(signer.fingerprint),
        verification=verification,
        problem=problem,
    )
