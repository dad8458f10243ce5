"""Periodic reports for operators: the list, one of them, and the same as files."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from service.reports.asked import PeriodsDep
from service.reports.period_files import FILE_TYPES, report_file
from service.reports.period_pictures import trends
from service.reports.period_views import PeriodReport
from service.reports.periods import PERIOD_KINDS, PERIOD_WORDS, PeriodKind
from service.web.dependencies import OperatorActor, ReadSession, WriteSession
from service.web.render import render
from service.web.responses import see_other

router = APIRouter()


@router.get("/reports")
def list_reports(
    request: Request, session: ReadSession, periods: PeriodsDep, actor: OperatorActor
) -> Response:
    """All reports that are kept, and a way to make one now."""
    return render(
        request,
        "reports/periods.html",
        reports=periods.kept(session, actor),
        every=periods.every,
        is_mailed=periods.is_mailed,
        kinds=PERIOD_KINDS,
        period_words=PERIOD_WORDS,
    )


@router.post("/reports")
def make_report(
    session: WriteSession,
    periods: PeriodsDep,
    actor: OperatorActor,
    kind: Annotated[PeriodKind, Form()],
) -> Response:
    """Make and keep the report of the latest period that has ended."""
    return see_other(f"/reports/{periods.keep_last(session, actor, kind)}")


@router.get("/reports/so-far")
def show_so_far(
    request: Request,
    session: ReadSession,
    periods: PeriodsDep,
    actor: OperatorActor,
    kind: Annotated[PeriodKind, Query()] = "week",
) -> Response:
    """The period that goes on."""
    return _page(request, periods.so_far(session, actor, kind), "")


@router.get("/reports/{report_id}.pdf")
def download_pdf(
    report_id: uuid.UUID, session: ReadSession, periods: PeriodsDep, actor: OperatorActor
) -> Response:
    """A report to print or to pass on."""
    return _file(periods.one(session, actor, report_id), ".pdf")


@router.get("/reports/{report_id}.html")
def download_html(
    report_id: uuid.UUID, session: ReadSession, periods: PeriodsDep, actor: OperatorActor
) -> Response:
    """A report as one page that needs nothing else."""
    return _file(periods.one(session, actor, report_id), ".html")


@router.get("/reports/{report_id}.json")
def download_json(
    report_id: uuid.UUID, session: ReadSession, periods: PeriodsDep, actor: OperatorActor
) -> Response:
    """A report for programs."""
    return _file(periods.one(session, actor, report_id), ".json")


@router.get("/reports/{report_id}")
def show_report(
    request: Request,
    report_id: uuid.UUID,
    session: ReadSession,
    periods: PeriodsDep,
    actor: OperatorActor,
) -> Response:
    """One report as it was made."""
    return _page(request, periods.one(session, actor, report_id), str(report_id))


def _file(report: PeriodReport, suffix: str) -> Response:
    name = f"crawl-report-{report.kind}-{report.begins_at.date()}{suffix}"
    return Response(
        report_file(report, suffix),
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
        media_type=FILE_TYPES[suffix],
    )


def _page(request: Request, report: PeriodReport, report_id: str) -> Response:
    return render(
        request,
        "reports/period.html",
        report=report,
        report_id=report_id,
        trends=trends(report),
        period_words=PERIOD_WORDS,
    )
