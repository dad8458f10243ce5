"""Days, weeks and months in UTC: what a periodic report is about.

A week begins on Monday. A period has its first moment and lacks its last one, so that each run
belongs to exactly one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

PeriodKind = Literal["day", "week", "month"]
PERIOD_KINDS: tuple[PeriodKind, ...] = get_args(PeriodKind)
PERIOD_WORDS: dict[PeriodKind, str] = {"day": "Day", "week": "Week", "month": "Month"}


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """From `begins_at` (within) to `ends_at` (not within), both in UTC."""

    begins_at: datetime
    ends_at: datetime
    kind: PeriodKind

    @property
    def before(self) -> Period:
        """The period of the same kind that ends where this one begins."""
        return period_at(self.kind, self.begins_at - timedelta(microseconds=1))


def period_at(kind: PeriodKind, moment: datetime) -> Period:
    """The period that the moment is in."""
    today = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if kind == "day":
        return Period(today, today + timedelta(days=1), kind)
    if kind == "week":
        monday = today - timedelta(days=today.weekday())
        return Period(monday, monday + timedelta(days=7), kind)
    first = today.replace(day=1)
    # the longest month has 31 days: this is always in the next one
    return Period(first, (first + timedelta(days=32)).replace(day=1), kind)


def last_complete(kind: PeriodKind, now: datetime) -> Period:
    """The latest period that has ended."""
    return period_at(kind, now).before


def ending_with(period: Period, count: int) -> tuple[Period, ...]:
    """The period and those before it, the oldest first."""
    found = [period]
    while len(found) < count:
        found.append(found[-1].before)
    return tuple(reversed(found))
