"""A confirmed find that appears again: captured, sealed and ready for a notice where it is now."""

from __future__ import annotations

import hashlib
import uuid
from datetime import timedelta

import pytest

from service.accounts.actor import Actor
from service.candidates.findings import MAX_ADDRESSES
from service.exhibits.outcomes import MAX_PLACES, OTHER_CONTENT_WORDS
from service.exhibits.trust import Trust
from service.exhibits.verify import Outcome, verify_bundle
from service.exhibits.views import ExhibitView
from tests.service.candidates.finds_factory import (
    MEDIUM,
    person_says,
    record,
    record_face,
    reviewer_says,
    sees_medium,
)
from tests.service.enrolment.people_factory import (
    House,
    face_finding,
    hash_finding,
    hashes_of,
    known_of,
    make_person,
)
from tests.service.exhibits.evidence_factory import MadeUpCapturer, NoWait
from tests.service.hashbank.exchange_factory import listed

FOUND = b"the bytes that were found"
AGAIN = "http://other.test/again.jpg"


def hold_all(house: House, content: bytes = FOUND) -> list[str]:
    rooms = house.rooms
    with rooms.database.read() as session:
        wanted = rooms.exhibits.captures_to_hold(session)
    return [
        rooms.exhibits.hold(rooms.database, MadeUpCapturer(content), NoWait(), each).state
        for each in wanted
    ]


def seal_all(house: House) -> list[str]:
    rooms = house.rooms
    with rooms.database.read() as session:
        ready = rooms.exhibits.exhibits_to_seal(session)
    return [rooms.exhibits.seal(rooms.database, each).state for each in ready]


def exhibits(house: House, candidate_id: uuid.UUID) -> list[ExhibitView]:
    with house.rooms.database.read() as session:
        return list(house.rooms.exhibits.exhibits_of(session, house.reviewers[0], candidate_id))


def confirmed(house: House) -> tuple[Actor, uuid.UUID, uuid.UUID]:
    """A person, and a find of theirs that is confirmed and sealed, with its medium."""
    person, case = make_person(house)
    medium_id = sees_medium(house, FOUND)
    candidate_id = record_face(house, case.person_id, medium_id, FOUND)
    hold_all(house)
    for reviewer in house.reviewers:
        reviewer_says(house, reviewer, candidate_id, "same")
    person_says(house, person, candidate_id, "same")
    assert seal_all(house) == ["sealed"]
    return person, candidate_id, medium_id


def seen_again(house: House, person: Actor, medium_id: uuid.UUID, url: str = AGAIN) -> None:
    assert person.person_id is not None
    assert record(house, medium_id, FOUND, face_finding(person.person_id), url=url) == ()


def test_the_same_bytes_at_a_new_address_are_captured_and_sealed_there(any_house: House) -> None:
    house = any_house
    person, candidate_id, medium_id = confirmed(house)
    seen_again(house, person, medium_id)
    assert hold_all(house) == ["held"]
    assert house.eyes.examined_for == [], "equal bytes need no second look"
    assert seal_all(house) == ["sealed"]
    first, again = exhibits(house, candidate_id)
    assert (first.place, first.version, again.place, again.version) == (0, 1, 1, 1)
    assert (again.host, again.media_url) == ("other.test", AGAIN)
    with house.rooms.database.write() as session:
        bundle = house.rooms.exhibits.bundle(session, house.reviewers[0], again.exhibit_id)
    assert verify_bundle(bundle, Trust()).outcome is Outcome.UNKNOWN
    assert any("byte for byte what they confirmed" in note for note in again.notes)
    assert not any("byte for byte what they confirmed" in note for note in first.notes)


def test_each_new_address_is_asked_for_once(house: House) -> None:
    person, candidate_id, medium_id = confirmed(house)
    for _ in range(2):
        seen_again(house, person, medium_id)
    seen_again(house, person, medium_id, "http://third.test/x.jpg")
    assert hold_all(house) == ["held", "held"]
    assert hold_all(house) == []
    assert seal_all(house) == ["sealed", "sealed"]
    assert [each.place for each in exhibits(house, candidate_id)] == [0, 1, 2]


