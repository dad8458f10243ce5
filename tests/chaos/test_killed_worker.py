"""kill -9 anywhere in a run: no page is lost, and no find is shown twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import func, select

from service.candidates.models import Candidate
from service.clock import SystemClock
from service.database import Database
from service.sources.models import FrontierEntry, Sighting
from service.sources.views import RunView
from tests.fixtures.hostile_site import HostileSite, hostile_site, page, picture
from tests.service.sources.sources_factory import Sources, make_sources
from tests.service.work.work_factory import make_person, shown

PAGES = 30
MEDIA_A_PAGE = 4
KILLS = 3

pytestmark = pytest.mark.slow


@pytest.fixture
def site() -> Iterator[HostileSite]:
    with hostile_site() as running:
        yield running


class WorkerProcess:
    """The worker as a process of its own, killed without warning."""

    def __init__(self, data_dir: Path, database_url: str, port: int) -> None:
        self._arguments = [str(data_dir), database_url, str(port)]
        self._process: subprocess.Popen[str] | None = None

    def start(self, name: str = "main") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.crash_worker", *self._arguments, name],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "launched\n"

    @property
    def children(self) -> list[psutil.Process]:
        assert self._process is not None
        return psutil.Process(self._process.pid).children(recursive=True)

    def kill(self) -> list[psutil.Process]:
        """kill -9; gives the children that it had."""
        assert self._process is not None
        children = self.children
        self._process.kill()
        self._process.wait()
        return children

    def kill_children(self) -> int:
        children = self.children
        for child in children:
            os.kill(child.pid, signal.SIGKILL)
        return len(children)

    def stop(self) -> int:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.terminate()
        return self._process.wait(60)


@pytest.fixture
def sources(sqlite_database: Database, site: HostileSite) -> Sources:
    return make_sources(sqlite_database, SystemClock(), exceptions=(f"127.0.0.1:{site.port}",))


@pytest.fixture
def process(
    sqlite_database: Database, tmp_path: Path, site: HostileSite
) -> Iterator[WorkerProcess]:
    url = sqlite_database.engine.url.render_as_string(hide_password=False)
    made = WorkerProcess(tmp_path, url, site.port)
    yield made
    made.stop()


def plant(site: HostileSite, person_id: uuid.UUID) -> None:
    """Each page links to the next ones and shows four pictures, the first of them of the person."""
    for number in range(PAGES):
        links = "".join(f'<a href="/p{number + step}">p</a>' for step in (1, 2, 3))
        names = [f"/m{number}-{which}.png" for which in range(MEDIA_A_PAGE)]
        pictures = "".join(f'<img src="{name}">' for name in names)
        site.put(f"/p{number}", page(f"<title>Page {number}</title>{links}{pictures}"))
        for which, name in enumerate(names):
            shows = person_id if which == 0 else None
            site.put(name, picture(shown(shows, number * 100 + which)))


def begin(sources: Sources, site: HostileSite) -> RunView:
    plant(site, make_person(sources))
    return sources.run(sources.site(seeds=(site.at("/p0"),), max_depth=100))


def wait_until(sources: Sources, run: RunView, reached: Callable[[RunView], bool]) -> RunView:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        now = sources.look(run)
        if reached(now):
            return now
        time.sleep(0.02)
    raise AssertionError(f"the run stopped at {now}")


def assert_everything_once(sources: Sources, run: RunView) -> None:
    finished = sources.look(run)
    # Pages 30, 31 and 32 are linked and do not exist.
    assert finished.state == "finished", finished
    assert finished.pages_seen == PAGES
    assert finished.media_seen == finished.media_examined == PAGES * MEDIA_A_PAGE
    assert finished.candidates_found == PAGES
    assert finished.refusals == 3
    with sources.database.read() as session:
        by_state = select(FrontierEntry.state, func.count()).group_by(FrontierEntry.state)
        assert sorted(session.execute(by_state).all()) == [
            ("done", PAGES * (1 + MEDIA_A_PAGE)),
            ("refused", 3),
        ]
        finds = session.execute(select(Candidate.person_id, Candidate.medium_id)).all()
        assert len(finds) == len(set(finds)) == PAGES
        sightings = session.scalars(select(Sighting.media_url)).all()
        assert len(sightings) == len(set(sightings)) == PAGES * MEDIA_A_PAGE


def test_a_killed_worker_loses_no_page_and_repeats_no_find(
    sources: Sources, site: HostileSite, process: WorkerProcess
) -> None:
    run = begin(sources, site)
    process.start()
    chance = random.Random(7)
    for kill in range(1, KILLS + 1):
        goal = kill * PAGES * MEDIA_A_PAGE // (KILLS + 1)
        wait_until(sources, run, lambda now, goal=goal: now.media_seen >= goal)
        time.sleep(chance.random() * 0.1)
        orphans = process.kill()
        psutil.wait_procs(orphans, timeout=20)
        assert not [orphan for orphan in orphans if orphan.is_running()]
        process.start()
    wait_until(sources, run, lambda now: not now.is_live)
    assert_everything_once(sources, run)


def test_a_killed_crawl_child_loses_no_page_and_repeats_no_find(
    sources: Sources, site: HostileSite, process: WorkerProcess
) -> None:
    run = begin(sources, site)
    process.start()
    for goal in (10, 40):
        wait_until(sources, run, lambda now, goal=goal: now.media_seen >= goal)
        assert process.kill_children() >= 1
    wait_until(sources, run, lambda now: not now.is_live)
    assert_everything_once(sources, run)


def test_a_worker_that_is_asked_to_stop_goes_on_at_its_next_start(
    sources: Sources, site: HostileSite, process: WorkerProcess
) -> None:
    run = begin(sources, site)
    process.start()
    wait_until(sources, run, lambda now: now.media_seen >= 20)
    children = process.children
    assert process.stop() == 0
    assert not [child for child in children if child.is_running()]
    interrupted = sources.look(run)
    assert interrupted.state == "running"
    with sources.database.read() as session:
        leased = select(func.count()).where(FrontierEntry.state == "leased")
        assert session.scalar(leased) == 0
    process.start()
    wait_until(sources, run, lambda now: not now.is_live)
    assert_everything_once(sources, run)


def test_a_run_whose_work_rows_are_lost_is_taken_up_again(
    sources: Sources, site: HostileSite, process: WorkerProcess, tmp_path: Path
) -> None:
    run = begin(sources, site)
    process.start()
    wait_until(sources, run, lambda now: now.media_seen >= 20)
    process.kill()
    for file in tmp_path.glob("work.sqlite*"):
        file.unlink()
    process.start()
    wait_until(sources, run, lambda now: not now.is_live)
    assert_everything_once(sources, run)
