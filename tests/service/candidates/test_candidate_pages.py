"""The pages of reviewers, people and operators on finds, without JavaScript."""

from __future__ import annotations

import uuid

import pytest

from service.accounts.actor import Actor, Role
from tests.service.candidates.finds_factory import (
    person_says,
    record,
    record_face,
    reviewer_says,
    sees_medium,
)
from tests.service.enrolment.browser import Browser
from tests.service.enrolment.people_factory import (
    FOUND_CROP,
    House,
    face_finding,
    make_person,
)


@pytest.fixture
def browser(house: House) -> Browser:
    return Browser(house)


def sign_in(house: House, browser: Browser, actor: Actor) -> None:
    assert actor.organisation_id is not None
    with house.rooms.database.write() as session:
        _, token = house.rooms.accounts.sessions.open(
            session,
            actor.role,
            actor.organisation_id,
            account_id=actor.account_id,
            person_id=actor.person_id,
        )
    browser.sign_in_as(token)


def found(house: House, person_id: uuid.UUID, url: str = "http://site.test/a.jpg") -> uuid.UUID:
    content = url.encode()
    return record_face(house, person_id, sees_medium(house, content), content, url=url)


def ticked(browser: Browser) -> list[str]:
    return browser.page.xpath("//input[@name='statements']/@value").getall()


def test_from_the_queue_to_a_verdict_by_words_first(house: House, browser: Browser) -> None:
    _, case = make_person(house)
    candidate_id = found(house, case.person_id)
    sign_in(house, browser, house.reviewers[0])
    words = browser.open("/candidates")
    assert "your decision" in words
    words = browser.open(f"/candidates/{candidate_id}")
    assert not browser.page.xpath("//img")
    assert "chance match" not in words
    assert not browser.page.xpath("//input[@checked]")
    path = f"/candidates/{candidate_id}"
    assert "tick every statement" in browser.submit(path, {"verdict": "same"}, status=422)
    words = browser.submit(path, {"verdict": "same", "statements": ticked(browser)})
    assert "You decided: the same person." in words
    assert "About 1 chance match in 40,000 pictures like these." in words
    assert "A similarity score is not an identification" in words
    assert "Not looked at in this version: face network." in words


def test_the_face_is_shown_when_asked_for_beside_one_reference_and_blurred_first(
    house: House, browser: Browser
) -> None:
    _, case = make_person(house, photos=(b"face:ada#1", b"face:ada#2"))
    candidate_id = found(house, case.person_id)
    sign_in(house, browser, house.reviewers[0])
    browser.open(f"/candidates/{candidate_id}")
    browser.open(browser.page.xpath("//a[text()='Show the face']/@href").get() or "")
    blurred = browser.page.xpath("//img/@src").getall()
    assert len(blurred) == 2
    assert browser.bytes_of(blurred[0]) != FOUND_CROP
    browser.open(browser.page.xpath("//a[text()='Show without blur']/@href").get() or "")
    clear = browser.page.xpath("//img/@src").getall()
    assert browser.bytes_of(clear[0]) == FOUND_CROP
    assert browser.bytes_of(clear[1])


def test_a_reviewers_halt_is_final_and_the_operator_sees_where_to_report(
    house: House, browser: Browser
) -> None:
    _, case = make_person(house)
    candidate_id = found(house, case.person_id)
    sign_in(house, browser, house.untrained)
    browser.open(f"/candidates/{candidate_id}")
    words = browser.submit(f"/candidates/{candidate_id}/minor", {"reason": "looks young"})
    assert "Halted" in words
    assert not browser.page.xpath("//img | //form[contains(@action, 'candidates')]")
    browser.bytes_of(f"/candidates/{candidate_id}/face", status=404)
    sign_in(house, browser, house.operator)
    words = browser.open("/candidates/halted")
    assert "http://site.test/a.jpg" in words
    assert "CyberTipline" in words
    assert browser.client.get(f"/candidates/{candidate_id}").status_code == 403


