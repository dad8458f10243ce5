"""What was seen before is found by a known picture's hash, without any crawl and without a face."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import cv2
import msgspec
import numpy as np
import pytest
from skimage import data
from sqlalchemy import select

from indexer.hashing import pdq_orientations
from indexer.hashing.turning import TURNED_AS, turned_hashes
from indexer.media.picture import Picture, Pixels
from indexer.observations import Examination, FrameHash
from service.accounts.actor import Actor
from service.candidates.models import Candidate
from service.candidates.sealed import SealedCandidates
from service.candidates.seen_before import NOT_VERIFIED, PENDING
from service.database import Database
from service.hashbank.errors import HaltedPictureError
from service.hashbank.matches import CATCH_UP_AFTER
from service.hashbank.models import KnownMatch
from service.sources.models import MediumSeen
from service.sources.seen_index import SETTLED_AFTER
from tests.service.candidates.finds_factory import person_says, reviewer_says
from tests.service.candidates.seen_world import gives, saw, vouch, work
from tests.service.enrolment.people_factory import House, attest, make_person
from tests.service.hashbank.exchange_factory import listed
from tests.service.sources.seen_factory import flipped, random_pdq, still

PDQ = random_pdq(1)
URL = "http://site.test/{}.jpg"


def turned_by(picture: Pixels, name: str) -> Pixels:
    """The picture as somebody turns it who calls it that; degrees count counter-clockwise."""
    turns = {
        "upright": picture,
        "rotated_90": np.rot90(picture, 1),
        "rotated_180": np.rot90(picture, 2),
        "rotated_270": np.rot90(picture, 3),
        "flipped_vertically": picture[::-1],
        "mirrored": picture[:, ::-1],
        "transposed": picture.transpose(1, 0, 2),
        "transversed": np.rot90(picture, 2).transpose(1, 0, 2),
    }
    return np.ascontiguousarray(turns[name])


def states(house: House, person: Actor) -> list[tuple[str, str]]:
    assert person.person_id is not None
    with house.rooms.database.read() as session:
        finds = house.rooms.candidates.finds_of(session, house.reviewers[0], person.person_id)
    return sorted((find.kind, find.host) for find in finds)


def answer(house: House, person: Actor) -> str:
    assert person.person_id is not None
    with house.rooms.database.read() as session:
        return house.rooms.seen_before.view(session, person, person.person_id).words


class TestFinding:
    def test_copies_seen_before_become_candidates_without_any_crawl(self, any_house: House) -> None:
        house = any_house
        house.set_faces(False)
        upright = saw(house, still(flipped(PDQ, 12)), URL.format("a"))
        saw(house, still(turned_hashes(PDQ)[5]), "http://other.test/b.jpg")
        saw(house, still(random_pdq(2)), URL.format("c"))
        person, _ = make_person(house, photos=(), faces=False)
        gives(house, person, PDQ)
        assert work(house) == 2
        assert states(house, person) == [("hash", "other.test"), ("hash", "site.test")]
        assert work(house) == 0
        with house.rooms.database.read() as session:
            queue = house.rooms.candidates.queue(session, house.reviewers[0])
            captures = house.rooms.exhibits.captures_to_hold(session)
        assert len(queue) == len(captures) == 2
        assert upright

    @pytest.mark.parametrize("turn", range(len(TURNED_AS)), ids=TURNED_AS)
    def test_a_turned_and_compressed_copy_is_found_by_what_the_device_turned(
        self, house: House, turn: int
    ) -> None:
        picture = np.ascontiguousarray(data.chelsea())
        known = pdq_orientations(Picture(picture))
        copy = turned_by(picture, TURNED_AS[turn])
        _, encoded = cv2.imencode(".jpg", copy[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 40])
        seen = pdq_orientations(Picture(cv2.imdecode(encoded, cv2.IMREAD_COLOR)[:, :, ::-1].copy()))
        saw(house, still(seen.upright), URL.format("a"))
        person, _ = make_person(house, photos=(), faces=False)
        gives(house, person, known.upright, turned=known.in_order)
        assert work(house) == 1
        with house.rooms.database.read() as session:
            row = session.scalars(select(Candidate)).one()
            kept = SealedCandidates(house.rooms.vault).document(row).examination
        assert kept is not None
        (match,) = kept.findings[0].hashes
        assert match.orientation == TURNED_AS[turn]
        assert match.distance <= 15

    def test_young_and_settled_hashes_are_both_found(self, house: House) -> None:
        saw(house, still(PDQ), URL.format("old"))
        house.clock.set(house.clock.now() + SETTLED_AFTER * 2)
        assert house.rooms.seen.follow(house.rooms.database) == 1
        saw(house, still(flipped(PDQ, 5)), URL.format("young"))
        person, _ = make_person(house, photos=())
        gives(house, person, PDQ)
        assert work(house) == 2

    def test_a_find_begins_with_its_latest_addresses(self, house: House) -> None:
        picture = still(PDQ)
        for day in (1, 3, 2):
            moment = datetime(2026, 3, day, tzinfo=UTC)
            saw(house, picture, URL.format(day), page_url=f"http://site.test/{day}", at=moment)
        person, case = make_person(house, photos=())
        gives(house, person, PDQ)
        assert work(house) == 1
        with house.rooms.database.read() as session:
            (item,) = house.rooms.candidates.queue(session, house.reviewers[0])
            view = house.rooms.candidates.view(session, house.reviewers[0], item.candidate_id)
        assert [seen.media_url for seen in view.addresses] == [URL.format(day) for day in (3, 2, 1)]
        assert view.person_id == case.person_id

    def test_equal_bytes_are_found_without_any_picture(self, house: House) -> None:
        unreadable = still(None, content=b"no picture at all")
        saw(house, unreadable, URL.format("a"))
        person, _ = make_person(house, photos=())
        gives(house, person, sha256=unreadable.hashes.sha256)
        assert work(house) == 1

    def test_a_still_is_found_in_a_video_that_was_seen(self, house: House) -> None:
        frames = tuple(FrameHash(1000 * n, random_pdq(100 + n), 90) for n in range(6))
        saw(house, still(random_pdq(100), 90, frames=frames), "http://site.test/v.mp4")
        person, _ = make_person(house, photos=())
        gives(house, person, flipped(random_pdq(103), 4))
        assert work(house) == 1

    def test_flat_pictures_are_never_found(self, house: House) -> None:
        saw(house, still(PDQ, 49), URL.format("flat"))
        person, _ = make_person(house, photos=())
        gives(house, person, PDQ)
        assert work(house) == 0

    def test_a_reference_photo_is_looked_up_as_well(self, house: House) -> None:
        from tests.service.enrolment.people_factory import hashes_of

        photo = b"face:ada#1"
        hashes = hashes_of(photo)
        saw(house, Examination(hashes, "still", 9, 9, 1, 0), URL.format("profile"))
        person, _ = make_person(house, photos=(photo,))
        assert work(house) == 1
        assert states(house, person) == [("hash", "site.test")]


class TestWhoIsAnswered:
    def test_before_the_attestation_nothing_is_looked_up_and_afterwards_it_is(
        self, any_house: House
    ) -> None:
        house = any_house
        saw(house, still(PDQ), URL.format("a"))
        person, case = make_person(house, photos=(), active=False)
        gives(house, person, PDQ)
        assert work(house) == 0
        house.rooms.seen_before.answer_now(house.rooms.database, person, case.person_id)
        assert answer(house, person) == NOT_VERIFIED
        attest(house, house.reviewers[0], case.person_id)
        assert answer(house, person) == PENDING
        assert work(house) == 1
        assert answer(house, person).startswith("Seen at 1 address on 1 site since ")

    def test_another_organisations_sightings_are_nobody_elses(self, house: House) -> None:
        elsewhere = house.new_organisation("Elsewhere")
        saw(house, still(PDQ), URL.format("theirs"), organisation_id=elsewhere)
        person, _ = make_person(house, photos=())
        gives(house, person, PDQ)
        assert work(house) == 0
        assert answer(house, person) == "No site has been looked at yet, so there is no answer."

    def test_who_rested_is_looked_up_again_from_the_start(
        self, house: House, database: Database
    ) -> None:
        person, case = make_person(house, photos=())
        gives(house, person, PDQ)
        work(house)
        house.clock.advance(seconds=CATCH_UP_AFTER.total_seconds() + 1)
        work(house)
        with database.write() as session:
            house.rooms.enrolment.pause(session, house.reviewers[0], case.person_id, "a question")
        work(house)
        saw(house, still(PDQ), URL.format("meanwhile"))
        assert work(house) == 0
        with database.write() as session:
            house.rooms.enrolment.resume(session, house.reviewers[0], case.person_id)
        assert work(house) == 1

    def test_what_a_crawl_saw_with_an_older_watch_list_is_caught_up_with(
        self, house: House
    ) -> None:
        person, _ = make_person(house, photos=())
        gives(house, person, PDQ)
        assert work(house) == 0
        saw(house, still(PDQ), URL.format("meanwhile"))
        assert work(house) == 0
        house.clock.advance(seconds=CATCH_UP_AFTER.total_seconds() + 1)
        assert work(house) == 1

    def test_a_picture_forgotten_meanwhile_is_not_looked_up(self, house: House) -> None:
        saw(house, still(PDQ), URL.format("a"))
        person, _ = make_person(house, photos=())
        known_id = gives(house, person, PDQ)
        with house.rooms.database.write() as session:
            house.rooms.hashbank.remove(session, person, known_id)
        assert house.rooms.look_back.look_back(house.rooms.database, known_id) == 0

    def test_an_erased_person_leaves_no_match_behind(self, any_house: House) -> None:
        saw(any_house, still(PDQ), URL.format("a"))
        person, case = make_person(any_house, photos=())
        gives(any_house, person, PDQ)
        work(any_house)
        rooms = any_house.rooms
        rooms.erasure.erase(rooms.database, person, any_house.eyes, case.person_id)
        from sqlalchemy import func, select

        from service.hashbank.models import KnownMatch

        with rooms.database.read() as session:
            assert session.scalar(select(func.count()).select_from(KnownMatch)) == 0


class TestWords:
    def test_the_answer_counts_addresses_sites_and_kinds_since_the_first_month(
        self, house: House
    ) -> None:
        march = datetime(2026, 3, 5, tzinfo=UTC)
        exact = still(PDQ)
        saw(house, exact, "http://one.test/a.jpg", at=march)
        saw(house, exact, "http://one.test/b.jpg", at=march + timedelta(days=40))
        saw(house, still(flipped(PDQ, 8)), "http://two.test/c.jpg")
        saw(house, still(flipped(PDQ, 28)), "http://three.test/d.jpg")
        person, _ = make_person(house, photos=())
        gives(house, person, PDQ, sha256=exact.hashes.sha256)
        work(house)
        assert answer(house, person) == (
            "Seen at 4 addresses on 3 sites since March 2026: 1 exact copy, 1 that looks the same "
            "or nearly so, 1 with a weak likeness."
        )

    def test_one_medium_with_both_hashes_of_a_device_counts_once(self, house: House) -> None:
        saw(house, still(PDQ), URL.format("a"))
        person, _ = make_person(house, photos=())
        gives(house, person, PDQ, flipped(PDQ, 6))
        gives(house, person, flipped(PDQ, 3))
        work(house)
        assert answer(house, person).startswith("Seen at 1 address on 1 site since ")

    def test_what_people_called_different_is_not_counted_any_more(self, house: House) -> None:
        saw(house, still(flipped(PDQ, 20)), URL.format("a"))
        person, _ = make_person(house, photos=())
        gives(house, person, PDQ)
        work(house)
        with house.rooms.database.read() as session:
            (item,) = house.rooms.candidates.queue(session, house.reviewers[0])
        for reviewer in house.reviewers:
            reviewer_says(house, reviewer, item.candidate_id, "different")
        assert answer(house, person) == "No site has been looked at yet, so there is no answer."

    def test_the_answer_is_there_at_once_and_candidates_come_with_the_worker(
        self, house: House
    ) -> None:
        saw(house, still(PDQ), URL.format("a"))
        person, case = make_person(house, photos=())
        gives(house, person, PDQ)
        house.rooms.seen_before.answer_now(house.rooms.database, person, case.person_id)
        assert answer(house, person).startswith("Seen at 1 address on 1 site")
        assert states(house, person) == []
        assert work(house) == 1


class TestHalted:
    def test_a_halted_medium_is_never_answered(self, any_house: House) -> None:
        house = any_house
        saw(house, still(PDQ), URL.format("a"))
        person, _ = make_person(house, photos=())
        gives(house, person, flipped(PDQ, 2))
        work(house)
        with house.rooms.database.read() as session:
            (item,) = house.rooms.candidates.queue(session, house.reviewers[0])
        with house.rooms.database.write() as session:
            house.rooms.candidates.report_minor_sign(
                session, house.reviewers[0], item.candidate_id, "looks young"
            )
        other, _ = make_person(house, photos=(), name="Bea")
        from service.hashbank.errors import HaltedPictureError

        with pytest.raises(HaltedPictureError):
            gives(house, other, flipped(PDQ, 4))
        assert answer(house, person) == ""
        with house.rooms.database.read() as session:
            standings = house.rooms.hashbank.matches.standings(session, person, item.person_id)
        assert standings == (), "what the person gave looks like what was halted"

    def test_a_new_medium_that_looks_like_a_halted_one_is_halted_and_reported(
        self, house: House
    ) -> None:
        picture = still(PDQ)
        saw(house, picture, URL.format("a"))
        person, _ = make_person(house, photos=())
        gives(house, person, flipped(PDQ, 25, 3))
        work(house)
        with house.rooms.database.read() as session:
            (item,) = house.rooms.candidates.queue(session, house.reviewers[0])
        halted = house.rooms.sources.halted
        with house.rooms.database.write() as session:
            # somebody else's find of the same content was halted, before this known picture
            medium_id = house.rooms.candidates.evidence_view(
                session, house.reviewers[0], item.candidate_id
            ).medium_id
            assert medium_id is not None
            halted.halt(session, medium_id)
        copy = still(flipped(PDQ, 10, 9))
        finding = _finding_for(house, item.person_id)
        again = msgspec.structs.replace(copy, findings=(finding,))
        saw(house, again, URL.format("again"))
        with house.rooms.database.read() as session:
            items = house.rooms.candidates.halted(session, house.operator)
        assert [seen.media_url for each in items for seen in each.addresses] == [
            URL.format("again")
        ]
        assert "looks like a medium that was halted" in items[0].reason

    def test_open_finds_that_look_like_a_halted_one_stop_with_it(self, any_house: House) -> None:
        house = any_house
        saw(house, still(PDQ), URL.format("a"))
        saw(house, still(turned_hashes(PDQ)[5]), URL.format("mirrored"))
        saw(house, still(random_pdq(77)), URL.format("other"))
        one, _ = make_person(house, photos=())
        other, _ = make_person(house, photos=(), name="Bea")
        gives(house, one, PDQ)
        gives(house, other, random_pdq(77))
        assert work(house) == 3
        with house.rooms.database.read() as session:
            queue = house.rooms.candidates.queue(session, house.reviewers[0])
        first = next(item for item in queue if item.person_id == one.person_id)
        with house.rooms.database.write() as session:
            house.rooms.candidates.report_minor_sign(
                session, house.reviewers[0], first.candidate_id
            )
        with house.rooms.database.read() as session:
            left = house.rooms.candidates.queue(session, house.reviewers[0])
            reported = house.rooms.candidates.halted(session, house.operator)
        assert [item.person_id for item in left] == [other.person_id]
        assert len(reported) == 2


class TestSettled:
    def test_never_this_again_holds_for_what_was_seen_before(self, house: House) -> None:
        picture = still(PDQ)
        saw(house, picture, URL.format("a"))
        person, _ = make_person(house, photos=())
        first = gives(house, person, PDQ)
        work(house)
        with house.rooms.database.read() as session:
            (item,) = house.rooms.candidates.queue(session, house.reviewers[0])
        assert vouch(house, person) == 1
        person_says(house, person, item.candidate_id, "different")
        with house.rooms.database.write() as session:
            house.rooms.hashbank.remove(session, person, first)
        gives(house, person, flipped(PDQ, 1))
        assert work(house) == 0


def _finding_for(house: House, person_id: uuid.UUID):  # type: ignore[no-untyped-def]
    from tests.service.enrolment.people_factory import hash_finding, known_of

    return hash_finding(person_id, known_of(house, person_id), kind="pdq", distance=9)


def test_a_mirrored_copy_of_what_a_stop_list_names_is_neither_counted_nor_found(
    house: House,
) -> None:
    house.set_faces(False)
    person, begun = make_person(house, photos=(), faces=False)
    medium = saw(house, still(turned_hashes(PDQ)[5]), URL.format("a"))
    listed(house, "stop", f"pdq {PDQ}")
    gives(house, person, turned_hashes(PDQ)[5])
    house.rooms.seen_before.answer_now(house.rooms.database, person, begun.person_id)
    assert not answer(house, person).startswith("Seen")
    assert work(house) == 0
    assert states(house, person) == []
    with house.rooms.database.read() as session:
        assert not house.rooms.exhibits.captures_to_hold(session)
        assert session.scalar(select(MediumSeen.halted_at).where(MediumSeen.id == medium))


@pytest.mark.parametrize("how", ["listed", "halted"])
def test_what_is_stopped_after_it_was_counted_has_matched_nothing(house: House, how: str) -> None:
    house.set_faces(False)
    person, begun = make_person(house, photos=(), faces=False)
    saw(house, still(flipped(PDQ, 9, 1)), URL.format("a"))
    gives(house, person, PDQ)
    house.rooms.seen_before.answer_now(house.rooms.database, person, begun.person_id)
    assert answer(house, person).startswith("Seen at 1 address")
    alike = flipped(PDQ, 9, 2)
    if how == "listed":
        listed(house, "stop", f"pdq {alike}")
    else:
        halted = saw(house, still(alike), URL.format("b"))
        with house.rooms.database.write() as session:
            house.rooms.sources.halted.halt(session, halted)
    work(house)
    assert not answer(house, person).startswith("Seen")
    with house.rooms.database.read() as session:
        assert session.scalars(select(KnownMatch)).all() == []


def test_what_is_all_over_the_web_is_left_to_the_worker(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.candidates.looking_back.MAX_WHILE_WAITING", 2)
    monkeypatch.setattr("service.candidates.looking_back.NOTED_AT_ONCE", 2)
    house.set_faces(False)
    person, begun = make_person(house, photos=(), faces=False)
    for number in range(3):
        saw(house, still(flipped(PDQ, 9, number)), URL.format(number))
    gives(house, person, PDQ)
    house.rooms.seen_before.answer_now(house.rooms.database, person, begun.person_id)
    assert answer(house, person) == PENDING
    assert work(house) == 3
    assert answer(house, person).startswith("Seen at 3 addresses")


def test_a_hash_of_something_halted_is_refused_also_as_another_side_of_a_picture(
    house: House,
) -> None:
    person, _ = make_person(house, photos=())
    own = random_pdq(2)
    # too far from the picture's own sides, as its bits give them, to be stopped by these
    other_side = flipped(turned_hashes(own)[7], 50)
    halted = saw(house, still(other_side), URL.format("a"))
    with house.rooms.database.write() as session:
        house.rooms.sources.halted.halt(session, halted)
    turned = (own, *turned_hashes(own)[1:7], other_side)
    device_sha256 = "5" * 64
    with pytest.raises(HaltedPictureError):
        gives(house, person, own, sha256=device_sha256, turned=turned)
    gives(house, person, own, sha256=device_sha256)
    with pytest.raises(HaltedPictureError):
        gives(house, person, own, sha256=device_sha256, turned=turned)


def test_sides_that_are_told_later_are_looked_up_as_well(house: House) -> None:
    own = random_pdq(2)
    other_side = flipped(turned_hashes(own)[5], 45)
    saw(house, still(other_side), URL.format("a"))
    person, _ = make_person(house, photos=())
    gives(house, person, own, sha256="5" * 64)
    assert work(house) == 0
    turned = (*turned_hashes(own)[:5], other_side, *turned_hashes(own)[6:])
    gives(house, person, own, sha256="5" * 64, turned=turned)
    assert work(house) == 1
