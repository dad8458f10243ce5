"""Faces looked at in a day, from what runs counted as a whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from service.sources.volume import FacesLooked, most_in_a_day

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def looked(faces: int, began_ago: timedelta, ended_ago: timedelta) -> FacesLooked:
    return FacesLooked(faces, NOW - began_ago, NOW - ended_ago)


def test_without_runs_there_were_none() -> None:
    assert most_in_a_day((), NOW) == 0


def test_runs_of_one_day_are_added_and_the_busiest_day_counts() -> None:
    runs = [
        looked(100, 3 * HOUR, 2 * HOUR),
        looked(50, 2 * HOUR, HOUR),
        looked(120, 50 * HOUR, 2 * DAY),
    ]
    assert most_in_a_day(runs, NOW) == 150


def test_a_run_of_several_days_is_spread_over_them() -> None:
    assert most_in_a_day([looked(400, 4 * DAY, timedelta())], NOW) == 100


def test_what_was_before_the_week_does_not_count() -> None:
    assert most_in_a_day([looked(900, 9 * DAY, 8 * DAY)], NOW) == 0
    assert most_in_a_day([looked(900, 8 * DAY, 6 * DAY)], NOW) == 450


def test_a_run_that_began_this_moment_counts_whole() -> None:
    assert most_in_a_day([looked(7, timedelta(), timedelta())], NOW) == 7
