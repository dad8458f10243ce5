"""The durable engine (DBOS): what runs, on which queue, and under whose name.

1. `launch` takes the worker's name (one process each), opens the work tables (a SQLite file of
   their own, or a schema of their own in PostgreSQL), registers workflows, queues and schedules,
   and lets DBOS take up what a killed process of this name left unfinished.
2. The dispatcher hands queued runs to the workers; the keeper follows what was seen.
3. `close` lets the slice at hand end, returns its leases and leaves the workflow pending; the next
   start goes on with it.

Only `serve` and `worker` launch it; other commands write rows and the workers see them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfig
from sqlalchemy import Engine as SqlEngine
from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url

from service.work.crawl_run import CrawlRuns
from service.work.dispatcher import (
    CRAWL_QUEUE,
    EVIDENCE_QUEUE,
    FIRST_QUEUE,
    LOOK_BACK_QUEUE,
    MODEL_QUEUE,
    Dispatcher,
)
from service.work.evidence import EvidenceRounds
from service.work.executor_lock import ExecutorLock
from service.work.index_keeper import IndexKeeper
from service.work.look_back_rounds import LookBackRounds
from service.work.model_rounds import BuildsModels
from service.work.schedules import Upkeep
from service.work.serializer import IdsAndCounts
from service.work.sqlite_clock import add_subsec
from service.work.workflows import Registered, register

APPLICATION = "likeness"
APPLICATION_VERSION = "likeness-work-1"
"""Pinned: DBOS takes up only workflows of its own version. Raise it when steps change order."""

SCHEMA = "likeness_work"
HOUSEKEEPING_QUEUE = "housekeeping"
FIRST_AT_ONCE = 2
_ONE_AT_A_TIME = (EVIDENCE_QUEUE, LOOK_BACK_QUEUE, MODEL_QUEUE, HOUSEKEEPING_QUEUE)
_THREADS_BESIDE_CRAWLS = 13
QUEUE_POLL_S = 0.5
CRAWL_POLL_S = 0.2
"""Somebody may be waiting for a link that they have just brought."""
STOP_GRACE_S = 3.0
STOP_LIMIT_S = 30


@dataclass(frozen=True, slots=True)
class WorkTables:
    """Where the engine keeps its rows: beside the tables of the rooms, never among them."""

    data_dir: Path
    database_url: str

    @property
    def url(self) -> str:
        """The address of the work tables."""
        if make_url(self.database_url).get_backend_name() == "sqlite":
            return f"sqlite:///{(self.data_dir / 'work.sqlite').resolve()}"
        return self.database_url

    def open(self) -> SqlEngine:
        """Connect; with SQLite in WAL mode, which DBOS does not set."""
        url = make_url(self.url)
        if url.get_backend_name() != "sqlite":
            return create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
        engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": 30})
        event.listen(engine, "connect", _prepare_sqlite)
        return engine


@dataclass(frozen=True, slots=True)
class Work:
    """What the engine runs. `stopping` is the event that its parts obey.

    `at_start` finishes what a crash interrupted, before any other work begins; `prepare` starts
    crawl children before there is a crawl.
    """

    crawl: CrawlRuns
    evidence: EvidenceRounds
    look_back: LookBackRounds
    models: BuildsModels
    upkeep: Upkeep
    dispatcher: Dispatcher
    index_keeper: IndexKeeper
    stopping: threading.Event
    at_start: Callable[[], object]
    prepare: Callable[[], None]
    kill_children: Callable[[], int]
    end_children: Callable[[], None]


class Engine:
    """One worker. `launch` once, `close` once."""

    def __init__(
        self,
        tables: WorkTables,
        work: Work,
        worker: str,
        rooms_engine: SqlEngine,
        *,
        crawls_at_once: int,
    ) -> None:
        """`crawls_at_once` is how many sites this worker visits side by side."""
        self._crawls_at_once = crawls_at_once
        self._tables = tables
        self._work = work
        self._worker = worker
        self._lock = ExecutorLock(worker, tables.data_dir, rooms_engine)
        self._sql: SqlEngine | None = None

    def launch(self) -> None:
        """Start working. Raises `ExecutorBusyError` when the name is taken."""
        self._lock.take()
        try:
            self._work.at_start()
            self._sql = self._tables.open()
            DBOS(config=self._config(self._sql))
            work = self._work
            registered = register(
                work.crawl,
                work.evidence,
                work.look_back,
                work.models,
                work.upkeep,
                work.stopping,
            )
            DBOS.listen_queues([CRAWL_QUEUE, FIRST_QUEUE, *_ONE_AT_A_TIME])
            DBOS.launch()
            _register_queues(self._crawls_at_once)
            _apply_schedules(registered)
            work.dispatcher.start(self._lock)
            work.index_keeper.start()
        except BaseException:
            self.close()
            raise

    def prepare(self) -> None:
        """Start what the first crawl would wait for. For a worker that is to live for long."""
        self._work.prepare()

    def close(self) -> None:
        """Stop: leases returned, children ended, unfinished workflows left for the next start."""
        self._work.stopping.set()
        self._work.models.stop()
        self._work.dispatcher.stop()
        self._work.index_keeper.stop()
        reminder = threading.Timer(STOP_GRACE_S, self._work.kill_children)
        reminder.daemon = True
        reminder.start()
        DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=STOP_LIMIT_S)
        reminder.cancel()
        self._work.end_children()
        if self._sql is not None:
            self._sql.dispose()
            self._sql = None
        self._lock.release()

    def _config(self, engine: SqlEngine) -> DBOSConfig:
        return {
            "name": APPLICATION,
            "system_database_url": self._tables.url,
            "system_database_engine": engine,
            "dbos_system_schema": SCHEMA,
            "application_version": APPLICATION_VERSION,
            "executor_id": self._worker,
            "max_executor_threads": _THREADS_BESIDE_CRAWLS + self._crawls_at_once,
            "serializer": IdsAndCounts(),
            "log_level": "WARNING",
            "enable_otlp": False,
        }


def _register_queues(crawls_at_once: int) -> None:
    DBOS.register_queue(
        CRAWL_QUEUE, worker_concurrency=crawls_at_once, polling_interval_sec=CRAWL_POLL_S
    )
    DBOS.register_queue(
        FIRST_QUEUE, worker_concurrency=FIRST_AT_ONCE, polling_interval_sec=CRAWL_POLL_S
    )
    for name in _ONE_AT_A_TIME:
        DBOS.register_queue(name, worker_concurrency=1, polling_interval_sec=QUEUE_POLL_S)


def _apply_schedules(registered: Registered) -> None:
    DBOS.apply_schedules(
        [
            {
                "schedule_name": "minute",
                "workflow_fn": registered.minute,
                "schedule": "* * * * *",
                "queue_name": HOUSEKEEPING_QUEUE,
            },
            {
                "schedule_name": "hour",
                "workflow_fn": registered.hour,
                "schedule": "7 * * * *",
                "queue_name": HOUSEKEEPING_QUEUE,
            },
        ]
    )


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """As measured: without WAL every step waits for the disk several times."""
    connection.isolation_level = "IMMEDIATE"
    add_subsec(connection)
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "busy_timeout=30000",
        "foreign_keys=ON",
        "secure_delete=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
