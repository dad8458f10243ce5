"""One worker of the chaos test, to be killed: `chaos_worker DATA_DIR DATABASE_URL NAME`.

Beside DATA_DIR lie `exceptions.json` (the site's hosts) and `clock_jump_s`, by which this process's
clock is wrong. It says "launched" on standard output and works until it is ended.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.clock import SystemClock
from service.database import Database
from service.reports.models import Report
from service.sources.models import Run
from service.work import dispatcher
from tests.service.sources.sources_factory import make_service
from tests.service.work.work_factory import build_worker

LOOK_S = 0.005
WATCH_EVERY_S = 2.0


class ReportsInTheDatabase:
    """One row a run, whose key is unique: a doubled report is an error, a lost one is missed."""

    def keep_run_report(self, session: Session, actor: Actor, run_id: uuid.UUID) -> None:
        run = session.get_one(Run, run_id)
        session.add(
            Report(
                organisation_id=run.organisation_id,
                run_id=run_id,
                content={"pages": run.pages_seen},
                made_at=SystemClock().now(),
            )
        )
        session.flush()


def wrong_clock(jump: Path) -> None:
    """Let every part of this process read a clock that is wrong by what the file says."""

    def now(_clock: SystemClock) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(jump.read_text() or 0))

    SystemClock.now = now  # type: ignore[method-assign]


def main(data_dir: str, database_url: str, name: str) -> None:
    folder = Path(data_dir)
    folder.mkdir(exist_ok=True)
    wrong_clock(folder.parent / "clock_jump_s")
    dispatcher.WATCH_EVERY_S = WATCH_EVERY_S
    exceptions = tuple(json.loads((folder.parent / "exceptions.json").read_text()))
    database = Database.open(database_url)
    engine = build_worker(
        database,
        folder,
        make_service(SystemClock(), exceptions=exceptions),
        exceptions=exceptions,
        look_s=LOOK_S,
        name=name,
        slice_pages=100,
        reports=ReportsInTheDatabase(),  # type: ignore[arg-type]
    )
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    engine.launch()
    print("launched", flush=True)  # noqa: T201 - the test reads this line
    stop.wait()
    engine.close()
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
