"""A run is watched in a real browser: its numbers renew themselves, and its end is shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import uvicorn
from playwright.sync_api import Browser, expect

from service.accounts.actor import Actor
from service.app import Rooms, build_rooms, create_web
from service.settings import Settings
from service.sources.site_draft import SiteDraft
from service.sources.views import RunCount, RunView
from tests.fixtures.visitor import PHONE, Visitor
from tests.service.web.conftest import PASSWORD
from tests.service.web.page_client import PageClient

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@dataclass
class Served:
    """An application that is served, with a site and a run that goes on."""

    rooms: Rooms
    url: str
    run: RunView

    @property
    def system(self) -> Actor:
        return Actor.system("test", self.run.organisation_id)

    def count(self, count: RunCount) -> None:
        with self.rooms.database.write() as session:
            self.rooms.sources.progress.count(session, self.system, self.run.id, count)

    def end(self) -> None:
        with self.rooms.database.write() as session:
            self.rooms.sources.progress.end(
                session, self.system, self.run.id, "blind", "wall_login"
            )

    def visitor(self, browser: Browser, *, javascript: bool = True) -> Visitor:
        """The operator, on the page of the run, with a phone."""
        olga = Visitor(browser, self.url, "olga", PHONE, javascript=javascript)
        olga.goto("/staff/sign-in")
        olga.fill(username="olga", password=PASSWORD)
        olga.press("Sign in")
        olga.goto(f"/runs/{self.run.id}")
        return olga


@pytest.fixture
def served(settings: Settings) -> Iterator[Served]:
    rooms = build_rooms(settings)
    app = create_web(rooms)
    with rooms.database.write() as session:
        token = rooms.accounts.create_setup_link(session)
    operator = PageClient(app)
    operator.get(f"/setup/{token}")
    operator.post(
        f"/setup/{token}", organisation_name="Helpline", username="olga", password=PASSWORD
    )
    with rooms.database.write() as session:
        organisation = rooms.accounts.default_organisation(session)
        system = Actor.system("test", organisation.id)
        draft = SiteDraft(
            "A forum", ("http://forum.example/",), "Look for copies", "Mandates given"
        )
        site = rooms.sources.add_site(session, system, draft)
        run = rooms.sources.start_run(session, system, site.id, "a test of monitoring")
        rooms.sources.progress.begin(session, system, run.id)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Served(rooms, f"http://127.0.0.1:{port}", run)
    server.should_exit = True
    thread.join()
    rooms.close()


def test_numbers_renew_themselves_without_the_page_being_loaded_anew(
    browser: Browser, served: Served
) -> None:
    olga = served.visitor(browser)
    page = olga.page
    page.evaluate("window.isTheSamePage = true")
    served.count(RunCount(pages_seen=41, faces_counted=17))
    expect(page.locator("#progress")).to_contain_text("41", timeout=20_000)
    assert page.evaluate("window.isTheSamePage") is True
    olga.must_fit()
    olga.shoot("a-run-goes-on")
    served.end()
    expect(page.locator(".problem")).to_contain_text("We could not look", timeout=30_000)
    expect(page.locator("#progress")).to_contain_text("could not look")
    olga.nothing_wrong()
    olga.close()


def test_without_scripts_the_page_loads_itself_anew(browser: Browser, served: Served) -> None:
    olga = served.visitor(browser, javascript=False)
    served.count(RunCount(pages_seen=43))
    expect(olga.page.locator("#progress")).to_contain_text("43", timeout=30_000)
    olga.close()


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_reports_fit_a_phone(browser: Browser, served: Served, colours: str) -> None:
    olga = served.visitor(browser)
    olga.page.emulate_media(color_scheme=colours)  # type: ignore[arg-type]
    served.count(RunCount(pages_seen=41, media_seen=30, media_examined=30, bytes_fetched=4_000_000))
    served.end()
    for path in ("/reports", "/reports/so-far?kind=week"):
        olga.goto(path)
        olga.must_fit()
        olga.shoot(f"{path.split('?')[0].strip('/').replace('/', '-')}-{colours}")
    assert olga.page.locator("svg[role=img]").count() == 6
    olga.nothing_wrong()
    olga.close()
