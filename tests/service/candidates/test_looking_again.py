"""Who joins by enrolment is noted, told how far the looking again is, and forgotten when erased."""

from __future__ import annotations

import uuid

from sqlalchemy import select

from indexer.observations import Examination, MediaHashes
from service.accounts.actor import Actor
from service.sources.media_ledger import Place
from service.sources.models import Run
from service.sources.site_draft import SiteDraft
from service.sources.sweep_models import Sweep, SweepJoin, SweepPerson
from service.work.sweep_rounds import SweepRounds
from tests.service.enrolment.browser import Browser
from tests.service.enrolment.model_factory import name_model
from tests.service.enrolment.people_factory import House, make_person, person_of

DRAFT = SiteDraft(
    "Example forum",
    ("http://forum.example/start",),
    "Look for copies on a forum that people reported",
    "Mandates of the depicted people",
    delay_s=60.0,
)


def seen_site(house: House, media: int) -> uuid.UUID:
    """A site on which so many media were seen before anybody joined."""
    rooms = house.rooms
    system = Actor.system("test", house.organisation_id)
    with rooms.database.write() as session:
        site = rooms.sources.add_site(session, house.operator, DRAFT)
        for number in range(media):
            url = f"http://forum.example/{number}.jpg"
            place = Place(house.organisation_id, url, "http://forum.example/p", site.id, None)
            seen = Examination(MediaHashes(f"{number:064x}"), "still", 9, 9, 1, 0)
            rooms.sources.record_examined(session, system, place, seen, 10)
    house.clock.advance(hours=1)
    return site.id


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


def go_round(house: House) -> int:
    return SweepRounds(house.rooms.database, house.rooms.sweeps).go_round()


def joins(house: House) -> list[tuple[uuid.UUID, bool]]:
    with house.rooms.database.read() as session:
        rows = session.scalars(select(SweepJoin).order_by(SweepJoin.joined_at))
        return [(row.person_id, row.left_at is None) for row in rows]


def test_who_can_be_found_by_their_face_joins_and_nobody_else(any_house: House) -> None:
    name_model(any_house)
    seen_site(any_house, 3)
    _, by_hash = make_person(any_house, faces=False)
    _, not_yet = make_person(any_house, active=False)
    _, case = make_person(any_house)
    assert go_round(any_house) == 1
    assert joins(any_house) == [(case.person_id, True)]
    with any_house.rooms.database.read() as session:
        run = session.scalars(select(Run)).one()
        assert (run.kind, run.serves) == ("sweep", [str(case.person_id)])
        for other in (by_hash, not_yet):
            person = person_of(other)
            told = any_house.rooms.sweeps.of_person(session, person, other.person_id)
            assert told.sites == ()
            foreign = any_house.rooms.sweeps.of_person(session, person, case.person_id)
            assert foreign.sites == ()


def test_who_was_there_before_anybody_noted_it_is_not_looked_for_anew(any_house: House) -> None:
    name_model(any_house)
    make_person(any_house)
    any_house.clock.advance(days=3)
    seen_site(any_house, 3)
    assert go_round(any_house) == 0


def test_who_leaves_and_comes_back_is_looked_for_in_what_was_seen_meanwhile(
    any_house: House,
) -> None:
    name_model(any_house)
    _person, case = make_person(any_house)
    enrolment, database = any_house.rooms.enrolment, any_house.rooms.database
    go_round(any_house)
    with database.write() as session:
        enrolment.pause(session, any_house.reviewers[0], case.person_id, "a question")
    go_round(any_house)
    assert joins(any_house) == [(case.person_id, False)]
    any_house.clock.advance(hours=1)
    site_id = seen_site(any_house, 2)
    with database.write() as session:
        enrolment.resume(session, any_house.reviewers[0], case.person_id)
    assert go_round(any_house) == 1
    with database.read() as session:
        told = any_house.rooms.sweeps.of_site(session, any_house.operator, site_id)
    assert told is not None
    assert told.addresses == 2


def test_the_estimate_stands_on_the_last_page_of_enrolment_and_progress_on_the_persons_own(
    house: House,
) -> None:
    name_model(house)
    site_id = seen_site(house, 90)
    person, case = make_person(house, active=False)
    browser = Browser(house)
    sign_in(house, browser, person)
    text = browser.open("/enrol/done")
    assert "90 pictures that were seen before now on 1 site will be looked at again" in text
    assert "about 2 hours" in text
    with house.rooms.database.write() as session:
        house.rooms.enrolment.attest(
            session,
            house.reviewers[0],
            case.person_id,
            accepted=True,
            method="We met and looked at a passport.",
            statement_ticked=True,
        )
    assert "Looked at" not in browser.open("/my")
    assert go_round(house) == 1
    text = browser.open("/my")
    assert "Looked at 0 of 90 pictures again." in text
    assert "until about" in text
    sign_in(house, browser, house.reviewers[0])
    assert "Looked at 0 of 90 pictures again." in browser.open(f"/cases/{case.person_id}")
    assert "Looked at 0 of 90 pictures again." in browser.open(f"/sites/{site_id}")
    with house.rooms.database.read() as session:
        run_id = session.scalars(select(Run.id)).one()
    assert "known media looked at again for people who joined" in browser.open(f"/runs/{run_id}")


def test_erasing_forgets_who_joined_and_stops_what_served_nobody_else(any_house: House) -> None:
    name_model(any_house)
    seen_site(any_house, 3)
    person, case = make_person(any_house)
    go_round(any_house)
    rooms = any_house.rooms
    finished = rooms.erasure.erase(rooms.database, person, any_house.eyes, case.person_id)
    assert finished is not None
    assert joins(any_house) == []
    go_round(any_house)
    with rooms.database.read() as session:
        assert session.scalars(select(SweepPerson)).all() == []
        assert session.scalars(select(Sweep)).one().state == "stopped"
        assert session.scalars(select(Run)).one().state == "cancelled"
