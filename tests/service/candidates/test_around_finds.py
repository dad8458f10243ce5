"""Which finds are looked around: confirmed ones, and links of verified cases; told in words."""

from __future__ import annotations

from sqlalchemy import select

from service.accounts.actor import Actor
from service.candidates.intake import GivenDeclaration
from service.sources.around_models import LookAround
from service.sources.models import Run
from service.sources.site_draft import SiteDraft
from service.work.around_rounds import AroundRounds
from tests.service.candidates.finds_factory import (
    person_says,
    record_face,
    reviewer_says,
    sees_medium,
)
from tests.service.enrolment.browser import Browser
from tests.service.enrolment.people_factory import House, make_person

DECLARED = GivenDeclaration("Ada L.", agreed=True)
LINK = "http://forum.example/t/5"
DRAFT = SiteDraft(
    "Example forum",
    ("http://forum.example/start",),
    "Look for copies on a forum that people reported",
    "Mandates of the depicted people",
)


def go_round(house: House) -> int:
    rooms = house.rooms
    return AroundRounds(rooms.database, rooms.around, rooms.around_finds).go_round()


def states(house: House) -> list[tuple[str, str]]:
    with house.rooms.database.read() as session:
        rows = session.scalars(select(LookAround).order_by(LookAround.opened_at))
        return [(row.host, row.state) for row in rows]


def brings(house: House, person: Actor, *links: str) -> None:
    assert person.person_id is not None
    with house.rooms.database.write() as session:
        house.rooms.intake.add_links(session, person, person.person_id, list(links), DECLARED)


def test_a_link_of_a_verified_case_is_looked_around_for_that_case_alone(any_house: House) -> None:
    with any_house.rooms.database.write() as session:
        any_house.rooms.sources.add_site(session, any_house.operator, DRAFT)
    person, case = make_person(any_house)
    make_person(any_house, name="Bea", photos=(b"face:bea#1",))
    brings(any_house, person, LINK)
    assert go_round(any_house) == 1
    assert go_round(any_house) == 0
    assert states(any_house) == [("forum.example", "going_on")]
    with any_house.rooms.database.read() as session:
        run = session.scalars(select(Run)).one()
        assert (run.kind, run.serves) == ("around", [str(case.person_id)])
        system = Actor.system("test", any_house.organisation_id)
        view = any_house.rooms.sources.run(session, system, run.id)
    assert view.only_person == str(case.person_id)


def test_a_link_of_a_case_that_nobody_verified_waits(any_house: House) -> None:
    with any_house.rooms.database.write() as session:
        any_house.rooms.sources.add_site(session, any_house.operator, DRAFT)
    person, _ = make_person(any_house, active=False)
    brings(any_house, person, LINK)
    assert go_round(any_house) == 0
    assert states(any_house) == []


def test_a_find_is_looked_around_once_all_have_confirmed_it(any_house: House) -> None:
    person, case = make_person(any_house)
    content = b"found"
    candidate_id = record_face(
        any_house, case.person_id, sees_medium(any_house, content), content, url=LINK
    )
    go_round(any_house)
    assert states(any_house) == []
    for reviewer in any_house.reviewers:
        reviewer_says(any_house, reviewer, candidate_id, "same")
    assert person_says(any_house, person, candidate_id, "same").state == "confirmed"
    go_round(any_house)
    assert [state for _, state in states(any_house)] == ["refused"]


def test_the_advocate_reads_why_a_host_was_refused(house: House) -> None:
    person, case = make_person(house)
    brings(house, person, LINK)
    go_round(house)
    browser = Browser(house)
    advocate = house.reviewers[0]
    assert advocate.organisation_id is not None
    with house.rooms.database.write() as session:
        _, token = house.rooms.accounts.sessions.open(
            session, advocate.role, advocate.organisation_id, account_id=advocate.account_id
        )
    browser.sign_in_as(token)
    text = browser.open(f"/cases/{case.person_id}")
    assert "forum.example" in text
    assert "none of the sites that your organisation may visit" in text


def test_erasing_a_person_forgets_what_was_looked_at_around_their_finds(any_house: House) -> None:
    person, case = make_person(any_house)
    brings(any_house, person, LINK)
    go_round(any_house)
    assert len(states(any_house)) == 1
    rooms = any_house.rooms
    rooms.erasure.erase(rooms.database, person, any_house.eyes, case.person_id)
    assert states(any_house) == []
