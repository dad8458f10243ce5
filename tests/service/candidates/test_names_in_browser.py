"""Names on a phone, in a real browser: chosen, shown, found, decided; in light and in dark."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import uvicorn
from playwright.sync_api import Browser

from service.accounts.actor import Actor
from service.app import create_web
from tests.fixtures.visitor import PHONE, Visitor
from tests.service.candidates.test_names_finds import flood, write
from tests.service.enrolment.people_factory import House, make_person

pytestmark = pytest.mark.browser


@dataclass
class Served:
    """A house that is served on loopback."""

    house: House
    url: str

    def visitor(self, browser: Browser, actor: Actor, name: str, colours: str) -> Visitor:
        """Somebody who is signed in, with a phone."""
        assert actor.organisation_id is not None
        with self.house.rooms.database.write() as session:
            _, token = self.house.rooms.accounts.sessions.open(
                session,
                actor.role,
                actor.organisation_id,
                account_id=actor.account_id,
                person_id=actor.person_id,
            )
        made = Visitor(browser, self.url, f"{name}-{colours}", PHONE)
        made.page.emulate_media(color_scheme=colours)  # type: ignore[arg-type]
        cookie = {"name": "session", "value": token, "url": self.url}
        made.page.context.add_cookies([cookie])  # type: ignore[list-item]
        return made


@pytest.fixture
def served(house: House) -> Iterator[Served]:
    config = uvicorn.Config(create_web(house.rooms), port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Served(house, f"http://127.0.0.1:{port}")
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize("colours", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_names_on_a_phone_from_choosing_to_a_find(
    browser: Browser, served: Served, colours: str
) -> None:
    house = served.house
    person, case = make_person(house, photos=(), faces=False)
    ada = served.visitor(browser, person, "ada", colours)
    ada.goto("/my")
    ada.follow("Choose names to look for")
    ada.fill(name="Ada Lovelace of the long and winding double-barrelled surname", purpose="posts")
    ada.tick("statement_ticked")
    ada.press("Look for this name")
    ada.must_see("Looked for (1)", "From the next visit on")
    ada.must_fit()
    ada.shoot("names")
    ada.fill(name="Alexandra", purpose="posts")
    ada.tick("statement_ticked")
    ada.button("Look for this name").click()
    ada.page.wait_for_load_state("load")
    ada.must_see("very many pages")
    ada.must_fit()
    ada.shoot("refused")

    with house.rooms.database.read() as session:
        (name,) = house.rooms.enrolment.names.chosen(session, person, case.person_id)
    long_address = f"http://forum.test/{'very-long-part/' * 12}"
    (candidate_id,) = write(house, person, [name.name_id], long_address).candidates
    ada.goto(f"/my/finds/{candidate_id}")
    ada.must_see("two reviewers have agreed that the page means you")
    assert not ada.sees("forum.test")
    ada.must_fit()
    ada.shoot("find")

    reviewer = served.visitor(browser, house.reviewers[0], "reviewer", colours)
    reviewer.goto(f"/candidates/{candidate_id}")
    reviewer.must_see("Does the page mean this person?", "forum.test")
    reviewer.must_fit()
    reviewer.shoot("candidate")
    flood(house, person, name.name_id)
    for path in (f"/cases/{case.person_id}/names", "/resting-searches"):
        reviewer.goto(path)
        reviewer.must_fit()
        reviewer.shoot(path.rsplit("/", 1)[1])
    for visitor in (ada, reviewer):
        visitor.nothing_wrong()
        visitor.close()
