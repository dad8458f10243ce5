"""A live worker obeys a pause within seconds, and lets what cannot wait go first."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from service.audit.trail import AuditTrail
from service.clock import SystemClock
from service.database import Database
from service.enrolment.models import Person
from service.sources.around import AroundService, FindPlaces
from service.sources.models import FrontierEntry, Run
from service.sources.views import YIELDED, RunView, SiteView
from tests.fixtures.hostile_site import HostileSite, hostile_site, page
from tests.service.work.work_factory import Worker, make_person, make_worker

PAGES = 80


@pytest.fixture
def site() -> Iterator[HostileSite]:
    with hostile_site() as running:
        links = "".join(f'<a href="/p{number}">x</a>' for number in range(PAGES))
        running.put("/", page(links))
        for number in range(PAGES):
            running.put(f"/p{number}", page(f"<p>{number}</p>"))
        yield running


@pytest.fixture
def worker(sqlite_database: Database, tmp_path: Path, site: HostileSite) -> Iterator[Worker]:
    made = make_worker(sqlite_database, tmp_path, exceptions=(site.host,), slice_pages=500)
    made.engine.launch()
    yield made
    made.engine.close()


@pytest.fixture
def forum(worker: Worker, site: HostileSite) -> SiteView:
    return worker.sources.site(name="slow", seeds=(site.at("/"),), delay_s=0.3)


def wait_until(met: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not met():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def leased(worker: Worker, run: RunView) -> int:
    with worker.sources.database.read() as session:
        return session.scalar(
            select(func.count()).where(
                FrontierEntry.run_id == run.id, FrontierEntry.state == "leased"
            )
        ) or 0  # fmt: skip


def test_a_live_worker_stops_hands_back_and_goes_on_where_it_was(
    worker: Worker, site: HostileSite, forum: SiteView
) -> None:
    run = worker.sources.run(forum)
    wait_until(lambda: len(site.requests) > 4, "it does not begin")
    with worker.sources.database.write() as session:
        worker.sources.service.control.pause(session, worker.sources.operator, run.id)
    wait_until(lambda: leased(worker, run) == 0, "it does not hand back")
    asked = len(site.requests)
    time.sleep(1.0)
    assert len(site.requests) == asked < PAGES / 2
    with worker.sources.database.write() as session:
        session.execute(
            update(FrontierEntry)
            .where(FrontierEntry.state == "waiting", FrontierEntry.id % 8 > 0)
            .values(state="refused", refusal_code="test")
        )
        worker.sources.service.control.resume(session, worker.sources.operator, run.id)
    assert worker.wait_for(run.id, "finished", "blind") == "finished"
    paths = [path for path in site.paths if path != "/robots.txt"]
    assert len(paths) == len(set(paths))


def test_a_visit_steps_aside_for_somebody_in_acute_danger_and_goes_on_after(
    worker: Worker, site: HostileSite, forum: SiteView
) -> None:
    sources, clock = worker.sources, SystemClock()
    person_id = make_person(sources)
    with sources.database.write() as session:
        until = clock.now() + timedelta(hours=1)
        session.execute(update(Person).where(Person.id == person_id).values(acute_until=until))
    assert sources.operator.organisation_id is not None
    site.put("/t/5/", page("<p>thread</p>"))
    find = FindPlaces(
        uuid.uuid4(), person_id, sources.operator.organisation_id, (site.at("/t/5/"),)
    )

    def places_of(_session: Session, _candidate: uuid.UUID) -> FindPlaces:
        return find

    around = AroundService(clock, AuditTrail(clock), places_of)
    routine = sources.run(forum)
    wait_until(lambda: len(site.requests) > 4, "it does not begin")

    def begin() -> uuid.UUID | None:
        with sources.database.write() as session:
            around.open_find(session, find)
            (waiting,) = around.waiting(session)
            return around.begin(session, waiting)

    assert begin() is None
    assert worker.wait_for(routine.id, YIELDED, timeout_s=20) == YIELDED
    run_id = begin()
    assert run_id is not None
    assert worker.wait_for(run_id, "finished", "blind") == "finished"
    assert "/t/5/" in site.paths
    assert sources.look(routine).state in ("queued", "running")
    with sources.database.read() as session:
        assert session.get_one(Run, routine.id).generation == 2
