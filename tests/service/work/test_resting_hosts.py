"""A run whose host fails: it waits, goes on when the host is back, or gives it up and says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from service.clock import SystemClock
from service.database import Database
from service.sources import host_rests
from service.sources.models import FrontierEntry, HostRest
from tests.fixtures.hostile_site import Handler, body, hostile_site, page, picture
from tests.service.work.work_factory import make_worker, shown

pytestmark = pytest.mark.slow


def test_a_host_that_comes_back_is_asked_again_and_nothing_of_it_is_lost(
    sqlite_database: Database, tmp_path: Path
) -> None:
    with hostile_site() as site:
        worker = make_worker(
            sqlite_database, tmp_path, exceptions=(site.host,), name="main", slice_pages=25
        )
        tries: list[str] = []

        def busy_at_first(handler: Handler) -> None:
            tries.append(handler.path)
            answer = body(b"later", "text/plain", 503) if len(tries) < 2 else page(links)
            answer(handler)

        links = "".join(f'<img src="/{number}.png">' for number in range(20))
        for number in range(20):
            site.put(f"/{number}.png", picture(shown(None, number)))
        start = site.put("/", busy_at_first)
        worker.engine.launch()
        try:
            run = worker.sources.run(worker.sources.site(seeds=(start,)))
            assert worker.wait_for(run.id, "finished", "blind", "failed") == "finished"
        finally:
            worker.engine.close()
        assert worker.sources.look(run).media_examined == 20
        with sqlite_database.read() as session:
            assert session.scalars(select(HostRest)).all() == []


def test_a_host_that_stays_away_is_given_up_and_the_run_could_not_look(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_rests, "GIVE_UP_AFTER", 2)
    with hostile_site() as site:
        worker = make_worker(sqlite_database, tmp_path, exceptions=(site.host,))
        numbers = range(60)
        start = site.put("/", page("".join(f'<img src="/{n}.png">' for n in numbers)))
        for number in numbers:
            site.put(f"/{number}.png", body(b"broken", "text/plain", 503))
        worker.engine.launch()
        try:
            run = worker.sources.run(worker.sources.site(seeds=(start,)))
            assert worker.wait_for(run.id, "finished", "blind", "failed") == "blind"
        finally:
            worker.engine.close()
    ended = worker.sources.look(run)
    assert "host_given_up" in ended.state_reason
    with sqlite_database.read() as session:
        refused = session.scalars(
            select(FrontierEntry).where(FrontierEntry.refusal_code == host_rests.GIVEN_UP)
        ).all()
        assert len(refused) > 20
        assert "times in a row" in (refused[0].refusal_message or "")
        assert session.scalars(select(HostRest.host)).all() == [site.host]
    asked = [path for path in site.paths if path.endswith(".png")]
    assert len(asked) < 60, "most of it was never asked for"
    assert SystemClock().now() > ended.created_at
