"""Sweeps by the real engine and crawl child: known media are fetched again for who joined."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.audit.trail import AuditTrail
from service.candidates.models import Candidate
from service.clock import SystemClock
from service.database import Database
from service.enrolment.joining import LookedFor
from service.sources import leasing, sweeps
from service.sources.errors import FencedOffError
from service.sources.models import FrontierEntry, MediumSeen, Run, Sighting, Site
from service.sources.run_control import SWEEP_WAITS
from service.sources.sweep_models import Sweep
from service.sources.sweep_views import PersonSweeps, SweepProgress
from service.sources.sweeps import SweepService
from service.sources.views import SiteView
from service.work.sweep_rounds import SweepRounds
from tests.fixtures.hostile_site import HostileSite, body, hostile_site, page, picture
from tests.service.work.planted_site import plant
from tests.service.work.work_factory import Worker, make_person, make_worker, shown

pytestmark = pytest.mark.slow


@dataclass
class PeopleOfATest:
    """Who is looked for, as the test says."""

    people: list[LookedFor] = field(default_factory=list)
    change: int = 1

    def people_looked_for(self, session: Session) -> tuple[LookedFor, ...]:
        return tuple(self.people)

    def gallery_change(self, session: Session) -> int:
        return self.change


@dataclass
class World:
    """A worker, its site, and the sweeps over both."""

    worker: Worker
    site: HostileSite
    people: PeopleOfATest
    service: SweepService
    finds: dict[str, int]

    @property
    def database(self) -> Database:
        return self.worker.sources.database

    def crawled(self, **changes: object) -> uuid.UUID:
        """The site, after its first crawl."""
        described = self.worker.sources.site(
            name=str(uuid.uuid4()), seeds=(self.site.at("/"),), **changes
        )
        run = self.worker.sources.run(described)
        assert self.worker.wait_for(run.id, "finished", "blind", "failed") == "finished"
        self.site.requests.clear()
        return described.id

    def join(self) -> uuid.UUID:
        """Somebody joins: they are in the watch-list that the eyes follow."""
        person_id = make_person(self.worker.sources)
        organisation_id = self.worker.sources.operator.organisation_id
        assert organisation_id is not None
        self.people.people.append(LookedFor(person_id, organisation_id, SystemClock().now()))
        self.people.change += 1
        self.worker.eyes.change = self.people.change
        return person_id

    def go_round(self) -> int:
        return SweepRounds(self.database, self.service).go_round()

    def sweep_runs(self) -> list[uuid.UUID]:
        with self.database.read() as session:
            query = select(Run.id).where(Run.kind == "sweep").order_by(Run.created_at)
            return list(session.scalars(query))

    def swept(self, state: str = "finished") -> uuid.UUID:
        """One part, begun and ended."""
        assert self.go_round() == 1
        run_id = self.sweep_runs()[-1]
        assert self.worker.wait_for(run_id, "finished", "blind", "failed") == state
        self.go_round()
        return run_id

    def progress(self, site_id: uuid.UUID) -> SweepProgress:
        with self.database.read() as session:
            told = self.service.of_site(session, self.worker.sources.operator, site_id)
        assert told is not None
        return told

    def told(self, person_id: uuid.UUID) -> PersonSweeps:
        with self.database.read() as session:
            return self.service.of_person(session, self.worker.sources.system, person_id)

    def media_asked_for(self) -> list[str]:
        return [path for path in self.site.paths if path.endswith(".png")]


@pytest.fixture
def world(database: Database, database_url: str, tmp_path: Path) -> Iterator[World]:
    with hostile_site() as site:
        worker = make_worker(
            database,
            tmp_path,
            database_url=database_url,
            exceptions=(f"127.0.0.1:{site.port}",),
        )
        people, finds = PeopleOfATest(), dict[str, int]()
        clock = SystemClock()
        service = SweepService(clock, AuditTrail(clock), people, lambda *_: finds)
        worker.engine.launch()
        try:
            yield World(worker, site, people, service, finds)
        finally:
            worker.engine.close()


def test_who_joins_is_looked_for_in_what_was_seen_before_and_each_picture_once(
    world: World,
) -> None:
    plant(world.site, None)
    site_id = world.crawled()
    person_id = world.join()
    world.site.put("/m2-1.png", picture(shown(person_id, 201)))
    run_id = world.swept()
    assert sorted(world.media_asked_for()) == sorted(
        f"/m{number}-{which}.png" for number in range(4) for which in range(3)
    )
    with world.database.read() as session:
        run = session.get_one(Run, run_id)
        assert run.serves == [str(person_id)]
        assert (run.pages_seen, run.media_seen, run.candidates_found) == (0, 12, 1)
        found = session.scalars(select(Candidate)).one()
        assert (found.person_id, found.run_id) == (person_id, run_id)
    done = world.progress(site_id)
    assert (done.state, done.words) == ("done", "Looked at 12 of 12 pictures again.")
    assert world.told(person_id).words == "Looked at 12 of 12 pictures again."
    assert not world.told(person_id).is_going_on
    assert world.go_round() == 0
    assert world.worker.reports.kept[-1] == run_id


def test_a_sweep_waits_for_a_visit_of_its_site_for_half_an_hour_and_not_longer(
    world: World,
) -> None:
    plant(world.site, None, pages=1)
    site_id = world.crawled()
    world.join()
    routine = uuid.uuid4()
    with world.database.write() as session:
        site = session.get_one(Site, site_id)
        session.add(
            Run(
                id=routine,
                organisation_id=site.organisation_id,
                site_id=site_id,
                state="paused",
                created_at=SystemClock().now(),
            )
        )
    assert world.go_round() == 0
    with world.database.write() as session:
        row = session.get_one(Run, routine)
        assert row.steps_aside_at is None  # one that is paused is not at work
        row.state, row.turn_began_at = "running", SystemClock().now() - SWEEP_WAITS
    assert world.go_round() == 0
    with world.database.write() as session:
        assert world.worker.sources.service.progress.steps_aside(
            session, session.get_one(Run, routine)
        )
    run_id = world.swept()
    told = world.progress(site_id)
    with world.database.read() as session:
        part = world.worker.sources.service.run(session, world.worker.sources.system, run_id)
        assert world.service.of_run(session, world.worker.sources.operator, part) == told
        assert session.get_one(Run, routine).state != "yielded"


def test_all_who_joined_are_served_by_one_sweep_and_nobody_twice(world: World) -> None:
    plant(world.site, None, pages=2)
    world.crawled()
    people = [world.join() for _ in range(3)]
    run_id = world.swept()
    with world.database.read() as session:
        assert sorted(session.get_one(Run, run_id).serves) == sorted(map(str, people))
    assert len(world.media_asked_for()) == 6
    late = world.join()
    again = world.swept()
    with world.database.read() as session:
        assert session.get_one(Run, again).serves == [str(late)]
    assert world.go_round() == 0


def test_the_likeliest_come_first_and_a_sweep_goes_in_parts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "MAX_PART", 4)
    with hostile_site() as other:
        names = [f"/a{number}.png" for number in range(3)]
        far = [f"/b{number}.png" for number in range(3)]
        for number, name in enumerate(names):
            world.site.put(name, picture(shown(None, number)))
        for number, name in enumerate(far):
            world.site.put(name, picture(shown(None, 50 + number)))
        html = "".join(f'<img src="{name}">' for name in (*names, *far))
        world.site.put("/", page(html))
        site_id = world.crawled()
        with world.database.write() as session:
            # as if three of them were on a host where something had been found
            query = select(Sighting).where(Sighting.media_url.contains("/b"))
            for sighting in session.scalars(query):
                sighting.host = other.host
        world.finds[other.host] = 2
        world.join()
        assert world.go_round() == 1
        first = world.sweep_runs()[-1]
        world.worker.wait_for(first, "finished")
        with world.database.read() as session:
            begun = select(FrontierEntry.url).where(FrontierEntry.run_id == first)
            urls = list(session.scalars(begun.order_by(FrontierEntry.id)))
        assert len(urls) == 4
        assert {url.rpartition("/")[2][0] for url in urls[:3]} == {"b"}
        halfway = world.progress(site_id)
        assert (halfway.state, halfway.looked_at, halfway.addresses) == ("going_on", 4, 6)
        assert halfway.finishes_at is not None
        # another run of the site has its turn before the next part
        crawl = world.worker.sources.run(next(each for each in _sites(world) if each.id == site_id))
        assert world.go_round() == 0
        world.worker.wait_for(crawl.id, "finished")
        # that run saw the rest with the person in the watch-list: nothing is left
        world.go_round()
        assert world.progress(site_id).state == "done"


def _sites(world: World) -> tuple[SiteView, ...]:
    with world.database.read() as session:
        return world.worker.sources.service.sites(session, world.worker.sources.operator)


def test_what_is_gone_is_told_and_a_site_that_keeps_back_is_blind(world: World) -> None:
    plant(world.site, None, pages=2)
    site_id = world.crawled()
    person_id = world.join()
    for name in ("/m0-0.png", "/m0-1.png"):
        world.site.put(name, body(b"<html>gone</html>", "text/html", 404))
    world.swept()
    words = "Looked at 4 of 6 pictures again; 2 are gone, or could not be fetched."
    assert world.progress(site_id).words == words
    for number in range(2):
        for which in range(3):
            world.site.put(f"/m{number}-{which}.png", body(b"<html>no</html>", "text/html", 403))
    other = world.join()
    run_id = world.swept("blind")
    with world.database.read() as session:
        assert session.get_one(Run, run_id).state_reason == "media_kept_back"
    assert world.progress(site_id).state == "blind"
    assert "we could not look" in world.told(other).blind_words
    assert world.told(person_id).blind_words == ""
    assert world.go_round() == 0  # it is tried again after a day


def test_what_was_halted_is_never_fetched_again(world: World) -> None:
    plant(world.site, None, pages=1)
    world.crawled()
    with world.database.write() as session:
        sighting = session.scalars(
            select(Sighting).where(Sighting.media_url.endswith("/m0-1.png"))
        ).one()
        session.get_one(MediumSeen, sighting.medium_id).halted_at = SystemClock().now()
    world.join()
    world.swept()
    assert sorted(world.media_asked_for()) == ["/m0-0.png", "/m0-2.png"]


def test_a_sweep_ends_when_nobody_whom_it_serves_is_looked_for_any_more(world: World) -> None:
    plant(world.site, None, pages=1)
    site_id = world.crawled()
    world.join()
    world.worker.engine.close()
    assert world.go_round() == 1
    world.people.people.clear()
    world.go_round()
    with world.database.read() as session:
        assert session.scalars(select(Sweep)).one().state == "stopped"
        run = session.scalars(select(Run).where(Run.kind == "sweep")).one()
        assert (run.state, run.state_reason) == ("cancelled", "nobody_left")
    assert world.progress(site_id).state == "stopped"
    assert world.media_asked_for() == []


def test_a_sweep_goes_on_after_its_worker_was_stopped_and_fetches_nothing_twice(
    world: World, tmp_path: Path, database_url: str
) -> None:
    plant(world.site, None, pages=4)
    site_id = world.crawled()
    person_id = world.join()
    world.site.put("/m3-1.png", picture(shown(person_id, 301)))
    world.worker.eyes.delay_s = 0.2
    assert world.go_round() == 1
    run_id = world.sweep_runs()[-1]
    while not world.media_asked_for():
        pass
    world.worker.engine.close()
    assert 0 < world.progress(site_id).looked_at < 12
    following = make_worker(
        world.database, tmp_path, database_url=database_url, sources=world.worker.sources
    )
    following.eyes.change = world.people.change
    following.engine.launch()
    try:
        assert following.wait_for(run_id, "finished", "blind", "failed") == "finished"
    finally:
        following.engine.close()
    world.go_round()
    assert world.progress(site_id).words == "Looked at 12 of 12 pictures again."
    with world.database.read() as session:
        sightings = session.scalars(select(Sighting).where(Sighting.run_id == run_id)).all()
        assert len({each.media_url for each in sightings}) == len(sightings) == 12
        assert len(session.scalars(select(Candidate)).all()) == 1


def test_what_a_killed_worker_had_leased_is_looked_at_once_more_and_the_rest_once(
    world: World, tmp_path: Path, database_url: str
) -> None:
    plant(world.site, None, pages=2)
    site_id = world.crawled()
    world.join()
    world.worker.engine.close()
    assert world.go_round() == 1
    run_id = world.sweep_runs()[-1]
    now = SystemClock().now()
    with world.database.write() as session:
        # what kill -9 leaves behind: leases that nobody returns, of a run that is running
        progress = world.worker.sources.service.progress
        assert progress.begin(session, world.worker.sources.system, run_id)
        held = leasing.lease(
            session, run_id, worker="killed", limit=4, kinds=("medium",), now=now, lease_s=900.0
        )
        leasing.finish(session, held[0], leasing.Ending(), now=now)
        progress.requeue(session, world.worker.sources.system, run_id)
    following = make_worker(
        world.database, tmp_path, database_url=database_url, sources=world.worker.sources
    )
    following.eyes.change = world.people.change
    following.engine.launch()
    try:
        assert following.wait_for(run_id, "finished", "blind", "failed") == "finished"
    finally:
        following.engine.close()
    world.go_round()
    assert world.progress(site_id).words == "Looked at 6 of 6 pictures again."
    assert len(world.media_asked_for()) == len(set(world.media_asked_for())) == 5
    late = leasing.Ending()
    with world.database.write() as session, pytest.raises(FencedOffError):
        leasing.finish(session, held[1], late, now=now)
