"""A run through the real engine and crawl child against a site on loopback."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from dbos import DBOS
from sqlalchemy import select

from service.candidates.models import Candidate
from service.database import Database
from service.sources import leasing
from service.sources.models import FrontierEntry, MediumSeen, Sighting
from service.work import assembly, engine
from service.work.errors import ExecutorBusyError
from tests.fixtures.hostile_site import HostileSite, body, hostile_site, page, picture
from tests.service.work.planted_site import plant, run_of
from tests.service.work.work_factory import BROKEN, Worker, make_person, make_worker, shown

pytestmark = pytest.mark.slow


@pytest.fixture
def site() -> Iterator[HostileSite]:
    with hostile_site() as running:
        yield running


@pytest.fixture
def worker(sqlite_database: Database, tmp_path: Path, site: HostileSite) -> Iterator[Worker]:
    made = make_worker(sqlite_database, tmp_path, exceptions=(f"127.0.0.1:{site.port}",))
    made.engine.launch()
    yield made
    made.engine.close()


def codes(worker: Worker, run_id: uuid.UUID) -> dict[str, str]:
    with worker.sources.database.read() as session:
        rows = session.scalars(select(FrontierEntry).where(FrontierEntry.run_id == run_id)).all()
    return {row.url.split("/", 3)[3]: row.refusal_code or row.state for row in rows}


def work_rows(folder: Path) -> str:
    """Everything in the engine's tables, as text."""
    connection = sqlite3.connect(folder / "work.sqlite")
    named = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    tables = [row[0] for row in named]
    content = "\n".join(
        str(row) for table in tables for row in connection.execute(f'SELECT * FROM "{table}"')
    )
    connection.close()
    return content


@pytest.mark.parametrize("on", [True, False])
def test_no_face_model_looks_for_an_organisation_whose_switch_is_off(
    sqlite_database: Database, tmp_path: Path, site: HostileSite, on: bool
) -> None:
    exceptions = (f"127.0.0.1:{site.port}",)
    worker = make_worker(sqlite_database, tmp_path, exceptions=exceptions, face_matching=on)
    plant(site, make_person(worker.sources))
    worker.engine.launch()
    try:
        run_id = run_of(worker, site)
        assert worker.wait_for(run_id, "finished", "blind", "failed") == "finished"
    finally:
        worker.engine.close()
    assert set(worker.eyes.looked_with_faces) == {on}
    # Faces of one run are never compared together with another's (design rule 1).
    assert set(worker.eyes.looked_for_runs) == {str(run_id)}
    with sqlite_database.read() as session:
        media = session.scalars(select(MediumSeen)).all()
    assert {medium.examined_model is not None for medium in media} == {on}


def test_every_page_and_medium_is_looked_at_and_every_find_is_one_candidate(
    worker: Worker, site: HostileSite
) -> None:
    person_id = make_person(worker.sources)
    plant(site, person_id)
    run_id = run_of(worker, site)
    assert worker.wait_for(run_id, "finished", "blind", "failed") == "finished"
    with worker.sources.database.read() as session:
        run = worker.sources.service.run(session, worker.sources.system, run_id)
        candidates = session.scalars(select(Candidate)).all()
        sightings = session.scalars(select(Sighting)).all()
    assert (run.pages_seen, run.media_seen, run.media_examined) == (5, 12, 12)
    assert (run.candidates_found, len(candidates), len(sightings)) == (4, 4, 12)
    assert run.faces_counted == 12
    assert worker.eyes.kept_up > 0
    assert {candidate.person_id for candidate in candidates} == {person_id}
    assert worker.reports.kept == [run_id]
    assert set(codes(worker, run_id).values()) == {"done"}


def test_content_that_was_looked_at_is_only_sighted_again_unless_it_showed_somebody(
    worker: Worker, site: HostileSite
) -> None:
    person_id = make_person(worker.sources)
    names = [f"/copy{number}.png" for number in range(3)]
    finds = [f"/find{number}.png" for number in range(2)]
    site.put("/", page("".join(f'<img src="{name}">' for name in names + finds)))
    for name in names:
        site.put(name, picture(shown(None, 1)))
    for name in finds:
        site.put(name, picture(shown(person_id, 2)))
    run_id = run_of(worker, site)
    worker.wait_for(run_id, "finished")
    assert len(worker.eyes.looked) == 3
    with worker.sources.database.read() as session:
        run = worker.sources.service.run(session, worker.sources.system, run_id)
        assert len(session.scalars(select(MediumSeen)).all()) == 2
        assert len(session.scalars(select(Sighting)).all()) == 5
    assert (run.media_seen, run.media_examined, run.candidates_found) == (5, 3, 1)


def test_what_cannot_be_read_or_fetched_is_counted_with_its_reason(
    worker: Worker, site: HostileSite
) -> None:
    site.robots = "User-agent: *\nDisallow: /private"
    site.put(
        "/",
        page('<a href="/gone">x</a><a href="/private">x</a><img src="/b.png"><img src="/t.png">'),
    )
    site.put("/b.png", picture(shown(None, 1) + BROKEN))
    site.put("/t.png", body(b"not a picture at all", "image/png"))
    run_id = run_of(worker, site)
    worker.wait_for(run_id, "finished")
    seen = codes(worker, run_id)
    assert seen == {
        "": "done",
        "gone": "http_status",
        "private": "robots",
        "b.png": "done",
        "t.png": "not_media",
        "sitemap.xml": "absent",
    }
    with worker.sources.database.read() as session:
        run = worker.sources.service.run(session, worker.sources.system, run_id)
    assert (run.media_unreadable, run.refusals) == (1, 3)


