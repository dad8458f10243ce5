"""Three workers on one PostgreSQL, and everything that can happen to them, while they crawl.

The ordinary run takes a small site. The full form (2,000 pages and 5,000 media on 20 hosts, a kill
every few seconds, a full disk) is started by `LIKENESS_CHAOS=full`.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from indexer.benchmarks.crawl_site import SitePlan
from service.candidates.models import Candidate
from service.clock import SystemClock
from service.database import Database
from service.reports.models import Report
from service.sources.models import FrontierEntry, Sighting
from service.sources.views import RunView
from tests.chaos.chaos_site import finds
from tests.fixtures.databases import PostgresServer
from tests.service.sources.sources_factory import Sources, make_sources
from tests.service.work.work_factory import make_person

ROOT = Path(__file__).parents[2]
WORKERS = ("W1", "W2", "W3")
JUMP_S = 7200
WINDOW = 10
JITTER_S = 0.15
"""How late the site may write one line of its log while three workers start beside it."""

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(900)]


@dataclass(frozen=True)
class Form:
    plan: SitePlan
    delay_s: float
    kill_every_s: float
    limit_s: float
    disk_mib: int


FULL = Form(SitePlan(2000, 5000, 20), 0.1, 7.0, 600.0, 1536)
SMALL = Form(SitePlan(48, 120, 6), 0.05, 6.0, 85.0, 0)


@pytest.fixture
def form() -> Form:
    return FULL if os.environ.get("LIKENESS_CHAOS") == "full" else SMALL


@contextmanager
def disk(mib: int) -> Iterator[Path]:
    """A folder, with so much room that it can be filled where a file system may be mounted."""
    with tempfile.TemporaryDirectory(prefix="likeness-chaos-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        if mib:
            mount = ["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=755", "none", name]
            if subprocess.run(mount, check=False).returncode != 0:
                pytest.skip("no file system may be mounted here: a full disk cannot be made")
        try:
            yield Path(name)
        finally:
            if mib:
                subprocess.run(["umount", "-l", name], check=True)


class Workers:
    """Processes that are killed without warning and started again under their names."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder, self._url = folder, url
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.kills = 0

    def start(self, name: str) -> None:
        log = (self._folder / f"{name}.log").open("ab")
        module = [sys.executable, "-m", "tests.chaos.chaos_worker"]
        self._running[name] = subprocess.Popen(
            [*module, str(self._folder / name), self._url, name], stdout=log, stderr=log, cwd=ROOT
        )
        log.close()

    def keep_running(self, except_for: str) -> None:
        """As a service manager does: who has ended is started again."""
        for name, process in list(self._running.items()):
            if name != except_for and process.poll() is not None:
                self.start(name)

    def kill(self, name: str) -> None:
        self._running[name].kill()
        self._running[name].wait()
        self.kills += 1

    def end(self) -> None:
        for process in self._running.values():
            family = (
                psutil.Process(process.pid).children(recursive=True)
                if (process.poll() is None)
                else []
            )
            process.kill()
            process.wait()
            psutil.wait_procs(family, timeout=20)


@contextmanager
def site(plan: SitePlan, log: Path, person_id: uuid.UUID) -> Iterator[tuple[str, ...]]:
    size = [str(plan.pages), str(plan.media), str(plan.hosts)]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.chaos_site", *size, str(log), str(person_id)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    yield tuple(json.loads(process.stdout.readline()))
    process.stdin.close()
    process.wait(30)


class Trouble:
    """What happens when: each thing once, then kills at random until all runs have ended."""

    def __init__(
        self, form: Form, workers: Workers, server: PostgresServer, folder: Path, disk_at: Path
    ) -> None:
        self._form, self._workers, self._server = form, workers, server
        self._folder, self._disk = folder, disk_at
        self._chance = random.Random(5)
        self._began_s = time.monotonic()
        self._next_kill_s = self._began_s + form.kill_every_s
        self._away = ""
        self._steps = [
            (0.10, self._one_stays_away),
            (0.20, lambda: self._clock(JUMP_S)),
            (0.30, lambda: self._clock(-JUMP_S)),
            (0.40, lambda: self._clock(0)),
            (0.45, self._restart_database),
            (0.60, self._back_again),
        ]
        if form.disk_mib:
            self._steps.append((0.70, self._fill_disk))
        self.happened: list[str] = []

    def go_on(self, done: float) -> None:
        """Do what is due once this share of the addresses is done."""
        self._workers.keep_running(except_for=self._away)
        if self._steps and done >= self._steps[0][0]:
            self._steps.pop(0)[1]()
        if time.monotonic() >= self._next_kill_s:
            self._next_kill_s = time.monotonic() + self._form.kill_every_s
            self._workers.kill(self._chance.choice([w for w in WORKERS if w != self._away]))

    @property
    def over(self) -> bool:
        return not self._steps

    def _one_stays_away(self) -> None:
        """Killed, and nobody starts it again: the others have to take its slices over."""
        self._away = self._chance.choice(WORKERS)
        self._workers.kill(self._away)
        self.happened.append("a worker is gone for good")

    def _back_again(self) -> None:
        self._away = ""
        self.happened.append("it is back")

    def _clock(self, by_s: int) -> None:
        (self._folder / "clock_jump_s").write_text(str(by_s))
        self.happened.append(f"clocks jump to {by_s} s")

    def _restart_database(self) -> None:
        self._server.restart()
        self.happened.append("database restarted")

    def _fill_disk(self) -> None:
        ballast = self._disk / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1024 * 1024))
            except OSError:
                pass  # full, which was wanted
        time.sleep(8)
        ballast.unlink()
        # A server whose log could not be written has ended; its manager starts it again.
        self._server.ensure_running()
        self.happened.append("disk full for 8 s")


