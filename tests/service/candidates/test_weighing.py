"""Pictures that are all over the web, collisions, and how much a likeness says."""

from __future__ import annotations

import uuid

import msgspec
import pytest

from indexer.observations import Band, HashMatch
from service.accounts.actor import Actor, Role
from service.database import Database
from service.errors import InvalidInputError, NotAllowedError, NotFoundError
from service.hashbank.matches import KnownStanding
from service.hashbank.strength import LOW_QUALITY, strongest, weighed
from service.settings import Settings
from tests.service.candidates.finds_factory import person_says, reviewer_says
from tests.service.candidates.seen_world import gives, saw, vouch, work
from tests.service.enrolment.people_factory import House, hash_finding, make_person
from tests.service.sources.seen_factory import flipped, random_pdq, still

PDQ = random_pdq(1)


def standing(house: House, person: Actor, known_id: uuid.UUID) -> KnownStanding:
    assert person.person_id is not None
    with house.rooms.database.read() as session:
        return next(
            each
            for each in house.rooms.hashbank.matches.standings(session, person, person.person_id)
            if each.known_id == known_id
        )


def spread(house: House, copies: int, sites: int, bits: int = 6) -> None:
    """So many different look-alikes on so many sites."""
    for number in range(copies):
        url = f"http://site{number % sites}.test/{uuid.uuid4().hex}.jpg"
        saw(house, still(flipped(PDQ, bits, number)), url)


@pytest.fixture
def low_limits(house: House) -> House:
    """A house in which few look-alikes are many."""
    limits = house.rooms.hashbank.matches.limits
    house.rooms.hashbank.matches.limits = type(limits)(common_media=6, common_hosts=3, collisions=2)
    return house


class TestCommonPictures:
    def test_a_picture_all_over_the_web_makes_no_more_candidates_of_look_alikes(
        self, low_limits: House
    ) -> None:
        house = low_limits
        exact = still(PDQ)
        spread(house, copies=9, sites=4)
        saw(house, exact, "http://exact.test/logo.png")
        person, _ = make_person(house, photos=())
        known_id = gives(house, person, PDQ, sha256=exact.hashes.sha256)
        made = work(house)
        now = standing(house, person, known_id)
        assert now.held_back == "common"
        assert (now.media_matched, now.hosts_matched) == (10, 5)
        assert made < 10
        with house.rooms.database.read() as session:
            view = house.rooms.seen_before.view(session, person, now_person(person))
            queue = house.rooms.candidates.queue(session, house.reviewers[0])
        assert view.pictures[0].held_back == (
            "So much looks like this picture (seen at 10 addresses on 5 sites) that it may be one "
            "that many sites show, such as a logo."
        )
        assert "http://exact.test" in {f"http://{item.host}" for item in queue}

    def test_a_part_that_is_all_over_the_web_does_not_make_the_picture_a_common_one(
        self, low_limits: House
    ) -> None:
        house = low_limits
        person, case = make_person(house, photos=())
        known_id = gives(house, person, PDQ)
        work(house)
        part = hash_finding(case.person_id, known_id, kind="pdq_part", distance=9)
        for number in range(9):
            found = msgspec.structs.replace(still(random_pdq(100 + number)), findings=(part,))
            saw(house, found, f"http://site{number % 4}.test/{number}.jpg")
        house.rooms.look_back.recount(house.rooms.database)
        now = standing(house, person, known_id)
        assert (now.held_back, len(queue_of(house))) == ("", 5), "the sixth part is held back"
        whole = hash_finding(case.person_id, known_id, kind="pdq", distance=4)
        seen = msgspec.structs.replace(still(flipped(PDQ, 4)), findings=(whole,))
        saw(house, seen, "http://site.test/whole.jpg")
        assert len(queue_of(house)) == 6

    def test_an_exact_copy_of_a_common_picture_is_still_a_candidate(
        self, low_limits: House
    ) -> None:
        house = low_limits
        spread(house, copies=9, sites=4)
        person, _ = make_person(house, photos=())
        exact = still(PDQ)
        gives(house, person, PDQ, sha256=exact.hashes.sha256)
        work(house)
        before = len(queue_of(house))
        saw(house, exact, "http://later.test/a.png")
        house.clock.advance(hours=1)
        assert work(house) == 1
        assert len(queue_of(house)) == before + 1

    def test_an_advocate_may_have_look_alikes_looked_at_and_leave_them_out_again(
        self, low_limits: House
    ) -> None:
        house = low_limits
        spread(house, copies=9, sites=4)
        person, case = make_person(house, photos=())
        known_id = gives(house, person, PDQ)
        first = work(house)
        for actor in (person, house.operator):
            with pytest.raises(NotAllowedError), house.rooms.database.write() as session:
                house.rooms.hashbank.matches.want_similar(session, actor, known_id, wanted=True)
        with house.rooms.database.write() as session:
            whose = house.rooms.hashbank.matches.want_similar(
                session, house.reviewers[0], known_id, wanted=True
            )
        assert whose == case.person_id
        assert first + work(house) == 9
        with house.rooms.database.write() as session:
            house.rooms.hashbank.matches.want_similar(
                session, house.reviewers[0], known_id, wanted=False
            )
        saw(house, still(flipped(PDQ, 9, 99)), "http://later.test/a.png")
        house.clock.advance(hours=1)
        assert work(house) == 0
        assert standing(house, person, known_id).held_back == "left_out"

    def test_one_confirmation_says_that_it_is_no_logo(self, low_limits: House) -> None:
        house = low_limits
        saw(house, still(flipped(PDQ, 6)), "http://first.test/a.jpg")
        person, _ = make_person(house, photos=())
        known_id = gives(house, person, PDQ)
        work(house)
        vouch(house, person)
        (item,) = queue_of(house)
        for reviewer in house.reviewers:
            reviewer_says(house, reviewer, item.candidate_id, "same")
        person_says(house, person, item.candidate_id, "same")
        spread(house, copies=9, sites=4)
        house.clock.advance(hours=1)
        work(house)
        assert standing(house, person, known_id).held_back == ""
        assert standing(house, person, known_id).confirmed_count == 1

    def test_the_limits_are_settings_with_reasons(self) -> None:
        fields = Settings.model_fields
        for name in ("common_picture_media", "common_picture_hosts", "collisions_to_hold_back"):
            assert fields[name].description


