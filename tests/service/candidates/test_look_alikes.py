"""One look-alike on one site is one event: what falls below its limit is counted, and no more."""

from __future__ import annotations

import uuid

import msgspec
import pytest
from sqlalchemy import text

from indexer.observations import ModelStamp
from service.accounts.actor import Actor
from service.candidates.look_alikes import MOST, MOST_WAITING_IN_EVENT, LookAlikeView
from service.candidates.views import FindsHeldBack
from service.database import Database
from service.errors import NotAllowedError, NotFoundError
from tests.service.candidates.chance_factory import find_face, gallery_change
from tests.service.candidates.finds_factory import person_says, reviewer_says
from tests.service.enrolment.people_factory import (
    House,
    face_finding,
    hash_finding,
    known_of,
    make_person,
)

OTHER_PAGE = "http://forum.test/thread/2"
ELSEWHERE = "http://other.test/thread/1"


def dismiss(house: House, candidate_id: uuid.UUID, reason: str = "another_person") -> None:
    for reviewer in house.reviewers:
        reviewer_says(house, reviewer, candidate_id, "different", reason=reason)


def dismissed_at(house: House, person_id: uuid.UUID, similarity: float, **where: str) -> None:
    found = find_face(house, person_id, similarity=similarity, **where)
    assert found is not None
    dismiss(house, found)


def limits(house: House, person_id: uuid.UUID) -> tuple[LookAlikeView, ...]:
    with house.rooms.database.read() as session:
        return house.rooms.candidates.look_alikes.of_person(session, house.reviewers[0], person_id)


