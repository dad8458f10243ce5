"""Names on the pages of the person and of their advocate, and by the API."""

from __future__ import annotations

import uuid

import pytest

from service.accounts.actor import Actor
from tests.service.candidates.test_candidate_pages import sign_in, ticked
from tests.service.candidates.test_names_finds import choose, flood, found, write
from tests.service.enrolment.browser import Browser
from tests.service.enrolment.people_factory import House, make_person

FIELDS = {"name": "Ada Lovelace", "purpose": "posts that name me", "statement_ticked": "on"}


@pytest.fixture
def browser(house: House) -> Browser:
    return Browser(house)


def person_at(house: House, browser: Browser, *, active: bool = True) -> tuple[Actor, uuid.UUID]:
    person, case = make_person(house, photos=(), faces=False, active=active)
    sign_in(house, browser, person)
    return person, case.person_id


def test_a_person_chooses_and_removes_a_name_by_forms_alone(house: House, browser: Browser) -> None:
    person_at(house, browser)
    assert "Choose names to look for" in browser.open("/my")
    words = browser.open("/my/names")
    assert "From the next visit on" in words
    assert not browser.page.xpath("//input[@checked]")
    words = browser.submit("/my/names", FIELDS)
    assert "Looked for (1)" in words
    assert "posts that name me" in words
    assert "Lovelace" not in str(browser.response.url)  # type: ignore[union-attr]
    remove = browser.page.xpath("//form[contains(@action, '/remove')]/@action").get()
    assert remove
    assert "Looked for" not in browser.submit(remove)


def test_a_refused_name_keeps_what_was_typed_and_says_why_without_repeating_it(
    house: House, browser: Browser
) -> None:
    person_at(house, browser)
    browser.open("/my/names")
    words = browser.submit("/my/names", {**FIELDS, "name": "Alexandra"}, status=422)
    assert "very many pages" in words
    assert "Alexandra" not in words
    assert browser.page.xpath("//input[@name='name']/@value").get() == "Alexandra"
    words = browser.submit("/my/names", {**FIELDS, "statement_ticked": ""}, status=422)
    assert "tick whose name" in words


def test_before_the_attestation_the_page_says_when_it_begins(
    house: House, browser: Browser
) -> None:
    person_at(house, browser, active=False)
    browser.open("/my/names")
    assert "as soon as an advocate has confirmed" in browser.submit("/my/names", FIELDS)


def test_an_advocate_chooses_for_a_case_and_reads_what_was_only_counted(
    house: House, browser: Browser
) -> None:
    person, case = make_person(house, photos=(), faces=False)
    name_id = choose(house, person)
    for number in range(11):
        write(house, person, [name_id], f"http://forum.test/{number}")
    sign_in(house, browser, house.reviewers[0])
    assert "Names that are looked for" in browser.open(f"/cases/{case.person_id}")
    words = browser.open(f"/cases/{case.person_id}/names")
    assert "forum.test: 1 more page" in words
    browser.submit(f"/cases/{case.person_id}/names", {**FIELDS, "name": "@countess_ada"})
    assert "Looked for (2)" in browser.open(f"/cases/{case.person_id}/names")


def test_a_find_by_name_from_the_queue_to_the_persons_word(house: House, browser: Browser) -> None:
    person, _ = make_person(house, photos=(), faces=False)
    candidate_id = found(house, person)
    for reviewer in house.reviewers:
        sign_in(house, browser, reviewer)
        assert "a name that the person chose" in browser.open("/candidates")
        words = browser.open(f"/candidates/{candidate_id}")
        assert "“Ada Lovelace”, in its text" in words
        assert "Does the page mean this person?" in words
        assert not browser.page.xpath("//img")
        path = f"/candidates/{candidate_id}"
        words = browser.submit(path, {"verdict": "same", "statements": ticked(browser)})
        assert "it means the person" in words
    sign_in(house, browser, person)
    assert "Found by a name that you chose" in browser.open("/my/finds")
    words = browser.open(f"/my/finds/{candidate_id}")
    assert "http://forum.test/thread/1" in words
    fields = {"verdict": "same", "statements": ticked(browser), "signature_name": "Ada L."}
    browser.submit(f"/my/finds/{candidate_id}", fields)
    assert "confirmed" in browser.open(f"/my/finds/{candidate_id}")


def test_until_reviewers_agree_the_person_reads_that_and_not_where(
    house: House, browser: Browser
) -> None:
    person, _ = make_person(house, photos=(), faces=False)
    candidate_id = found(house, person)
    sign_in(house, browser, person)
    for path in ("/my", "/my/finds", f"/my/finds/{candidate_id}", "/my/report"):
        assert "forum.test" not in browser.open(path)
    words = browser.open(f"/my/finds/{candidate_id}")
    assert "two reviewers have agreed that the page means you" in words


def test_a_name_that_rests_is_decided_on_the_page_of_searches_that_rest(
    house: House, browser: Browser
) -> None:
    person, case = make_person(house, photos=(), faces=False)
    flood(house, person, choose(house, person))
    sign_in(house, browser, house.operator)
    words = browser.open("/resting-searches")
    assert "Lovelace" not in words
    assert str(case.person_id) in words
    sign_in(house, browser, person)
    assert "This name rests for now" in browser.open("/my/names")
    sign_in(house, browser, house.reviewers[0])
    assert "Ada Lovelace" in browser.open("/candidates")
    browser.open("/resting-searches")
    decide = browser.page.xpath("//form[contains(@action, '/names/')]/@action").get()
    assert decide
    assert "No name rests." in browser.submit(decide, {"decision": "go_on"})


def test_names_by_the_api(house: House, browser: Browser) -> None:
    person, case = make_person(house, photos=(), faces=False)
    with house.rooms.database.write() as session:
        _, token = house.rooms.accounts.sessions.open(
            session, person.role, case.organisation_id, person_id=case.person_id
        )
    headers = {"Authorization": f"Bearer {token}"}
    body = {"name": "Ada Lovelace", "purpose": "posts", "own_name": True}
    made = browser.client.post("/api/v1/my/names", json=body, headers=headers)
    assert made.status_code == 201
    refused = browser.client.post(
        "/api/v1/my/names", json={**body, "name": "Alexandra"}, headers=headers
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "name_refused")
    assert "Alexandra" not in refused.text
    listed = browser.client.get("/api/v1/my/names", headers=headers).json()
    assert [(one["name"], one["rests"]) for one in listed] == [("Ada Lovelace", False)]
    name_id = made.json()["name_id"]
    assert browser.client.delete(f"/api/v1/my/names/{name_id}", headers=headers).status_code == 204
    assert browser.client.get("/api/v1/my/names", headers=headers).json() == []
