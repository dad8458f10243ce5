"""What is forgotten by itself: only what nobody needs, a few rows at a time."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from indexer.observations import Examination, MediaHashes
from service.accounts.actor import Actor
from service.audit.models import AuditEntry
from service.audit.trail import AuditTrail
from service.database import Database
from service.sources import frontier, retention
from service.sources.frontier import Address, url_key
from service.sources.media_ledger import Place
from service.sources.models import FrontierEntry, Run, Sighting
from service.sources.retention import KeptFor, Retention, forgotten
from service.sources.run_watching import watch
from service.sources.sweep_models import Sweep, SweepRun
from service.sources.sweep_repository import SweepCount, SweepRepository
from service.sources.views import RunView, SiteView
from service.work.retention_rounds import RetentionRounds
from tests.fixtures.clock import SettableClock
from tests.service.sources.sources_factory import (
    Sources,
    make_organisation,
    make_sources,
    operator_of,
)

ADDRESSES, SIGHTINGS = 60, 180


class ReportBrokenError(Exception):
    """The report of a run cannot be kept."""


@dataclass
class Archive:
    """The sources of one organisation, and what other rooms say of them."""

    sources: Sources
    clock: SettableClock
    interesting: set[uuid.UUID] = field(default_factory=set)
    reported: datetime | None = None
    not_reported: uuid.UUID | None = None
    broken: uuid.UUID | None = None
    kept: list[tuple[uuid.UUID, int]] = field(default_factory=list)

    @property
    def retention(self) -> Retention:
        return Retention(
            self.clock,
            AuditTrail(self.clock),
            KeptFor(ADDRESSES, SIGHTINGS),
            (self._of_interest,),
            self._reported_until,
            self._keep,
        )

    def visit(self, site: SiteView, *names: str, state: str = "finished", days: int = 1) -> RunView:
        """A run that sees these media, each at an address of its own; time goes on after it."""
        run = self.sources.running(site)
        with self.sources.database.write() as session:
            for name in names:
                url = f"http://forum.example/{name}.jpg"
                frontier.add(session, run.id, [Address(url, "medium", 0)])
                place = Place(site.organisation_id, url, None, site.id, run.id)
                self.sources.service.record_examined(
                    session, self.sources.system, place, examination_of(name), 1
                )
            reason = "" if state == "finished" else "no_page"
            self.sources.service.progress.end(session, self.sources.system, run.id, state, reason)
        self.clock.advance(timedelta(days=days).total_seconds())
        return run

    def go_round(self) -> int:
        return RetentionRounds(self.sources.database, self.retention).go_round()

    def addresses(self, run: RunView) -> int:
        with self.sources.database.read() as session:
            query = select(func.count()).where(FrontierEntry.run_id == run.id)
            return session.scalar(query) or 0

    def seen(self, *runs: RunView) -> list[list[str]]:
        """The media of which each run's sightings are still there."""
        with self.sources.database.read() as session:
            return [
                sorted(
                    url.rpartition("/")[2].removesuffix(".jpg")
                    for url in session.scalars(
                        select(Sighting.media_url).where(Sighting.run_id == run.id)
                    )
                )
                for run in runs
            ]

    def _of_interest(self, _session: Session, ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
        return self.interesting.intersection(ids)

    def _reported_until(self, _session: Session, organisation_id: uuid.UUID) -> datetime:
        if organisation_id == self.not_reported:
            return datetime(2000, 1, 1, tzinfo=UTC)
        return self.reported or self.clock.now()

    def _keep(self, session: Session, _actor: Actor, run_id: uuid.UUID) -> None:
        if run_id == self.broken:
            raise ReportBrokenError
        left = session.scalar(select(func.count()).where(FrontierEntry.run_id == run_id)) or 0
        self.kept.append((run_id, left))


def examination_of(name: str) -> Examination:
    return Examination(
        hashes=MediaHashes(sha256=url_key(f"http://content.example/{name}")),
        kind="still",
        width_px=1,
        height_px=1,
        frames_examined=1,
        faces_counted=0,
    )


@pytest.fixture
def archive(database: Database, clock: SettableClock) -> Archive:
    return Archive(make_sources(database, clock), clock)


@pytest.fixture
def site(archive: Archive) -> SiteView:
    return archive.sources.site(name="forum")


class TestAddresses:
    def test_they_go_in_small_parts_and_the_runs_report_is_kept_before(
        self, archive: Archive, site: SiteView, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(retention, "ROWS_AT_ONCE", 2)
        old = archive.visit(site, "a", "b", "c", "d", days=ADDRESSES)
        young = archive.visit(site, "a")
        assert archive.addresses(old) == 5
        assert archive.go_round() == 5
        assert (archive.addresses(old), archive.addresses(young)) == (0, 2)
        assert archive.kept == [(old.id, 5)]
        assert archive.go_round() == 0
        with archive.sources.database.read() as session:
            watched = watch(session, archive.sources.operator, old.id, archive.clock.now())
            told = forgotten(session, archive.sources.operator)
            other = operator_of(make_organisation_apart(archive))
            assert forgotten(session, other).addresses == 0
            audited = session.scalars(
                select(AuditEntry.detail).where(AuditEntry.action == "run.forgotten")
            ).all()
        assert watched.run.addresses_forgotten_at == archive.clock.now()
        assert (told.runs, told.addresses) == (1, 5)
        assert audited == [{"addresses": 5}]

    def test_nothing_goes_before_it_is_in_a_report(self, archive: Archive, site: SiteView) -> None:
        run = archive.visit(site, "a", days=ADDRESSES + 10)
        archive.reported = archive.clock.now() - timedelta(days=ADDRESSES + 20)
        assert archive.go_round() == 0
        archive.reported = archive.clock.now()
        assert archive.go_round() == 2
        assert archive.addresses(run) == 0

    def test_one_organisations_many_runs_keep_no_other_waiting(
        self, archive: Archive, site: SiteView, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(retention, "RUNS_AT_ONCE", 2)
        many = [archive.visit(site, "a") for _ in range(3)]
        other = replace(archive, sources=replace(archive.sources, operator=apart(archive)))
        few = other.visit(other.sources.site(name="Elsewhere"), "b", days=ADDRESSES + 1)
        with archive.sources.database.read() as session:
            assert archive.retention.due_for_addresses(session) == (many[0].id, few.id)
        archive.go_round()
        assert [archive.addresses(run) for run in (*many, few)] == [0, 2, 2, 0]

    def test_runs_that_are_in_no_report_yet_keep_no_other_waiting(
        self, archive: Archive, site: SiteView, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(retention, "RUNS_AT_ONCE", 2)
        unreported = [archive.visit(site, "a") for _ in range(3)]
        other = replace(archive, sources=replace(archive.sources, operator=apart(archive)))
        few = other.visit(other.sources.site(name="Elsewhere"), "b", days=ADDRESSES + 1)
        archive.not_reported = site.organisation_id
        archive.go_round()
        assert [archive.addresses(run) for run in (*unreported, few)] == [2, 2, 2, 0]

    def test_a_run_that_cannot_be_cleaned_keeps_no_other_waiting_and_is_told(
        self, archive: Archive, site: SiteView
    ) -> None:
        broken = archive.visit(site, "a")
        sound = archive.visit(site, "a", days=ADDRESSES + 1)
        archive.broken = broken.id
        with pytest.raises(ReportBrokenError):
            archive.go_round()
        assert (archive.addresses(broken), archive.addresses(sound)) == (2, 0)
        archive.broken = None
        assert archive.go_round() == 2

    def test_a_large_run_keeps_no_other_waiting(
        self, archive: Archive, site: SiteView, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(retention, "ROWS_AT_ONCE", 1)
        large = archive.visit(site, *"abcdefgh")
        small = archive.visit(site, "a", days=ADDRESSES + 1)
        moments = iter(range(100))
        monkeypatch.setattr("service.work.retention_rounds.ROUND_S", 5)
        clock = SimpleNamespace(monotonic=lambda: float(next(moments)))
        monkeypatch.setattr("service.work.retention_rounds.time", clock)
        archive.go_round()
        assert archive.addresses(small) == 0
        assert archive.addresses(large) == 7

    @pytest.mark.parametrize("state", ["queued", "running", "paused", "yielded"])
    def test_a_run_that_has_not_ended_keeps_its_own(
        self, archive: Archive, site: SiteView, state: str
    ) -> None:
        run = archive.sources.run(site)
        with archive.sources.database.write() as session:
            session.get_one(Run, run.id).state = state
        archive.clock.advance(timedelta(days=400).total_seconds())
        assert archive.go_round() == 0

    def test_how_far_a_sweep_came_is_told_as_before(self, archive: Archive, site: SiteView) -> None:
        run = archive.visit(site, "a", days=0)
        sweep_id = uuid.uuid4()
        with archive.sources.database.write() as session:
            now = archive.clock.now()
            session.add(
                Sweep(
                    id=sweep_id,
                    organisation_id=site.organisation_id,
                    site_id=site.id,
                    state="going_on",
                    due_before=now,
                    addresses=2,
                    created_at=now,
                )
            )
            session.flush()
            session.add(SweepRun(run_id=run.id, sweep_id=sweep_id))
            for state in ("done", "refused"):
                address = Address(f"http://forum.example/{state}", "medium", 0, how="sweep")
                frontier.add(session, run.id, [address])
                session.execute(
                    FrontierEntry.__table__.update()
                    .where(FrontierEntry.url == address.url)
                    .values(state=state)
                )
        archive.clock.advance(timedelta(days=ADDRESSES + 1).total_seconds())
        assert archive.go_round() == 0  # it goes on: what was dealt with is never done again
        with archive.sources.database.write() as session:
            session.get_one(Sweep, sweep_id).state = "done"
        assert archive.go_round() == 4
        with archive.sources.database.read() as session:
            repository = SweepRepository(session, archive.sources.system)
            assert repository.counts(session.get_one(Sweep, sweep_id)) == SweepCount(1, 1)


class TestSightings:
    def test_only_sightings_between_the_first_and_the_latest_go(
        self, archive: Archive, site: SiteView
    ) -> None:
        first = archive.visit(site, "same", "once")
        second = archive.visit(site, "same", "found")
        third = archive.visit(site, "same", "found")
        fourth = archive.visit(site, "found", days=SIGHTINGS)
        latest = [archive.visit(site, "same", "found") for _ in range(3)]
        assert archive.go_round() > 0
        assert archive.seen(first, second, third) == [
            ["once", "same"],
            ["found"],
            [],
        ]
        assert archive.seen(fourth) == [[]]
        assert archive.seen(*latest) == [["found", "same"]] * 3
        with archive.sources.database.read() as session:
            assert forgotten(session, archive.sources.operator).sightings == 4

    def test_all_stay_of_media_in_which_another_room_is_interested(
        self, archive: Archive, site: SiteView
    ) -> None:
        runs = [archive.visit(site, "found", "other") for _ in range(3)]
        with archive.sources.database.read() as session:
            medium = session.scalars(
                select(Sighting.medium_id).where(Sighting.media_url.contains("found"))
            ).first()
        assert medium is not None
        archive.interesting.add(medium)
        archive.clock.advance(timedelta(days=SIGHTINGS).total_seconds())
        for _ in range(3):
            archive.visit(site, "found", "other")
        archive.go_round()
        assert archive.seen(*runs) == [["found", "other"], ["found"], ["found"]]

    def test_the_latest_whole_runs_of_a_site_keep_all_however_old(
        self, archive: Archive, site: SiteView
    ) -> None:
        whole = [archive.visit(site, "a", days=100) for _ in range(4)]
        blind = archive.visit(site, "a", state="blind", days=SIGHTINGS + 1)
        last = archive.visit(site, "a", state="blind")
        archive.go_round()
        assert archive.seen(*whole) == [["a"], ["a"], ["a"], ["a"]]
        assert archive.seen(blind, last) == [[], ["a"]]

    def test_runs_of_other_sites_are_not_compared(self, archive: Archive, site: SiteView) -> None:
        here = [archive.visit(site, "a") for _ in range(2)]
        elsewhere = archive.visit(archive.sources.site(name="other"), "a", days=SIGHTINGS + 1)
        archive.go_round()
        assert archive.seen(*here, elsewhere) == [["a"]] * 3

    def test_many_are_gone_through_in_parts(
        self, archive: Archive, site: SiteView, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        names = [f"m{number}" for number in range(7)]
        runs = [archive.visit(site, *names) for _ in range(2)]
        archive.clock.advance(timedelta(days=SIGHTINGS).total_seconds())
        for _ in range(3):
            archive.visit(site, *names)
        monkeypatch.setattr(retention, "ROWS_AT_ONCE", 3)
        archive.go_round()
        assert archive.seen(*runs) == [names, []]


def apart(archive: Archive) -> Actor:
    """The operator of another organisation."""
    return operator_of(make_organisation_apart(archive))


def make_organisation_apart(archive: Archive) -> uuid.UUID:
    return make_organisation(archive.sources.database, archive.clock, "Other")
