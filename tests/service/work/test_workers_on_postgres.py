"""Several workers on one PostgreSQL: one process a name, and the dead one's work goes on."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from service.clock import SystemClock
from service.database import Database
from service.work import dispatcher
from service.work.errors import ExecutorBusyError
from service.work.executor_lock import ExecutorLock, proof_of_death
from tests.fixtures.databases import PostgresServer
from tests.fixtures.hostile_site import hostile_site, page, picture
from tests.service.sources.sources_factory import make_sources
from tests.service.work.work_factory import make_person, make_worker, shown

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


@pytest.fixture
def url(postgres_server: PostgresServer) -> Iterator[str]:
    address = postgres_server.new_migrated_url()
    yield address
    postgres_server.drop(address)


@pytest.fixture
def postgres(url: str) -> Iterator[Database]:
    opened = Database.open(url)
    yield opened
    opened.close()


def test_a_name_is_held_across_machines_until_its_process_ends(
    postgres: Database, url: str, tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    first = ExecutorLock("W1", here, postgres.engine)
    first.take()
    elsewhere = Database.open(url)
    second = ExecutorLock("W1", there, elsewhere.engine)
    with pytest.raises(ExecutorBusyError, match="another machine"):
        second.take()
    with proof_of_death(elsewhere.engine, "W1") as dead:
        assert not dead
    ExecutorLock("W2", there, elsewhere.engine).take()
    first.release()
    with proof_of_death(elsewhere.engine, "W1") as dead:
        assert dead
        with pytest.raises(ExecutorBusyError):
            first.take()
    second.take()
    second.release()
    elsewhere.close()


def test_a_dead_workers_run_goes_on_with_another_one(
    postgres: Database, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "WATCH_EVERY_S", 1.0)
    with hostile_site() as site:
        exceptions = (f"127.0.0.1:{site.port}",)
        sources = make_sources(postgres, SystemClock(), exceptions=exceptions)
        person_id = make_person(sources)
        names = [f"/m{number}.png" for number in range(120)]
        site.put("/", page("".join(f'<img src="{name}">' for name in names)))
        for number, name in enumerate(names):
            site.put(name, picture(shown(person_id if number % 40 == 0 else None, number)))
        (tmp_path / "dead").mkdir()
        victim = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.chaos.crash_worker",
                str(tmp_path / "dead"),
                url,
                str(site.port),
                "W1",
            ],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        )
        assert victim.stdout is not None
        assert victim.stdout.readline() == "launched\n"
        run = sources.run(sources.site(seeds=(site.at("/"),)))
        deadline = time.monotonic() + 60
        while sources.look(run).media_seen < 10:
            assert time.monotonic() < deadline, sources.look(run)
            time.sleep(0.05)
        survivor = make_worker(
            postgres, tmp_path, database_url=url, exceptions=exceptions, name="W2", sources=sources
        )
        survivor.engine.launch()
        try:
            victim.kill()
            victim.wait()
            survivor.wait_for(run.id, "finished", timeout_s=90)
        finally:
            survivor.engine.close()
    finished = sources.look(run)
    assert (finished.media_seen, finished.candidates_found) == (120, 3)
    assert finished.generation == 1


def test_two_workers_share_runs_without_doing_anything_twice(
    postgres: Database, url: str, tmp_path: Path
) -> None:
    with hostile_site() as site:
        exceptions = (f"127.0.0.1:{site.port}",)
        sources = make_sources(postgres, SystemClock(), exceptions=exceptions)
        runs: list[uuid.UUID] = []
        for number in range(4):
            pictures = [f"/s{number}-{which}.png" for which in range(10)]
            start = site.put(f"/{number}", page("".join(f'<img src="{n}">' for n in pictures)))
            for which, name in enumerate(pictures):
                site.put(name, picture(shown(None, number * 100 + which)))
            runs.append(sources.run(sources.site(name=f"Site {number}", seeds=(start,))).id)
        # One process can hold one engine: the second worker is a process of its own.
        (tmp_path / "other").mkdir()
        other = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.chaos.crash_worker",
                str(tmp_path / "other"),
                url,
                str(site.port),
                "W1",
            ],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        )
        worker = make_worker(
            postgres, tmp_path, database_url=url, exceptions=exceptions, name="W2", sources=sources
        )
        worker.engine.launch()
        try:
            for run_id in runs:
                worker.wait_for(run_id, "finished", timeout_s=90)
        finally:
            worker.engine.close()
            other.terminate()
            other.wait(60)
        threading.Event().wait(0.1)
    with postgres.read() as session:
        views = [sources.service.run(session, sources.system, run_id) for run_id in runs]
    assert [(view.pages_seen, view.media_seen) for view in views] == [(1, 10)] * 4


def test_a_name_is_taken_again_when_the_database_was_started_again(
    postgres: Database, url: str, tmp_path: Path
) -> None:
    lock = ExecutorLock("W1", tmp_path, postgres.engine)
    lock.take()
    assert lock.keep() > 0
    end_sessions = (
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    elsewhere = Database.open(url)
    with elsewhere.read() as session:
        session.execute(text(end_sessions))
    with proof_of_death(elsewhere.engine, "W1") as dead:
        # This is what makes a living worker look dead.
        assert dead
        assert lock.keep() == 0.0
    held_s = lock.keep()
    assert 0.0 <= held_s < 5.0
    with proof_of_death(elsewhere.engine, "W1") as dead:
        assert not dead
    lock.release()
    assert lock.keep() == 0.0
    elsewhere.close()
