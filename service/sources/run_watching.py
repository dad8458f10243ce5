"""How a run goes, as it goes: what is done, what waits, what went wrong, and about how much longer.

One query over the run's own addresses, and its row. Numbers only.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.sources.models import FrontierEntry, Run
from service.sources.repository import SourcesRepository
from service.sources.run_rows import run_views
from service.sources.views import RunView
from service.sources.words import reason_words

_WAITING = ("waiting", "leased")
_OVER = ("done", "refused", "failed")
_PACE_OF = timedelta(seconds=120)
_LEAST_FOR_A_PACE = 5


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """How many addresses of one kind were refused or failed for one reason."""

    kind: str
    code: str
    words: str
    count: int


@dataclass(frozen=True, slots=True)
class RunWatch:
    """A run as it goes. Times in seconds.

    `done` and `known` are addresses within the budget; more may become known while it goes on.
    `seconds_left` is for what is known by now at the present pace; None when there is no pace yet,
    or nothing goes on.
    """

    run: RunView
    pages_waiting: int
    media_waiting: int
    done: int
    known: int
    errors: tuple[ErrorCount, ...]
    seconds: float
    seconds_left: float | None

    @property
    def share(self) -> float:
        """How much of what is known is done, 0 to 1."""
        return self.done / self.known if self.known else 0.0

    @property
    def errors_in_all(self) -> int:
        """Addresses that were refused or failed."""
        return sum(error.count for error in self.errors)


def watch(session: Session, actor: Actor, run_id: uuid.UUID, now: datetime) -> RunWatch:
    """One run that the caller may see, as it is now; `NotFoundError` otherwise."""
    repository = SourcesRepository(session, actor)
    row = repository.run(run_id)
    site = repository.site(row.site_id)
    run = run_views(repository, [row])[0]
    counted = [
        (kind, state, code, count)
        for kind, state, code, count in session.execute(
            select(
                FrontierEntry.kind,
                FrontierEntry.state,
                FrontierEntry.refusal_code,
                func.count(),
            )
            .where(FrontierEntry.run_id == run_id)
            .group_by(FrontierEntry.kind, FrontierEntry.state, FrontierEntry.refusal_code)
        )
    ]
    over = {kind: _count(counted, kind, _OVER) for kind in ("page", "medium")}
    budget = {"page": site.page_budget, "medium": site.media_budget}
    waiting = {
        kind: min(_count(counted, kind, _WAITING), max(0, budget[kind] - over[kind]))
        for kind in over
    }
    done, left = sum(over.values()), sum(waiting.values())
    return RunWatch(
        run=run,
        pages_waiting=waiting["page"],
        media_waiting=waiting["medium"],
        done=done,
        known=done + left,
        errors=_errors(counted),
        seconds=_seconds(row, now),
        seconds_left=_seconds_left(session, row, left, now),
    )


def time_left(watched: RunWatch) -> str:
    """The time left in words, never more exact than it is known."""
    if watched.seconds_left is None:
        return "not known yet"
    return f"about {duration(watched.seconds_left)} for what is known by now"


def duration(seconds: float) -> str:
    """A time in words: "40 seconds", "12 minutes", "3 hours"."""
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= 1.5 * size:
            return f"{round(seconds / size)} {word}s"
    count = max(1, round(seconds))
    return "1 second" if count == 1 else f"{count} seconds"


Counted = Sequence[tuple[str, str, str | None, int]]


def _count(counted: Counted, kind: str, states: Sequence[str]) -> int:
    return sum(count for of, state, _, count in counted if of == kind and state in states)


def _errors(counted: Counted) -> tuple[ErrorCount, ...]:
    wrong = [
        ErrorCount(kind, code or "unknown", reason_words(code or "unknown"), count)
        for kind, state, code, count in counted
        if state in ("refused", "failed")
    ]
    return tuple(sorted(wrong, key=lambda error: (-error.count, error.kind, error.code)))


def _seconds(run: Run, now: datetime) -> float:
    if run.started_at is None:
        return 0.0
    return max(0.0, ((run.finished_at or now) - run.started_at).total_seconds())


def _seconds_left(session: Session, run: Run, left: int, now: datetime) -> float | None:
    """By the pace of the last two minutes, or of the whole time while it is shorter."""
    if run.state != "running" or run.started_at is None:
        return None
    if not left:
        return 0.0
    since = max(run.started_at, now - _PACE_OF)
    lately = session.scalar(
        select(func.count()).where(
            FrontierEntry.run_id == run.id, FrontierEntry.completed_at >= since
        )
    )
    seconds = (now - since).total_seconds()
    if not lately or lately < _LEAST_FOR_A_PACE or seconds <= 0:
        return None
    return round(left * seconds / lately, 1)
