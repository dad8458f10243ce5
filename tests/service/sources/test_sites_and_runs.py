"""Sites and runs: who may, for what purpose, one at a time."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from sqlalchemy import select

from indexer.observations import Examination, MediaHashes, ModelStamp, Refusal
from service.accounts.actor import Actor, Role
from service.audit.models import AuditEntry
from service.database import Database
from service.errors import NotAllowedError, NotFoundError
from service.sources import frontier, leasing
from service.sources.errors import (
    NoPurposeError,
    RunLiveError,
    RunOverError,
    SiteNameTakenError,
    SitePausedError,
)
from service.sources.media_ledger import Place
from service.sources.models import MediumSeen, Run, Sighting
from tests.fixtures.clock import SettableClock
from tests.service.sources.sources_factory import (
    DRAFT,
    Sources,
    make_organisation,
    make_sources,
    operator_of,
)

MODEL = ModelStamp("pack", "d" * 8, 1)
OTHER_MODEL = ModelStamp("pack", "e" * 8, 1)


@pytest.fixture
def sources(database: Database, clock: SettableClock) -> Sources:
    return make_sources(database, clock)


class TestSites:
    def test_a_site_is_kept_as_it_was_described(self, sources: Sources) -> None:
        site = sources.site(schedule="30 3 * * *", canaries=("3 http://forum.example/start",))
        with sources.database.read() as session:
            again = sources.service.site(session, sources.operator, site.id)
        assert again == site
        assert again.next_run_at is not None
        assert again.canaries[0].least_media == 3

    def test_a_name_is_taken_once(self, sources: Sources) -> None:
        site = sources.site()
        with pytest.raises(SiteNameTakenError):
            sources.site()
        with sources.database.write() as session:
            sources.service.update_site(
                session, sources.operator, site.id, replace(DRAFT, page_budget=7)
            )

    def test_only_operators_change_sites(self, sources: Sources) -> None:
        advocate = replace(sources.operator, role=Role.ADVOCATE)
        with pytest.raises(NotAllowedError), sources.database.write() as session:
            sources.service.add_site(session, advocate, DRAFT)

    def test_another_organisation_and_a_person_see_nothing(
        self, sources: Sources, clock: SettableClock
    ) -> None:
        site = sources.site()
        run = sources.run(site)
        stranger = operator_of(make_organisation(sources.database, clock, "Other"))
        person = Actor(Role.PERSON, sources.operator.organisation_id, person_id=uuid.uuid4())
        for actor in (stranger, person):
            with sources.database.read() as session:
                assert sources.service.sites(session, actor) == ()
                assert sources.service.runs(session, actor) == ()
                with pytest.raises(NotFoundError):
                    sources.service.site(session, actor, site.id)
                with pytest.raises(NotFoundError):
                    sources.service.run(session, actor, run.id)
        with pytest.raises(NotFoundError), sources.database.write() as session:
            sources.service.pause_site(session, stranger, site.id)

    def test_a_paused_site_is_not_visited_and_its_run_waits(self, sources: Sources) -> None:
        site = sources.site()
        run = sources.running(site)
        with sources.database.write() as session:
            sources.service.pause_site(session, sources.operator, site.id)
        assert sources.look(run).state == "paused"
        with sources.database.write() as session:
            assert not sources.service.progress.begin(session, sources.system, run.id)
        with sources.database.write() as session:
            sources.service.resume_site(session, sources.operator, site.id)
        again = sources.look(run)
        assert (again.state, again.generation) == ("queued", 2)


class TestRuns:
    def test_a_run_serves_the_open_cases(self, sources: Sources) -> None:
        run = sources.run()
        assert (run.state, run.cases_served) == ("queued", 1)
        with sources.database.read() as session:
            assert session.get_one(Run, run.id).serves == [str(sources.cases.ids[0])]
            actions = session.scalars(select(AuditEntry.action)).all()
        assert actions == ["site.added", "run.queued"]

    def test_without_an_open_case_a_run_is_refused(self, sources: Sources) -> None:
        sources.cases.ids.clear()
        site = sources.site()
        with pytest.raises(NoPurposeError), sources.database.write() as session:
            sources.service.start_run(session, sources.operator, site.id)

    def test_a_purpose_of_monitoring_stands_in_for_a_case(self, sources: Sources) -> None:
        sources.cases.ids.clear()
        site = sources.site()
        with sources.database.write() as session:
            run = sources.service.start_run(
                session, sources.operator, site.id, "Check that the canary is alive"
            )
        assert (run.cases_served, run.monitoring_purpose) == (0, "Check that the canary is alive")

    def test_one_run_of_a_site_is_live(self, sources: Sources) -> None:
        site = sources.site()
        run = sources.run(site)
        with pytest.raises(RunLiveError):
            sources.run(site)
        with sources.database.write() as session:
            sources.service.control.cancel(session, sources.operator, run.id)
        sources.run(site)

    def test_the_database_itself_holds_one_live_run(self, sources: Sources) -> None:
        site = sources.site()
        sources.run(site)
        other = Run(
            organisation_id=site.organisation_id,
            site_id=site.id,
            state="queued",
            created_at=sources.clock.now(),
        )
        from sqlalchemy.exc import IntegrityError

        with pytest.raises(IntegrityError), sources.database.write() as session:
            session.add(other)

    def test_a_paused_site_is_not_run(self, sources: Sources) -> None:
        site = sources.site()
        with sources.database.write() as session:
            sources.service.pause_site(session, sources.operator, site.id)
        with pytest.raises(SitePausedError):
            sources.run(site)

    def test_a_run_that_is_over_stays_over(self, sources: Sources) -> None:
        run = sources.running()
        with sources.database.write() as session:
            assert sources.service.progress.end(session, sources.system, run.id, "finished", "")
        with sources.database.write() as session:
            assert not sources.service.progress.end(session, sources.system, run.id, "failed", "x")
            assert not sources.service.progress.begin(session, sources.system, run.id)
            with pytest.raises(RunOverError):
                sources.service.control.cancel(session, sources.operator, run.id)
        assert sources.look(run).state == "finished"
        with sources.database.read() as session:
            told = session.scalars(
                select(AuditEntry.organisation_id).where(AuditEntry.action == "run.finished")
            ).all()
        assert told == [run.organisation_id]  # its operator reads how it ended

    def test_beginning_again_returns_the_leases_of_the_dead(self, sources: Sources) -> None:
        run = sources.running()
        with sources.database.write() as session:
            held = leasing.lease(
                session,
                run.id,
                worker="W",
                limit=9,
                kinds=("page",),
                now=sources.clock.now(),
                lease_s=999,
            )
            assert held
        with sources.database.write() as session:
            assert sources.service.progress.begin(session, sources.system, run.id)
        with sources.database.read() as session:
            (count,) = frontier.counts(session, run.id)
        assert count.state == "waiting"


class TestSchedules:
    def test_a_due_site_gets_one_run_and_its_next_moment(
        self, sources: Sources, clock: SettableClock
    ) -> None:
        site = sources.site(schedule="30 3 * * *")
        assert self.start(sources) == 0
        clock.advance(days=1)
        assert self.start(sources) == 1
        assert self.start(sources) == 0
        with sources.database.read() as session:
            again = sources.service.site(session, sources.operator, site.id)
        assert again.next_run_at is not None
        assert again.next_run_at > clock.now()

    def test_a_moment_without_anybody_to_serve_passes_by(
        self, sources: Sources, clock: SettableClock
    ) -> None:
        sources.site(schedule="30 3 * * *")
        sources.cases.ids.clear()
        clock.advance(days=1)
        assert self.start(sources) == 0
        with sources.database.read() as session:
            entry = session.scalars(select(AuditEntry).order_by(AuditEntry.number.desc())).first()
        assert entry is not None
        assert (entry.action, entry.detail) == ("run.skipped", {"why": "no_purpose"})

    @staticmethod
    def start(sources: Sources) -> int:
        with sources.database.write() as session:
            return sources.service.start_due_runs(session, Actor.system("schedule"))


def examination(sha256: str = "a" * 64, **changes: object) -> Examination:
    plain = Examination(
        hashes=MediaHashes(sha256=sha256, pdq="0" * 64, pdq_quality=90, phash="1" * 16),
        kind="still",
        width_px=640,
        height_px=480,
        frames_examined=1,
        faces_counted=2,
        model=MODEL,
        watchlist_change=5,
    )
    values = {name: getattr(plain, name) for name in plain.__struct_fields__}
    return Examination(**(values | changes))


class TestMedia:
    def place(self, sources: Sources, run: object, url: str = "http://cdn.example/a.jpg") -> Place:
        assert sources.operator.organisation_id is not None
        return Place(
            sources.operator.organisation_id,
            url,
            "http://forum.example/start",
            getattr(run, "site_id", None),
            getattr(run, "id", None),
        )

    def record(self, sources: Sources, place: Place, seen: Examination) -> object:
        with sources.database.write() as session:
            return sources.service.record_examined(session, sources.system, place, seen, 1234)

    def test_the_same_medium_at_the_same_place_is_one_sighting(self, sources: Sources) -> None:
        run = sources.running()
        first = self.record(sources, self.place(sources, run), examination())
        again = self.record(sources, self.place(sources, run), examination())
        other = self.record(
            sources, self.place(sources, run, "http://cdn.example/b.jpg"), examination()
        )
        assert first.is_new
        assert not again.is_new
        assert first.sighting_id == again.sighting_id != other.sighting_id
        assert first.medium_id == other.medium_id
        assert first.host == "cdn.example"

    def test_what_is_kept_of_a_medium_says_nothing_of_a_face(self, sources: Sources) -> None:
        columns = {*MediumSeen.__table__.columns.keys(), *Sighting.__table__.columns.keys()}
        assert not [name for name in columns if "face" in name or "person" in name]
        self.record(sources, self.place(sources, sources.running()), examination())
        with sources.database.read() as session:
            row = session.scalars(select(MediumSeen)).one()
        assert (row.examined_model, row.examined_change) == ("pack/dddddddd/1", 5)

    @pytest.mark.parametrize(
        ("model", "change", "known"),
        [
            (MODEL, 5, True),
            (MODEL, 6, False),
            (None, 5, False),
            (ModelStamp("p", "e", 1), 5, False),
        ],
    )
    def test_only_the_very_same_look_need_not_be_repeated(
        self, sources: Sources, model: ModelStamp | None, change: int, known: bool
    ) -> None:
        self.record(sources, self.place(sources, sources.running()), examination())
        assert self.known(sources, sources.system, model, change) is known

    def test_a_look_for_another_organisation_does_not_count(
        self, sources: Sources, clock: SettableClock
    ) -> None:
        self.record(sources, self.place(sources, sources.running()), examination())
        other = make_organisation(sources.database, clock, "Other")
        assert not self.known(sources, Actor.system("test", other), MODEL, 5)
        clock.advance(1)
        elsewhere = Place(other, "http://cdn.example/a.jpg", None)
        with sources.database.write() as session:
            sources.service.record_examined(
                session, Actor.system("test", other), elsewhere, examination(), 9
            )
        assert self.known(sources, Actor.system("test", other), MODEL, 5)
        assert not self.known(sources, sources.system, MODEL, 5)

    def test_what_somebody_brought_is_looked_at_again_by_a_run_and_has_no_address(
        self, sources: Sources
    ) -> None:
        with sources.database.write() as session:
            brought = sources.service.know_medium(session, sources.system, examination(), 9)
        assert not self.known(sources, sources.system, MODEL, 5)
        with sources.database.read() as session:
            assert session.scalars(select(Sighting)).all() == []
        seen = self.record(sources, self.place(sources, sources.running()), examination())
        assert seen.medium_id == brought
        assert self.known(sources, sources.system, MODEL, 5)

    def test_a_medium_that_ended_the_examiner_is_tried_again(self, sources: Sources) -> None:
        crashed = examination(refusal=Refusal("examiner_crashed", "gone"))
        self.record(sources, self.place(sources, sources.running()), crashed)
        assert not self.known(sources, sources.system, MODEL, 5)

    @staticmethod
    def known(sources: Sources, actor: Actor, model: ModelStamp | None, change: int) -> bool:
        assert actor.organisation_id is not None
        with sources.database.read() as session:
            before = sources.service.examined_before(session, ["a" * 64, "b" * 64])
            return "a" * 64 in before and (
                sources.service.examined_already(
                    session, actor, actor.organisation_id, before["a" * 64], model, change
                )
                is not None
            )
