"""A flood of finds by face stops itself, says so, and waits for a decision."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import text

from service.accounts.actor import Actor, Role
from service.candidates.chance_repository import ChanceRepository
from service.candidates.floods import FloodView
from service.database import Database
from service.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from tests.service.candidates.chance_factory import find_face, gallery_change
from tests.service.candidates.finds_factory import person_says, reviewer_says
from tests.service.enrolment.people_factory import House, hash_finding, known_of, make_person

EVENTS, SITES = 40, 8


def page(number: int, sites: int = SITES) -> str:
    return f"http://site{number % sites}.test/post/{number}"


def flood(house: House, person_id: uuid.UUID, events: int = EVENTS, **where: int) -> FloodView:
    for number in range(events):
        find_face(house, person_id, similarity=0.45, page=page(number, **where))
    (view,) = resting(house)
    return view


def resting(house: House, actor: Actor | None = None) -> list[FloodView]:
    with house.rooms.database.read() as session:
        return house.rooms.candidates.floods.open(session, actor or house.operator)


def decide(house: House, flood_id: uuid.UUID, decision: str, actor: Actor | None = None) -> str:
    with house.rooms.database.write() as session:
        return house.rooms.candidates.floods.decide(
            session, actor or house.operator, flood_id, decision
        )


class TestStopping:
    def test_many_events_on_many_sites_stop_and_the_rest_is_counted(self, any_house: House) -> None:
        _, case = make_person(any_house)
        view = flood(any_house, case.person_id)
        assert (view.state, view.finds, view.sites, view.not_made) == ("open", EVENTS, SITES, 0)
        assert find_face(any_house, case.person_id, page=page(900)) is None
        assert find_face(any_house, case.person_id, page=page(901)) is None
        assert resting(any_house)[0].not_made == 2

    def test_finds_by_hash_go_on(self, house: House) -> None:
        _, case = make_person(house)
        flood(house, case.person_id)
        copy = hash_finding(case.person_id, known_of(house, case.person_id))
        assert find_face(house, case.person_id, finding=copy) is not None

    def test_other_people_are_still_found(self, house: House) -> None:
        _, case = make_person(house)
        _, other = make_person(house, photos=(b"face:bea#1",))
        flood(house, case.person_id)
        assert find_face(house, other.person_id) is not None

    @pytest.mark.parametrize("why", ["one page", "few sites", "slowly", "confirmed"])
    def test_what_is_no_flood_goes_on(self, house: House, why: str) -> None:
        person, case = make_person(house)
        for number in range(EVENTS + 1):
            where = {"one page": page(0), "few sites": page(number, SITES - 1)}.get(
                why, page(number)
            )
            if why == "slowly":
                house.clock.advance(hours=1)
            found = find_face(house, case.person_id, similarity=0.45, page=where)
            if why == "confirmed" and number < 3:
                assert found is not None
                person_says(house, person, found, "same")
                for reviewer in house.reviewers:
                    reviewer_says(house, reviewer, found, "same")
        assert resting(house) == []


class TestDeciding:
    @pytest.mark.parametrize("who", ["operator", "advocate"])
    def test_going_on_has_the_sites_looked_at_again_and_is_audited(
        self, house: House, database: Database, who: str
    ) -> None:
        _, case = make_person(house)
        view = flood(house, case.person_id)
        find_face(house, case.person_id, page=page(900))
        before = gallery_change(house)
        actor = house.operator if who == "operator" else house.reviewers[0]
        assert decide(house, view.flood_id, "go_on", actor) == "going_on"
        assert gallery_change(house) > before
        assert resting(house) == []
        assert find_face(house, case.person_id, page=page(901)) is not None
        with database.read() as session:
            (actors,) = session.execute(
                text("SELECT actor FROM audit WHERE action = 'flood.decide'")
            ).all()
        assert str(actor.account_id) in actors[0]

    def test_the_next_flood_is_counted_from_the_decision(self, house: House) -> None:
        _, case = make_person(house)
        first = flood(house, case.person_id)
        decide(house, first.flood_id, "go_on")
        house.clock.advance(minutes=1)
        for number in range(EVENTS - 1):
            assert find_face(house, case.person_id, page=page(1000 + number)) is not None
        assert resting(house) == []
        assert find_face(house, case.person_id, page=page(2000)) is not None
        assert resting(house)[0].flood_id != first.flood_id

    def test_a_higher_threshold_lets_only_closer_faces_through(self, house: House) -> None:
        _, case = make_person(house)
        view = flood(house, case.person_id)
        assert decide(house, view.flood_id, "raise") == "raised"
        assert find_face(house, case.person_id, similarity=0.47, page=page(900)) is None
        assert find_face(house, case.person_id, similarity=0.49, page=page(901)) is not None
        with house.rooms.database.read() as session:
            (limit,) = house.rooms.candidates.look_alikes.of_person(
                session, house.reviewers[0], case.person_id
            )
        assert (limit.site, limit.weaker) == ("", 1)

    def test_it_rests_on_until_somebody_decides_otherwise(self, house: House) -> None:
        _, case = make_person(house)
        view = flood(house, case.person_id)
        before = gallery_change(house)
        assert decide(house, view.flood_id, "stop") == "stopped"
        assert gallery_change(house) == before
        assert find_face(house, case.person_id, page=page(900)) is None
        assert [one.state for one in resting(house)] == ["stopped"]
        assert decide(house, view.flood_id, "go_on") == "going_on"
        assert find_face(house, case.person_id, page=page(901)) is not None

    def test_what_was_decided_is_not_decided_again_and_nonsense_is_refused(
        self, house: House
    ) -> None:
        _, case = make_person(house)
        view = flood(house, case.person_id)
        with pytest.raises(InvalidInputError):
            decide(house, view.flood_id, "perhaps")
        decide(house, view.flood_id, "go_on")
        with pytest.raises(ConflictError):
            decide(house, view.flood_id, "stop")


class TestWhoMay:
    def test_nobody_elsewhere_sees_or_decides_it(self, house: House) -> None:
        person, case = make_person(house)
        view = flood(house, case.person_id)
        elsewhere = house.new_organisation("Elsewhere")
        for actor in (
            house.new_staff(elsewhere),
            house.new_staff(elsewhere, Role.OPERATOR),
        ):
            assert resting(house, actor) == []
            with pytest.raises(NotFoundError):
                decide(house, view.flood_id, "go_on", actor)
        for actor in (person, Actor.system("x")):
            with pytest.raises(NotAllowedError):
                decide(house, view.flood_id, "go_on", actor)

    def test_an_advocate_without_a_mandate_does_not_decide(self, house: House) -> None:
        person, case = make_person(house)
        view = flood(house, case.person_id)
        house.rooms.enrolment.consent.withdraw_mandate(
            house.rooms.database, person, house.eyes, case.person_id
        )
        assert resting(house, house.reviewers[0]) == []
        with pytest.raises(NotFoundError):
            decide(house, view.flood_id, "go_on", house.reviewers[0])

    def test_an_operator_is_told_numbers_and_no_name(self, house: House) -> None:
        _, case = make_person(house)
        flood(house, case.person_id)
        assert resting(house, house.operator)[0].person_label == ""
        assert resting(house, house.reviewers[0])[0].person_label == "Ada"


class TestSayingSo:
    def test_the_person_and_reports_are_told_that_looking_rests(
        self, house: House, database: Database
    ) -> None:
        from tests.service.web.test_nobody_reaches_others import site_of_a_test

        person, case = make_person(house)
        flood(house, case.person_id)
        with database.write() as session:
            site = house.rooms.sources.add_site(session, house.operator, site_of_a_test())
            run = house.rooms.sources.start_run(session, house.operator, site.id)
            house.rooms.sources.progress.end(
                session, Actor.system("crawl", house.organisation_id), run.id, "finished", ""
            )
        with database.read() as session:
            report = house.rooms.reports.build_run_report(session, house.operator, run.id)
            mine = house.rooms.reports.person_report(session, person, case.person_id)
        assert report.face_searches_resting == 1
        assert "For 1 person the search by face rests" in report.conclusion
        assert any("The search for your face rests" in line for line in mine.sentences)

    @pytest.mark.parametrize("end", ["opt_out_of_faces", "withdraw_release", "withdraw_mandate"])
    def test_nobody_is_asked_about_somebody_who_is_not_looked_for_any_more(
        self, house: House, database: Database, end: str
    ) -> None:
        person, case = make_person(house)
        flood(house, case.person_id)
        getattr(house.rooms.enrolment.consent, end)(database, person, house.eyes, case.person_id)
        assert resting(house) == []
        made = house.rooms.candidates
        with database.read() as session:
            assert not made.face_search_rests(session, person, case.person_id)
            assert made.floods.count_resting(session, house.operator, house.organisation_id) == 0

    def test_an_erased_person_leaves_no_flood(self, house: House, database: Database) -> None:
        person, case = make_person(house)
        flood(house, case.person_id)
        erased = house.rooms.erasure.erase(database, person, house.eyes, case.person_id)
        assert {count.what: count.count for count in erased.counts}["floods of finds"] == 1
        assert resting(house) == []


def test_two_workers_that_notice_it_at_once_make_one_pause(
    any_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, case = make_person(any_house)
    flood(any_house, case.person_id)
    # The other worker's pause is not seen yet: only the database knows of it.
    monkeypatch.setattr(ChanceRepository, "resting", lambda *_: None)
    assert find_face(any_house, case.person_id, page=page(900)) is not None
    monkeypatch.undo()
    assert len(resting(any_house)) == 1
