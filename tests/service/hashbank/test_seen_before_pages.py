"""What was seen before, as pages and programs tell it: to whom, and in which words."""

from __future__ import annotations

import json
import secrets

import pytest
from fastapi.testclient import TestClient
from parsel import Selector

from service.accounts.actor import Actor
from service.app import create_web
from service.hashbank.asked import GIVEN_BY_PERSON
from service.hashbank.matches import VOUCHING_STATEMENT
from tests.service.candidates.seen_world import gives, saw, work
from tests.service.enrolment.browser import Browser
from tests.service.enrolment.people_factory import House, make_person
from tests.service.sources.seen_factory import flipped, random_pdq, still

PDQ = random_pdq(1)
WHERE = "where-it-is.test"


def token_of(house: House, actor: Actor) -> str:
    assert actor.organisation_id is not None
    with house.rooms.database.write() as session:
        _, token = house.rooms.accounts.sessions.open(
            session,
            actor.role,
            actor.organisation_id,
            account_id=actor.account_id,
            person_id=actor.person_id,
        )
    return token


def browser(house: House, actor: Actor) -> Browser:
    made = Browser(house)
    made.sign_in_as(token_of(house, actor))
    return made


def ask(house: House, actor: Actor, path: str, status: int = 200, **body: object) -> dict:  # type: ignore[type-arg]
    client = TestClient(create_web(house.rooms), base_url="http://127.0.0.1:8000")
    headers = {"Authorization": f"Bearer {token_of(house, actor)}"}
    method = "POST" if body else "GET"
    answer = client.request(method, f"/api/v1{path}", headers=headers, json=body or None)
    assert answer.status_code == status, answer.text
    return answer.json()  # type: ignore[no-any-return]


def test_the_person_reads_counts_and_a_month_and_no_address(house: House) -> None:
    saw(house, still(flipped(PDQ, 3)), f"http://{WHERE}/a.jpg")
    person, _ = make_person(house, photos=())
    page = browser(house, person)
    page.open("/my/known")
    medium = {"kind": "picture", "sha256": secrets.token_hex(32)}
    frames = [{"pdq": PDQ, "quality": 90}]
    text = page.submit(
        "/my/known/fingerprints", {"media": json.dumps([{**medium, "frames": frames}])}
    )
    assert "Seen at 1 address on 1 site since" in text, "the answer is on the very next page"
    assert "Seen at 1 address on 1 site since" in page.open("/my")
    work(house)
    for path in ("/my", "/my/known", "/my/finds"):
        assert WHERE not in page.open(path)
    finds = page.open("/my/finds")
    assert "A find that your advocates look at first" in finds
    answer = ask(house, person, "/my/seen-before")
    assert (answer["is_verified"], answer["pictures"][0]["addresses"]) == (True, 1)
    assert answer["waiting_for_a_voucher"] == 1
    assert WHERE not in json.dumps(answer)


def test_what_was_typed_wrongly_stands_there_again_with_what_is_wrong(house: House) -> None:
    person, _ = make_person(house, photos=())
    page = browser(house, person)
    page.open("/my/known")
    typed = page.client.post(
        "/my/known",
        data={
            "csrf": page.page.xpath("//input[@name='csrf']/@value").get(),
            "pdq": "zz",
            "note": "the one from the party",
        },
    )
    assert typed.status_code == 422
    assert "PDQ: exactly 64 digits and letters from a to f." in typed.text
    again = Selector(typed.text)
    assert again.xpath("//details[@open]//input[@id='pdq']/@value").get() == "zz"
    assert again.xpath("//input[@id='hash-note']/@value").get() == "the one from the party"


def test_nothing_seen_goes_with_how_much_was_looked_at(house: House) -> None:
    person, _ = make_person(house, photos=())
    gives(house, person, PDQ)
    work(house)
    text = browser(house, person).open("/my/known")
    assert "No site has been looked at yet, so there is no answer." in text
    assert "Not seen" not in text, "nobody looked"
    assert text.count("No site has been looked at yet") == 2, "for all, and for this picture"


def test_before_the_attestation_person_and_advocate_read_when_the_answer_comes(
    house: House,
) -> None:
    saw(house, still(PDQ), f"http://{WHERE}/a.jpg")
    person, case = make_person(house, photos=(), active=False)
    gives(house, person, PDQ)
    work(house)
    of_person = browser(house, person).open("/my/known")
    assert "is answered once an advocate has verified who you are" in of_person
    of_advocate = browser(house, house.reviewers[0]).open(f"/cases/{case.person_id}")
    assert "is answered once you have attested who the person is" in of_advocate
    for text in (of_person, of_advocate):
        assert "Seen at" not in text
    answer = ask(house, house.reviewers[0], f"/cases/{case.person_id}/seen-before")
    assert (answer["is_verified"], answer["pictures"]) == (False, [])


