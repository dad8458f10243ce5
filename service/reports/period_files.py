"""A periodic report as one file that needs nothing else: PDF, HTML or JSON."""

from __future__ import annotations

from markupsafe import Markup

from service.errors import InvalidInputError
from service.reports.period_pdf import period_pdf
from service.reports.period_pictures import trends
from service.reports.period_reports import period_json
from service.reports.period_views import PeriodReport
from service.reports.periods import PERIOD_WORDS
from service.web.render import STATIC_DIR, environment

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
        return page.render(
            report=report,
            trends=trends(report),
            period_words=PERIOD_WORDS,
            style=_style(),
        ).encode()
    if suffix == ".json":
        return period_json(report)
    raise InvalidInputError("a report is a .pdf, .html or .json file")


def _style() -> Markup:
    """The one place with a style inside: a file has nowhere to load its own from."""
    sheet = (STATIC_DIR / "report.css").read_text("utf-8")
    return Markup(f"<style>{sheet}</style>")  # noqa: S704 - a file of ours, without any data