def share_done(sources: Sources, runs: list[RunView], plan: SitePlan) -> tuple[float, bool]:
    now = [sources.look(run) for run in runs]
    seen = sum(run.pages_seen + run.media_seen for run in now)
    return seen / (plan.pages + plan.media), not any(run.is_live for run in now)


def check_everything_once(sources: Sources, runs: list[RunView], plan: SitePlan) -> None:
    ended = [sources.look(run) for run in runs]
    assert {run.state for run in ended} == {"finished"}, [(r.state, r.state_reason) for r in ended]
    assert sum(run.pages_seen for run in ended) == plan.pages
    assert sum(run.media_seen for run in ended) == plan.media
    assert sum(run.media_examined for run in ended) == plan.media
    with sources.database.read() as session:
        by_state = select(FrontierEntry.state, func.count()).group_by(FrontierEntry.state)
        assert session.execute(by_state).all() == [("done", plan.pages + plan.media)]
        sightings = session.scalars(select(Sighting.media_url)).all()
        assert len(sightings) == len(set(sightings)) == plan.media
        found = session.execute(select(Candidate.person_id, Candidate.medium_id)).all()
        assert len(found) == len(set(found)) == finds(plan)
        reports = session.scalars(select(Report.run_id)).all()
        assert sorted(reports) == sorted(run.id for run in runs)


def check_distance(log: Path, delay_s: float) -> dict[str, float]:
    """From the site's own log: no host was visited faster than its delay allows."""
    moments: dict[str, list[float]] = defaultdict(list)
    for line in log.read_text().splitlines():
        moment, host, _path = line.split(" ", 2)
        moments[host].append(float(moment))
    gaps: list[float] = []
    for visits in moments.values():
        visits.sort()
        gaps += [later - sooner for sooner, later in pairwise(visits)]
        for sooner, later in zip(visits, visits[WINDOW:], strict=False):
            assert later - sooner >= WINDOW * delay_s - JITTER_S
    too_near = sum(1 for gap in gaps if gap < delay_s * 0.9)
    return {"requests": len(gaps), "least gap s": min(gaps), "under nine tenths": too_near}


def test_whatever_happens_everything_is_looked_at_once(form: Form, tmp_path: Path) -> None:
    plan, log = form.plan, tmp_path / "site.log"
    (tmp_path / "clock_jump_s").write_text("0")
    with ExitStack() as ends:
        disk_at = ends.enter_context(disk(form.disk_mib))
        server = PostgresServer(disk_at)
        ends.callback(server.close)
        url = server.new_migrated_url()
        database = Database.open(url)
        ends.callback(database.close)
        person_id = make_person(make_sources(database, SystemClock()))
        hosts = ends.enter_context(site(plan, log, person_id))
        (tmp_path / "exceptions.json").write_text(json.dumps(hosts))
        sources = make_sources(database, SystemClock(), exceptions=hosts)
        sites = [
            sources.site(
                name=host, seeds=(f"http://{host}/p0",), max_depth=100, delay_s=form.delay_s,
                page_budget=100_000, media_budget=100_000,
            )
            for host in hosts
        ]  # fmt: skip
        runs = [sources.run(each) for each in sites]
        workers = Workers(tmp_path, url)
        ends.callback(workers.end)
        for name in WORKERS:
            workers.start(name)
        trouble = Trouble(form, workers, server, tmp_path, disk_at)
        began_s = time.monotonic()
        while True:
            try:
                done, over = share_done(sources, runs, plan)
            except SQLAlchemyError:
                time.sleep(0.2)  # it is just being restarted
                continue
            if over:
                break
            assert time.monotonic() - began_s < form.limit_s, (
                done, [(r.state, r.generation, r.pages_seen, r.media_seen)
                       for r in map(sources.look, runs) if r.is_live])  # fmt: skip
            trouble.go_on(done)
            time.sleep(0.1)
        seconds = time.monotonic() - began_s
        assert trouble.over
        check_everything_once(sources, runs, plan)
        distance = check_distance(log, form.delay_s)
        generations = max(sources.look(run).generation for run in runs)
    figures = {"seconds": seconds, "kills": workers.kills, "generations": generations}
    print(json.dumps(figures | distance | {"happened": trouble.happened}))  # noqa: T201 - for -s
