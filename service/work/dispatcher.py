"""Hands queued runs to the durable engine, and watches that none is forgotten.

A queued run is a row that any process may write; the dispatcher of every worker sees it and
enqueues its workflow under an id made of run and generation, so that it exists once however many
dispatchers saw the row. A running run whose workflow has ended or is unknown (its row was lost in
a power cut) is queued again; the eighth time it has failed. With PostgreSQL the workflows
of a worker that is proven dead are resumed here. The worker's examiner follows the watch-list also
while it has nothing to look at.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from dbos import DBOS, EnqueueOptions
from dbos import error as dbos_errors
from sqlalchemy import Engine as SqlEngine
from sqlalchemy.exc import SQLAlchemyError

from indexer.errors import IndexerError
from service.accounts.actor import Actor
from service.database import Database
from service.sources.service import SourcesService
from service.sources.views import AROUND, RunView
from service.work.crawl_run import CrawlRuns
from service.work.executor_lock import ExecutorLock, proof_of_death

logger = logging.getLogger(__name__)

CRAWL_QUEUE = "crawl"
FIRST_QUEUE = "crawl_first"
"""Runs for one case (a find, a link that was brought): they never wait behind routine ones."""
ACUTE_PRIORITY = 1
PRIORITY = 10
"""Within a queue of the engine the smaller number goes first, then who waits longest."""
CRAWL_WORKFLOW = "crawl_run"
EVIDENCE_QUEUE = "evidence"
EVIDENCE_WORKFLOW = "evidence_round"
LOOK_BACK_QUEUE = "look_back"
LOOK_BACK_WORKFLOW = "look_back_round"
MODEL_QUEUE = "models"
MODEL_WORKFLOW = "model_round"
POLL_EVERY_S = 0.25
EVIDENCE_EVERY_S = 2.0
WATCH_EVERY_S = 30.0
MAX_LOST = 7
SETTLED_AFTER_S = 15.0
"""So long after the database was started again the living have taken their names again."""

_ACTOR = Actor.system("dispatch")
_ALIVE = ("PENDING", "ENQUEUED", "DELAYED")


@dataclass(frozen=True, slots=True)
class DispatcherParts:
    """What the dispatcher works with."""

    database: Database
    sources: SourcesService
    crawl: CrawlRuns
    evidence_waits: Callable[[], bool]
    look_back_waits: Callable[[], bool]
    models_wait: Callable[[], bool]
    keep_up: Callable[[], None]
    worker: str
    application_version: str


class Dispatcher:
    """One thread beside the engine."""

    def __init__(self, parts: DispatcherParts) -> None:
        self._parts = parts
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._again_at: dict[str, float] = {}
        self._lock: ExecutorLock | None = None
        self._next_watch = 0.0
        self._next_evidence = 0.0

    def start(self, lock: ExecutorLock) -> None:
        """Begin to hand out; the engine must be launched, and `lock` hold the worker's name."""
        self._lock = lock
        self._thread = threading.Thread(target=self._work, name="dispatcher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop handing out, and wait until the thread has ended."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                self._round()
            except (SQLAlchemyError, dbos_errors.DBOSException) as error:
                # The database is busy or away: the rows wait, and so do we.
                logger.warning("dispatching waits: %s", type(error).__name__)
                self._stop.wait(POLL_EVERY_S * 8)
            self._stop.wait(POLL_EVERY_S)

    def _round(self) -> None:
        held_s = self._lock.keep() if self._lock is not None else 0.0
        with self._parts.database.read() as session:
            runs = self._parts.sources.progress.to_take_up(session, _ACTOR)
        now = time.monotonic()
        for run in runs:
            if run.state == "queued" and now >= self._again_at.get(workflow_id(run), 0.0):
                self._enqueue(run)
                self._again_at[workflow_id(run)] = now + WATCH_EVERY_S
        if now >= self._next_evidence:
            self._next_evidence = now + EVIDENCE_EVERY_S
            if self._parts.evidence_waits():
                self._enqueue_round(EVIDENCE_WORKFLOW, EVIDENCE_QUEUE)
            if self._parts.look_back_waits():
                self._enqueue_round(LOOK_BACK_WORKFLOW, LOOK_BACK_QUEUE)
            if self._parts.models_wait():
                self._enqueue_round(MODEL_WORKFLOW, MODEL_QUEUE)
        if now >= self._next_watch:
            self._next_watch = now + WATCH_EVERY_S
            self._again_at = {name: at for name, at in self._again_at.items() if at > now}
            self._keep_up()
            self._watch([run for run in runs if run.state == "running"])
            if held_s >= SETTLED_AFTER_S:
                self._take_over_from_the_dead(self._parts.database.engine)

    def _keep_up(self) -> None:
        """Each worker has an examiner of its own; who left has to be gone from all of them."""
        try:
            self._parts.keep_up()
        except IndexerError as error:
            logger.warning("the watch-list is not followed: %s", error.code)

    def _enqueue(self, run: RunView) -> None:
        DBOS.enqueue_workflow_with_options(
            EnqueueOptions(
                workflow_name=CRAWL_WORKFLOW,
                queue_name=queue_of(run),
                workflow_id=workflow_id(run),
                app_version=self._parts.application_version,
                priority=priority_of(run),
            ),
            str(run.id),
        )

    def _enqueue_round(self, workflow: str, queue: str) -> None:
        """One round at a time, whoever asked for it."""
        DBOS.enqueue_workflow_with_options(
            EnqueueOptions(
                workflow_name=workflow,
                queue_name=queue,
                deduplication_id=workflow,
                duplication_policy="return-existing",
                app_version=self._parts.application_version,
            )
        )

    def _watch(self, running: list[RunView]) -> None:
        for run in running:
            status = DBOS.get_workflow_status(workflow_id(run))
            if status is not None and status.status in _ALIVE:
                if status.app_version in (None, self._parts.application_version):
                    continue
                # Made by another version of this program, which nobody runs any more.
                DBOS.cancel_workflow(status.workflow_id)
            if run.times_lost >= MAX_LOST:
                self._parts.crawl.fail(run.id, "gave_up")
                continue
            logger.warning("run %s has no workflow any more; it is queued again", run.id)
            with self._parts.database.write() as session:
                self._parts.sources.progress.requeue(session, _ACTOR, run.id)

    def _take_over_from_the_dead(self, engine: SqlEngine) -> None:
        if engine.dialect.name != "postgresql":
            return
        pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        by_worker: dict[str, dict[str, list[str]]] = {}
        for workflow in pending:
            if workflow.executor_id and workflow.executor_id != self._parts.worker:
                queues = by_worker.setdefault(workflow.executor_id, {})
                queues.setdefault(workflow.queue_name or CRAWL_QUEUE, []).append(
                    workflow.workflow_id
                )
        for worker, queues in by_worker.items():
            with proof_of_death(engine, worker) as dead:
                if dead:
                    count = sum(len(ids) for ids in queues.values())
                    logger.warning("worker %s is gone; %d workflows go on here", worker, count)
                    for queue, ids in queues.items():
                        DBOS.resume_workflows(ids, queue_name=queue)


def queue_of(run: RunView) -> str:
    """The queue that a run waits in."""
    return FIRST_QUEUE if run.kind == AROUND else CRAWL_QUEUE


def priority_of(run: RunView) -> int:
    """The place of a run within its queue: what is done for somebody in acute danger goes first."""
    return ACUTE_PRIORITY if run.is_acute else PRIORITY


def workflow_id(run: RunView) -> str:
    """The one id of a run's workflow in its present generation."""
    return f"run-{run.id}-{run.generation}"


def generation_of(workflow: str | None) -> int | None:
    """The generation of a run for which a workflow of this id was enqueued."""
    number = (workflow or "").rpartition("-")[2]
    return int(number) if number.isdecimal() else None
