"""The whole journey in a browser, from the operator's one-time link to the signed notice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from service.demo.pictures import PersonPictures
from service.demo.server import LoopbackServer
from service.demo.site import Site
from service.exhibits.trust import Trust
from service.exhibits.verify import Outcome, verify_bundle
from tests.end_to_end import journey_person as person_steps
from tests.end_to_end import journey_staff as staff
from tests.fixtures.running_server import RunningServer
from tests.fixtures.visitor import PHONE, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@dataclass(frozen=True, slots=True)
class House:
    """The staff of a helpline, each at a browser of their own, on a desktop."""

    operator: Visitor
    ada: Visitor
    bea: Visitor


@pytest.fixture(scope="module")
def house(browser: Browser, likeness: RunningServer) -> Iterator[House]:
    """An operator who has set everything up, and two trained advocates."""
    operator, ada, bea = (
        Visitor(browser, likeness.url, name) for name in ("operator", "ada", "bea")
    )
    staff.set_up(operator, likeness.setup_link)
    staff.switch_faces_on(operator)
    for advocate in (ada, bea):
        link = staff.invite_advocate(operator)
        staff.accept_invitation(advocate, link, advocate.name, f"{advocate.name.title()} Advocate")
    yield House(operator, ada, bea)
    for visitor in (operator, ada, bea):
        visitor.close()
        visitor.nothing_wrong()


def test_from_enrolment_to_the_signed_notice(
    browser: Browser,
    likeness: RunningServer,
    house: House,
    person: PersonPictures,
    site_server: tuple[LoopbackServer, Site],
    tmp_path: Path,
) -> None:
    photos = [tmp_path / name for name, _ in person.references]
    for path, (_, content) in zip(photos, person.references, strict=True):
        path.write_bytes(content)
    server, site = site_server

    robin = Visitor(browser, likeness.url, "robin", PHONE)
    secrets = person_steps.begin(robin)
    person_steps.sign(robin, faces=True)
    person_steps.give_photos(robin, photos)
    robin.follow("Go on")
    robin.follow("Go on without links")
    person_steps.hand_in(robin)

    staff.attest(house.ada)
    staff.add_site(house.operator, "The forum", server.url + site.start)
    staff.run_site(house.operator)
    candidate_id = staff.first_candidate(house.ada)
    staff.confirm(house.ada, candidate_id, face=True)
    staff.confirm(house.bea, candidate_id, face=True)
    robin.press("Sign out")
    person_steps.sign_in(robin, secrets)
    person_steps.give_word(robin, candidate_id)

    staff.wait_for_exhibit(house.ada)
    bundle = staff.download(house.ada, "Download the bundle")
    assert verify_bundle(bundle, Trust()).outcome is Outcome.UNKNOWN
    staff.make_notice(house.ada)
    assert staff.download(house.ada, "Download PDF").startswith(b"%PDF-")
    notice = json.loads(staff.download(house.ada, "Download JSON"))
    assert server.url in json.dumps(notice)

    robin.goto("/my/report")
    robin.shoot("report")
    robin.must_fit()
    robin.close()
    robin.nothing_wrong()


def test_the_urgent_lane_without_javascript_and_without_faces(
    browser: Browser,
    likeness: RunningServer,
    house: House,
    site_server: tuple[LoopbackServer, Site],
) -> None:
    server, site = site_server
    assert site.brought is not None
    sam = Visitor(browser, likeness.url, "sam", PHONE, javascript=False)
    person_steps.begin(sam)
    person_steps.sign(sam, faces=False)
    sam.follow("Go on without photos")
    person_steps.bring_link(sam, server.url + site.brought.medium)
    sam.follow("Go on")
    person_steps.hand_in(sam)

    staff.attest(house.bea)
    candidate_id = staff.first_candidate(house.bea)
    staff.confirm(house.bea, candidate_id, face=False)
    sam.goto(f"/my/finds/{candidate_id}")
    sam.must_see("confirmed")
    staff.wait_for_exhibit(house.bea)
    staff.make_notice(house.bea)
    sam.close()
    sam.nothing_wrong()


@pytest.mark.parametrize("javascript", [True, False])
def test_one_tap_leaves_the_page_and_the_case(
    browser: Browser,
    likeness: RunningServer,
    house: House,
    site_server: tuple[LoopbackServer, Site],
    javascript: bool,
) -> None:
    elsewhere = site_server[0].url
    kim = Visitor(browser, likeness.url, f"kim-{javascript}", PHONE, javascript=javascript)
    person_steps.begin(kim)
    kim.nothing_wrong()
    kim.page.locator("#exit").click()
    kim.page.wait_for_url(f"{elsewhere}/**")
    kim.page.goto(f"{likeness.url}/my")
    kim.must_see("Come back to your case")
    kim.close()