def test_the_same_file_on_another_page_needs_no_second_exhibit(house: House) -> None:
    person, candidate_id, medium_id = confirmed(house)
    assert person.person_id is not None
    with house.rooms.database.write() as session:
        from tests.service.candidates.finds_factory import WORKER
        from tests.service.enrolment.people_factory import examination

        house.rooms.candidates.record_findings(
            session,
            WORKER,
            organisation_id=house.organisation_id,
            medium_id=medium_id,
            examination=examination(FOUND, face_finding(person.person_id)),
            media_url=MEDIUM,
            page_url="http://site.test/another-page",
            host="site.test",
            run_id=None,
        )
    assert hold_all(house) == []
    assert len(exhibits(house, candidate_id)) == 1


def test_other_bytes_at_that_address_are_examined_and_never_sealed_as_what_was_confirmed(
    any_house: House,
) -> None:
    house = any_house
    person, candidate_id, medium_id = confirmed(house)
    seen_again(house, person, medium_id)
    assert hold_all(house, b"something else by now") == ["held"]
    assert house.eyes.examined_for == [str(person.person_id)]
    assert seal_all(house) == []
    again = exhibits(house, candidate_id)[1]
    assert (again.state, again.reason) == ("unsealed", OTHER_CONTENT_WORDS)
    house.clock.advance(seconds=timedelta(days=15).total_seconds())
    assert house.rooms.exhibits.purge_due(house.rooms.database) == 1
    with house.rooms.database.write() as session:
        detail = house.rooms.exhibits.look(session, house.reviewers[0], again.exhibit_id)
    assert [line.state for line in detail.captures] == ["purged"]
    assert exhibits(house, candidate_id)[0].state == "sealed"


def test_other_bytes_that_show_the_person_become_a_find_of_their_own(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, candidate_id, medium_id = confirmed(house)
    assert person.person_id is not None
    known_id = known_of(house, person.person_id)
    seen_again(house, person, medium_id)
    real = house.eyes.examine

    def sees_a_copy(content: bytes, **how: object) -> object:
        import msgspec

        finding = hash_finding(person.person_id, known_id, kind="pdq", distance=7)  # type: ignore[arg-type]
        return msgspec.structs.replace(real(content, **how), findings=(finding,))  # type: ignore[arg-type]

    monkeypatch.setattr(house.eyes, "examine", sees_a_copy)
    assert hold_all(house, b"the same picture, encoded anew") == ["held"]
    with house.rooms.database.read() as session:
        (item,) = house.rooms.candidates.queue(session, house.reviewers[0])
    assert (item.kind, item.host) == ("hash", "other.test")
    assert item.candidate_id != candidate_id
    assert exhibits(house, candidate_id)[1].state == "unsealed"


def test_a_failed_capture_is_tried_again_at_its_own_place(house: House) -> None:
    person, candidate_id, medium_id = confirmed(house)
    seen_again(house, person, medium_id)
    rooms = house.rooms
    with rooms.database.read() as session:
        (wanted,) = rooms.exhibits.captures_to_hold(session)
    failing = MadeUpCapturer(FOUND, status=503)
    assert rooms.exhibits.hold(rooms.database, failing, NoWait(), wanted).state == "failed"
    first, again = exhibits(house, candidate_id)
    assert (first.state, again.state) == ("sealed", "unsealed")
    assert "its capture failed" in again.reason
    house.clock.advance(minutes=6)
    assert hold_all(house) == ["held"]
    assert seal_all(house) == ["sealed"]


def test_person_and_advocate_are_told_that_it_is_there_again(house: House) -> None:
    person, candidate_id, medium_id = confirmed(house)
    seen_again(house, person, medium_id)
    assert person.person_id is not None
    with house.rooms.database.read() as session:
        story = house.rooms.exhibits.story(session, person, person.person_id)
        view = house.rooms.candidates.view(session, person, candidate_id)
        listed = house.rooms.exhibits.list_exhibits(session, house.reviewers[0])
        groups = house.rooms.notices.choice_groups(session, house.reviewers[0])
    assert "Something that was confirmed is there again, on other.test." in [
        event.words for event in story
    ]
    assert [(seen.media_url, seen.again) for seen in view.addresses] == [
        (MEDIUM, False),
        (AGAIN, True),
    ]
    assert {each.place for each in listed} == {0, 1}
    assert {group.host for group in groups} == {"site.test", "other.test"}


def test_a_notice_for_the_new_host_rests_on_the_capture_made_there(house: House) -> None:
    person, candidate_id, medium_id = confirmed(house)
    seen_again(house, person, medium_id)
    hold_all(house)
    seal_all(house)
    again = exhibits(house, candidate_id)[1]
    with house.rooms.database.write() as session:
        notice_id = house.rooms.notices.draft(
            session,
            house.reviewers[0],
            [each.exhibit_id for each in exhibits(house, candidate_id)],
            host="other.test",
        )
        notice = house.rooms.notices.notice(session, house.reviewers[0], notice_id)
    assert [(item.media_url, item.is_captured, item.exhibit_id) for item in notice.items] == [
        (AGAIN, True, str(again.exhibit_id))
    ]


def test_what_is_dismissed_or_halted_later_leaves_nothing_at_any_place(house: House) -> None:
    person, candidate_id, medium_id = confirmed(house)
    seen_again(house, person, medium_id)
    hold_all(house)
    seal_all(house)
    with house.rooms.database.write() as session:
        house.rooms.candidates.report_minor_sign(session, house.reviewers[0], candidate_id)
    assert {each.state for each in exhibits(house, candidate_id)} == {"withdrawn"}
    assert hashes_of(FOUND).sha256


def test_addresses_and_places_have_a_limit(house: House) -> None:
    assert MAX_PLACES < MAX_ADDRESSES
    person, candidate_id, medium_id = confirmed(house)
    import service.exhibits.outcomes as outcomes

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outcomes, "MAX_PLACES", 2)
        for number in range(5):
            seen_again(house, person, medium_id, f"http://site{number}.test/x.jpg")
    assert hold_all(house) == ["held", "held"]
    with house.rooms.database.read() as session:
        view = house.rooms.candidates.view(session, person, candidate_id)
    assert len(view.addresses) == 6


