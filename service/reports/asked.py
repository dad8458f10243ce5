"""How pages and endpoints of reports get their service."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from service.reports.period_reports import PeriodReports
from service.reports.service import ReportService
from service.web.dependencies import rooms_of


def get_reports(request: Request) -> ReportService:
    """The reports of the running application."""
    reports: ReportService = rooms_of(request).reports
    return reports


def get_periods(request: Request) -> PeriodReports:
    """The periodic reports of the running application."""
    periods: PeriodReports = rooms_of(request).periods
    return periods


ReportsDep = Annotated[ReportService, Depends(get_reports)]
PeriodsDep = Annotated[PeriodReports, Depends(get_periods)]