def test_the_person_reads_words_and_gives_their_word(house: House, browser: Browser) -> None:
    person, case = make_person(house)
    candidate_id = found(house, case.person_id)
    sign_in(house, browser, person)
    words = browser.open("/my")
    assert "Nothing to do for you now" in words, "advocates look first; the person may wait"
    assert "A picture on site.test" in browser.open("/my/finds")
    browser.open(f"/my/finds/{candidate_id}")
    assert not browser.page.xpath("//img | //input[@checked]")
    path = f"/my/finds/{candidate_id}"
    statements = ticked(browser)
    browser.submit(path, {"verdict": "same", "statements": statements}, status=422)
    words = browser.submit(
        path, {"verdict": "same", "statements": statements, "signature_name": "Ada L."}
    )
    assert "Waits for your advocates." in words
    for reviewer in house.reviewers:
        reviewer_says(house, reviewer, candidate_id, "same")
    assert "was confirmed" in browser.open("/my")


def test_it_is_the_persons_turn_once_advocates_have_confirmed(
    house: House, browser: Browser
) -> None:
    person, case = make_person(house)
    candidate_id = found(house, case.person_id)
    reviewer_says(house, house.reviewers[0], candidate_id, "same")
    sign_in(house, browser, person)
    assert "Nothing to do for you now" in browser.open("/my")
    reviewer_says(house, house.reviewers[1], candidate_id, "same")
    assert "1 find waits for your own word." in browser.open("/my")
    sign_in(house, browser, house.reviewers[0])
    assert "The person acts next" in browser.open(f"/cases/{case.person_id}")


def test_finds_stand_by_site_and_those_that_advocates_confirmed_come_first(
    house: House, browser: Browser
) -> None:
    person, case = make_person(house)
    for name in ("1", "2", "3"):
        found(house, case.person_id, f"http://many.test/{name}.jpg")
    ready = found(house, case.person_id, "http://other.test/ready.jpg")
    for reviewer in house.reviewers:
        reviewer_says(house, reviewer, ready, "same")
    sign_in(house, browser, person)
    words = browser.open("/my/finds")
    headings = [one.strip() for one in browser.page.xpath("//main//h2/text()").getall()]
    assert headings == [
        "Your advocates have confirmed these; your word is missing",
        "Your advocates are still looking at these; you may wait",
    ]
    assert browser.page.xpath("//main//h3/text()").getall() == ["other.test", "many.test: 3 finds"]
    links = browser.page.xpath("//main//a[contains(@href, '/my/finds/')]/@href").getall()
    assert len(links) == 4
    assert links[0] == f"/my/finds/{ready}"
    assert words.count("waits for you") == 1
    person_says(house, person, ready, "same")
    browser.open("/my/finds")
    headings = [one.strip() for one in browser.page.xpath("//main//h2/text()").getall()]
    assert headings == ["Confirmed", "Your advocates are still looking at these; you may wait"]


def test_what_happened_says_once_how_many_of_one_day(house: House, browser: Browser) -> None:
    person, case = make_person(house)
    for name in range(14):
        found(house, case.person_id, f"http://many.test/{name}.jpg")
    found(house, case.person_id, "http://other.test/1.jpg")
    house.clock.advance(days=1)
    found(house, case.person_id, "http://many.test/later.jpg")
    sign_in(house, browser, person)
    words = browser.open("/my")
    assert words.count("We found 14 things on many.test.") == 1
    assert words.count("We found something on many.test.") == 1
    assert words.count("We found something on other.test.") == 1


def test_a_refused_decision_keeps_what_was_chosen_and_typed_but_no_statement(
    house: House, browser: Browser
) -> None:
    person, case = make_person(house)
    candidate_id = found(house, case.person_id)
    sign_in(house, browser, house.reviewers[0])
    path = f"/candidates/{candidate_id}"
    browser.open(path)
    statements = ticked(browser)
    browser.submit(
        path,
        {
            "verdict": "same",
            "statements": statements[:1],
            "reason": "other",
            "reason_words": "the scar is the same",
            "never_again": "on",
        },
        status=422,
    )
    assert browser.page.xpath("//input[@checked]/@id").getall() == ["same", "never_again"]
    assert browser.page.xpath("//option[@selected]/@value").getall() == ["other"]
    assert browser.page.xpath("//input[@name='reason_words']/@value").get() == (
        "the scar is the same"
    )
    sign_in(house, browser, person)
    path = f"/my/finds/{candidate_id}"
    browser.open(path)
    browser.submit(path, {"verdict": "same", "signature_name": "Ada L."}, status=422)
    assert browser.page.xpath("//input[@checked]/@id").getall() == ["same"]
    assert browser.page.xpath("//input[@name='signature_name']/@value").get() == "Ada L."


