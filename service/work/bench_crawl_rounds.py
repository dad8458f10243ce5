"""One crawl of the made site by real workers, measured from outside.

1. A new installation: its own folder and an empty database, an organisation, a site for each host.
2. The workers start, each a process of its own, and say that they work; until they have loaded all.
3. A run of each site is queued: the clock starts. It stops when the last run has ended.
4. Meanwhile the processor time of every process is read, by part; the workers count their writes.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import psutil
from pydantic import SecretStr
from sqlalchemy import text

from service.accounts.actor import Actor
from service.errors import LikenessError
from service.settings import Settings
from service.sources.site_draft import MAX_DEPTH, SiteDraft
from service.sources.views import RunView
from service.work import preflight
from service.work.bench_crawl_figures import CpuSeconds, CrawlFigures, WorkerFigures

ROUND_LIMIT_S = 1200.0
STOP_LIMIT_S = 60.0
LOAD_LIMIT_S = 30.0
_QUIET_FOR_S = 0.5
_QUIET = 0.2
"""Of a processor, that a worker takes while it waits for work."""
_LOOK_EVERY_S = 0.2
_WORDS = "Measure how fast a made site on this machine is crawled."

OpenRooms = Callable[[Settings], Any]


class BenchRoundError(LikenessError):
    """A crawl could not be measured: a worker did not start, or a run did not come to its end."""

    code = "bench_round"


@dataclass(frozen=True, slots=True)
class Round:
    """What is measured. `database_url` empty: SQLite in the round's own folder."""

    settings: Settings
    folder: Path
    hosts: tuple[str, ...]
    pages: int
    media: int
    workers: int
    looking: bool
    with_faces: bool
    database_url: str = ""


def run_round(
    asked: Round, open_rooms: OpenRooms, said: Callable[[int, int], None]
) -> CrawlFigures:
    """Crawl the site once. Raises `BenchRoundError`."""
    settings = _settings(asked)
    rooms = open_rooms(settings)
    try:
        preflight.prepare_database(rooms.database)
        sites = _set_up(rooms, asked)
        with _Workers(asked, settings) as workers:
            watch = CpuWatch(workers.process_ids, _database_process(rooms.database))
            began_s = time.monotonic()
            with rooms.database.write() as session:
                runs = [rooms.sources.start_run(session, actor, site) for actor, site in sites]
            ended = _wait(rooms, runs, watch, workers, asked, said)
            seconds = time.monotonic() - began_s
            watch.look()
        counted = workers.counted()
    finally:
        rooms.close()
    return _figures(asked, seconds, ended, watch.cpu_s(), counted)


def _settings(asked: Round) -> Settings:
    return asked.settings.model_copy(
        update={
            "data_dir": asked.folder / "main",
            "database_url": asked.database_url or f"sqlite:///{asked.folder / 'likeness.sqlite'}",
            "master_key": SecretStr(secrets.token_hex(32)),
            "address_exceptions": asked.hosts,
        }
    )


def _set_up(rooms: Any, asked: Round) -> list[tuple[Actor, uuid.UUID]]:
    with rooms.database.write() as session:
        link = rooms.accounts.create_setup_link(session)
        rooms.accounts.set_up(session, link, "Benchmark", "benchmark", secrets.token_urlsafe(24))
        organisation = rooms.accounts.organisations.default_organisation(session).id
        actor = Actor.system("benchmark", organisation)
        if asked.looking and asked.with_faces:
            rooms.accounts.set_face_matching(session, actor, True, "Benchmark", _WORDS, _WORDS)
        return [
            (actor, rooms.sources.add_site(session, actor, _draft(host)).id) for host in asked.hosts
        ]


def _draft(host: str) -> SiteDraft:
    return SiteDraft(
        name=host,
        seeds=(f"http://{host}/p0",),
        purpose=_WORDS,
        legal_basis=_WORDS,
        monitoring_purpose=_WORDS,
        max_depth=MAX_DEPTH,
        page_budget=1_000_000,
        media_budget=10_000_000,
        delay_s=0.0,
    )


