"""Reports for programs."""

from __future__ import annotations

import uuid

from fastapi import APIRouter

from service.errors import NotFoundError
from service.reports import period_endpoints
from service.reports.asked import ReportsDep
from service.reports.schemas import CrawlReportOut, PersonReportOut
from service.web.dependencies import PersonActor, ReadSession, StaffActor
from service.web.errors import error_responses

router = APIRouter()
router.include_router(period_endpoints.router)


@router.get(
    "/runs/{run_id}/report",
    tags=["reports"],
    summary="The report of a run",
    responses=error_responses(401, 403, 404, 422),
)
def show_run_report(
    run_id: uuid.UUID, session: ReadSession, reports: ReportsDep, actor: StaffActor
) -> CrawlReportOut:
    """What a run did, what it found as counts, and whether it could look at all."""
    return CrawlReportOut.of(reports.build_run_report(session, actor, run_id))


@router.get(
    "/my/report",
    tags=["reports"],
    summary="What was done for me",
    responses=error_responses(401, 403, 404),
)
def show_person_report(
    session: ReadSession, reports: ReportsDep, actor: PersonActor
) -> PersonReportOut:
    """For the person who is signed in."""
    if actor.person_id is None:
        raise NotFoundError("There is no such case.")
    return PersonReportOut.of(reports.person_report(session, actor, actor.person_id))
