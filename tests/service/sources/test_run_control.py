"""One run can be paused; runs of one site take turns; nobody is kept from a site for ever."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from service.accounts.actor import Role
from service.clock import SystemClock
from service.database import Database
from service.enrolment.models import Person
from service.errors import NotAllowedError, NotFoundError
from service.sources import frontier
from service.sources.errors import RunLiveError, RunOverError, RunStateError
from service.sources.frontier import Address
from service.sources.models import FrontierEntry, Run, Site
from service.sources.run_control import LEAST_TURN, PAUSED_TOO_LONG, PLACE_WAITS, RunControl
from service.sources.views import AROUND, SWEEP_RUN, WHOLE_SITE, YIELDED, RunView, SiteView
from service.work.dispatcher import ACUTE_PRIORITY, PRIORITY, priority_of
from tests.fixtures.clock import SettableClock
from tests.service.sources.sources_factory import (
    Sources,
    make_organisation,
    make_sources,
    operator_of,
)
from tests.service.work.work_factory import make_person

NOTHING = timedelta(0)


@pytest.fixture
def clock() -> SettableClock:
    # people's times are those of the database's own now
    made = SettableClock()
    made.advance((SystemClock().now() - made.now()).total_seconds())
    return made


@pytest.fixture
def sources(database: Database, clock: SettableClock) -> Sources:
    return make_sources(database, clock)


@pytest.fixture
def site(sources: Sources) -> SiteView:
    return sources.site(schedule="30 3 * * *")


def control(sources: Sources) -> RunControl:
    return sources.service.control


def pause(sources: Sources, run: RunView) -> RunView:
    with sources.database.write() as session:
        return control(sources).pause(session, sources.operator, run.id)


def resume(sources: Sources, run: RunView) -> RunView:
    with sources.database.write() as session:
        return control(sources).resume(session, sources.operator, run.id)


def begins(sources: Sources, run: RunView) -> bool:
    with sources.database.write() as session:
        return sources.service.progress.begin(session, sources.system, run.id)


def end(sources: Sources, run: RunView) -> bool:
    with sources.database.write() as session:
        return sources.service.progress.end(session, sources.system, run.id, "finished", "")


def step_aside(sources: Sources, site: SiteView, after: timedelta) -> None:
    with sources.database.write() as session:
        control(sources).step_aside(session, site.id, after, (WHOLE_SITE, SWEEP_RUN))


def another(
    sources: Sources, site: SiteView, kind: str, serves: tuple[uuid.UUID, ...] = ()
) -> RunView:
    """A run for one case, or of a sweep, on a site whose own run stepped aside."""
    run_id = uuid.uuid4()
    with sources.database.write() as session:
        session.add(
            Run(
                id=run_id,
                organisation_id=site.organisation_id,
                site_id=site.id,
                kind=kind,
                state="queued",
                serves=[str(each) for each in serves],
                created_at=sources.clock.now(),
            )
        )
        session.flush()
        return sources.service.run(session, sources.operator, run_id)


def due_runs(sources: Sources) -> int:
    with sources.database.write() as session:
        return sources.service.start_due_runs(session, sources.system)


class TestPausing:
    def test_a_paused_run_goes_on_where_it_was(self, sources: Sources, site: SiteView) -> None:
        run = sources.running(site)
        with sources.database.write() as session:
            frontier.add(session, run.id, [Address("http://forum.example/1", "page", 1)])
        paused = pause(sources, run)
        assert (paused.state, paused.state_reason, paused.is_live) == ("paused", "run_paused", True)
        assert not begins(sources, run)
        assert not end(sources, run)
        again = resume(sources, run)
        assert (again.state, again.state_reason, again.generation) == ("queued", "", 2)
        assert begins(sources, run)
        with sources.database.read() as session:
            assert {row.state for row in session.query(FrontierEntry)} == {"waiting"}

    def test_whoever_had_it_before_neither_goes_on_with_it_nor_ends_it(
        self, sources: Sources, site: SiteView
    ) -> None:
        """Resumed within moments, it has another worker, while the first may not have noticed."""
        run = sources.run(site)
        assert begins(sources, run)
        pause(sources, run)
        resumed = resume(sources, run)
        progress, system = sources.service.progress, sources.system
        with sources.database.write() as session:
            assert not progress.begin(session, system, run.id, run.generation)
            assert not progress.end(session, system, run.id, "finished", "", run.generation)
            assert progress.begin(session, system, run.id, resumed.generation)
            assert not progress.end(session, system, run.id, "finished", "", run.generation)
            now = progress.now(session, system, run.id)
        at = sources.clock.now()
        assert not now.goes_on(at, run.generation)
        assert now.goes_on(at, resumed.generation)
        assert sources.look(run).state == "running"

    def test_nothing_else_of_its_site_begins_beside_it(
        self, sources: Sources, site: SiteView
    ) -> None:
        pause(sources, sources.running(site))
        with pytest.raises(RunLiveError):
            sources.run(site)

    def test_resuming_the_site_leaves_it_paused(self, sources: Sources, site: SiteView) -> None:
        run = sources.running(site)
        pause(sources, run)
        with sources.database.write() as session:
            sources.service.pause_site(session, sources.operator, site.id)
        with pytest.raises(RunStateError, match="resume the site"):
            resume(sources, run)
        with sources.database.write() as session:
            sources.service.resume_site(session, sources.operator, site.id)
        assert sources.look(run).state == "paused"
        assert resume(sources, run).state == "queued"

    def test_what_cannot_be_done_is_said(self, sources: Sources, site: SiteView) -> None:
        run = sources.running(site)
        with pytest.raises(RunStateError, match="not paused"):
            resume(sources, run)
        pause(sources, run)
        with pytest.raises(RunStateError, match="already"):
            pause(sources, run)
        with sources.database.write() as session:
            control(sources).cancel(session, sources.operator, run.id)
        with pytest.raises(RunOverError):
            resume(sources, run)

    def test_only_operators_of_the_organisation_may(
        self, sources: Sources, site: SiteView, clock: SettableClock
    ) -> None:
        run = sources.running(site)
        advocate = replace(sources.operator, role=Role.ADVOCATE)
        stranger = operator_of(make_organisation(sources.database, clock, "Other"))
        for actor, error in ((advocate, NotAllowedError), (stranger, NotFoundError)):
            with pytest.raises(error), sources.database.write() as session:
                control(sources).pause(session, actor, run.id)

    def test_a_visit_that_is_due_takes_its_place_after_a_day_and_not_before(
        self, sources: Sources, site: SiteView, clock: SettableClock
    ) -> None:
        run = sources.running(site)
        pause(sources, run)
        when_due(sources, site, clock, timedelta(hours=20))
        assert due_runs(sources) == 0
        assert sources.look(run).state == "paused"
        when_due(sources, site, clock, PAUSED_TOO_LONG)
        assert due_runs(sources) == 1
        over = sources.look(run)
        assert (over.state, over.state_reason) == ("cancelled", "paused_too_long")


def when_due(sources: Sources, site: SiteView, clock: SettableClock, later: timedelta) -> None:
    clock.advance(later.total_seconds())
    with sources.database.write() as session:
        session.execute(update(Site).where(Site.id == site.id).values(next_run_at=clock.now()))


class TestTurns:
    def test_a_run_steps_aside_and_goes_on_when_the_other_has_ended(
        self, sources: Sources, site: SiteView
    ) -> None:
        routine = sources.running(site)
        step_aside(sources, site, NOTHING)
        assert not begins(sources, routine)
        assert (sources.look(routine).state, sources.look(routine).is_live) == (YIELDED, True)
        urgent = another(sources, site, AROUND)
        assert begins(sources, urgent)
        assert sources.look(routine).state == YIELDED
        assert end(sources, urgent)
        assert sources.look(routine).state == "queued"
        assert begins(sources, routine)

    def test_it_has_had_a_turn_before_it_steps_aside(
        self, sources: Sources, site: SiteView, clock: SettableClock
    ) -> None:
        routine = sources.running(site)
        clock.advance(60)
        step_aside(sources, site, LEAST_TURN)
        assert begins(sources, routine)
        clock.advance(LEAST_TURN.total_seconds())
        assert not begins(sources, routine)

    def test_what_is_at_its_end_ends(self, sources: Sources, site: SiteView) -> None:
        routine = sources.running(site)
        with sources.database.write() as session:
            session.execute(update(FrontierEntry).values(state="done"))
        step_aside(sources, site, NOTHING)
        assert end(sources, routine)

    def test_what_is_not_at_its_end_is_never_called_finished_for_having_stepped_aside(
        self, sources: Sources, site: SiteView
    ) -> None:
        routine = sources.running(site)
        step_aside(sources, site, NOTHING)
        assert not end(sources, routine)
        assert sources.look(routine).state == YIELDED

    @pytest.mark.parametrize("how", ["cancelled", "never begun"])
    def test_it_goes_on_whatever_becomes_of_the_other(
        self, sources: Sources, site: SiteView, how: str
    ) -> None:
        routine = sources.running(site)
        step_aside(sources, site, NOTHING)
        assert not begins(sources, routine)
        if how == "cancelled":
            urgent = another(sources, site, AROUND)
            with sources.database.write() as session:
                control(sources).cancel(session, sources.operator, urgent.id)
        with sources.database.write() as session:
            control(sources).go_on_everywhere(session)
        assert sources.look(routine).state == "queued"

    def test_one_that_stepped_aside_can_be_cancelled_and_no_second_visit_begins_beside_it(
        self, sources: Sources, site: SiteView
    ) -> None:
        routine = sources.running(site)
        step_aside(sources, site, NOTHING)
        assert not begins(sources, routine)
        with pytest.raises(RunLiveError):
            sources.run(site)
        with pytest.raises(RunStateError, match="goes first"):
            pause(sources, routine)
        with sources.database.write() as session:
            control(sources).cancel(session, sources.operator, routine.id)
        assert sources.look(routine).state == "cancelled"

    def test_a_paused_site_keeps_it_waiting(self, sources: Sources, site: SiteView) -> None:
        routine = sources.running(site)
        step_aside(sources, site, NOTHING)
        assert not begins(sources, routine)
        with sources.database.write() as session:
            sources.service.pause_site(session, sources.operator, site.id)
            assert control(sources).go_on_everywhere(session) == 0
            sources.service.resume_site(session, sources.operator, site.id)
            assert control(sources).go_on_everywhere(session) == 1


class TestAcute:
    def test_what_is_for_somebody_in_acute_danger_goes_first_in_its_queue(
        self, sources: Sources, site: SiteView
    ) -> None:
        person_id = acute_person(sources)
        urgent = another(sources, site, AROUND, (person_id,))
        routine = sources.run(sources.site(name="other"))
        with sources.database.read() as session:
            runs = {run.id: run for run in queued(sources, session)}
        assert priority_of(runs[urgent.id]) == ACUTE_PRIORITY < PRIORITY
        assert priority_of(runs[routine.id]) == PRIORITY

    @pytest.mark.parametrize("why", ["over", "closed"])
    def test_a_sign_that_is_over_counts_no_more(
        self, sources: Sources, site: SiteView, why: str
    ) -> None:
        person_id = acute_person(sources)
        with sources.database.write() as session:
            person = session.get_one(Person, person_id)
            if why == "over":
                person.acute_until = sources.clock.now()
            else:
                person.state = "closed"
        another(sources, site, AROUND, (person_id,))
        with sources.database.read() as session:
            assert [priority_of(run) for run in queued(sources, session)] == [PRIORITY]

    def test_a_sweep_that_cannot_wait_is_given_the_place_of_the_longest_routine_run(
        self, sources: Sources, site: SiteView, clock: SettableClock
    ) -> None:
        sweep = another(sources, site, SWEEP_RUN, (acute_person(sources),))
        oldest = sources.running(sources.site(name="first"))
        clock.advance(10)
        newer = sources.running(sources.site(name="second"))
        clock.advance(PLACE_WAITS.total_seconds())
        for _ in range(2):
            with sources.database.write() as session:
                control(sources).make_room(session)
        assert not begins(sources, oldest)
        assert begins(sources, newer)
        assert begins(sources, sweep)


def acute_person(sources: Sources) -> uuid.UUID:
    person_id = make_person(sources)
    with sources.database.write() as session:
        until: datetime = sources.clock.now() + timedelta(days=1)
        session.get_one(Person, person_id).acute_until = until
    return person_id


def queued(sources: Sources, session: Session) -> tuple[RunView, ...]:
    return sources.service.progress.to_take_up(session, sources.system)
