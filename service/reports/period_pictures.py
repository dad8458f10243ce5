"""Which pictures stand in a periodic report: one for each trend that an operator asks about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from service.reports.period_views import PeriodReport, PeriodTotal
from service.reports.periods import PeriodKind
from service.reports.pictures import Series, bars

_MIB = 1024 * 1024
_LABELS: dict[PeriodKind, str] = {"day": "%-d %b", "week": "%-d %b", "month": "%b %Y"}


@dataclass(frozen=True, slots=True)
class Trend:
    """A picture with its heading."""

    name: str
    heading: str
    picture: Markup


_SHOWN: tuple[tuple[str, str, Callable[[PeriodTotal], float]], ...] = (
    ("media", "Media examined", lambda total: total.media_examined),
    ("candidates", "Candidates", lambda total: total.candidates_found),
    ("blind", "Runs that could not look", lambda total: total.runs_blind),
    ("refusals", "Addresses refused or failed", lambda total: total.refusals),
    ("bytes", "MiB fetched", lambda total: round(total.bytes_fetched / _MIB, 1)),
    ("looking", "Seconds of examining", lambda total: round(total.examine_seconds, 1)),
)


def trends(report: PeriodReport) -> tuple[Trend, ...]:
    """The pictures of a report, the oldest period on the left."""
    labels = tuple(total.begins_at.strftime(_LABELS[report.kind]) for total in report.trend)
    each = {"day": "day by day", "week": "week by week", "month": "month by month"}[report.kind]
    return tuple(
        Trend(
            name,
            heading,
            bars(
                Series(
                    f"trend-{name}",
                    f"{heading}, {each}",
                    labels,
                    tuple(float(value(total)) for total in report.trend),
                )
            ),
        )
        for name, heading, value in _SHOWN
    )
