"""How pages and endpoints of candidates get their services."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from service.candidates.intake import IntakeService
from service.candidates.service import CandidateService
from service.enrolment.collaborators import StorySource
from service.web.dependencies import rooms_of


def get_candidates(request: Request) -> CandidateService:
    """Candidates of the running application."""
    candidates: CandidateService = rooms_of(request).candidates
    return candidates


def get_intake(request: Request) -> IntakeService:
    """Intake of the running application."""
    intake: IntakeService = rooms_of(request).intake
    return intake


def get_story(request: Request) -> tuple[StorySource, ...]:
    """The rooms that can tell what happened in a case."""
    story: tuple[StorySource, ...] = rooms_of(request).story
    return story


CandidatesDep = Annotated[CandidateService, Depends(get_candidates)]
IntakeDep = Annotated[IntakeService, Depends(get_intake)]
StoryDep = Annotated[tuple[StorySource, ...], Depends(get_story)]
