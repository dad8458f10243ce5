"""Looking around a find by the real engine and crawl child: small, ending, for one case alone."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from indexer.observations import Examination
from service.accounts.actor import Actor
from service.audit.trail import AuditTrail
from service.candidates.models import Candidate
from service.database import Database
from service.sources import around
from service.sources.around import AroundService, FindPlaces
from service.sources.around_models import LookAround
from service.sources.models import FrontierEntry, MediumSeen, Run, Sighting
from tests.fixtures.clock import SettableClock
from tests.fixtures.hostile_site import HostileSite, hostile_site, page, picture
from tests.service.work.work_factory import Worker, make_person, make_worker, shown


@dataclass
class World:
    """A worker, a site with a thread on it, and slices around what the test calls a find."""

    worker: Worker
    site: HostileSite
    service: AroundService
    clock: SettableClock
    finds: dict[uuid.UUID, FindPlaces] = field(default_factory=dict)
    asked_for: list[str | None] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return self.worker.sources.database

    def find(self, *pages: str) -> FindPlaces:
        """A find of a person of its own, who may be looked for."""
        person_id = make_person(self.worker.sources)
        organisation_id = self.worker.sources.operator.organisation_id
        assert organisation_id is not None
        made = FindPlaces(uuid.uuid4(), person_id, organisation_id, pages)
        self.finds[made.candidate_id] = made
        with self.database.write() as session:
            self.service.open_find(session, made)
        return made

    def begin(self) -> uuid.UUID | None:
        """Begin what waits; the run of the last one that began."""
        with self.database.read() as session:
            waiting = self.service.waiting(session)
        begun = None
        for each in waiting:
            with self.database.write() as session:
                begun = self.service.begin(session, each) or begun
        return begun

    def end_over(self) -> int:
        with self.database.write() as session:
            return self.service.end_over(session)

    def told(self, find: FindPlaces) -> list[tuple[str, str]]:
        with self.database.read() as session:
            views = self.service.of_person(session, self.worker.sources.system, find.person_id)
        return [(each.state, each.words) for each in views]


@pytest.fixture
def world(database: Database, database_url: str, tmp_path: Path) -> Iterator[World]:
    with hostile_site() as site:
        worker = make_worker(
            database,
            tmp_path,
            database_url=database_url,
            exceptions=(f"127.0.0.1:{site.port}",),
        )
        clock = SettableClock()
        finds: dict[uuid.UUID, FindPlaces] = {}

        def places_of(_session: Session, candidate_id: uuid.UUID) -> FindPlaces | None:
            return finds.get(candidate_id)

        made = World(worker, site, AroundService(clock, AuditTrail(clock), places_of), clock, finds)
        look = worker.eyes.examine

        def noting(content: bytes, *, only_person: str | None, **rest: Any) -> Examination:
            made.asked_for.append(only_person)
            return look(content, only_person=only_person, **rest)

        worker.eyes.examine = noting  # type: ignore[method-assign]
        worker.engine.launch()
        try:
            yield made
        finally:
            worker.engine.close()


def thread(site: HostileSite, person_id: uuid.UUID | None) -> None:
    """A thread of two pages, its uploader, a mirror, and things that lead far away."""
    site.put(
        "/t/5/",
        page(
            '<a href="/imprint">i</a><a href="/t/5/2">2</a><a href="/user/anon">u</a>'
            '<a href="/mirror/5">m</a><img src="/a.png">'
        ),
    )
    site.put("/t/5/2", page('<img src="/b.png">'))
    site.put("/user/anon", page('<img src="/c.png"><a href="/deep">d</a>'))
    site.put("/mirror/5", page('<img src="/d.png">'))
    site.put("/imprint", page("imprint"))
    site.put("/deep", page('<a href="/deeper">d</a>'))
    site.put("/deeper", page("far"))
    for number, name in enumerate("abcd"):
        shows = person_id if name == "c" else None
        site.put(f"/{name}.png", picture(shown(shows, number)))


def test_the_thread_the_uploader_and_mirrors_are_looked_at_for_that_case_alone(
    world: World,
) -> None:
    described = world.worker.sources.site(seeds=(world.site.at("/"),), max_depth=9)
    find = world.find(world.site.at("/t/5/"))
    thread(world.site, find.person_id)
    run_id = world.begin()
    assert run_id is not None
    assert world.worker.wait_for(run_id, "finished", "blind", "failed") == "finished"
    assert set(world.asked_for) == {str(find.person_id)}
    asked = [path for path in world.site.paths if not path.endswith((".png", ".txt", ".xml"))]
    assert "/deep" in asked
    assert "/deeper" not in asked
    with world.database.read() as session:
        # requests leave side by side, in the order of the frontier
        ids = {row.url: row.id for row in session.scalars(select(FrontierEntry))}
        assert ids[world.site.at("/t/5/2")] < ids[world.site.at("/imprint")]
        run = session.get_one(Run, run_id)
        assert (run.kind, run.serves) == ("around", [str(find.person_id)])
        found = session.scalars(select(Candidate)).one()
        assert (found.person_id, found.run_id) == (find.person_id, run_id)
        # a crawl that meets them looks at them for everybody
        assert set(session.scalars(select(MediumSeen.examined_model))) == {None}
        assert len(session.scalars(select(Sighting)).all()) == 4
    assert world.end_over() == 1
    assert world.told(find) == [("done", "looked around")]
    world.asked_for.clear()
    world.site.put("/", page('<a href="/t/5/">t</a>'))
    crawl = world.worker.sources.run(described)
    assert world.worker.wait_for(crawl.id, "finished", "blind", "failed") == "finished"
    assert world.asked_for
    assert set(world.asked_for) == {None}


def test_the_budget_is_small_whatever_the_site_allows(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(around, "PAGE_BUDGET", 2)
    world.worker.sources.site(seeds=(world.site.at("/"),))
    find = world.find(world.site.at("/t/5/"))
    thread(world.site, None)
    run_id = world.begin()
    assert run_id is not None
    world.worker.wait_for(run_id, "finished")
    with world.database.read() as session:
        run = session.get_one(Run, run_id)
        assert (run.pages_seen, run.state_reason) == (2, "budget")
    assert find.person_id


def test_a_host_that_is_no_site_is_refused_with_words_and_never_asked(world: World) -> None:
    world.worker.sources.site(seeds=(world.site.at("/t/"),), path_prefixes=("/t/",))
    find = world.find(
        "http://nowhere.example/t/5", world.site.at("/elsewhere/5"), "no address at all"
    )
    empty = world.find()
    assert world.begin() is None
    assert {state for state, _ in world.told(find)} == {"refused"}
    words = " ".join(words for _, words in world.told(find))
    assert "none of the sites that your organisation may visit" in words
    assert "outside the scope" in words
    assert world.told(empty)[0][0] == "refused"
    assert world.site.paths == []


def test_a_slice_ends_when_it_expires_and_its_frontier_is_forgotten(world: World) -> None:
    world.worker.sources.site(seeds=(world.site.at("/"),))
    thread(world.site, None)
    find = world.find(world.site.at("/t/5/"))
    run_id = world.begin()
    assert run_id is not None
    world.worker.wait_for(run_id, "finished")
    world.end_over()
    late = world.find(world.site.at("/t/5/"))
    world.clock.advance(days=4)
    world.end_over()
    with world.database.write() as session:
        assert world.service.forget_expired(session) == 2
    assert world.told(late)[0][0] == "expired"
    assert world.begin() is None
    with world.database.read() as session:
        left = session.scalars(select(FrontierEntry).where(FrontierEntry.run_id == run_id))
        assert left.all() == []
    assert world.told(find)[0][0] == "done"


def test_it_stops_when_the_person_may_not_be_looked_for_any_more(world: World) -> None:
    world.worker.sources.site(seeds=(world.site.at("/"),))
    world.worker.engine.close()
    find = world.find(world.site.at("/t/5/"))
    run_id = world.begin()
    world.finds.clear()
    world.end_over()
    with world.database.read() as session:
        assert session.get_one(Run, run_id).state == "cancelled"
    assert world.told(find)[0][0] == "stopped"


def test_erasing_deletes_the_slice_and_empties_its_run(world: World) -> None:
    world.worker.sources.site(seeds=(world.site.at("/"),))
    world.worker.engine.close()
    find = world.find(world.site.at("/t/5/"))
    run_id = world.begin()
    with world.database.write() as session:
        (erased,) = world.service.erase(session, find.person_id)
    assert erased.words == "1 slice of looking around"
    with world.database.read() as session:
        run = session.get_one(Run, run_id)
        assert (run.state, run.serves) == ("cancelled", [])
        assert session.scalars(select(LookAround)).all() == []
        assert session.scalars(select(FrontierEntry)).all() == []


def test_another_organisations_people_see_nothing_of_it(world: World) -> None:
    find = world.find("http://nowhere.example/t/5")
    with world.database.read() as session:
        foreign = Actor.system("test", uuid.uuid4())
        assert world.service.of_person(session, foreign, find.person_id) == ()


def test_no_slice_goes_deeper_than_the_site_allows(world: World) -> None:
    site = world.worker.sources.site(seeds=(world.site.at("/"),), max_depth=1, page_budget=7)
    with world.database.read() as session:
        scope = world.worker.sources.service.scope(session, world.worker.sources.system, site.id)
    bounded_site, bounded_scope = around.bounded(site, scope)
    assert (bounded_scope.max_depth, bounded_site.draft.page_budget) == (1, 7)
    assert timedelta(days=7) >= around.OPEN_FOR
