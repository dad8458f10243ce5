"""The workflows as the engine knows them: names, arguments and results of ids and counts only.

They are registered when the engine is launched, over the parts that it was given; the order of
steps in each is part of `APPLICATION_VERSION`.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dbos import DBOS
from sqlalchemy.exc import InterfaceError, OperationalError

from indexer.errors import IndexerError
from service.errors import LikenessError
from service.work.crawl_run import CrawlRuns
from service.work.dispatcher import (
    CRAWL_WORKFLOW,
    EVIDENCE_WORKFLOW,
    LOOK_BACK_WORKFLOW,
    MODEL_WORKFLOW,
    generation_of,
)
from service.work.evidence import EvidenceRounds
from service.work.housekeeping import forget_old_workflows
from service.work.look_back_rounds import LookBackRounds
from service.work.model_rounds import BuildsModels
from service.work.schedules import Upkeep

SLICE_ATTEMPTS = 3
MAX_PAUSE_S = 60.0
DATABASE_AWAY = "database_away"
MAX_AWAY = 6

logger = logging.getLogger(__name__)

Scheduled = Callable[[datetime, Any], None]


@dataclass(frozen=True, slots=True)
class Registered:
    """The workflows that schedules name."""

    minute: Scheduled
    hour: Scheduled


def register(
    crawl: CrawlRuns,
    evidence: EvidenceRounds,
    look_back: LookBackRounds,
    models: BuildsModels,
    upkeep: Upkeep,
    stopping: threading.Event,
) -> Registered:
    """Tell the engine of every workflow; before its launch."""

    @DBOS.workflow(name=CRAWL_WORKFLOW)
    def crawl_run(run_id: str) -> str:
        generation = generation_of(DBOS.workflow_id)
        return _crawl(crawl, uuid.UUID(run_id), generation, stopping)

    @DBOS.workflow(name=EVIDENCE_WORKFLOW)
    def evidence_round() -> None:
        _each({"hold": evidence.hold_captures, "seal": evidence.seal_exhibits})

    @DBOS.workflow(name=LOOK_BACK_WORKFLOW)
    def look_back_round() -> None:
        _each({"look_back": look_back.look_back_all})

    @DBOS.workflow(name=MODEL_WORKFLOW)
    def model_round() -> None:
        _each({"build": models.build})

    @DBOS.workflow(name="minute")
    def minute(_moment: datetime, _context: Any) -> None:
        _each(
            {
                "start": upkeep.start_due_runs,
                "release": upkeep.release_expired,
                "begin_again": look_back.begin_again,
                "recount": look_back.recount,
                **upkeep.each_minute,
                "go_on": upkeep.let_go_on,
            }
        )

    @DBOS.workflow(name="hour")
    def hour(_moment: datetime, _context: Any) -> None:
        _each(
            {
                "expire": evidence.expire_due,
                "purge": evidence.purge_held,
                "forget": forget_old_workflows,
                **upkeep.each_hour,
                "other_models": models.destroy_others,
            }
        )

    return Registered(minute, hour)


def _crawl(
    crawl: CrawlRuns, run_id: uuid.UUID, generation: int | None, stopping: threading.Event
) -> str:
    """Slices until there is nothing more to do; what goes wrong in one is tried again.

    A run that was paused and resumed has a workflow of its own again: this one ends then.
    """
    failures = away = 0
    while True:
        code, more, wait_s = DBOS.run_step({"name": "slice"}, _slice, crawl, run_id, generation)
        if code == DATABASE_AWAY:
            # Nobody's fault, and no reason to end a run: it goes on when the database does.
            away = min(away + 1, MAX_AWAY)
            stopping.wait(2.0**away)
            continue
        away = 0
        if code:
            failures += 1
            if failures >= SLICE_ATTEMPTS:
                DBOS.run_step({"name": "fail"}, crawl.fail, run_id, code, generation)
                return "failed"
            stopping.wait(2.0**failures)
            continue
        failures = 0
        if not more:
            return DBOS.run_step({"name": "end"}, crawl.end, run_id, generation)
        if wait_s > 0:
            stopping.wait(min(wait_s, MAX_PAUSE_S))


def _slice(
    crawl: CrawlRuns, run_id: uuid.UUID, generation: int | None
) -> tuple[str | None, bool, float]:
    """(error code or None, whether there is more, seconds to wait before it)."""
    try:
        result = crawl.slice(run_id, generation)
    except (LikenessError, IndexerError) as error:
        return error.code, True, 0.0
    except (OperationalError, InterfaceError) as error:
        # It is being started again, cannot be reached, or its disk is full.
        logger.warning("run %s waits for the database: %s", run_id, type(error.orig).__name__)
        return DATABASE_AWAY, True, 0.0
    return None, result.more, result.wait_s


def _each(parts: Mapping[str, Callable[[], int]]) -> None:
    """Each part as a step of its own; one that fails does not keep the next one from running."""
    for name, part in parts.items():
        DBOS.run_step({"name": name}, _counted, part)


def _counted(part: Callable[[], int]) -> dict[str, int | str]:
    try:
        return {"count": part()}
    except (LikenessError, IndexerError) as error:
        return {"count": 0, "code": error.code}
