"""How pages and endpoints of notices get their service, and how typed moments are read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from service.errors import InvalidInputError
from service.notices.service import NoticeService
from service.web.dependencies import rooms_of


def get_notices(request: Request) -> NoticeService:
    """The notices of the running application."""
    notices: NoticeService = rooms_of(request).notices
    return notices


def typed_moment(field: str, text: str) -> datetime:
    """A moment that somebody typed, in UTC unless it names a zone."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidInputError(
            f"{field}: give day and time (UTC), as in 2026-11-23 14:05."
        ) from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


NoticesDep = Annotated[NoticeService, Depends(get_notices)]
