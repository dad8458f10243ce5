"""The pages of reports: one of a run for staff, and one for the person."""

from __future__ import annotations

import uuid

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.errors import NotFoundError
from service.hashbank.exchange.views import ACTION_WORDS
from service.reports import period_pages
from service.reports.asked import ReportsDep
from service.reports.service import report_json
from service.reports.words import CANDIDATE_KINDS, CANDIDATE_STATES
from service.web.dependencies import PersonActor, ReadSession, StaffActor
from service.web.render import render

router = APIRouter()
router.include_router(period_pages.router)


@router.get("/runs/{run_id}/report")
def show_run_report(
    request: Request,
    run_id: uuid.UUID,
    session: ReadSession,
    reports: ReportsDep,
    actor: StaffActor,
) -> Response:
    """The report of a run, as things are now."""
    return render(
        request,
        "reports/run.html",
        report=reports.build_run_report(session, actor, run_id),
        kind_words=CANDIDATE_KINDS,
        candidate_words=CANDIDATE_STATES,
        action_words=ACTION_WORDS,
    )


@router.get("/runs/{run_id}/report.json")
def download_run_report(
    run_id: uuid.UUID, session: ReadSession, reports: ReportsDep, actor: StaffActor
) -> Response:
    """The same as a file for programs."""
    return Response(
        report_json(reports.build_run_report(session, actor, run_id)),
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="run-{run_id}.json"'},
    )


@router.get("/my/report")
def show_person_report(
    request: Request, session: ReadSession, reports: ReportsDep, actor: PersonActor
) -> Response:
    """What was done for the person, in words."""
    if actor.person_id is None:
        raise NotFoundError("There is no such case.")
    report = reports.person_report(session, actor, actor.person_id)
    return render(request, "reports/person.html", report=report)