class TestALimit:
    def test_after_a_dismissal_weaker_faces_on_the_site_are_only_counted(
        self, any_house: House, database: Database
    ) -> None:
        _, case = make_person(any_house)
        dismissed_at(any_house, case.person_id, 0.47)
        assert find_face(any_house, case.person_id, similarity=0.50, page=OTHER_PAGE) is None
        assert find_face(any_house, case.person_id, similarity=0.515, page=OTHER_PAGE) is None
        assert find_face(any_house, case.person_id, similarity=0.53, page=OTHER_PAGE) is not None
        (limit,) = limits(any_house, case.person_id)
        assert (limit.site, limit.weaker, limit.is_limit) == ("forum.test", 2, True)

    def test_other_sites_and_other_people_are_not_touched(self, house: House) -> None:
        _, case = make_person(house)
        _, other = make_person(house, photos=(b"face:bea#1",))
        dismissed_at(house, case.person_id, 0.47)
        assert find_face(house, case.person_id, similarity=0.45, page=ELSEWHERE) is not None
        assert find_face(house, other.person_id, similarity=0.45) is not None

    def test_a_find_by_hash_is_never_held_back(self, house: House, database: Database) -> None:
        _, case = make_person(house)
        dismissed_at(house, case.person_id, 0.47)
        copy = hash_finding(case.person_id, known_of(house, case.person_id))
        both = msgspec.structs.replace(
            face_finding(case.person_id, similarity=0.45), hashes=copy.hashes
        )
        found = find_face(house, case.person_id, finding=both)
        assert found is not None
        with database.read() as session:
            view = house.rooms.candidates.view(session, house.reviewers[0], found)
        assert (view.kind, view.has_face) == ("hash", False)

    @pytest.mark.parametrize("reason", ["turned_or_covered", "own_publication", "something else"])
    def test_only_somebody_else_is_a_look_alike(self, house: House, reason: str) -> None:
        _, case = make_person(house)
        found = find_face(house, case.person_id, similarity=0.47)
        assert found is not None
        dismiss(house, found, reason)
        assert limits(house, case.person_id) == ()

    def test_a_clear_likeness_is_never_held_back(self, house: House) -> None:
        _, case = make_person(house)
        dismissed_at(house, case.person_id, 0.8)
        assert find_face(house, case.person_id, similarity=MOST) is not None

    def test_a_confirmation_on_the_site_ends_it_and_has_the_site_looked_at_again(
        self, house: House
    ) -> None:
        person, case = make_person(house)
        dismissed_at(house, case.person_id, 0.47)
        assert find_face(house, case.person_id, similarity=0.45) is None
        closer = find_face(house, case.person_id, similarity=0.7)
        assert closer is not None
        before = gallery_change(house)
        person_says(house, person, closer, "same")
        for reviewer in house.reviewers:
            reviewer_says(house, reviewer, closer, "same")
        assert limits(house, case.person_id) == ()
        assert gallery_change(house) > before
        assert find_face(house, case.person_id, similarity=0.45) is not None

    def test_it_ends_after_its_days_by_itself(self, house: House, database: Database) -> None:
        _, case = make_person(house)
        dismissed_at(house, case.person_id, 0.47)
        assert find_face(house, case.person_id, similarity=0.45) is None
        assert house.rooms.candidates.end_look_alikes(database) == 0
        house.clock.advance(days=91)
        before = gallery_change(house)
        assert find_face(house, case.person_id, similarity=0.45) is not None
        assert house.rooms.candidates.end_look_alikes(database) == 1
        assert gallery_change(house) > before

    def test_an_advocate_is_shown_them_again_and_it_is_audited(
        self, house: House, database: Database
    ) -> None:
        _, case = make_person(house)
        dismissed_at(house, case.person_id, 0.47)
        assert find_face(house, case.person_id, similarity=0.45) is None
        (limit,) = limits(house, case.person_id)
        before = gallery_change(house)
        with database.write() as session:
            house.rooms.candidates.look_alikes.show_again(
                session, house.reviewers[0], case.person_id, limit.limit_id
            )
        with database.read() as session:
            audited = session.execute(
                text("SELECT count(*) FROM audit WHERE action = 'look_alikes.show_again'")
            ).scalar_one()
        assert (gallery_change(house) > before, audited) == (True, 1)
        assert find_face(house, case.person_id, similarity=0.45) is not None

    def test_what_another_model_saw_is_not_compared(self, house: House) -> None:
        _, case = make_person(house)
        dismissed_at(house, case.person_id, 0.47)
        with house.rooms.database.write() as session:
            is_weaker = house.rooms.candidates.look_alikes.is_weaker(
                session,
                Actor.system("test", house.organisation_id),
                case.person_id,
                "forum.test",
                face_finding(case.person_id, similarity=0.45).faces[0],
                ModelStamp("another", "f" * 64, 1),
                None,
            )
        assert not is_weaker

    def test_each_run_counts_anew(self, house: House, database: Database) -> None:
        from tests.service.web.test_nobody_reaches_others import site_of_a_test

        _, case = make_person(house)
        dismissed_at(house, case.person_id, 0.47)
        with database.write() as session:
            site = house.rooms.sources.add_site(session, house.operator, site_of_a_test())
            run = house.rooms.sources.start_run(session, house.operator, site.id)
        for _ in range(3):
            find_face(house, case.person_id, similarity=0.45)
        find_face(house, case.person_id, similarity=0.45, run_id=run.id)
        assert limits(house, case.person_id)[0].weaker == 1
        with database.read() as session:
            report = house.rooms.reports.build_run_report(session, house.operator, run.id)
        assert report.weaker_not_shown == 1

    def test_whoever_records_is_told_how_many_were_held_back(self, house: House) -> None:
        _, case = make_person(house)
        dismissed_at(house, case.person_id, 0.47)
        told = FindsHeldBack()
        for _ in range(2):
            find_face(house, case.person_id, similarity=0.45, held_back=told)
        find_face(house, case.person_id, similarity=0.6, held_back=told)
        assert told.count == 2


class TestNothingOfTheStranger:
    def test_rows_hold_numbers_and_what_is_sealed_holds_similarities(
        self, house: House, database: Database
    ) -> None:
        _, case = make_person(house)
        dismissed_at(house, case.person_id, 0.47)
        find_face(house, case.person_id, similarity=0.45)
        with database.read() as session:
            row = session.execute(text("SELECT * FROM look_alike_limits")).mappings().one()
        assert set(row) == {
            "id",
            "organisation_id",
            "person_id",
            "site",
            "document",
            "weaker",
            "further",
            "counted_in",
            "changed_at",
            "expires_at",
        }
        assert b"dismissed" not in bytes(row["document"])
        assert len(bytes(row["document"])) < 200

    def test_an_erased_person_leaves_no_limit(self, house: House, database: Database) -> None:
        person, case = make_person(house)
        dismissed_at(house, case.person_id, 0.47)
        erased = house.rooms.erasure.erase(database, person, house.eyes, case.person_id)
        counts = {count.what: count.count for count in erased.counts}
        assert counts["limits of look-alikes"] == 1
        with database.read() as session:
            assert session.execute(text("SELECT * FROM look_alike_limits")).all() == []


