"""How pages and endpoints of exhibits get their service, and what a download looks like."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from service.exhibits.service import ExhibitService
from service.exhibits.views import ExhibitView
from service.web.dependencies import rooms_of


def get_exhibits(request: Request) -> ExhibitService:
    """The evidence of the running application."""
    exhibits: ExhibitService = rooms_of(request).exhibits
    return exhibits


def download(content: bytes, media_type: str, file_name: str) -> Response:
    """A file to keep, never shown in the page and never cached. `file_name` is one of ours."""
    return Response(
        content,
        media_type=media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{file_name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


def bundle_name(exhibit: ExhibitView) -> str:
    """A neutral file name: no site, no person."""
    return f"exhibit-{str(exhibit.exhibit_id)[:8]}-v{exhibit.version}.zip"


ExhibitsDep = Annotated[ExhibitService, Depends(get_exhibits)]
