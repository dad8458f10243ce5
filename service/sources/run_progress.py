"""How workers move a run on: taken up, begun, counted, handed out again, ended."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.enrolment.visibility import acute_people
from service.sources import frontier, leasing
from service.sources.models import Run
from service.sources.repository import SourcesRepository
from service.sources.run_control import RunControl
from service.sources.run_rows import queue_again, run_views
from service.sources.variants import media_only_small
from service.sources.views import (
    AT_WORK,
    LIVE_STATES,
    YIELDED,
    LookedAt,
    RunCount,
    RunNow,
    RunOutcome,
    RunView,
    site_view,
)


class RunProgress:
    """What workers write of runs, in the caller's transaction."""

    def __init__(self, clock: Clock, audit: AuditTrail) -> None:
        self._clock = clock
        self._audit = audit
        self.control = RunControl(clock, audit)

    def to_take_up(self, session: Session, actor: Actor) -> tuple[RunView, ...]:
        """Queued and running runs: the first are to be handed out, the others watched."""
        repository = SourcesRepository(session, actor)
        runs = repository.runs_in(AT_WORK)
        acute = _acute(session, self._clock.now()) if runs else frozenset()
        return run_views(repository, runs, acute)

    def going_on(self, session: Session, actor: Actor) -> tuple[RunView, ...]:
        """Every run that has not ended, also those that are paused or let others go first."""
        repository = SourcesRepository(session, actor)
        return run_views(repository, repository.runs_in(LIVE_STATES))

    def serving(self, session: Session, actor: Actor, case_id: uuid.UUID) -> tuple[RunView, ...]:
        """Runs that served an open case, the newest first."""
        repository = SourcesRepository(session, actor)
        return run_views(repository, repository.runs_serving(case_id))

    def looked_at(self, session: Session, actor: Actor, run_id: uuid.UUID) -> LookedAt:
        """What looked at the run's media, and what could not be read."""
        repository = SourcesRepository(session, actor)
        return LookedAt(
            models=tuple(repository.models_that_looked(run_id)),
            unreadable=tuple(repository.unreadable(run_id)),
        )

    def begin(
        self, session: Session, actor: Actor, run_id: uuid.UUID, generation: int | None = None
    ) -> bool:
        """Mark a run as running and return its leased addresses; False when it should not go on.

        One that is to let another run of its site go first steps aside here. With `generation`,
        False also for whoever has the run from before it was handed out anew.
        """
        run = SourcesRepository(session, actor).run(run_id, for_update=True)
        if run.state not in AT_WORK or _is_stale(run, generation):
            return False
        if self.steps_aside(session, run):
            return False
        now = self._clock.now()
        if run.state == "queued":
            run.turn_began_at = now
        run.state = "running"
        run.started_at = run.started_at or now
        leasing.give_back(session, run_id, now=now)
        return True

    def steps_aside(self, session: Session, run: Run) -> bool:
        """Whether the run steps aside now: something else of its site wants its turn."""
        now = self._clock.now()
        if run.steps_aside_at is None or run.steps_aside_at > now:
            return False
        run.state, run.steps_aside_at = YIELDED, None
        leasing.give_back(session, run.id, now=now)
        session.flush()
        return True

    def requeue(self, session: Session, actor: Actor, run_id: uuid.UUID) -> None:
        """Hand a run out once more, because the workflow that had it is gone."""
        run = SourcesRepository(session, actor).run(run_id, for_update=True)
        if run.state == "running":
            run.times_lost += 1
            queue_again(run)

    def end(
        self,
        session: Session,
        actor: Actor,
        run_id: uuid.UUID,
        state: str,
        reason: str,
        generation: int | None = None,
    ) -> bool:
        """Write how a running run ended; False when it had ended (or was paused) already, or was
        handed out anew since `generation`.

        Where something is left and another run of the site wants its turn, it steps aside instead.
        """
        repository = SourcesRepository(session, actor)
        run = repository.run(run_id, for_update=True)
        if run.state not in AT_WORK or _is_stale(run, generation):
            return False
        is_left = repository.count_entries(run_id, states=("waiting", "leased")) > 0
        if state != "failed" and is_left and self.steps_aside(session, run):
            return False
        run.state, run.state_reason, run.finished_at = state, reason, self._clock.now()
        run.media_only_small = media_only_small(session, run_id)
        # the worker serves every organisation; its operator reads how the run ended
        owner = Actor.system(actor.reason or "crawl", run.organisation_id)
        self._audit.record(session, owner, f"run.{state}", "run", run.id, pages=run.pages_seen)
        session.flush()
        self.control.go_on(session, run.site_id)
        return True

    def now(self, session: Session, actor: Actor, run_id: uuid.UUID) -> RunNow:
        """How far a run is: asked for with every few addresses."""
        return SourcesRepository(session, actor).run_now(run_id)

    def count(self, session: Session, actor: Actor, run_id: uuid.UUID, count: RunCount) -> None:
        """Add to a run's counts."""
        SourcesRepository(session, actor).add_to_run(run_id, count)

    def outcome(self, session: Session, actor: Actor, run_id: uuid.UUID) -> RunOutcome:
        """What became of the run's addresses."""
        repository = SourcesRepository(session, actor)
        run = repository.run(run_id)
        site = site_view(repository.site(run.site_id))
        canaries = [frontier.url_key(canary.url) for canary in site.canaries]
        return RunOutcome(
            pages_done=repository.count_entries(run_id, states=("done",), kind="page"),
            media_done=repository.count_entries(run_id, states=("done",), kind="medium"),
            pages_waiting=repository.count_entries(
                run_id, states=("waiting", "leased"), kind="page"
            ),
            waiting=repository.count_entries(run_id, states=("waiting", "leased")),
            refusals=tuple(repository.refusals(run_id)),
            starts_refused=repository.count_entries(
                run_id, states=("refused", "failed"), how="seed"
            ),
            canaries_lost=repository.not_done(run_id, canaries) if canaries else 0,
            media_without_faces=run.media_without_faces,
        )


def _is_stale(run: Run, generation: int | None) -> bool:
    return generation is not None and run.generation != generation


def _acute(session: Session, now: datetime) -> frozenset[str]:
    return frozenset(str(person) for person in session.scalars(acute_people(now)))