def test_the_persons_sign_of_a_minor_halts_and_hands_over(house: House, browser: Browser) -> None:
    person, case = make_person(house)
    candidate_id = found(house, case.person_id)
    sign_in(house, browser, person)
    browser.open(f"/my/finds/{candidate_id}")
    words = browser.submit(f"/my/finds/{candidate_id}", {"verdict": "minor_sign"})
    assert "Take It Down" in words
    assert "This one was stopped" in browser.open(f"/my/finds/{candidate_id}")


def test_from_a_pasted_link_to_a_confirmed_find_on_the_pages(
    house: House, browser: Browser
) -> None:
    person, case = make_person(house, faces=False, photos=())
    sign_in(house, browser, house.reviewers[0])
    browser.open(f"/cases/{case.person_id}")
    browser.submit(f"/cases/{case.person_id}/links", {"links": "https://a.test/1.jpg"})
    candidate = browser.page.xpath("//a[contains(@href, '/candidates/')]/@href").get()
    assert candidate
    browser.open(candidate)
    words = browser.submit(candidate, {"verdict": "same", "statements": ticked(browser)})
    assert "waits for the person" in words
    sign_in(house, browser, person)
    browser.open("/my/links")
    browser.submit(
        "/my/links",
        {"links": "https://a.test/1.jpg", "declared": "on", "signature_name": "Ada L."},
    )
    assert "Confirmed" in browser.open("/my/finds")


def test_a_csv_with_a_wrong_row_is_refused_by_line_on_the_page(
    house: House, browser: Browser
) -> None:
    person, _ = make_person(house)
    sign_in(house, browser, person)
    browser.open("/my/links")
    file = ("file", ("links.csv", b"url\nhttps://a.test/1\nnope nope\n", "text/csv"))
    words = browser.submit(
        "/my/links", {"declared": "on", "signature_name": "Ada"}, files=[file], status=422
    )
    assert "Line 3" in words
    assert "Brought so far" not in browser.open("/my/links")


def test_scraped_text_is_harmless_text_on_every_page(house: House, browser: Browser) -> None:
    person, case = make_person(house)
    url = "http://site.test/<script>alert(1)</script>\u202egpj.exe"
    medium_id = sees_medium(house, b"x")
    (candidate_id,) = record(house, medium_id, b"x", face_finding(case.person_id), url=url)
    for actor, path in (
        (house.reviewers[0], f"/candidates/{candidate_id}"),
        (person, f"/my/finds/{candidate_id}"),
    ):
        sign_in(house, browser, actor)
        browser.open(path)
        assert browser.response is not None
        assert "<script>alert" not in browser.response.text
        assert "\u202e" not in browser.response.text


def test_an_advocate_lends_a_case_and_lets_it_rest(house: House, browser: Browser) -> None:
    _, case = make_person(house)
    lent = house.new_staff(house.new_organisation("Elsewhere"))
    candidate_id = found(house, case.person_id)
    sign_in(house, browser, house.reviewers[0])
    path = f"/cases/{case.person_id}"
    browser.open(path)
    browser.submit(f"{path}/loans", {"reviewer": str(lent.account_id)})
    browser.open(path)
    assert "Acute until" in browser.submit(f"{path}/acute", {"reason": "today", "hours": "2"})
    assert "acute until" in browser.open("/cases")
    browser.open(path)
    assert "Acute until" not in browser.submit(f"{path}/acute/end", {})
    assert "paused" in browser.submit(f"{path}/pause", {"reason": "a question"})
    browser.submit(f"{path}/resume")
    sign_in(house, browser, lent)
    assert "A case lent to you" in browser.open("/candidates")
    browser.open(f"/candidates/{candidate_id}")
    assert browser.client.get(path).status_code == 404


def test_nobody_of_another_organisation_opens_any_page_of_a_case(
    house: House, browser: Browser
) -> None:
    _, case = make_person(house)
    candidate_id = found(house, case.person_id)
    elsewhere = house.new_organisation("Elsewhere")
    sign_in(house, browser, house.new_staff(elsewhere, Role.ADVOCATE))
    for path in (
        f"/cases/{case.person_id}",
        f"/cases/{case.person_id}/attest",
        f"/candidates/{candidate_id}",
        f"/candidates/{candidate_id}/face",
        f"/api/v1/cases/{case.person_id}",
        f"/api/v1/candidates/{candidate_id}",
        f"/api/v1/candidates/{candidate_id}/face",
    ):
        assert browser.client.get(path).status_code == 404, path
    assert browser.client.get("/api/v1/candidates").json() == []
