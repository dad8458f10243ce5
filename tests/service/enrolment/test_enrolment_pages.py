"""The enrolment pages without JavaScript, from the first question to erasing."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from service.accounts.actor import Role
from service.database import Database
from service.enrolment.collaborators import ErasedCount
from service.enrolment.receipts import receipt_is_genuine
from tests.fixtures.clock import SettableClock
from tests.service.enrolment.browser import Browser
from tests.service.enrolment.people_factory import CROP, MODEL, House, make_person

OWN = "my own quiet passphrase"


@pytest.fixture
def browser(house: House) -> Browser:
    return Browser(house)


def begun(browser: Browser) -> tuple[str, str]:
    """Through the first two steps; returns case number and deletion code."""
    browser.open("/")
    browser.open("/enrol")
    browser.submit("/enrol", {"adult_now": "yes", "minor_in_pictures": "no"})
    browser.submit("/enrol/secret", {"make_words": "no", "passphrase": OWN, "display_name": "Ada"})
    number = browser.page.css("#case-number::text").get()
    code = browser.page.css("#deletion-code::text").get()
    assert number
    assert code
    return number, code


def test_what_was_typed_beside_a_short_passphrase_stays(browser: Browser) -> None:
    browser.open("/")
    browser.open("/enrol")
    browser.submit("/enrol", {"adult_now": "yes", "minor_in_pictures": "no"})
    browser.submit(
        "/enrol/secret",
        {"make_words": "no", "passphrase": "short", "country": "NL", "contact": "a@site.test"},
        status=422,
    )
    values = browser.page.xpath("//input[@type='text']/@value").getall()
    assert {"NL", "a@site.test"} <= set(values)


def signed(browser: Browser, **choices: str) -> None:
    """Through the release."""
    browser.open("/enrol/release")
    browser.submit(
        "/enrol/release",
        {
            "agreed": "on",
            "signature_name": "Ada L.",
            "may_search": "on",
            "may_capture": "on",
            "may_notify": "on",
            **choices,
        },
    )


def test_the_whole_way_from_the_first_question_to_handing_in(
    house: House, browser: Browser, database: Database
) -> None:
    number, _ = begun(browser)
    browser.open("/enrol/number")
    browser.submit("/enrol/number", {"case_number": "K7F3-9QXM-2P4D"}, status=422)
    words = browser.submit("/enrol/number", {"case_number": number.lower()})
    assert "What you agree to" in words
    assert not browser.page.xpath("//input[@checked]")
    chosen = {"signature_name": "Ada", "covers_faces": "on", "may_search": "on"}
    words = browser.submit("/enrol/release", chosen, status=422)
    assert "tick" in words
    # what was chosen stays; the agreement itself is never ticked for anybody
    assert browser.page.xpath("//input[@checked]/@name").getall() == ["covers_faces", "may_search"]
    signed(browser, covers_faces="on")
    browser.submit(
        "/enrol/photos",
        files=[
            ("files", ("a.jpg", b"face:ada#1", "image/jpeg")),
            ("files", ("b.jpg", b"too_dark:", "image/jpeg")),
        ],
    )
    words = " ".join(browser.page.xpath("//main//text()").getall())
    assert "Photo 1: taken." in words
    assert "Photo 2: The photo is too dark. Turn towards a window" in words
    browser.open("/enrol/links")
    words = browser.submit(
        "/my/links",
        {"links": "https://site.test/a.jpg", "declared": "on", "signature_name": "Ada L."},
    )
    assert "Brought so far (1)" in words
    browser.open("/enrol/done")
    words = browser.submit("/enrol/done")
    assert "Nothing to do for you now" in words
    assert "An advocate will check" in words
    with database.read() as session:
        (line,) = house.rooms.enrolment.list_cases(session, house.reviewers[0])
    assert (line.state, line.photos, line.face_opt_in) == ("waiting", 1, True)


@pytest.mark.parametrize(
    "answers",
    [
        {"adult_now": "no", "minor_in_pictures": "no"},
        {"adult_now": "yes", "minor_in_pictures": "yes"},
    ],
)
def test_a_minor_is_handed_over_and_nothing_but_a_count_is_kept(
    house: House, browser: Browser, database: Database, answers: dict[str, str]
) -> None:
    browser.open("/enrol")
    words = browser.submit("/enrol", answers)
    assert "Take It Down" in words
    assert "Report Remove" in words
    with database.read() as session:
        assert session.execute(text("SELECT count(*) FROM people")).scalar_one() == 0
        actions = list(session.execute(text("SELECT action, detail FROM audit")))
    assert [action for action, _ in actions] == ["case.minor_handed_over"]


def test_a_made_up_passphrase_is_shown_once_and_opens_the_case(browser: Browser) -> None:
    browser.open("/enrol")
    browser.submit("/enrol", {"adult_now": "yes", "minor_in_pictures": "no"})
    browser.submit("/enrol/secret", {"make_words": "yes"})
    number = browser.page.css("#case-number::text").get()
    words = browser.page.css("#made-passphrase::text").get()
    assert number
    assert words
    assert len(words.split()) == 6
    browser.client.cookies.clear()
    browser.open("/sign-in")
    text_of_page = browser.submit("/sign-in", {"case_number": number, "passphrase": words})
    assert "Your turn" in text_of_page
    for path in ("/my", "/enrol/number"):
        assert words not in browser.open(path)


def test_what_must_be_written_down_survives_a_reload_until_the_number_is_typed(
    browser: Browser,
) -> None:
    browser.open("/enrol")
    browser.submit("/enrol", {"adult_now": "yes", "minor_in_pictures": "no"})
    browser.submit("/enrol/secret", {"make_words": "yes"})
    assert browser.response is not None
    set_cookies = browser.response.history[0].headers.get_list("set-cookie")
    (given,) = [one for one in set_cookies if one.startswith("shown-once=")]
    for flag in ("HttpOnly", "SameSite=lax", "Max-Age=900"):
        assert flag in given
    address = str(browser.response.url)
    secrets = [
        browser.page.css(f"#{name}::text").get() or ""
        for name in ("case-number", "made-passphrase", "deletion-code")
    ]
    assert all(secrets)
    again = browser.open("/enrol/write-down")
    for secret in secrets:
        assert secret in again
        assert secret not in address
        assert secret not in given
    browser.open("/enrol/number")
    wrong = browser.submit("/enrol/number", {"case_number": "K7F3-9QXM-2P4D"}, status=422)
    assert "Look at it again" in wrong
    browser.submit("/enrol/number", {"case_number": secrets[0]})
    assert "shown-once" not in browser.client.cookies
    browser.open("/enrol/write-down")
    assert str(browser.response.url).endswith("/enrol/release")
    assert "Look at it again" not in browser.open("/enrol/number")


def test_what_must_be_written_down_ends_after_a_quarter_of_an_hour_and_is_nobody_elses(
    house: House, browser: Browser, clock: SettableClock
) -> None:
    begun(browser)
    kept = browser.client.cookies["shown-once"]
    session = browser.client.cookies["session"]
    _, other = make_person(house)
    browser.sign_in_as(
        house.rooms.enrolment.sign_in(
            house.rooms.database, other.case_number, "four unrelated quiet words", ""
        )
    )
    for forged in (kept, "no base64 at all", "QUFB"):
        browser.client.cookies.set("shown-once", forged)
        assert "Write this down" not in browser.open("/enrol/write-down")
    browser.sign_in_as(session)
    browser.client.cookies.set("shown-once", kept)
    clock.advance(minutes=14)
    assert "Write this down" in browser.open("/enrol/write-down")
    clock.advance(minutes=1)
    assert "Please type your case number" in browser.open("/enrol/write-down")


@pytest.mark.parametrize(
    ("what", "count", "words"),
    [
        ("notices", 1, "1 notice"),
        ("notices", 2, "2 notices"),
        ("entries of custody", 1, "1 entry of custody"),
        ("items of notices", 1, "1 item of notices"),
    ],
)
def test_one_erased_thing_is_called_one(what: str, count: int, words: str) -> None:
    assert ErasedCount(what, count).words == words


def test_wrong_secrets_say_one_thing(browser: Browser) -> None:
    number, _ = begun(browser)
    browser.client.cookies.clear()
    browser.open("/sign-in")
    wrong = browser.submit("/sign-in", {"case_number": number, "passphrase": "wrong"}, status=401)
    assert "is not right" in wrong


def test_face_search_is_offered_only_where_the_switch_is_on_and_never_ticked(
    house: House, browser: Browser
) -> None:
    begun(browser)
    browser.open("/enrol/release")
    (box,) = browser.page.xpath("//input[@name='covers_faces']")
    assert "checked" not in box.attrib
    house.set_faces(False)
    browser.open("/enrol/release")
    assert not browser.page.xpath("//input[@name='covers_faces']")


def test_somebody_who_left_goes_on_where_they_were(browser: Browser) -> None:
    number, _ = begun(browser)
    browser.client.cookies.clear()
    browser.open("/sign-in")
    browser.submit("/sign-in", {"case_number": number, "passphrase": OWN})
    assert browser.page.xpath("//a[@href='/enrol/number']")
    browser.open("/enrol/next")
    assert str(browser.response.url).endswith("/enrol/number")  # type: ignore[union-attr]


def test_a_face_is_shown_only_when_asked_for_and_blurred_first(
    house: House, browser: Browser
) -> None:
    _, case = make_person(house)
    browser.sign_in_as(
        house.rooms.enrolment.sign_in(
            house.rooms.database, case.case_number, "four unrelated quiet words", ""
        )
    )
    browser.open("/my/photos")
    assert not browser.page.xpath("//img")
    asked = browser.page.xpath("//a[text()='Show the face']/@href").get()
    assert asked
    browser.open(asked)
    source = browser.page.xpath("//img/@src").get()
    assert source
    assert browser.bytes_of(source) != CROP
    browser.open(browser.page.xpath("//a[text()='Show without blur']/@href").get() or "")
    clear = browser.page.xpath("//img/@src").get()
    assert clear
    assert browser.bytes_of(clear) == CROP
    assert browser.client.get(clear).headers["cache-control"] == "no-store"


def test_an_advocate_looks_at_the_photos_that_they_vouch_for(
    house: House, browser: Browser
) -> None:
    person, case = make_person(house, active=False)
    rooms, advocate = house.rooms, house.reviewers[0]
    with rooms.database.write() as session:
        _, token = rooms.accounts.sessions.open(
            session, Role.ADVOCATE, house.organisation_id, account_id=advocate.account_id
        )
    browser.sign_in_as(token)
    page = f"/cases/{case.person_id}/attest"
    browser.open(page)
    assert not browser.page.xpath("//img")
    browser.open(browser.page.xpath("//a[text()='Show the face']/@href").get() or "")
    source = browser.page.xpath("//img/@src").get()
    assert source
    assert browser.bytes_of(source) != CROP
    browser.submit(page, {"decision": "accept", "method": "We met."}, status=422)
    assert browser.page.xpath("//input[@checked]/@id").getall() == ["accept"]
    assert browser.page.xpath("//textarea[@name='method']/text()").get() == "We met."
    browser.submit(page, {"decision": "refuse", "method": "By video."}, status=422)
    assert browser.page.xpath("//input[@checked]/@id").getall() == ["refuse"]
    # given while the advocate was reading: not among those that they were shown
    rooms.photos.add_photo(rooms.database, person, house.eyes, case.person_id, b"face:ada#2")
    words = {"decision": "accept", "method": "We met.", "statement_ticked": "on"}
    assert "Look at new photos" in browser.submit(page, words)
    assert "new photos wait for your look" in browser.open("/cases")
    with rooms.database.read() as session:
        assert len(rooms.enrolment.templates_for_gallery(session, MODEL)) == 1
    browser.open(page)
    assert "Look at new photos" not in browser.submit(page, words)
    with rooms.database.read() as session:
        assert len(rooms.enrolment.templates_for_gallery(session, MODEL)) == 2 + 1


def test_erasing_needs_the_passphrase_again_and_gives_a_receipt(
    house: House, browser: Browser
) -> None:
    begun(browser)
    assert "take them back" in browser.open("/my/erase")
    assert "tick" in browser.submit("/my/erase", {"passphrase": OWN}, status=422)
    words = browser.submit("/my/erase", {"passphrase": "wrong one", "sure": "on"}, status=422)
    assert "not right" in words
    words = browser.submit("/my/erase", {"passphrase": OWN, "sure": "on"})
    assert "It is done" in words
    assert "1 signed-in session " in words
    receipt = browser.page.xpath("//a[contains(@href, 'erasure-receipts')]/@href").get()
    assert receipt
    assert receipt_is_genuine(browser.bytes_of(receipt))
    browser.open("/my")
    assert str(browser.response.url).endswith("/sign-in")  # type: ignore[union-attr]


def test_the_deletion_code_erases_without_signing_in(browser: Browser) -> None:
    number, code = begun(browser)
    browser.client.cookies.clear()
    browser.open("/erase")
    fields = {"case_number": number, "deletion_code": code, "sure": "on"}
    browser.submit("/erase", {**fields, "deletion_code": "D-2222-2222-2222-2222"}, status=401)
    assert "It is done" in browser.submit("/erase", fields)


def test_consent_can_be_read_and_withdrawn_by_the_person(house: House, browser: Browser) -> None:
    _, case = make_person(house)
    browser.sign_in_as(
        house.rooms.enrolment.sign_in(
            house.rooms.database, case.case_number, "four unrelated quiet words", ""
        )
    )
    assert "biometric" in browser.open("/my/consent")
    browser.submit("/my/consent/faces/withdraw")
    assert house.eyes.masked == [str(case.person_id)]
    browser.submit("/my/consent/mandate/withdraw")
    assert "Your turn" in browser.open("/my")
    browser.open("/my/consent")
    assert "Your case is closed" in browser.submit("/my/consent/release/withdraw")


def test_pages_of_a_case_are_for_their_own_person_or_advocate_only(
    house: House, browser: Browser
) -> None:
    for path in ("/my", "/my/photos", "/my/links", "/my/finds", "/enrol/release", "/my/erase"):
        response = browser.client.get(path, follow_redirects=False)
        assert response.status_code in (303, 401), path
    _, case = make_person(house)
    browser.sign_in_as(
        house.rooms.enrolment.sign_in(
            house.rooms.database, case.case_number, "four unrelated quiet words", ""
        )
    )
    for path in ("/cases", f"/cases/{case.person_id}", "/candidates", "/candidates/halted"):
        assert browser.client.get(path).status_code == 403, path
