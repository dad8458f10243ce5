"""What all runs of this installation did, as totals, for metrics: counts only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.sources.models import FrontierEntry, Run, Site
from service.sources.views import LIVE_STATES


@dataclass(frozen=True, slots=True)
class RunTotals:
    """Totals since the beginning. `waiting` are addresses of live runs by (kind, state)."""

    runs: Mapping[str, int]
    sites: Mapping[str, int]
    waiting: Mapping[tuple[str, str], int]
    pages_seen: int
    media_seen: int
    media_examined: int
    media_unreadable: int
    faces_counted: int
    candidates_found: int
    refusals: int
    bytes_fetched: int
    examine_seconds: float


def run_totals(session: Session) -> RunTotals:
    """Three short queries; the addresses of runs that are over are not read."""
    runs = session.execute(select(Run.state, func.count()).group_by(Run.state))
    sites = session.execute(select(Site.state, func.count()).group_by(Site.state))
    waiting = session.execute(
        select(FrontierEntry.kind, FrontierEntry.state, func.count())
        .join(Run, Run.id == FrontierEntry.run_id)
        .where(Run.state.in_(LIVE_STATES), FrontierEntry.state.in_(("waiting", "leased")))
        .group_by(FrontierEntry.kind, FrontierEntry.state)
    )
    columns = (
        Run.pages_seen,
        Run.media_seen,
        Run.media_examined,
        Run.media_unreadable,
        Run.faces_counted,
        Run.candidates_found,
        Run.refusals,
        Run.bytes_fetched,
    )
    sums = session.execute(
        select(*(func.coalesce(func.sum(column), 0) for column in columns))
    ).one()
    seconds = session.scalar(select(func.coalesce(func.sum(Run.examine_seconds), 0.0)))
    pages, seen, examined, unreadable, faces, candidates, refusals, fetched = map(int, sums)
    return RunTotals(
        runs={state: count for state, count in runs},  # noqa: C416 - rows are no mapping
        sites={state: count for state, count in sites},  # noqa: C416
        waiting={(kind, state): count for kind, state, count in waiting},
        pages_seen=pages,
        media_seen=seen,
        media_examined=examined,
        media_unreadable=unreadable,
        faces_counted=faces,
        candidates_found=candidates,
        refusals=refusals,
        bytes_fetched=fetched,
        examine_seconds=float(seconds or 0.0),
    )
