"""How many faces are looked at in a day: numbers of runs, and nothing of any face.

A run counts its faces as a whole, so they are spread evenly over the time that it took.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.sources.repository import SourcesRepository

DAYS_BACK = 7
_DAY = timedelta(days=1)
_SYSTEM = Actor.system("faces looked at in a day")


@dataclass(frozen=True, slots=True)
class FacesLooked:
    """The faces that one run counted between two moments."""

    faces: int
    began_at: datetime
    ended_at: datetime


def busiest_day(session: Session, now: datetime) -> int:
    """Faces looked at by all runs on the busiest of the last seven days; 0 when there were none.

    A day ends at this time of day. The comparison is the installation's: one watch-list holds the
    people of every organisation, so every face of every run is compared with all of them.
    """
    runs = SourcesRepository(session, _SYSTEM).runs_at_work_since(now - DAYS_BACK * _DAY)
    return most_in_a_day(
        (
            FacesLooked(run.faces_counted, run.started_at, run.finished_at or now)
            for run in runs
            if run.started_at is not None
        ),
        now,
    )


def most_in_a_day(looked: Iterable[FacesLooked], now: datetime) -> int:
    """The same of what is given."""
    days = [0.0] * DAYS_BACK
    for run in looked:
        # a run that ended at once is still counted
        ended_at = max(run.ended_at, run.began_at + timedelta(seconds=1))
        seconds = (ended_at - run.began_at).total_seconds()
        for back in range(DAYS_BACK):
            day_ends = now - back * _DAY
            # what is of the very present belongs to today
            end = ended_at if back == 0 else min(ended_at, day_ends)
            within = (end - max(run.began_at, day_ends - _DAY)).total_seconds()
            if within > 0:
                days[back] += run.faces * within / seconds
    return round(max(days))
