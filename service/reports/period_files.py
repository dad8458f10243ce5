"""A periodic report as one file that needs nothing else: PDF, HTML or JSON."""

from __future__ import annotations

from service.errors import InvalidInputError
from service.reports.period_pdf import period_pdf
from service.reports.period_pictures import trends
from service.reports.period_reports import period_json
from service.reports.period_views import PeriodReport
from service.reports.periods import PERIOD_WORDS
from service.web.render import environment

FILE_TYPES = {
    ".pdf": "application/pdf",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
}


def report_file(report: PeriodReport, suffix: str) -> bytes:
    """The file's content. Raises `ReportNotSetError` for a PDF that cannot be set."""
    if suffix == ".pdf":
        return period_pdf(report)
    if suffix == ".html":
        page = environment().get_template("reports/period_file.html")
        return page.render(report=report, trends=trends(report), period_words=PERIOD_WORDS).encode()
    if suffix == ".json":
        return period_json(report)
    raise InvalidInputError("a report is a .pdf, .html or .json file")