class TestCollisions:
    def test_what_was_called_something_else_again_and_again_is_held_back(
        self, low_limits: House
    ) -> None:
        house = low_limits
        person, _ = make_person(house, photos=())
        known_id = gives(house, person, PDQ)
        for number in range(2):
            saw(house, still(flipped(PDQ, 25, number)), f"http://site.test/{number}.jpg")
        work(house)
        for item in queue_of(house):
            for reviewer in house.reviewers:
                reviewer_says(house, reviewer, item.candidate_id, "different")
        now = standing(house, person, known_id)
        assert (now.different_count, now.confirmed_count, now.held_back) == (2, 0, "collisions")
        saw(house, still(flipped(PDQ, 25, 9)), "http://site.test/9.jpg")
        house.clock.advance(hours=1)
        assert work(house) == 0

    def test_what_may_stay_is_no_collision(self, low_limits: House) -> None:
        house = low_limits
        saw(house, still(flipped(PDQ, 3)), "http://site.test/a.jpg")
        person, _ = make_person(house, photos=())
        known_id = gives(house, person, PDQ)
        work(house)
        (item,) = queue_of(house)
        for reviewer in house.reviewers:
            reviewer_says(house, reviewer, item.candidate_id, "different", reason="own_publication")
        assert standing(house, person, known_id).different_count == 0


class TestStrength:
    @pytest.mark.parametrize(
        ("kind", "band", "quality", "expected"),
        [
            ("sha256", "strong", 0, "strong"),
            ("pdq", "strong", LOW_QUALITY, "strong"),
            ("pdq", "strong", LOW_QUALITY - 1, "moderate"),
            ("pdq", "moderate", 50, "weak"),
            ("pdq", "weak", 50, "weak"),
        ],
    )
    def test_pictures_with_little_in_them_say_less(
        self, kind: str, band: Band, quality: int, expected: str
    ) -> None:
        match = HashMatch("p", "k", kind, 9, "upright", band)  # type: ignore[arg-type]
        assert weighed(match, quality).band == expected
        assert strongest([weighed(match, quality)]) == expected

    def test_weak_likenesses_come_after_strong_ones_and_say_so(self, house: House) -> None:
        person, _ = make_person(house, photos=())
        gives(house, person, PDQ)
        saw(house, still(flipped(PDQ, 29)), "http://weak.test/a.jpg")
        work(house)
        house.clock.advance(hours=1)
        saw(house, still(flipped(PDQ, 2)), "http://strong.test/a.jpg")
        house.clock.advance(hours=1)
        assert work(house) == 1
        assert [(item.host, item.strength) for item in queue_of(house)] == [
            ("strong.test", "strong"),
            ("weak.test", "weak"),
        ]

    def test_the_lower_quality_of_both_counts(self, house: House) -> None:
        person, _ = make_person(house, photos=())
        gives(house, person, PDQ, quality=60)
        saw(house, still(flipped(PDQ, 2)), "http://site.test/a.jpg")
        work(house)
        assert [item.strength for item in queue_of(house)] == ["moderate"]


