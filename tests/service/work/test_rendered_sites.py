"""Sites that show nothing without JavaScript, and what the doctor says of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from indexer.crawl.messages import Rendering
from service.database import Database
from service.settings import Settings
from service.sources.models import FrontierEntry, Sighting
from service.work.doctor_browser import examine_browser
from tests.fixtures.databases import SqliteTemplate
from tests.fixtures.hostile_site import HostileSite, body, hostile_site, page, picture
from tests.service.work.planted_site import run_of
from tests.service.work.work_factory import Worker, make_person, make_worker, shown

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FRAME = (
    "<title>Gallery</title><div id=root></div><script src=/app.js></script>"
    "<noscript>You need to enable JavaScript to run this app.</noscript>"
)
APP = (
    b"fetch('/list').then(r => r.json()).then(list => { for (const each of list)"
    b" document.getElementById('root').insertAdjacentHTML('beforeend', `<img src=${each}>`) })"
)


@pytest.fixture(scope="module")
def started(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: SqliteTemplate, rendering_works: None
) -> Iterator[tuple[Worker, HostileSite]]:
    folder = tmp_path_factory.mktemp("worker")
    database = Database.open(sqlite_template.new_migrated_url(folder))
    with hostile_site() as site:
        site.put("/", page(FRAME))
        site.put("/app.js", body(APP, "text/javascript"))
        site.put("/list", body(b'["/m0.png", "/m1.png", "/m2.png"]', "application/json"))
        worker = make_worker(database, folder, exceptions=(f"127.0.0.1:{site.port}",))
        worker.engine.launch()
        yield worker, site
        worker.engine.close()
    database.close()


@pytest.fixture
def worker(started: tuple[Worker, HostileSite]) -> Worker:
    return started[0]


@pytest.fixture
def site(started: tuple[Worker, HostileSite]) -> HostileSite:
    return started[1]


def ended(worker: Worker, run_id: uuid.UUID) -> tuple[str, str]:
    state = worker.wait_for(run_id, "finished", "blind", "failed", timeout_s=120.0)
    with worker.sources.database.read() as session:
        run = worker.sources.service.run(session, worker.sources.system, run_id)
    return state, run.state_reason


def test_what_only_a_script_shows_is_found_and_looked_at(worker: Worker, site: HostileSite) -> None:
    person = make_person(worker.sources)
    for number in range(3):
        site.put(f"/m{number}.png", picture(shown(person if number == 1 else None, number)))
    run_id = run_of(worker, site, needs_script=True)
    assert ended(worker, run_id) == ("finished", "")
    with worker.sources.database.read() as session:
        run = worker.sources.service.run(session, worker.sources.system, run_id)
        seen = session.query(Sighting).filter(Sighting.run_id == run_id).all()
    assert {sighting.media_url for sighting in seen} == {
        site.at(f"/m{number}.png") for number in range(3)
    }
    assert (run.pages_seen, run.media_seen, run.candidates_found) == (1, 3, 1)


def test_with_the_switch_off_the_run_says_that_it_could_not_look(
    worker: Worker, site: HostileSite
) -> None:
    asked_before = site.paths.count("/app.js")
    state, reasons = ended(worker, run_of(worker, site))
    assert state == "blind"
    assert "wall_script" in reasons
    assert site.paths.count("/app.js") == asked_before


def test_where_the_browser_is_missing_the_run_is_blind_and_says_why(
    worker: Worker, site: HostileSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = worker.sources.service
    without = replace(service._manners, rendering=Rendering(chromium="/nowhere/chromium"))
    monkeypatch.setattr(service, "_manners", without)
    state, reasons = ended(worker, run_of(worker, site, needs_script=True))
    assert state == "blind"
    assert {"browser_missing", "no_page", "start_refused"} == set(reasons.split(","))


def test_a_wall_says_from_where_the_page_wanted_its_scripts(
    worker: Worker, site: HostileSite
) -> None:
    site.put("/far", page(FRAME.replace("/app.js", "//scripts.example.net/app.js")))
    described = worker.sources.site(
        name=str(uuid.uuid4()), seeds=(site.at("/far"),), needs_script=True
    )
    run_id = worker.sources.run(described).id
    assert ended(worker, run_id)[0] == "blind"
    with worker.sources.database.read() as session:
        told = session.scalars(
            select(FrontierEntry.refusal_message).where(FrontierEntry.run_id == run_id)
        ).all()
    assert any("hosts outside the site: scripts.example.net" in (each or "") for each in told)


class TestTheDoctor:
    def test_it_says_nothing_of_a_browser_that_no_site_needs(
        self, sqlite_database: Database, tmp_path: Path
    ) -> None:
        assert list(examine_browser(settings_of(sqlite_database, tmp_path))) == []

    def test_it_says_whether_chromium_starts_where_a_site_needs_it(
        self, worker: Worker, site: HostileSite, tmp_path: Path
    ) -> None:
        worker.sources.site(name="Needs it", seeds=(site.at("/"),), needs_script=True)
        settings = settings_of(worker.sources.database, tmp_path)
        (found,) = examine_browser(settings)
        assert found.verdict in ("good", "warning")
        assert found.words.startswith("chromium ")
        missing = settings.model_copy(update={"chromium": "/nowhere/chromium"})
        (found,) = examine_browser(missing)
        assert found.verdict == "bad"
        assert "correct the setting chromium" in found.words
        assert "are blind until then" in found.words


def settings_of(database: Database, folder: Path) -> Settings:
    url = database.engine.url.render_as_string(hide_password=False)
    return Settings(data_dir=folder, database_url=url)
