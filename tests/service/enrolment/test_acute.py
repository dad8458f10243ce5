"""Acute danger: an advocate of the case says so, with a sealed reason, until a stated time."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from service.accounts.actor import Actor
from service.audit.models import AuditEntry
from service.database import Database
from service.enrolment.errors import WrongStateError
from service.enrolment.models import Person
from service.enrolment.visibility import acute_people
from service.errors import InvalidInputError, LikenessError, NotAllowedError, NotFoundError
from tests.service.enrolment.people_factory import House, make_person

REASON = "Somebody threatens to publish more today."


def set_acute(house: House, actor: Actor, person_id: uuid.UUID, **more: object) -> None:
    with house.rooms.database.write() as session:
        house.rooms.enrolment.acute.set(
            session, actor, person_id, **{"reason": REASON, "hours": 24, **more}
        )


def acute(house: House) -> set[uuid.UUID]:
    with house.rooms.database.read() as session:
        return set(session.scalars(acute_people(house.clock.now())))


def test_an_acute_case_is_first_in_the_list_until_it_is_over(house: House) -> None:
    _, waiting = make_person(house, active=False, name="Wanda")
    _, case = make_person(house, name="Ada")
    advocate = house.reviewers[0]
    set_acute(house, advocate, case.person_id)

    def first() -> tuple[uuid.UUID, bool]:
        with house.rooms.database.read() as session:
            line = house.rooms.enrolment.list_cases(session, advocate)[0]
        return line.person_id, line.acute_until is not None

    assert first() == (case.person_id, True)
    assert acute(house) == {case.person_id}
    house.clock.advance(timedelta(hours=24).total_seconds())
    assert first() == (waiting.person_id, False)
    assert acute(house) == set()


def test_the_reason_is_sealed_and_the_audit_trail_has_the_hours_alone(
    house: House, database: Database
) -> None:
    _, case = make_person(house)
    set_acute(house, house.reviewers[0], case.person_id)
    with database.read() as session:
        view = house.rooms.enrolment.person_view(session, house.reviewers[1], case.person_id)
        row = session.get_one(Person, case.person_id)
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "case.acute")).one()
        columns = session.execute(text("SELECT * FROM people")).all()
    assert view.acute_reason == REASON
    assert REASON.encode() not in row.document
    assert REASON not in repr(columns)
    assert REASON not in repr(vars(entry))
    assert entry.detail == {"hours": 24}


def test_ending_it_deletes_the_reason(house: House, database: Database) -> None:
    _, case = make_person(house)
    advocate = house.reviewers[0]
    set_acute(house, advocate, case.person_id)
    with database.write() as session:
        house.rooms.enrolment.acute.end(session, advocate, case.person_id)
        view = house.rooms.enrolment.person_view(session, advocate, case.person_id)
    assert (view.acute_until, view.acute_reason) == (None, "")
    assert acute(house) == set()


@pytest.mark.parametrize(
    "wrong", [{"reason": "  "}, {"reason": "x" * 301}, {"hours": 0}, {"hours": 169}]
)
def test_what_is_not_said_properly_is_refused(house: House, wrong: dict[str, object]) -> None:
    _, case = make_person(house)
    with pytest.raises(InvalidInputError):
        set_acute(house, house.reviewers[0], case.person_id, **wrong)


def test_a_closed_case_is_not_acute(house: House, database: Database) -> None:
    _, case = make_person(house)
    advocate = house.reviewers[0]
    set_acute(house, advocate, case.person_id)
    with database.write() as session:
        house.rooms.enrolment.close(session, advocate, case.person_id, "It is over.")
    assert acute(house) == set()
    with pytest.raises(WrongStateError):
        set_acute(house, advocate, case.person_id)


@pytest.mark.parametrize("who", ["person", "operator", "stranger"])
@pytest.mark.parametrize("what", ["set", "end"])
def test_nobody_else_may_say_so(house: House, database: Database, who: str, what: str) -> None:
    person, case = make_person(house)
    stranger = house.new_staff(house.new_organisation("Elsewhere"))
    actor = {"person": person, "operator": house.operator, "stranger": stranger}[who]
    refused: type[LikenessError] = NotFoundError if who == "stranger" else NotAllowedError
    set_acute(house, house.reviewers[0], case.person_id)
    with pytest.raises(refused):
        if what == "set":
            set_acute(house, actor, case.person_id)
        else:
            with database.write() as session:
                house.rooms.enrolment.acute.end(session, actor, case.person_id)
    assert acute(house) == {case.person_id}


def test_an_erased_person_leaves_no_sign(house: House, database: Database) -> None:
    person, case = make_person(house)
    set_acute(house, house.reviewers[0], case.person_id)
    house.rooms.erasure.erase(database, person, house.eyes, case.person_id)
    with database.read() as session:
        assert session.get_one(Person, case.person_id).acute_until is None