@pytest.mark.parametrize("how", ["sha256", "md5", "pdq"])
def test_other_bytes_that_a_list_stops_are_not_kept_anywhere(house: House, how: str) -> None:
    person, candidate_id, medium_id = confirmed(house)
    seen_again(house, person, medium_id)
    other = b"something else by now"
    files = held_files(house, person)
    listed(house, "stop", line_of(other, how))
    assert hold_all(house, other) == ["failed"]
    assert held_files(house, person) == files
    first, again = exhibits(house, candidate_id)
    assert (first.state, again.state) == ("sealed", "unsealed")
    assert "under 18" in again.reason


@pytest.mark.parametrize("how", ["sha256", "md5", "pdq", "halted"])
def test_what_somebody_pointed_to_is_halted_before_a_byte_of_it_is_kept(
    house: House, how: str
) -> None:
    from service.candidates.models import Candidate

    person, case = make_person(house)
    content = b"what is at the link"
    if how == "halted":
        medium_id = sees_medium(house, content)
        with house.rooms.database.write() as session:
            house.rooms.sources.halted.halt(session, medium_id)
    else:
        listed(house, "stop", line_of(content, how))
    with house.rooms.database.write() as session:
        (candidate_id,) = house.rooms.intake.add_links(session, person, case.person_id, [MEDIUM])
    files = held_files(house, person)
    assert hold_all(house, content) == ["failed"]
    assert held_files(house, person) == files
    with house.rooms.database.read() as session:
        row = session.get(Candidate, candidate_id)
        assert row is not None
        assert row.state == "halted"
        (item,) = house.rooms.candidates.halted(session, house.operator)
    assert item.addresses[0].media_url == MEDIUM
    assert hold_all(house, content) == []


def line_of(content: bytes, how: str) -> str:
    if how == "md5":
        return f"md5 {hashlib.md5(content, usedforsecurity=False).hexdigest()}"
    hashes = hashes_of(content)
    return f"pdq {hashes.pdq}" if how == "pdq" else f"sha256 {hashes.sha256}"


def held_files(house: House, person: Actor) -> list[str]:
    folder = house.rooms.settings.files_dir / str(person.person_id)
    return sorted(str(path) for path in folder.rglob("*")) if folder.exists() else []