class TestOneEvent:
    def test_enough_undecided_finds_of_one_page_are_enough(self, house: House) -> None:
        _, case = make_person(house)
        made = [find_face(house, case.person_id, similarity=0.5) for _ in range(24)]
        assert sum(each is not None for each in made) == MOST_WAITING_IN_EVENT
        assert find_face(house, case.person_id, similarity=0.5, page=OTHER_PAGE) is not None
        (limit,) = limits(house, case.person_id)
        assert (limit.further, limit.weaker, limit.is_limit) == (4, 0, False)

    def test_once_they_are_decided_the_page_is_looked_at_again(self, house: House) -> None:
        _, case = make_person(house)
        made = [find_face(house, case.person_id, similarity=0.5) for _ in range(21)]
        waiting = [each for each in made if each is not None]
        for each in waiting[:-1]:
            dismiss(house, each, "turned_or_covered")
        before = gallery_change(house)
        dismiss(house, waiting[-1], "turned_or_covered")
        assert gallery_change(house) > before
        assert limits(house, case.person_id) == ()

    def test_halting_the_last_one_has_the_page_looked_at_again_too(
        self, house: House, database: Database
    ) -> None:
        _, case = make_person(house)
        made = [find_face(house, case.person_id, similarity=0.5) for _ in range(21)]
        waiting = [each for each in made if each is not None]
        for each in waiting[:-1]:
            dismiss(house, each, "turned_or_covered")
        before = gallery_change(house)
        with database.write() as session:
            house.rooms.candidates.report_minor_sign(
                session, house.reviewers[0], waiting[-1], "a school uniform"
            )
        assert gallery_change(house) > before
        assert limits(house, case.person_id) == ()

    def test_what_a_page_still_waits_for_outlives_the_next_run(
        self, house: House, database: Database
    ) -> None:
        from tests.service.web.test_nobody_reaches_others import site_of_a_test

        _, case = make_person(house)
        dismissed_at(house, case.person_id, 0.47, page=OTHER_PAGE)
        made = [find_face(house, case.person_id, similarity=0.6) for _ in range(21)]
        waiting = [each for each in made if each is not None]
        with database.write() as session:
            site = house.rooms.sources.add_site(session, house.operator, site_of_a_test())
            run = house.rooms.sources.start_run(session, house.operator, site.id)
        weaker = find_face(house, case.person_id, similarity=0.45, page=OTHER_PAGE, run_id=run.id)
        assert weaker is None
        before = gallery_change(house)
        for each in waiting:
            dismiss(house, each, "turned_or_covered")
        assert gallery_change(house) > before

    def test_finds_of_one_page_are_one_event_in_the_queue(
        self, house: House, database: Database
    ) -> None:
        _, case = make_person(house)
        first = find_face(house, case.person_id)
        second = find_face(house, case.person_id)
        other = find_face(house, case.person_id, page=OTHER_PAGE)
        reviewer = house.reviewers[0]
        with database.read() as session:
            items = house.rooms.candidates.queue(session, reviewer)
            view = house.rooms.candidates.view(session, reviewer, first)
        events = {item.candidate_id: item.event for item in items}
        assert events[first] == events[second] != events[other]
        assert view.same_event == (second,)
        reviewer_says(house, reviewer, second, "cannot_tell", reason="turned_or_covered")
        with database.read() as session:
            assert house.rooms.candidates.view(session, reviewer, first).same_event == ()


class TestWhoMay:
    def test_others_neither_see_nor_reset_a_limit(self, house: House, database: Database) -> None:
        _, case = make_person(house)
        dismissed_at(house, case.person_id, 0.47)
        (limit,) = limits(house, case.person_id)
        elsewhere = house.new_staff(house.new_organisation("Elsewhere"))
        stranger, _ = make_person(house, photos=(b"face:bea#1",))
        alike = house.rooms.candidates.look_alikes
        for actor, error in (
            (elsewhere, NotFoundError),
            (stranger, NotAllowedError),
            (house.operator, NotAllowedError),
        ):
            with database.write() as session:
                with pytest.raises(NotFoundError):
                    alike.of_person(session, actor, case.person_id)
                with pytest.raises(error):
                    alike.show_again(session, actor, case.person_id, limit.limit_id)
        assert limits(house, case.person_id) == (limit,)

    def test_a_limit_of_one_person_is_not_reached_by_the_id_of_another(
        self, house: House, database: Database
    ) -> None:
        _, case = make_person(house)
        _, other = make_person(house, photos=(b"face:bea#1",))
        dismissed_at(house, case.person_id, 0.47)
        (limit,) = limits(house, case.person_id)
        with database.write() as session, pytest.raises(NotFoundError):
            house.rooms.candidates.look_alikes.show_again(
                session, house.reviewers[0], other.person_id, limit.limit_id
            )
