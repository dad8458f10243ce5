"""The urgent lane over real rooms and the real web: only the eyes and the network are made up."""

from __future__ import annotations

import html
import re
import uuid
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from service.accounts.actor import Actor
from service.app import create_web
from service.candidates.intake import GivenDeclaration
from service.candidates.links import GivenLink
from service.candidates.statements import ADVOCATE_STATEMENTS
from tests.fixtures.clock import SettableClock
from tests.service.enrolment.people_factory import House, make_house, make_person
from tests.service.exhibits.evidence_factory import MadeUpCapturer, NoWait

PAGE = "http://site.test/page"
MEDIUM = "http://site.test/picture.jpg"


class Lane:
    """A house with one attested person, and browsers for whoever works there."""

    def __init__(self, database_url: str, folder: Path, clock: SettableClock) -> None:
        self.house: House = make_house(database_url, folder, clock, faces=False)
        self.rooms = self.house.rooms
        self.web = create_web(self.rooms)
        self.person, _ = make_person(self.house, faces=False)
        self.advocate = self.house.reviewers[0]

    def pasted(self, page: str = PAGE, medium: str = MEDIUM, **capture: Any) -> uuid.UUID:
        """A pasted link, declared, captured, confirmed by one advocate, sealed: its exhibit."""
        assert self.person.person_id is not None
        rooms = self.rooms
        with rooms.database.write() as session:
            [candidate_id] = rooms.intake.add_links(
                session,
                self.person,
                self.person.person_id,
                [GivenLink(medium, page_url=page)],
                GivenDeclaration("Ada L.", agreed=True),
            )
        with rooms.database.read() as session:
            wanted = rooms.exhibits.captures_to_hold(session)
        for capture_id in wanted:
            rooms.exhibits.hold(rooms.database, MadeUpCapturer(**capture), NoWait(), capture_id)
        with rooms.database.write() as session:
            rooms.candidates.decide(
                session, self.advocate, candidate_id, "same", statements=ADVOCATE_STATEMENTS
            )
        with rooms.database.read() as session:
            ready = rooms.exhibits.exhibits_to_seal(session)
        for exhibit_id in ready:
            rooms.exhibits.seal(rooms.database, exhibit_id)
        with rooms.database.read() as session:
            return rooms.exhibits.exhibits_of(session, self.advocate, candidate_id)[-1].exhibit_id

    def browser(self, actor: Actor) -> Browser:
        """A browser in which `actor` is signed in."""
        assert actor.organisation_id is not None
        with self.rooms.database.write() as session:
            _, token = self.rooms.accounts.sessions.open(
                session,
                actor.role,
                actor.organisation_id,
                account_id=actor.account_id,
                person_id=actor.person_id,
            )
        url = self.rooms.settings.effective_public_url
        client = TestClient(self.web, base_url=url, follow_redirects=True)
        return Browser(client, token, url)


class Browser:
    """Follows forms as a browser does: the hidden token of the page goes with what is sent."""

    def __init__(self, client: TestClient, token: str, url: str) -> None:
        self.client = client
        self.token = token
        self.url = url
        self.client.cookies.set("session", token)
        self.page = ""

    def get(self, path: str, status: int = 200) -> str:
        answer = self.client.get(path)
        assert answer.status_code == status, answer.text
        self.page = answer.text
        return self.page

    def post(
        self, path: str, data: dict[str, Any] | None = None, status: int = 200, **more: Any
    ) -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', self.page)
        assert found is not None, "the page has no form"
        sent = {**(data or {}), "csrf": html.unescape(found[1])}
        answer = self.client.post(path, data=sent, headers={"Origin": self.url}, **more)
        assert answer.status_code == status, answer.text
        self.page = answer.text
        return self.page

    def api(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        """One call as a program makes it."""
        self.client.cookies.clear()
        answer = self.client.request(
            method,
            f"/api/v1{path}",
            headers={"Authorization": f"Bearer {self.token}"},
            **more,
        )
        assert answer.status_code == status, answer.text
        is_json = answer.headers["content-type"].startswith("application/json")
        return answer.json() if is_json else answer.content
