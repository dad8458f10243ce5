"""How pages and endpoints of sources get their service."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from service.sources.service import SourcesService
from service.web.dependencies import rooms_of


def get_sources(request: Request) -> SourcesService:
    """The sources of the running application."""
    sources: SourcesService = rooms_of(request).sources
    return sources


SourcesDep = Annotated[SourcesService, Depends(get_sources)]
