"""What is for one case never waits behind routine runs."""

from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import update

from service.database import Database
from service.sources.models import Run
from service.sources.views import AROUND
from tests.fixtures.hostile_site import drip, hostile_site, page
from tests.service.work.work_factory import make_worker


def test_a_run_for_one_case_begins_while_routine_runs_fill_the_worker(
    sqlite_database: Database, tmp_path: Path
) -> None:
    with hostile_site() as site:
        worker = make_worker(sqlite_database, tmp_path, exceptions=(site.host,), crawls_at_once=1)
        slow, quick = site.put("/slow", drip(0.2)), site.put("/quick", page("<p>thread</p>"))
        sources = worker.sources
        routine = sources.run(sources.site(name="Routine", seeds=(slow,)))
        urgent = sources.run(sources.site(name="Urgent", seeds=(quick,)))
        with sqlite_database.write() as session:
            session.execute(update(Run).where(Run.id == urgent.id).values(kind=AROUND))
        worker.engine.launch()
        try:
            deadline = time.monotonic() + 20
            while sources.look(urgent).state == "queued":
                assert time.monotonic() < deadline, "it waits behind the routine run"
                time.sleep(0.05)
            assert sources.look(routine).is_live
        finally:
            site.stopping.set()
            worker.engine.close()
