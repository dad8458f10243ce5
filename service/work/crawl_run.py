"""A run from its first slice to its report, as the steps of one durable workflow.

1. `slice`: lease, fetch, look, complete, up to a few hundred addresses; once more while there are
   some. A step may be done twice (the engine promises at least once): fenced leases make that
   harmless.
2. `end`: the run is judged "finished" or "blind" and its report is written, in one transaction.

Inputs and results are ids and counts only.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.sources.around import bounded
from service.sources.sweep_repository import SWEEP
from service.sources.views import AROUND
from service.work.child_pool import ChildPool
from service.work.crawl_line import CrawlLine
from service.work.errors import WorkInterruptedError
from service.work.judgement import judge
from service.work.line_parts import LineParts
from service.work.sweep_judgement import judge_sweep

logger = logging.getLogger(__name__)

_ACTOR = Actor.system("crawl")


class RunReports(Protocol):
    """Where a run's report is kept."""

    def keep_run_report(self, session: Session, actor: Actor, run_id: uuid.UUID) -> None:
        """Build the report of a run that has ended, and store it."""
        ...


@dataclass(frozen=True, slots=True)
class SliceResult:
    """What the workflow is told of a slice: numbers only."""

    completed: int
    more: bool
    wait_s: float


class CrawlRuns:
    """The steps of the crawl workflow."""

    def __init__(
        self, parts: LineParts, children: ChildPool, reports: RunReports, worker: str
    ) -> None:
        self._parts = parts
        self._children = children
        self._reports = reports
        self._worker = worker

    def slice(self, run_id: uuid.UUID, generation: int | None = None) -> SliceResult:
        """Do one slice of the run. Raises `WorkInterruptedError` when this process is stopping.

        With `generation`, nothing is done once the run was handed out anew: somebody else has it.
        """
        sources = self._parts.sources
        with self._parts.database.write() as session:
            if not sources.progress.begin(session, _ACTOR, run_id, generation):
                return SliceResult(0, more=False, wait_s=0.0)
            run = sources.run(session, _ACTOR, run_id)
            site = sources.site(session, _ACTOR, run.site_id)
            scope = sources.scope(session, _ACTOR, run.site_id)
        if run.kind == AROUND:
            site, scope = bounded(site, scope)
        self._parts.eyes.follow_gallery()
        line = CrawlLine(self._parts, run, site, scope, self._worker)
        with self._children.child() as child:
            outcome = line.run_slice(child)
        if self._parts.stopping.is_set():
            raise WorkInterruptedError
        return SliceResult(outcome.completed, outcome.more, outcome.wait_s)

    def end(self, run_id: uuid.UUID, generation: int | None = None) -> str:
        """Judge the run and write its report; returns the state that the run is in now."""
        sources = self._parts.sources
        with self._parts.database.write() as session:
            is_sweep = sources.run(session, _ACTOR, run_id).kind == SWEEP
            outcome = sources.progress.outcome(session, _ACTOR, run_id)
            judgement = judge_sweep(outcome) if is_sweep else judge(outcome)
            if sources.progress.end(
                session, _ACTOR, run_id, judgement.state, judgement.reason, generation
            ):
                self._reports.keep_run_report(session, _ACTOR, run_id)
            return sources.run(session, _ACTOR, run_id).state

    def fail(self, run_id: uuid.UUID, code: str, generation: int | None = None) -> None:
        """The run cannot go on: say so, with the error's stable code."""
        with self._parts.database.write() as session:
            progress = self._parts.sources.progress
            if progress.end(session, _ACTOR, run_id, "failed", code, generation):
                self._reports.keep_run_report(session, _ACTOR, run_id)
