"""What is forgotten by itself, a few rows at a time: addresses of runs that ended, and sightings
that repeat what others say.

1. `begin` names the runs whose time has come: ended `addresses_days` ago, and reported on. Before
   anything goes, the run's own report is kept, and a sweep's counts are written into it.
2. `forget_addresses` deletes the next rows of such a run's frontier.
3. `thin_sightings` deletes sightings older than `sightings_days` whose medium was seen at the same
   address before and after: the first and the latest stay, for "since when", for what is new, and
   for a known picture that somebody brings later. All stay of media in which somebody was found,
   that match a known picture or that a list names; and of the latest whole runs of a site, with
   which the next ones are compared.

Media and their hashes are kept for ever: content that is not known would be examined again.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, delete, exists, false, func, or_, select
from sqlalchemy.orm import Session, aliased

from service.accounts.actor import Actor
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.sources.models import FrontierEntry, Run, Sighting
from service.sources.repository import SourcesRepository
from service.sources.sweep_models import Sweep, SweepRun
from service.sources.sweep_repository import SweepRepository
from service.sources.views import OVER_STATES, WHOLE_SITE

ROWS_AT_ONCE: Final = 1000
RUNS_AT_ONCE: Final = 50
COMPARED_RUNS: Final = 3
"""A period has at most two whole runs that are further apart than it is long, and one before."""

MediaOfInterest = Callable[[Session, Sequence[uuid.UUID]], set[uuid.UUID]]
"""Those of these media of which another room needs every sighting."""
ReportedUntil = Callable[[Session, uuid.UUID], datetime]
"""Up to when everything of an organisation is in a periodic report that is kept."""
KeepReport = Callable[[Session, Actor, uuid.UUID], None]
"""Keep the report of a run, unless it is kept already."""


@dataclass(frozen=True, slots=True)
class KeptFor:
    """How long, in days."""

    addresses_days: int
    sightings_days: int


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was forgotten of an organisation's runs so far, and when last."""

    runs: int
    addresses: int
    sightings: int
    latest: datetime | None


class Retention:
    """Each call is short and writes in the caller's transaction; every part may run twice."""

    def __init__(
        self,
        clock: Clock,
        audit: AuditTrail,
        kept_for: KeptFor,
        of_interest: Sequence[MediaOfInterest],
        reported_until: ReportedUntil,
        keep_report: KeepReport,
    ) -> None:
        self._clock = clock
        self._audit = audit
        self.kept_for = kept_for
        self._of_interest = tuple(of_interest)
        self._reported_until = reported_until
        self._keep_report = keep_report

    # Addresses

    def due_for_addresses(self, session: Session) -> tuple[uuid.UUID, ...]:
        """Runs whose addresses may be forgotten now: of each organisation the oldest, then of
        each the next. Neither many runs of one nor runs that are in no report yet keep others
        waiting.
        """
        before = self._clock.now() - timedelta(days=self.kept_for.addresses_days)
        going_on = (
            select(SweepRun.run_id)
            .join(Sweep, Sweep.id == SweepRun.sweep_id)
            .where(Sweep.state == "going_on")
        )
        over = (
            Run.state.in_(OVER_STATES),
            Run.finished_at < before,
            Run.addresses_forgotten_at.is_(None),
            Run.id.not_in(going_on),
        )
        organisations = session.scalars(select(Run.organisation_id).where(*over).distinct()).all()
        reported = [
            and_(
                Run.organisation_id == organisation,
                Run.finished_at < self._reported_until(session, organisation),
            )
            for organisation in organisations
        ]
        return _by_turns(session, *over, or_(false(), *reported))

    def forget_addresses(self, session: Session, run_id: uuid.UUID) -> int:
        """Delete the next addresses of a run; returns how many, 0 once all are gone."""
        run = session.get_one(Run, run_id, with_for_update=True)
        if run.addresses_forgotten_at is not None:
            return 0
        owner = Actor.system("retention", run.organisation_id)
        if not run.addresses_forgotten:
            self._keep_report(session, owner, run_id)
            self._keep_sweep_counts(session, run_id)
        some = select(FrontierEntry.id).where(FrontierEntry.run_id == run_id).limit(ROWS_AT_ONCE)
        gone = session.execute(
            delete(FrontierEntry).where(FrontierEntry.id.in_(some)).returning(FrontierEntry.id)
        ).all()
        run.addresses_forgotten += len(gone)
        if len(gone) < ROWS_AT_ONCE:
            run.addresses_forgotten_at = self._clock.now()
            self._audit.record(
                session, owner, "run.forgotten", "run", run.id, addresses=run.addresses_forgotten
            )
        session.flush()
        return len(gone)

    def _keep_sweep_counts(self, session: Session, run_id: uuid.UUID) -> None:
        """How far a sweep came is counted in the addresses of its runs: write it down."""
        repository = SweepRepository(session, Actor.system("retention"))
        sweep = repository.sweep_of_part(run_id)
        if sweep is not None and sweep.looked_at is None:
            counted = repository.counts(sweep)
            sweep.looked_at, sweep.gone = counted.looked_at, counted.gone

    # Sightings

    def due_for_sightings(self, session: Session) -> tuple[uuid.UUID, ...]:
        """Runs whose sightings may be thinned now, by turns as with addresses."""
        before = self._clock.now() - timedelta(days=self.kept_for.sightings_days)
        return _by_turns(
            session,
            Run.state.in_(OVER_STATES),
            Run.finished_at < before,
            Run.addresses_forgotten_at.is_not(None),
            Run.sightings_thinned_at.is_(None),
            Run.id.not_in(_compared_runs()),
        )

    def thin_sightings(
        self, session: Session, run_id: uuid.UUID, after: uuid.UUID | None
    ) -> uuid.UUID | None:
        """Go through the next sightings of a run, those above `after`; returns how far, or None
        at their end.
        """
        rows = session.execute(
            select(Sighting.id, Sighting.medium_id)
            .where(
                Sighting.run_id == run_id,
                *((Sighting.id > after,) if after is not None else ()),
            )
            .order_by(Sighting.id)
            .limit(ROWS_AT_ONCE)
        ).all()
        media = list({row.medium_id for row in rows})
        needed: set[uuid.UUID] = set()
        for of_interest in self._of_interest:
            needed |= of_interest(session, media)
        some = [row.id for row in rows if row.medium_id not in needed]
        gone = session.execute(
            delete(Sighting).where(Sighting.id.in_(_repeated(some))).returning(Sighting.id)
        ).all()
        run = session.get_one(Run, run_id, with_for_update=True)
        run.sightings_forgotten += len(gone)
        is_over = len(rows) < ROWS_AT_ONCE
        if is_over:
            run.sightings_thinned_at = self._clock.now()
        session.flush()
        return None if is_over else rows[-1].id


