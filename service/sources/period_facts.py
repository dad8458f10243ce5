"""What the runs that ended in a period did, site by site: numbers from the database.

1. A run belongs to the period in which it ended; one that goes on belongs to none yet.
2. New is a medium that no earlier run of the site had met. Gone is an address of a medium that the
   last whole run before had met and for which the server answers now that there is nothing
   (status 404 or 410). Not met again is one that the latest whole run did not come by.
3. Only finished runs of the whole site that came to their end are compared: a blind run, or one
   whose budget was used up, says nothing about what it did not see (design rule 13).

Every query starts from the runs that the caller may see. Nothing of any person is read.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, and_, case, exists, func, select
from sqlalchemy.orm import Session, aliased

from service.accounts.actor import Actor
from service.sources.models import FrontierEntry, Run, Sighting
from service.sources.repository import SourcesRepository
from service.sources.run_rows import run_views
from service.sources.views import RunView

_WHOLE_SITE = "crawl"
_NOTHING_THERE = (404, 410)
_RUNS_A_STATEMENT = 500


@dataclass(frozen=True, slots=True)
class EntryCount:
    """How many addresses of one run ended in one way. `requests` counts every attempt."""

    run_id: uuid.UUID
    kind: str
    state: str
    code: str | None
    count: int
    requests: int


@dataclass(frozen=True, slots=True)
class Compared:
    """Addresses of media that one whole run of a site had met, and what a later one says of them.

    `known` is how many they are; the rest of them were met again.
    """

    known: int
    gone: int
    not_met_again: int


class _EndedRuns(SourcesRepository):
    """Runs that are over, of those that the caller may see."""

    def ended(self, begins_at: datetime, ends_at: datetime) -> Sequence[Run]:
        """Those that ended from one moment on and before another, the oldest first."""
        return self._session.scalars(
            self._runs()
            .where(Run.finished_at >= begins_at, Run.finished_at < ends_at)
            .order_by(Run.finished_at, Run.id)
        ).all()

    def last_whole(self, site_id: uuid.UUID, *, before: datetime) -> Run | None:
        """The latest of the site that finished before a moment with nothing left to visit."""
        return self._session.scalars(
            self._runs()
            .where(
                Run.site_id == site_id,
                Run.kind == _WHOLE_SITE,
                Run.state == "finished",
                Run.state_reason == "",
                Run.finished_at < before,
            )
            .order_by(Run.finished_at.desc(), Run.id)
            .limit(1)
        ).first()


def ended_runs(
    session: Session, actor: Actor, begins_at: datetime, ends_at: datetime
) -> tuple[RunView, ...]:
    """Runs that ended from `begins_at` on and before `ends_at`, the oldest first."""
    repository = _EndedRuns(session, actor)
    return run_views(repository, repository.ended(begins_at, ends_at))


def entry_counts(session: Session, runs: Sequence[RunView]) -> tuple[EntryCount, ...]:
    """What became of the addresses of these runs."""
    found: list[EntryCount] = []
    for some in _in_parts([run.id for run in runs]):
        rows = session.execute(
            select(
                FrontierEntry.run_id,
                FrontierEntry.kind,
                FrontierEntry.state,
                FrontierEntry.refusal_code,
                func.count(),
                func.sum(FrontierEntry.attempts),
            )
            .where(FrontierEntry.run_id.in_(some))
            .group_by(
                FrontierEntry.run_id,
                FrontierEntry.kind,
                FrontierEntry.state,
                FrontierEntry.refusal_code,
            )
        )
        found += [EntryCount(*row[:5], int(row[5] or 0)) for row in rows]
    return tuple(found)


def new_media(session: Session, runs: Sequence[RunView]) -> dict[uuid.UUID, int]:
    """For each site, how many media these runs met that no other run of the site had met before."""
    counted: dict[uuid.UUID, int] = {}
    earlier = aliased(Sighting)
    for site_id in {run.site_id for run in runs}:
        of_site = [run for run in runs if run.site_id == site_id]
        began_at = min(run.started_at or run.created_at for run in of_site)
        media: set[uuid.UUID] = set()
        for some in _in_parts([run.id for run in of_site]):
            media.update(
                session.scalars(
                    select(Sighting.medium_id)
                    .distinct()
                    .where(
                        Sighting.run_id.in_(some),
                        ~exists().where(
                            earlier.medium_id == Sighting.medium_id,
                            earlier.site_id == site_id,
                            earlier.seen_at < began_at,
                        ),
                    )
                )
            )
        counted[site_id] = len(media)
    return counted


def compared(session: Session, actor: Actor, runs: Sequence[RunView]) -> dict[uuid.UUID, Compared]:
    """For each site of these runs with two whole runs to compare, what is gone since the first.

    The first is the last whole one that ended before these, else the earliest of these.
    """
    repository = _EndedRuns(session, actor)
    found: dict[uuid.UUID, Compared] = {}
    for site_id in {run.site_id for run in runs}:
        whole = [run for run in runs if run.site_id == site_id and is_whole(run)]
        if not whole:
            continue
        before = repository.last_whole(site_id, before=_ended(whole[0]))
        first = before.id if before is not None else whole[0].id
        latest = whole[-1].id
        if first != latest:
            found[site_id] = _compare(session, first, latest)
    return found


def is_whole(run: RunView) -> bool:
    """Whether the run visited the site and came to the end of all that it knew of.

    Runs that look at known media again, or around a find, see a part of the site on purpose.
    """
    return run.kind == _WHOLE_SITE and run.state == "finished" and not run.state_reason


def _compare(session: Session, first: uuid.UUID, latest: uuid.UUID) -> Compared:
    met: Select[str] = select(Sighting.media_url_key).where(Sighting.run_id == first).distinct()
    keys = met.subquery()
    there = FrontierEntry.state == "done"
    gone = FrontierEntry.http_status.in_(_NOTHING_THERE)
    row = session.execute(
        select(
            func.count(),
            func.sum(case((and_(~there, gone), 1), else_=0)),
            func.sum(case((there, 1), else_=0)),
        )
        .select_from(keys)
        .outerjoin(
            FrontierEntry,
            and_(
                FrontierEntry.run_id == latest,
                FrontierEntry.url_key == keys.c.media_url_key,
            ),
        )
    ).one()
    known, gone_now, met_again = (int(value or 0) for value in row)
    return Compared(known, gone_now, known - gone_now - met_again)


def _ended(run: RunView) -> datetime:
    return run.finished_at or run.created_at


def _in_parts(ids: Sequence[uuid.UUID]) -> Iterable[Sequence[uuid.UUID]]:
    for start in range(0, len(ids), _RUNS_A_STATEMENT):
        yield ids[start : start + _RUNS_A_STATEMENT]
