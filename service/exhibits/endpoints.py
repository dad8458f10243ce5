"""The JSON API of evidence: the same as the pages, for advocates and for the person themselves."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Query, Response

from service.exhibits.asked import ExhibitsDep, bundle_name, download
from service.exhibits.schemas import ExhibitDetailOut, ExhibitOut, SignerOut, VerificationOut
from service.web.dependencies import (
    AdvocateActor,
    DatabaseDep,
    ReadSession,
    SignedInActor,
    StaffActor,
    WriteSession,
)
from service.web.errors import error_responses

router = APIRouter(tags=["exhibits"])

_CREATED = 201


@router.get("/exhibits", summary="List exhibits", responses=error_responses(401, 422))
def list_exhibits(
    session: ReadSession,
    exhibits: ExhibitsDep,
    actor: SignedInActor,
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> list[ExhibitOut]:
    """Exhibits that the caller may see, the newest first, 50 a page."""
    return [ExhibitOut.of(one) for one in exhibits.list_exhibits(session, actor, page=page)]


@router.get("/signer", summary="The organisation's key", responses=error_responses(401, 403))
def show_signer(session: ReadSession, exhibits: ExhibitsDep, actor: StaffActor) -> SignerOut:
    """The key that seals exhibits and notices; receivers pin its fingerprint."""
    return SignerOut.of(exhibits.signer(session, actor))


@router.get("/exhibits/{exhibit_id}", summary="One exhibit", responses=error_responses(401, 404))
def show_exhibit(
    exhibit_id: uuid.UUID, session: WriteSession, exhibits: ExhibitsDep, actor: SignedInActor
) -> ExhibitDetailOut:
    """One exhibit with versions, captures and custody; looking is an entry in its custody."""
    return ExhibitDetailOut.of(exhibits.look(session, actor, exhibit_id))


@router.get(
    "/exhibits/{exhibit_id}/bundle",
    summary="Take the sealed bundle away",
    response_class=Response,
    responses={
        200: {"content": {"application/zip": {}}, "description": "The sealed bundle."},
        **error_responses(401, 404, 409),
    },
)
def take_bundle(
    exhibit_id: uuid.UUID, session: WriteSession, exhibits: ExhibitsDep, actor: SignedInActor
) -> Response:
    """The bundle as it was sealed; an entry in its custody."""
    view = exhibits.exhibit(session, actor, exhibit_id)
    content = exhibits.bundle(session, actor, exhibit_id)
    return download(content, "application/zip", bundle_name(view))


@router.post(
    "/exhibits/{exhibit_id}/verification",
    summary="Verify the bundle as it is kept here",
    responses=error_responses(401, 404, 409),
)
def verify_exhibit(
    exhibit_id: uuid.UUID, database: DatabaseDep, exhibits: ExhibitsDep, actor: SignedInActor
) -> VerificationOut:
    """Verify with the organisation's own key; an entry in its custody."""
    return VerificationOut.of(exhibits.check(database, actor, exhibit_id))


@router.post(
    "/exhibits/{exhibit_id}/versions",
    summary="Capture again and seal a new version",
    status_code=_CREATED,
    responses=error_responses(401, 403, 404, 409),
)
def renew_exhibit(
    exhibit_id: uuid.UUID, session: WriteSession, exhibits: ExhibitsDep, actor: AdvocateActor
) -> ExhibitOut:
    """What was sealed before stays as it is."""
    new_id = exhibits.renew(session, actor, exhibit_id)
    return ExhibitOut.of(exhibits.exhibit(session, actor, new_id))
