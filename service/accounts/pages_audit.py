"""The audit trail for operators, page by page."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from service.audit.trail import AuditTrail
from service.web.dependencies import OperatorActor, ReadSession, rooms_of
from service.web.render import render

router = APIRouter()

_ENTRIES_ON_A_PAGE = 50
_LARGEST_NUMBER = 2**53


@router.get("/audit")
def show_audit(
    request: Request,
    session: ReadSession,
    actor: OperatorActor,
    before: Annotated[int | None, Query(ge=1, le=_LARGEST_NUMBER)] = None,
) -> Response:
    """Entries of the operator's organisation, the newest first."""
    trail: AuditTrail = rooms_of(request).audit
    lines = trail.page(session, actor, before=before, limit=_ENTRIES_ON_A_PAGE)
    return render(
        request,
        "audit/audit.html",
        lines=lines,
        older_than=lines[-1].number if len(lines) == _ENTRIES_ON_A_PAGE else None,
        is_first_page=before is None,
    )
