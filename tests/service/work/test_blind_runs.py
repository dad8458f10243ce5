"""Walls, canaries and budgets: how a run ends is what could be seen. One worker for all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from service.database import Database
from service.sources import leasing
from tests.fixtures.databases import SqliteTemplate
from tests.fixtures.hostile_site import HostileSite, hostile_site, page
from tests.fixtures.socks_proxy import free_port, socks_proxy
from tests.service.work.planted_site import plant, run_of
from tests.service.work.work_factory import Worker, make_worker


@pytest.fixture(scope="module")
def started(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: SqliteTemplate
) -> Iterator[tuple[Worker, HostileSite]]:
    folder = tmp_path_factory.mktemp("worker")
    database = Database.open(sqlite_template.new_migrated_url(folder))
    with hostile_site() as running:
        made = make_worker(database, folder, exceptions=(f"127.0.0.1:{running.port}",))
        made.engine.launch()
        yield made, running
        made.engine.close()
    database.close()


@pytest.fixture
def worker(started: tuple[Worker, HostileSite]) -> Worker:
    return started[0]


@pytest.fixture
def site(started: tuple[Worker, HostileSite]) -> HostileSite:
    return started[1]


@pytest.mark.parametrize(
    ("title", "code"),
    [("Just a moment...", "wall_challenge"), ("Log in", "wall_login"), ("Age check", "wall_age")],
)
def test_a_wall_makes_the_run_blind(
    worker: Worker, site: HostileSite, title: str, code: str
) -> None:
    site.put("/", page(f"<title>{title}</title><a href='/more'>more</a>"))
    run_id = run_of(worker, site)
    assert worker.wait_for(run_id, "finished", "blind") == "blind"
    with worker.sources.database.read() as session:
        run = worker.sources.service.run(session, worker.sources.system, run_id)
    assert code in run.state_reason


def test_a_lost_canary_makes_the_run_blind(worker: Worker, site: HostileSite) -> None:
    plant(site, None, pages=2)
    site.put("/canary", page('<title>c</title><img src="/m0-0.png">'))
    run_id = run_of(worker, site, canaries=(f"2 {site.at('/canary')}",))
    assert worker.wait_for(run_id, "finished", "blind") == "blind"
    with worker.sources.database.read() as session:
        run = worker.sources.service.run(session, worker.sources.system, run_id)
    assert run.state_reason == "canary_lost"


def test_a_canary_that_shows_enough_is_well(worker: Worker, site: HostileSite) -> None:
    plant(site, None, pages=2)
    run_id = run_of(worker, site, canaries=(f"3 {site.at('/p0')}",))
    assert worker.wait_for(run_id, "finished", "blind") == "finished"


def test_a_budget_is_kept_and_named(worker: Worker, site: HostileSite) -> None:
    plant(site, None, pages=9)
    run_id = run_of(worker, site, page_budget=3, media_budget=4)
    worker.wait_for(run_id, "finished")
    with worker.sources.database.read() as session:
        run = worker.sources.service.run(session, worker.sources.system, run_id)
    assert (run.pages_seen, run.media_seen) == (3, 4)
    assert run.state_reason == "budget"


def test_a_run_without_a_model_to_look_for_faces_with_is_blind(
    worker: Worker, site: HostileSite
) -> None:
    plant(site, None, pages=2)
    kept, worker.eyes.model = worker.eyes.model, None
    try:
        run_id = run_of(worker, site)
        assert worker.wait_for(run_id, "finished", "blind") == "blind"
    finally:
        worker.eyes.model = kept
    with worker.sources.database.read() as session:
        run = worker.sources.service.run(session, worker.sources.system, run_id)
        outcome = worker.sources.service.progress.outcome(session, worker.sources.system, run_id)
    assert run.state_reason == "faces_not_looked_for"
    assert outcome.media_without_faces == run.media_seen > 0
    again = run_of(worker, site)
    assert worker.wait_for(again, "finished", "blind") == "finished", "with the model it can look"


def test_a_run_without_its_proxy_is_blind_and_nothing_goes_beside_it(
    worker: Worker, site: HostileSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(site, None, pages=2)
    asked_before = len(site.paths)
    monkeypatch.setattr(leasing, "RETRY_AFTER_S", (0.1, 0.1, 0.1))
    service = worker.sources.service
    by_proxy = replace(service._manners, socks_proxy=f"127.0.0.1:{free_port()}")
    monkeypatch.setattr(service, "_manners", by_proxy)
    run_id = run_of(worker, site)
    assert worker.wait_for(run_id, "finished", "blind") == "blind"
    with worker.sources.database.read() as session:
        run = service.run(session, worker.sources.system, run_id)
    assert set(run.state_reason.split(",")) == {"no_page", "start_refused", "proxy"}
    assert len(site.paths) == asked_before
    assert service.address_exceptions, "the site itself could have been reached"


def test_a_run_by_a_proxy_sees_what_it_would_see_without(
    worker: Worker, site: HostileSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(site, None, pages=2)
    service = worker.sources.service
    with socks_proxy(site.port) as proxy:
        by_proxy = replace(service._manners, socks_proxy=f"127.0.0.1:{proxy.port}")
        monkeypatch.setattr(service, "_manners", by_proxy)
        asked_before = len(site.paths)
        run_id = run_of(worker, site)
        assert worker.wait_for(run_id, "finished", "blind") == "finished"
    connections = {seen.connection for seen in site.requests[asked_before:]}
    assert len(proxy.asked) == len(connections) > 0


def test_a_forum_whose_threads_are_for_members_is_blind_and_a_link_to_log_in_is_not(
    worker: Worker, site: HostileSite
) -> None:
    form = '<form action="/login"><input type="password" name="p"></form>'
    plant(site, None, pages=3)
    front = '<a href="/p0">0</a><a href="/p1">1</a><a href="/p2">2</a><a href="/login">Log in</a>'
    site.put("/", page(f"<title>Forum</title>{front}"))
    site.put("/login", page(f"<title>Log in</title>{form}"))
    open_to_all = run_of(worker, site)
    assert worker.wait_for(open_to_all, "finished", "blind") == "finished"
    members = f"<title>Forum</title><p>You must be logged in to view this.</p>{form}"
    site.put("/p2", page(members))
    closed = run_of(worker, site)
    assert worker.wait_for(closed, "finished", "blind") == "blind"
    with worker.sources.database.read() as session:
        run = worker.sources.service.run(session, worker.sources.system, closed)
    assert run.state_reason.split(",")[0] == "wall_login"
