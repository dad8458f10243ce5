"""The JSON API of notices. It prepares and records; it sends nothing to any platform."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Query, Response

from service.accounts.actor import Actor
from service.database import Database
from service.errors import InvalidInputError
from service.exhibits.asked import download
from service.notices.asked import NoticesDep
from service.notices.regimes import REGIMES
from service.notices.schemas import (
    ChangeIn,
    DraftIn,
    FilingIn,
    NoticeLineOut,
    NoticeOut,
    ReceiptIn,
    RegimeOut,
    SignIn,
)
from service.notices.service import NoticeService
from service.web.dependencies import (
    AdvocateActor,
    DatabaseDep,
    ReadSession,
    SignedInActor,
    WriteSession,
)
from service.web.errors import error_responses

router = APIRouter(tags=["notices"])

_CREATED = 201


@router.get("/regimes", summary="The laws that notices are made under")
def list_regimes(_actor: SignedInActor) -> list[RegimeOut]:
    """The registry, with dates, sources and what was not verified."""
    return [RegimeOut.of(law) for law in REGIMES.values()]


@router.get("/notices", summary="List notices", responses=error_responses(401, 422))
def list_notices(
    session: ReadSession,
    notices: NoticesDep,
    actor: SignedInActor,
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> list[NoticeLineOut]:
    """Notices that the caller may see, what is due first on top, 50 a page."""
    return [NoticeLineOut.of(line) for line in notices.list_notices(session, actor, page=page)]


@router.post(
    "/notices",
    summary="Draft a notice",
    status_code=_CREATED,
    responses=error_responses(401, 403, 404, 409, 422),
)
def draft_notice(
    body: DraftIn, session: WriteSession, notices: NoticesDep, actor: AdvocateActor
) -> NoticeOut:
    """From exhibits of one person on one host."""
    notice_id = notices.draft(
        session,
        actor,
        body.exhibit_ids,
        body.regime,
        host=body.host,
        unsealed_reason=body.unsealed_reason,
    )
    return NoticeOut.of(notices.notice(session, actor, notice_id))


@router.get("/notices/{notice_id}", summary="One notice", responses=error_responses(401, 404))
def show_notice(
    notice_id: uuid.UUID, session: ReadSession, notices: NoticesDep, actor: SignedInActor
) -> NoticeOut:
    """One notice, with everything that is missing."""
    return NoticeOut.of(notices.notice(session, actor, notice_id))


@router.patch(
    "/notices/{notice_id}",
    summary="Set elements of a draft",
    responses=error_responses(401, 404, 409, 422),
)
def change_notice(
    notice_id: uuid.UUID,
    body: ChangeIn,
    session: WriteSession,
    notices: NoticesDep,
    actor: SignedInActor,
) -> NoticeOut:
    """What is left out of the body stays as it is."""
    return NoticeOut.of(notices.change(session, actor, notice_id, body.change()))


@router.post(
    "/notices/{notice_id}/signature",
    summary="Sign a complete notice",
    responses=error_responses(401, 403, 404, 409, 422),
)
def sign_notice(
    notice_id: uuid.UUID,
    body: SignIn,
    database: DatabaseDep,
    notices: NoticesDep,
    actor: SignedInActor,
) -> NoticeOut:
    """Refused with the full list while anything is missing."""
    notices.sign(
        database,
        actor,
        notice_id,
        signature_name=body.signature_name,
        statements=body.statements,
    )
    return _shown(database, notices, actor, notice_id)


@router.get(
    "/notices/{notice_id}/notice.pdf",
    summary="The signed document",
    response_class=Response,
    responses={
        200: {"content": {"application/pdf": {}}, "description": "The signed notice (PDF/A)."},
        **error_responses(401, 404, 409),
    },
)
def take_pdf(
    notice_id: uuid.UUID, session: WriteSession, notices: NoticesDep, actor: SignedInActor
) -> Response:
    """To take away and file."""
    content = notices.pdf(session, actor, notice_id)
    return download(content, "application/pdf", f"notice-{str(notice_id)[:8]}.pdf")


@router.get(
    "/notices/{notice_id}/notice.json",
    summary="The signed notice as data",
    response_class=Response,
    responses={
        200: {
            "content": {"application/json": {}},
            "description": "`notice` (likeness-notice/1) and the organisation's signature over "
            "its canonical JSON.",
        },
        **error_responses(401, 404, 409),
    },
)
def take_json(
    notice_id: uuid.UUID, session: WriteSession, notices: NoticesDep, actor: SignedInActor
) -> Response:
    """To take away and file."""
    content = notices.json(session, actor, notice_id)
    return download(content, "application/json", f"notice-{str(notice_id)[:8]}.json")


@router.post(
    "/notices/{notice_id}/filing",
    summary="Record how it was filed",
    responses=error_responses(401, 403, 404, 409, 422),
)
def record_filing(
    notice_id: uuid.UUID,
    body: FilingIn,
    database: DatabaseDep,
    notices: NoticesDep,
    actor: SignedInActor,
) -> NoticeOut:
    """Filed by people, outside this system; times need a zone."""
    if body.filed_at.tzinfo is None or (body.received_at and body.received_at.tzinfo is None):
        raise InvalidInputError("Times need a zone, as in 2026-11-23T09:30:00Z.")
    notices.record_filing(database, actor, notice_id, body.filing())
    return _shown(database, notices, actor, notice_id)


@router.post(
    "/notices/{notice_id}/receipt",
    summary="Record when the platform received it",
    responses=error_responses(401, 403, 404, 409, 422),
)
def record_receipt(
    notice_id: uuid.UUID,
    body: ReceiptIn,
    session: WriteSession,
    notices: NoticesDep,
    actor: SignedInActor,
) -> NoticeOut:
    """Starts the clock."""
    if body.received_at.tzinfo is None:
        raise InvalidInputError("The time needs a zone, as in 2026-11-23T09:30:00Z.")
    notices.record_receipt(session, actor, notice_id, body.received_at)
    return NoticeOut.of(notices.notice(session, actor, notice_id))


def _shown(
    database: Database, notices: NoticeService, actor: Actor, notice_id: uuid.UUID
) -> NoticeOut:
    with database.read() as session:
        return NoticeOut.of(notices.notice(session, actor, notice_id))
