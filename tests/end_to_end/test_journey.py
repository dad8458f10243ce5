"""The whole journey in a browser, from the operator's one-time link to the signed notice."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from service.demo.pictures import PersonPictures
from service.demo.server import LoopbackServer
from service.demo.site import Site
from tests.end_to_end import journey_person as person_steps
from tests.end_to_end import journey_staff as staff
from tests.fixtures.running_server import RunningServer
from tests.fixtures.visitor import PHONE, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_from_the_one_time_link_to_the_signed_notice(
    browser: Browser,
    likeness: RunningServer,
    person: PersonPictures,
    site_server: tuple[LoopbackServer, Site],
    tmp_path: Path,
) -> None:
    photos = []
    for name, content in person.references:
        photos.append(tmp_path / name)
        photos[-1].write_bytes(content)
    server, site = site_server

    operator = Visitor(browser, likeness.url, "operator")
    staff.set_up(operator, likeness.setup_link)
    staff.switch_faces_on(operator)
    links = [staff.invite_advocate(operator) for _ in range(2)]
    reviewers = [Visitor(browser, likeness.url, f"reviewer-{number}") for number in (1, 2)]
    for reviewer, link, name in zip(reviewers, links, ("ada", "bea"), strict=True):
        staff.accept_invitation(reviewer, link, name, f"{name.title()} Advocate")

    robin = Visitor(browser, likeness.url, "person", PHONE)
    secrets = person_steps.begin(robin)
    person_steps.sign(robin, faces=True)
    person_steps.give_photos(robin, photos)
    robin.goto("/enrol/done")
    person_steps.hand_in(robin)

    staff.attest(reviewers[0])
    staff.add_site(operator, "The forum", server.url + site.start)
    staff.run_site(operator)
    for visitor in (operator, robin, *reviewers):
        visitor.nothing_wrong()
