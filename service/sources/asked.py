"""How pages and endpoints of sources get their service."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from service.sources.around import AroundService
from service.sources.service import SourcesService
from service.sources.sweeps import SweepService
from service.web.dependencies import rooms_of


def get_sources(request: Request) -> SourcesService:
    """The sources of the running application."""
    sources: SourcesService = rooms_of(request).sources
    return sources


def get_sweeps(request: Request) -> SweepService:
    """What is looked at again for people who joined."""
    sweeps: SweepService = rooms_of(request).sweeps
    return sweeps


def get_around(request: Request) -> AroundService:
    """What is looked at around finds."""
    around: AroundService = rooms_of(request).around
    return around


AroundDep = Annotated[AroundService, Depends(get_around)]
SweepsDep = Annotated[SweepService, Depends(get_sweeps)]
SourcesDep = Annotated[SourcesService, Depends(get_sources)]