def forgotten(session: Session, actor: Actor) -> Forgotten:
    """What was forgotten of the runs that the caller may see."""
    return _ForgottenOf(session, actor).total()


class _ForgottenOf(SourcesRepository):
    def total(self) -> Forgotten:
        runs = self._runs().subquery()
        row = self._session.execute(
            select(
                func.count(runs.c.addresses_forgotten_at),
                func.coalesce(func.sum(runs.c.addresses_forgotten), 0),
                func.coalesce(func.sum(runs.c.sightings_forgotten), 0),
                func.max(runs.c.addresses_forgotten_at),
            )
        ).one()
        return Forgotten(int(row[0]), int(row[1]), int(row[2]), row[3])


def _by_turns(session: Session, *due: ColumnElement[bool]) -> tuple[uuid.UUID, ...]:
    """The oldest of these runs of each organisation, then the next of each, and so on."""
    turn = (
        func.row_number()
        .over(partition_by=Run.organisation_id, order_by=(Run.finished_at, Run.id))
        .label("turn")
    )
    runs = select(Run.id, Run.finished_at, turn).where(*due).subquery()
    return tuple(
        session.scalars(
            select(runs.c.id)
            .order_by(runs.c.turn, runs.c.finished_at, runs.c.id)
            .limit(RUNS_AT_ONCE)
        )
    )


def _compared_runs() -> Select[uuid.UUID]:
    """The latest whole runs of each site."""
    place = (
        func.row_number()
        .over(partition_by=Run.site_id, order_by=(Run.finished_at.desc(), Run.id))
        .label("place")
    )
    whole = (
        select(Run.id, place)
        .where(Run.kind == WHOLE_SITE, Run.state == "finished", Run.state_reason == "")
        .subquery()
    )
    return select(whole.c.id).where(whole.c.place <= COMPARED_RUNS)


def _repeated(sighting_ids: Sequence[uuid.UUID]) -> Select[uuid.UUID]:
    """Those sightings whose medium was seen at the same address both earlier and later."""
    this, earlier, later = aliased(Sighting), aliased(Sighting), aliased(Sighting)

    def same(other: type[Sighting]) -> object:
        return and_(
            other.medium_id == this.medium_id,
            other.site_id == this.site_id,
            other.media_url_key == this.media_url_key,
        )

    return select(this.id).where(
        this.id.in_(sighting_ids),
        exists().where(same(earlier), earlier.seen_at < this.seen_at),  # type: ignore[arg-type]
        exists().where(same(later), later.seen_at > this.seen_at),  # type: ignore[arg-type]
    )
