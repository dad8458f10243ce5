"""When a site is visited by itself: a cron expression in UTC, checked when it is given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from croniter import (  # type: ignore[import-untyped]
    CroniterError,
    croniter,
)

from service.sources.errors import SiteInvalidError

LEAST_INTERVAL_S = 900
_FIELDS = 5
_INTERVALS_CHECKED = 100


def check_cron(expression: str) -> None:
    """Refuse anything but five cron fields that come at most every quarter of an hour."""
    if len(expression.split()) != _FIELDS or not croniter.is_valid(expression):
        raise SiteInvalidError(
            "schedule",
            'a schedule is a cron expression of five fields in UTC, such as "30 3 * * *" for '
            "every day at half past three",
        )
    moment = next_moment(expression, datetime(2024, 1, 1, tzinfo=UTC))
    for _ in range(_INTERVALS_CHECKED):
        following = next_moment(expression, moment) if moment else None
        if moment is None or following is None:
            raise SiteInvalidError("schedule", "this schedule never comes")
        if following - moment < timedelta(seconds=LEAST_INTERVAL_S):
            raise SiteInvalidError(
                "schedule", f"a site is visited at most every {LEAST_INTERVAL_S // 60} minutes"
            )
        moment = following


def next_moment(expression: str, after: datetime) -> datetime | None:
    """The first moment of the schedule later than `after`, in UTC; None when it never comes."""
    try:
        moment = croniter(expression, after.astimezone(UTC)).get_next(datetime)
    except CroniterError:
        return None
    return moment.astimezone(UTC) if isinstance(moment, datetime) else None