def test_an_advocate_vouches_on_the_cases_page(house: House) -> None:
    saw(house, still(flipped(PDQ, 3)), f"http://{WHERE}/a.jpg")
    person, case = make_person(house, photos=())
    gives(house, person, PDQ)
    work(house)
    page = browser(house, house.reviewers[0])
    assert "was given by the person" in page.open(f"/cases/{case.person_id}")
    text = page.open(f"/cases/{case.person_id}/known")
    assert "nobody here has seen what it is of" in text
    assert "1 different file on 1 site" in text
    action = f"/cases/{case.person_id}/known/vouch"
    assert not page.page.xpath("//input[@name='statement_ticked' and @checked]")
    refused = page.submit(action, status=422)
    assert "tick the statement" in refused
    text = page.submit(action, {"statement_ticked": "on"})
    assert "nobody vouched for" not in text
    assert VOUCHING_STATEMENT not in text
    assert WHERE in browser(house, person).open("/my/finds")


def test_an_advocate_decides_on_look_alikes_of_a_common_picture(house: House) -> None:
    matches = house.rooms.hashbank.matches
    matches.limits = type(matches.limits)(common_media=3, common_hosts=2, collisions=3)
    for number in range(4):
        saw(house, still(flipped(PDQ, 4, number)), f"http://site{number}.test/a.jpg")
    person, case = make_person(house, photos=())
    known_id = gives(house, person, PDQ)
    work(house)
    page = browser(house, house.reviewers[0])
    words = "So much looks like this picture (seen at 4 addresses on 4 sites)"
    assert words in page.open(f"/cases/{case.person_id}")
    text = page.open(f"/cases/{case.person_id}/known")
    assert words in text
    assert words in browser(house, person).open("/my/known")
    text = page.submit(f"/known/{known_id}/similar")
    assert words not in text
    assert "Leave out what only looks like it" in text
    text = page.submit(f"/known/{known_id}/similar")
    assert "An advocate decided that look-alikes of this picture are left out." in text


def test_a_program_vouches_and_decides_likewise(house: House) -> None:
    person, case = make_person(house, photos=())
    known_id = gives(house, person, PDQ)
    advocate = house.reviewers[0]
    vouched = ask(
        house,
        advocate,
        f"/cases/{case.person_id}/known/vouch",
        201,
        known_ids=[str(known_id)],
        statement_ticked=True,
    )
    assert vouched["waiting_for_a_voucher"] == 0
    assert ask(house, advocate, f"/known/{known_id}/similar", 201, wanted=False)
    ask(house, person, f"/known/{known_id}/similar", 403, wanted=True)


def test_trying_one_hash_after_the_other_ends_soon(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert GIVEN_BY_PERSON.attempts <= 100
    monkeypatch.setattr(
        "service.hashbank.asked.GIVEN_BY_PERSON", type(GIVEN_BY_PERSON)("known-given", 2, 86400)
    )
    person, _ = make_person(house, photos=())
    for number in range(2):
        ask(house, person, "/my/known/hashes", 201, pdq=random_pdq(10 + number))
    ask(house, person, "/my/known/hashes", 429, pdq=random_pdq(20))
    page = browser(house, person)
    page.open("/my/known")
    page.submit("/my/known/fingerprints", {"media": "[]"}, status=429)


def test_a_weak_likeness_is_said_to_be_one_and_what_it_looks_like_is_named(house: House) -> None:
    saw(house, still(flipped(PDQ, 30)), f"http://{WHERE}/a.jpg")
    person, _ = make_person(house, photos=())
    gives(house, person, PDQ)
    work(house)
    page = browser(house, house.reviewers[0])
    assert "a weak likeness: compare with care" in page.open("/candidates")
    told = browser(house, person).open("/my/known")
    assert "Something with a weak likeness was seen at 1 address on 1 site since" in told
    assert "It may be something else." in told
    assert "Seen at" not in told, "a weak likeness is no sighting"
    with house.rooms.database.read() as session:
        (item,) = house.rooms.candidates.queue(session, house.reviewers[0])
    text = page.open(f"/candidates/{item.candidate_id}")
    assert "a weak likeness: compare with care" in text
    assert "nobody here has seen it" in text
    assert "Is it a copy of that picture?" in text
    assert "Show the face" not in text
    assert "It is another picture" in text
    assert "turned away" not in text, "nobody compared a face"
    identifiers = page.page.xpath("//@id").getall()
    assert len(identifiers) == len(set(identifiers))


def test_a_hash_of_what_was_halted_is_refused_with_calm_words(house: House) -> None:
    medium_id = saw(house, still(PDQ), f"http://{WHERE}/a.jpg")
    with house.rooms.database.write() as session:
        house.rooms.sources.halted.halt(session, medium_id)
    person, _ = make_person(house, photos=())
    refused = ask(house, person, "/my/known/hashes", 409, pdq=flipped(PDQ, 5))
    assert "there are services that are made for this" in json.dumps(refused)
    with house.rooms.database.read() as session:
        assert house.rooms.hashbank.hashes_for_gallery(session) == ()