def _wait(
    rooms: Any,
    runs: Sequence[RunView],
    watch: CpuWatch,
    workers: _Workers,
    asked: Round,
    said: Callable[[int, int], None],
) -> list[RunView]:
    deadline_s = time.monotonic() + ROUND_LIMIT_S
    everybody = Actor.system("benchmark")
    while True:
        with rooms.database.read() as session:
            now = [rooms.sources.run(session, everybody, run.id) for run in runs]
        said(sum(run.pages_seen + run.media_seen for run in now), asked.pages + asked.media)
        if not any(run.is_live for run in now):
            return now
        workers.check()
        if time.monotonic() > deadline_s:
            raise BenchRoundError(f"the crawl did not end within {ROUND_LIMIT_S:.0f} seconds")
        watch.look()
        time.sleep(_LOOK_EVERY_S)


class _Workers:
    """The workers of a round, as processes. Use it in a `with` block: it ends them."""

    def __init__(self, asked: Round, settings: Settings) -> None:
        self._asked = asked
        self._settings = settings
        self._started: list[subprocess.Popen[str]] = []

    @property
    def process_ids(self) -> list[int]:
        return [process.pid for process in self._started]

    def __enter__(self) -> _Workers:
        with ExitStack() as undo:
            undo.callback(self._end)
            self._started = [self._start(number) for number in range(self._asked.workers)]
            for process in self._started:
                if process.stdout is None or process.stdout.readline() != "works\n":
                    raise BenchRoundError("a worker did not start; what it said is above")
            self._wait_until_loaded()
            undo.pop_all()
        return self

    def _wait_until_loaded(self) -> None:
        """Until the workers and their children have loaded: they live for months, and the peer's
        seconds begin with its first request, too.
        """
        deadline_s = time.monotonic() + LOAD_LIMIT_S
        used_s = self._used_s()
        while time.monotonic() < deadline_s:
            time.sleep(_QUIET_FOR_S)
            before_s, used_s = used_s, self._used_s()
            if used_s - before_s < _QUIET * _QUIET_FOR_S * self._asked.workers:
                return

    def _used_s(self) -> float:
        used_s = 0.0
        for process_id in self.process_ids:
            for process in _tree(process_id):
                with suppress(psutil.Error):
                    times = process.cpu_times()
                    used_s += times.user + times.system
        return used_s

    def __exit__(self, *_of_the_block: object) -> None:
        self._end()

    def check(self) -> None:
        """Raise when a worker has ended: the crawl would wait for it for ever."""
        if any(process.poll() is not None for process in self._started):
            raise BenchRoundError("a worker ended in the middle of the crawl")

    def counted(self) -> list[WorkerFigures]:
        """What each worker wrote when it ended."""
        return [
            msgspec.json.decode(self._file(number).read_bytes(), type=WorkerFigures)
            for number in range(self._asked.workers)
        ]

    def _file(self, number: int) -> Path:
        return self._asked.folder / f"worker-{number}.json"

    def _start(self, number: int) -> subprocess.Popen[str]:
        settings = self._settings
        key = settings.master_key.get_secret_value() if settings.master_key else ""
        exceptions = msgspec.json.encode(settings.address_exceptions).decode()
        environment = os.environ | {
            "LIKENESS_DATABASE_URL": settings.database_url,
            "LIKENESS_MASTER_KEY": key,
            "LIKENESS_ADDRESS_EXCEPTIONS": exceptions,
            "LIKENESS_MODELS_DIR": str(settings.models_dir),
            "LIKENESS_PACK": settings.pack,
            "LIKENESS_RUNTIME": settings.runtime,
        }
        folder = settings.data_dir if number == 0 else self._asked.folder / f"worker-{number}"
        command = [sys.executable, "-m", "service.cli", "--data-dir", str(folder), "bench"]
        command += ["crawl-worker", "--name", f"W{number}", "--figures", str(self._file(number))]
        command += [] if self._asked.looking else ["--not-looking"]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)

    def _end(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._started:
            try:
                process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@dataclass(slots=True)
class CpuWatch:
    """Processor time by part, of processes that may end: each keeps its latest figure."""

    workers: Sequence[int]
    database: int | None
    _seen: dict[tuple[str, int], tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.look()

    def look(self) -> None:
        """Read the processor time of every process that is there."""
        for worker in self.workers:
            for process in _tree(worker):
                part = "worker" if process.pid == worker else _part_of(process)
                self._note(part, process)
        if self.database is not None:
            for process in _tree(self.database):
                self._note("database", process)

    def _note(self, part: str, process: psutil.Process) -> None:
        try:
            times = process.cpu_times()
        except psutil.Error:
            return  # it has ended: its latest figure stays
        now_s = times.user + times.system
        first_s, _ = self._seen.get((part, process.pid), (now_s, now_s))
        # A database's new backend began at nothing; a process that was there before did not.
        self._seen[part, process.pid] = (first_s, now_s)

    def cpu_s(self) -> CpuSeconds:
        """Seconds since the watch began, by part."""
        used: Counter[str] = Counter()
        for (part, _), (first_s, latest_s) in self._seen.items():
            used[part] += latest_s - first_s  # type: ignore[assignment]  # seconds, not a count
        return CpuSeconds(
            worker=used["worker"],
            crawl_child=used["crawl_child"],
            examiner=used["examiner"],
            database=None if self.database is None else used["database"],
        )


def _tree(process_id: int) -> Iterator[psutil.Process]:
    try:
        parent = psutil.Process(process_id)
        yield parent
        yield from parent.children(recursive=True)
    except psutil.Error:
        return


def _part_of(process: psutil.Process) -> str:
    try:
        return "crawl_child" if "indexer.crawl" in process.cmdline() else "examiner"
    except psutil.Error:
        return "examiner"


def _database_process(database: Any) -> int | None:
    """The server's first process, when it is on this machine and may be seen."""
    if database.engine.dialect.name != "postgresql":
        return None
    with database.engine.connect() as connection:
        backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    try:
        process = psutil.Process(backend)
        parent = process.parent() if "postgres" in process.name() else None
    except psutil.Error:
        return None
    return None if parent is None else int(parent.pid)


def _figures(
    asked: Round,
    seconds: float,
    runs: Sequence[RunView],
    cpu_s: CpuSeconds,
    counted: Sequence[WorkerFigures],
) -> CrawlFigures:
    pages, media = sum(run.pages_seen for run in runs), sum(run.media_seen for run in runs)
    if (pages, media) != (asked.pages, asked.media):
        raise BenchRoundError(
            f"{pages} pages and {media} media were seen of {asked.pages} and {asked.media}"
        )
    looking_s = sum(worker.looking_s for worker in counted)
    busy_s = sum(worker.kept_busy_s for worker in counted)
    return CrawlFigures(
        database="postgresql" if asked.database_url else "sqlite",
        workers=asked.workers,
        examining=asked.looking,
        seconds=seconds,
        pages=pages,
        media=media,
        pages_a_second=pages / seconds,
        media_a_second=media / seconds,
        cpu_s=cpu_s,
        transactions=sum(worker.transactions for worker in counted),
        rows_written=sum(worker.rows_written for worker in counted),
        examiner_kept_busy=busy_s / looking_s if asked.looking and looking_s else None,
        states=dict(Counter(run.state for run in runs)),
    )


@contextmanager
def made_site(pages: int, media: int, hosts: int, side_px: int) -> Iterator[tuple[str, ...]]:
    """The site, served by a process of its own; gives its hosts."""
    command = [sys.executable, "-m", "indexer.benchmarks.crawl_site"]
    command += ["--pages", str(pages), "--media", str(media), "--hosts", str(hosts)]
    command += ["--side-px", str(side_px)]
    site = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        line = site.stdout.readline() if site.stdout is not None else ""
        if not line:
            raise BenchRoundError("the made site did not start; what it said is above")
        yield msgspec.json.decode(line, type=tuple[str, ...])
    finally:
        if site.stdin is not None:
            site.stdin.close()
        site.wait(STOP_LIMIT_S)