class TestVouching:
    def test_until_somebody_vouched_or_agreed_the_person_reads_that_and_not_where(
        self, house: House, database: Database
    ) -> None:
        person, case = make_person(house, photos=())
        gives(house, person, PDQ)
        saw(house, still(flipped(PDQ, 2)), "http://where-it-is.test/a.jpg")
        work(house)
        (item,) = queue_of(house)
        told = everything_told(house, person)
        assert "where-it-is" not in told
        assert "Seen at 1 address on 1 site" in told
        from service.candidates.errors import AdvocatesFirstError

        with pytest.raises(AdvocatesFirstError):
            person_says(house, person, item.candidate_id, "same")
        with database.read() as session:
            of_advocate = house.rooms.candidates.view(
                session, house.reviewers[0], item.candidate_id
            )
        assert of_advocate.host == "where-it-is.test"
        assert "nobody here has seen it" in of_advocate.basis[0]
        for reviewer in house.reviewers:
            reviewer_says(house, reviewer, item.candidate_id, "same")
        assert "where-it-is" in everything_told(house, person)
        person_says(house, person, item.candidate_id, "same")
        assert case.person_id

    def test_once_vouched_for_the_person_is_told_where(self, house: House) -> None:
        person, _ = make_person(house, photos=())
        gives(house, person, PDQ)
        saw(house, still(flipped(PDQ, 2)), "http://where-it-is.test/a.jpg")
        work(house)
        assert vouch(house, person) == 1
        assert vouch(house, person) == 0
        assert "where-it-is" in everything_told(house, person)

    def test_forgetting_the_picture_afterwards_tells_nothing(self, house: House) -> None:
        person, _ = make_person(house, photos=())
        known_id = gives(house, person, PDQ)
        saw(house, still(flipped(PDQ, 2)), "http://where-it-is.test/a.jpg")
        work(house)
        with house.rooms.database.write() as session:
            house.rooms.hashbank.remove(session, person, known_id)
        assert "where-it-is" not in everything_told(house, person)

    def test_a_sign_of_a_minor_is_heard_also_before(self, house: House) -> None:
        person, _ = make_person(house, photos=())
        gives(house, person, PDQ)
        saw(house, still(flipped(PDQ, 2)), "http://where-it-is.test/a.jpg")
        work(house)
        (item,) = queue_of(house)
        assert person_says(house, person, item.candidate_id, "minor_sign").state == "halted"

    def test_only_an_advocate_of_the_case_vouches_with_the_statement_ticked(
        self, house: House, database: Database
    ) -> None:
        person, case = make_person(house, photos=())
        known_id = gives(house, person, PDQ)
        matches = house.rooms.hashbank.matches
        elsewhere = house.new_staff(house.new_organisation("Elsewhere"))
        for actor in (person, house.operator):
            with pytest.raises(NotAllowedError), database.write() as session:
                matches.vouch(session, actor, case.person_id, [known_id], statement_ticked=True)
        with pytest.raises(NotFoundError), database.write() as session:
            matches.vouch(session, elsewhere, case.person_id, [known_id], statement_ticked=True)
        with pytest.raises(InvalidInputError), database.write() as session:
            matches.vouch(
                session, house.reviewers[0], case.person_id, [known_id], statement_ticked=False
            )
        assert standing(house, person, known_id).vouched_at is None


def now_person(person: Actor) -> uuid.UUID:
    assert person.role is Role.PERSON
    assert person.person_id is not None
    return person.person_id


def queue_of(house: House):  # type: ignore[no-untyped-def]
    with house.rooms.database.read() as session:
        return house.rooms.candidates.queue(session, house.reviewers[0])


def everything_told(house: House, person: Actor) -> str:
    """All that a person's pages and API can say."""
    rooms, person_id = house.rooms, now_person(person)
    with rooms.database.read() as session:
        finds = rooms.candidates.finds_of(session, person, person_id)
        told: list[object] = [
            finds,
            [rooms.candidates.view(session, person, find.candidate_id) for find in finds],
            rooms.seen_before.view(session, person, person_id),
            *(source.story(session, person, person_id) for source in rooms.story),
            rooms.reports.person_report(session, person, person_id),
        ]
    return "\n".join(map(str, told))


def test_what_a_crawl_notes_is_counted_without_touching_the_known_picture(
    any_house: House,
) -> None:
    """Two crawls that meet the same pictures in another order must not wait for each other."""
    house = any_house
    person, case = make_person(house, photos=())
    known_id = gives(house, person, PDQ)
    finding = hash_finding(case.person_id, known_id, kind="pdq", distance=4)
    for number in range(2):
        seen = msgspec.structs.replace(still(flipped(PDQ, 4, number)), findings=(finding,))
        saw(house, seen, f"http://site{number}.test/a.jpg")
    assert len(queue_of(house)) == 2
    assert standing(house, person, known_id).media_matched == 0
    assert house.rooms.look_back.recount(house.rooms.database) == 1
    now = standing(house, person, known_id)
    assert (now.media_matched, now.hosts_matched) == (2, 2)
    assert house.rooms.look_back.recount(house.rooms.database) == 0


def test_a_crawl_holds_look_alikes_back_by_the_counts_of_the_moment(low_limits: House) -> None:
    house = low_limits
    person, case = make_person(house, photos=())
    known_id = gives(house, person, PDQ)
    finding = hash_finding(case.person_id, known_id, kind="pdq", distance=4)
    for number in range(9):
        seen = msgspec.structs.replace(still(flipped(PDQ, 4, number)), findings=(finding,))
        saw(house, seen, f"http://site{number}.test/a.jpg")
    assert len(queue_of(house)) == 5, "the sixth makes it a common one"
