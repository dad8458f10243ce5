"""The pages of what holds finds by face back, without JavaScript; and the same for programs."""

from __future__ import annotations

import uuid

import pytest

from service.accounts.actor import Actor
from tests.service.candidates.chance_factory import find_face, with_caution
from tests.service.candidates.finds_factory import reviewer_says
from tests.service.candidates.test_candidate_pages import sign_in
from tests.service.candidates.test_floods import flood, resting
from tests.service.enrolment.browser import Browser
from tests.service.enrolment.people_factory import House, face_finding, make_person


@pytest.fixture
def browser(house: House) -> Browser:
    return Browser(house)


def dismissed_once(house: House, person_id: uuid.UUID) -> None:
    found = find_face(house, person_id, similarity=0.47)
    assert found is not None
    for reviewer in house.reviewers:
        reviewer_says(house, reviewer, found, "different")
    assert find_face(house, person_id, similarity=0.45) is None


def test_an_operator_decides_on_a_search_that_rests_from_numbers_alone(
    house: House, browser: Browser
) -> None:
    _, case = make_person(house)
    view = flood(house, case.person_id)
    sign_in(house, browser, house.operator)
    words = browser.open("/resting-searches")
    assert "40 finds on 8 sites" in words
    assert "Ada" not in words
    assert "site1.test" not in words
    assert not browser.page.xpath("//input[@type='radio'][@checked]")
    words = browser.submit(f"/resting-searches/{view.flood_id}", {"decision": "stop"})
    assert "Rests, as decided" in words
    words = browser.submit(f"/resting-searches/{view.flood_id}", {"decision": "go_on"})
    assert "None rests." in words
    assert resting(house) == []


def test_a_form_without_a_decision_says_what_is_missing(house: House, browser: Browser) -> None:
    _, case = make_person(house)
    view = flood(house, case.person_id)
    sign_in(house, browser, house.operator)
    browser.open("/resting-searches")
    words = browser.submit(f"/resting-searches/{view.flood_id}", status=422)
    assert "Please choose how to go on." in words


def test_the_queue_says_why_no_more_come(house: House, browser: Browser) -> None:
    _, case = make_person(house)
    flood(house, case.person_id)
    sign_in(house, browser, house.reviewers[0])
    words = browser.open("/candidates")
    assert "Ada: 40 finds by face on 8 sites came in a short time." in words
    words = browser.open(f"/cases/{case.person_id}")
    assert "it rests for review" in words


def test_the_person_reads_calmly_that_the_search_rests(house: House, browser: Browser) -> None:
    person, case = make_person(house)
    flood(house, case.person_id)
    sign_in(house, browser, person)
    words = browser.open("/my")
    assert "The search for your face rests for now." in words
    assert "Copies of your known pictures are still looked for." in words


def test_an_advocate_shows_weaker_look_alikes_again(house: House, browser: Browser) -> None:
    _, case = make_person(house)
    dismissed_once(house, case.person_id)
    sign_in(house, browser, house.reviewers[0])
    words = browser.open(f"/cases/{case.person_id}")
    assert "1 weaker look-alike on forum.test was not shown" in words
    assert "0.47" not in words
    (action,) = browser.page.xpath("//form[contains(@action, '/look-alikes/')]/@action").getall()
    browser.submit(action)
    assert "Look-alikes that were not shown" not in browser.open(f"/cases/{case.person_id}")
    assert find_face(house, case.person_id, similarity=0.45) is not None


def test_finds_of_one_page_stand_together_and_each_is_decided_by_itself(
    house: House, browser: Browser
) -> None:
    _, case = make_person(house)
    first, second = (find_face(house, case.person_id) for _ in range(2))
    sign_in(house, browser, house.reviewers[0])
    assert "2 finds of one person from one page or account" in browser.open("/candidates")
    words = browser.open(f"/candidates/{first}")
    assert "1 more from the same page or account waits for you." in words
    assert browser.page.xpath(f"//a[@href='/candidates/{second}']")


def test_cautions_are_told_after_one_has_decided(house: House, browser: Browser) -> None:
    _, case = make_person(house)
    finding = with_caution(face_finding(case.person_id), "another_person_close", "two_faces_match")
    found = find_face(house, case.person_id, finding=finding)
    assert found is not None
    reviewer = house.reviewers[0]
    sign_in(house, browser, reviewer)
    assert "nearly as close" not in browser.open(f"/candidates/{found}")
    reviewer_says(house, reviewer, found, "cannot_tell", reason="turned_or_covered")
    words = browser.open(f"/candidates/{found}")
    assert "Another enrolled person is nearly as close to this face." in words
    assert "at most one of them can be theirs" in words


class TestForPrograms:
    def get(self, browser: Browser, path: str) -> object:
        answer = browser.client.get(f"/api/v1{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def test_what_rests_is_listed_as_numbers(self, house: House, browser: Browser) -> None:
        _, case = make_person(house)
        view = flood(house, case.person_id)
        sign_in(house, browser, house.operator)
        (listed,) = self.get(browser, "/resting-searches")  # type: ignore[misc]
        assert listed["flood_id"] == str(view.flood_id)
        assert (listed["finds"], listed["sites"], listed["state"]) == (40, 8, "open")
        assert set(listed).isdisjoint({"person_label", "name", "addresses"})

    def test_look_alikes_are_listed_without_any_similarity(
        self, house: House, browser: Browser
    ) -> None:
        _, case = make_person(house)
        dismissed_once(house, case.person_id)
        sign_in(house, browser, house.reviewers[0])
        (listed,) = self.get(browser, f"/cases/{case.person_id}/look-alikes")  # type: ignore[misc]
        assert (listed["site"], listed["weaker"], listed["further"]) == ("forum.test", 1, 0)
        assert not any(isinstance(value, float) for value in listed.values())

    def test_a_person_is_not_asked(self, house: House, browser: Browser) -> None:
        person, _ = make_person(house)
        sign_in(house, browser, person)
        assert browser.client.get("/api/v1/resting-searches").status_code == 403


def test_somebody_elsewhere_is_shown_nothing(house: House, browser: Browser) -> None:
    _, case = make_person(house)
    flood(house, case.person_id)
    elsewhere: Actor = house.new_staff(house.new_organisation("Elsewhere"))
    sign_in(house, browser, elsewhere)
    assert "None rests." in browser.open("/resting-searches")
