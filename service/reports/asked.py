"""How pages and endpoints of reports get their service."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from service.reports.service import ReportService
from service.web.dependencies import rooms_of


def get_reports(request: Request) -> ReportService:
    """The reports of the running application."""
    reports: ReportService = rooms_of(request).reports
    return reports


ReportsDep = Annotated[ReportService, Depends(get_reports)]
