"""Who has a site's turn: pausing, resuming and cancelling one run, and stepping aside for others.

At most one run of a site is at work (by a unique key of the database). Another gets its turn so:

1. A look around a find, or a sweep, that finds the site busy has the run there step aside: at once,
   after a turn of `LEAST_TURN`, or of `SWEEP_WAITS`. Its slice ends within seconds, its leases go
   back, and it becomes "yielded".
2. When the run that came between has ended, the yielded one goes on before anything else there: so
   nobody is kept from a site for ever, and each has the share that its turn says.

A run that was paused by itself waits for whoever paused it; a visit of its site that becomes due a
day or more after that takes its place.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.enrolment.visibility import acute_people
from service.errors import NotAllowedError
from service.sources.errors import RunOverError, RunStateError
from service.sources.models import Run, Site
from service.sources.repository import SourcesRepository
from service.sources.run_rows import queue_again, run_views
from service.sources.views import (
    AT_WORK,
    LIVE_STATES,
    RUN_PAUSED,
    SWEEP_RUN,
    WHOLE_SITE,
    YIELDED,
    RunView,
)

LEAST_TURN: Final = timedelta(minutes=5)
"""A run goes on for so long before it steps aside once more for what is for one case."""
SWEEP_WAITS: Final = timedelta(minutes=30)
"""So long at most a sweep waits for another run of its site."""
PAUSED_TOO_LONG: Final = timedelta(days=1)
PLACE_WAITS: Final = timedelta(minutes=1)


class RunControl:
    """Moves runs from state to state, in the caller's transaction."""

    def __init__(self, clock: Clock, audit: AuditTrail) -> None:
        self._clock = clock
        self._audit = audit

    # By people

    def pause(self, session: Session, actor: Actor, run_id: uuid.UUID) -> RunView:
        """Let one run wait: its worker stops within seconds and hands back what it had leased.

        Raises `RunOverError`, and `RunStateError` when it waits already.
        """
        repository, run = self._live(session, actor, run_id)
        if run.state == "paused":
            raise RunStateError("this run is paused already")
        if run.state == YIELDED:
            raise RunStateError(
                "this run waits while another visit of its site goes first; pause that one, or the "
                "site"
            )
        self._audit.record(session, actor, "run.paused", "run", run.id)
        run.state, run.state_reason = "paused", RUN_PAUSED
        run.paused_at, run.steps_aside_at = self._clock.now(), None
        return run_views(repository, [run])[0]

    def resume(self, session: Session, actor: Actor, run_id: uuid.UUID) -> RunView:
        """Go on with a run that was paused by itself, where it was.

        Raises `RunStateError` when it is not, or its site is paused.
        """
        repository, run = self._live(session, actor, run_id)
        if run.state != "paused":
            raise RunStateError("this run is not paused")
        if repository.site(run.site_id).state == "paused":
            raise RunStateError("the site of this run is paused; resume the site")
        self._audit.record(session, actor, "run.resumed", "run", run.id)
        queue_again(run)
        return run_views(repository, [run])[0]

    def cancel(self, session: Session, actor: Actor, run_id: uuid.UUID) -> RunView:
        """End a run that goes on. What it found stays. Raises `RunOverError`."""
        repository, run = self._live(session, actor, run_id)
        self._cancel(session, actor, run, "cancelled")
        return run_views(repository, [run])[0]

    # By others that want the site

    def step_aside(
        self, session: Session, site_id: uuid.UUID, after: timedelta, kinds: Sequence[str]
    ) -> None:
        """Have the run of one of these kinds that is at work on a site step aside, once it has had
        a turn of `after`. One that is paused is not at work and stays.
        """
        run = session.scalar(
            select(Run).where(Run.site_id == site_id, Run.state.in_(AT_WORK), Run.kind.in_(kinds))
        )
        if run is None:
            return
        moment = max(self._clock.now(), (run.turn_began_at or run.created_at) + after)
        if run.steps_aside_at is None or moment < run.steps_aside_at:
            run.steps_aside_at = moment
        session.flush()

    def go_on(self, session: Session, site_id: uuid.UUID) -> bool:
        """The run that stepped aside on a site goes on, if nothing else is at work there."""
        site = session.get_one(Site, site_id)
        at_work = select(Run.id).where(Run.site_id == site_id, Run.state.in_((*AT_WORK, "paused")))
        if site.state != "active" or session.scalar(at_work.limit(1)) is not None:
            return False
        run = session.scalars(
            select(Run)
            .where(Run.site_id == site_id, Run.state == YIELDED)
            .order_by(Run.created_at, Run.id)
            .limit(1)
        ).first()
        if run is None:
            return False
        queue_again(run)
        session.flush()
        return True

    def go_on_everywhere(self, session: Session) -> int:
        """The same for every site; returns how many runs go on."""
        sites = session.scalars(select(Run.site_id).where(Run.state == YIELDED).distinct()).all()
        return sum(self.go_on(session, site_id) for site_id in sites)

    def make_room(self, session: Session) -> int:
        """Where a sweep for somebody in acute danger waits for a place among the workers, the
        routine run that has had its place longest steps aside; returns how many do.
        """
        now = self._clock.now()
        acute = {str(person) for person in session.scalars(acute_people(now))}
        waiting = [
            run
            for run in session.scalars(
                select(Run).where(
                    Run.state == "queued",
                    Run.kind == SWEEP_RUN,
                    Run.created_at <= now - PLACE_WAITS,
                )
            )
            if acute.intersection(run.serves)
        ]
        routine = session.scalars(
            select(Run)
            .where(Run.state == "running", Run.kind == WHOLE_SITE)
            .order_by(Run.turn_began_at, Run.id)
        ).all()
        leaving = sum(run.steps_aside_at is not None for run in routine)
        staying = [run for run in routine if run.steps_aside_at is None]
        chosen = staying[: max(0, len(waiting) - leaving)]
        for run in chosen:
            run.steps_aside_at = now
        session.flush()
        return len(chosen)

    def make_way(self, session: Session, actor: Actor, site: Site, now: datetime) -> bool:
        """A visit of the site is due: end the run that was paused a day ago or more."""
        run = session.scalars(
            select(Run).where(
                Run.site_id == site.id,
                Run.state == "paused",
                Run.state_reason == RUN_PAUSED,
                Run.paused_at <= now - PAUSED_TOO_LONG,
            )
        ).first()
        if run is None:
            return False
        self._cancel(session, actor, run, "paused_too_long")
        session.flush()
        return True

    def _cancel(self, session: Session, actor: Actor, run: Run, reason: str) -> None:
        run.state, run.state_reason = "cancelled", reason
        run.finished_at = self._clock.now()
        self._audit.record(session, actor, "run.cancelled", "run", run.id)
        session.flush()
        self.go_on(session, run.site_id)

    def _live(
        self, session: Session, actor: Actor, run_id: uuid.UUID
    ) -> tuple[SourcesRepository, Run]:
        if actor.organisation_id is None or actor.role not in (Role.OPERATOR, Role.SYSTEM):
            raise NotAllowedError("only an operator of the organisation may do this")
        repository = SourcesRepository(session, actor)
        run = repository.run(run_id, for_update=True)
        if run.state not in LIVE_STATES:
            raise RunOverError("this run has ended already")
        return repository, run