def test_what_only_a_sitemap_names_is_looked_at(worker: Worker, site: HostileSite) -> None:
    site.robots = f"Sitemap: {site.at('/index.xml')}"
    site.put("/", page("<title>Start</title>"))
    part = f"<sitemap><loc>{site.at('/part.xml')}</loc></sitemap>"
    site.put("/index.xml", body(f"<sitemapindex>{part}</sitemapindex>".encode(), "text/xml"))
    entry = f"<url><loc>{site.at('/hidden')}</loc></url>"
    site.put("/part.xml", body(f"<urlset>{entry}</urlset>".encode(), "text/xml"))
    site.put("/hidden", page('<img src="/hidden.png">'))
    site.put("/hidden.png", picture(shown(None, 1)))
    run_id = run_of(worker, site, max_depth=1)
    assert worker.wait_for(run_id, "finished", "blind") == "finished"
    assert set(codes(worker, run_id).values()) == {"done"}
    assert len(worker.eyes.looked) == 1


def test_a_cancelled_run_fetches_no_more(worker: Worker, site: HostileSite) -> None:
    plant(site, None, pages=30)
    worker.eyes.delay_s = 0.05
    run_id = run_of(worker, site)
    worker.wait_for(run_id, "running")
    with worker.sources.database.write() as session:
        worker.sources.service.control.cancel(session, worker.sources.operator, run_id)
    asked = len(site.requests)
    worker.engine.close()
    assert len(site.requests) < asked + 40
    with worker.sources.database.read() as session:
        assert (
            worker.sources.service.run(session, worker.sources.system, run_id).state == "cancelled"
        )


def test_a_second_process_cannot_work_under_the_same_name(
    worker: Worker, sqlite_database: Database, tmp_path: Path
) -> None:
    other = make_worker(sqlite_database, tmp_path, sources=worker.sources)
    with pytest.raises(ExecutorBusyError, match="main"):
        other.engine._lock.take()


def test_the_work_tables_hold_ids_and_counts_only(
    worker: Worker, site: HostileSite, tmp_path: Path
) -> None:
    plant(site, make_person(worker.sources))
    run_id = run_of(worker, site)
    worker.wait_for(run_id, "finished")
    worker.engine.close()
    content = work_rows(tmp_path)
    assert str(run_id) in content
    for forbidden in ("http", "127.0.0.1", "forum", "Start", "Page 0", "png", "gASV"):
        assert forbidden not in content, forbidden


def test_what_may_work_later_is_tried_again_and_then_given_up(
    worker: Worker, site: HostileSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leasing, "RETRY_AFTER_S", (0.2, 0.4, 0.6))
    site.put("/", page('<img src="/busy.png"><img src="/fine.png">'))
    site.put("/busy.png", body(b"later", "text/plain", status=503))
    site.put("/fine.png", picture(shown(None, 1)))
    run_id = run_of(worker, site)
    worker.wait_for(run_id, "finished")
    assert site.paths.count("/busy.png") == leasing.MAX_ATTEMPTS
    assert codes(worker, run_id)["busy.png"] == "http_status"
    with worker.sources.database.read() as session:
        run = worker.sources.service.run(session, worker.sources.system, run_id)
    assert (run.refusals, run.media_seen) == (1, 1)


@pytest.mark.parametrize("schedule", ["minute", "hour"])
def test_what_comes_round_is_done_and_a_failing_part_stops_no_other(
    worker: Worker, schedule: str, tmp_path: Path
) -> None:
    # The schedule's own minute may come round as well while this runs.
    before = worker.chores.done
    assert before >= 1
    DBOS.trigger_schedule(schedule).get_result()
    assert worker.chores.done > before
    worker.engine.close()
    content = work_rows(tmp_path)
    assert "secret" not in content
    assert "Anna" not in content


def test_a_run_begun_by_another_version_of_the_program_goes_on(
    sqlite_database: Database, tmp_path: Path, site: HostileSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(site, None, pages=10)
    exceptions = (f"127.0.0.1:{site.port}",)
    with monkeypatch.context() as patch:
        for module in (engine, assembly):
            patch.setattr(module, "APPLICATION_VERSION", "likeness-work-0")
        older = make_worker(sqlite_database, tmp_path, exceptions=exceptions, look_s=0.05)
        older.engine.launch()
        run_id = run_of(older, site)
        older.wait_for(run_id, "running")
        older.engine.close()
    newer = make_worker(sqlite_database, tmp_path, exceptions=exceptions, sources=older.sources)
    newer.engine.launch()
    try:
        assert newer.wait_for(run_id, "finished") == "finished"
    finally:
        newer.engine.close()
    with newer.sources.database.read() as session:
        run = newer.sources.service.run(session, newer.sources.system, run_id)
    assert (run.pages_seen, run.media_seen, run.generation) == (11, 30, 2)
