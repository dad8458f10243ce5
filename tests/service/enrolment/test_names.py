"""Choosing names: whose, how many, which are refused and why; sealed, removed and erased."""

from __future__ import annotations

import re
import uuid

import pytest
from sqlalchemy import select, text

from service.accounts.actor import Actor
from service.enrolment.errors import (
    ReleaseNeededError,
    StatementNotTickedError,
    TooManyNamesError,
    WrongStateError,
)
from service.enrolment.names import MAX_NAMES
from service.enrolment.names_models import ChosenName
from service.enrolment.names_rules import CheckedName, NameRefusedError
from service.errors import InvalidInputError, NotAllowedError, NotFoundError
from tests.service.enrolment.people_factory import House, begin, make_person, person_of

PURPOSE = "posts that name me"


def choose(
    house: House, actor: Actor, person_id: uuid.UUID | None, name: str, purpose: str = PURPOSE
) -> uuid.UUID:
    assert person_id is not None
    with house.rooms.database.write() as session:
        return house.rooms.enrolment.names.choose(
            session, actor, person_id, name, purpose, statement_ticked=True
        )


def chosen(house: House, actor: Actor, person_id: uuid.UUID | None) -> list[str]:
    assert person_id is not None
    with house.rooms.database.read() as session:
        return [view.text for view in house.rooms.enrolment.names.chosen(session, actor, person_id)]


def change(house: House) -> int:
    """The change number once workers have put into force what may be looked for."""
    names = house.rooms.enrolment.names
    with house.rooms.database.write() as session:
        names.settle(session, house.organisation_id)
        assert names.is_settled(session, house.organisation_id)
        return names.change(session, house.organisation_id)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "too short"),
        ("ab", "too short"),
        ("___", "too short"),
        ("あい", "too short"),
        ("x" * 81, "80 characters at most"),
        ("12345", "digits alone"),
        ("Anna", "stands on very many pages"),
        ("ÁNNA", "stands on very many pages"),
        ("@admin", "stands on very many pages"),
        ("мария", "stands on very many pages"),
        ("@anna schmidt", "no spaces"),
    ],
)
def test_a_name_that_would_find_everything_is_refused_with_a_reason(name: str, why: str) -> None:
    with pytest.raises(NameRefusedError, match=re.escape(why)) as refused:
        CheckedName.of(name)
    if len(name) > 4:
        assert name not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "is_handle"),
    [
        ("Ada Lovelace", False),
        ("Zwetschgenbaum", False),
        ("@quirinia", True),
        ("ada_99", True),
        ("李娜", False),
        ("김민수", False),
        ("4917012345678", True),
    ],
)
def test_what_can_be_looked_for(name: str, is_handle: bool) -> None:
    assert CheckedName.of(name).is_handle is is_handle


def test_a_person_chooses_sees_and_removes_names(any_house: House) -> None:
    house = any_house
    person, case = make_person(house, faces=False)
    name_id = choose(house, person, case.person_id, "  Ada   Lovelace ")
    choose(house, person, case.person_id, "@countess_ada")
    assert sorted(chosen(house, person, case.person_id)) == ["@countess_ada", "Ada Lovelace"]
    with pytest.raises(NameRefusedError, match="already"):
        choose(house, person, case.person_id, "ADA LOVELACE")
    with house.rooms.database.write() as session:
        house.rooms.enrolment.names.remove(session, person, name_id, case.person_id)
    assert chosen(house, person, case.person_id) == ["@countess_ada"]
    with house.rooms.database.read() as session:
        actions = session.execute(text("SELECT action, detail FROM audit")).all()
    assert [one for one in actions if one[0].startswith("name.")]
    assert "Lovelace" not in str(actions)


def test_an_advocate_chooses_under_a_mandate_to_search_alone(house: House) -> None:
    _, case = make_person(house)
    choose(house, house.reviewers[0], case.person_id, "Ada Lovelace")
    person, without = make_person(house, may_search=False)
    with pytest.raises(NotAllowedError, match="does not cover searching"):
        choose(house, house.reviewers[0], without.person_id, "Ada Lovelace")
    choose(house, person, without.person_id, "Ada Lovelace")
    elsewhere = house.new_staff(house.new_organisation("Other"))
    with pytest.raises(NotFoundError):
        choose(house, elsewhere, case.person_id, "Ada Lovelace")
    assert chosen(house, elsewhere, case.person_id) == []
    with pytest.raises(NotAllowedError):
        choose(house, house.operator, case.person_id, "Ada Lovelace")


def test_another_persons_name_cannot_be_removed(house: House) -> None:
    person, case = make_person(house)
    name_id = choose(house, person, case.person_id, "Ada Lovelace")
    other, others = make_person(house, name="Eve")
    for whose in (case.person_id, others.person_id):
        with house.rooms.database.write() as session, pytest.raises(NotFoundError):
            house.rooms.enrolment.names.remove(session, other, name_id, whose)


def test_names_need_a_statement_a_purpose_an_agreement_and_an_open_case(house: House) -> None:
    person, case = make_person(house)
    names = house.rooms.enrolment.names
    with house.rooms.database.write() as session, pytest.raises(StatementNotTickedError):
        names.choose(
            session, person, case.person_id, "Ada Lovelace", PURPOSE, statement_ticked=False
        )
    with pytest.raises(InvalidInputError, match="What for"):
        choose(house, person, case.person_id, "Ada Lovelace", " ")
    draft = begin(house)
    with pytest.raises(ReleaseNeededError):
        choose(house, person_of(draft), draft.person_id, "Ada Lovelace")
    with house.rooms.database.write() as session:
        house.rooms.enrolment.close(session, house.reviewers[0], case.person_id, "done")
    with pytest.raises(WrongStateError):
        choose(house, person, case.person_id, "Ada Lovelace")


def test_only_so_many_names(house: House) -> None:
    person, case = make_person(house)
    for number in range(MAX_NAMES):
        choose(house, person, case.person_id, f"countess_{number:03}")
    with pytest.raises(TooManyNamesError, match="Remove one"):
        choose(house, person, case.person_id, "one more name")


def test_the_change_number_goes_up_whenever_a_name_comes_into_force(any_house: House) -> None:
    house = any_house
    assert change(house) == 0
    person, case = make_person(house, active=False)
    name_id = choose(house, person, case.person_id, "Ada Lovelace")
    assert change(house) == 0
    with house.rooms.database.write() as session:
        house.rooms.enrolment.attest(
            session,
            house.reviewers[0],
            case.person_id,
            accepted=True,
            method="We met and looked at a passport.",
            statement_ticked=True,
        )
    assert [change(house), change(house)] == [1, 1]
    with house.rooms.database.write() as session:
        house.rooms.enrolment.pause(session, house.reviewers[0], case.person_id, "a question")
    assert change(house) == 1
    with house.rooms.database.write() as session:
        house.rooms.enrolment.resume(session, house.reviewers[0], case.person_id)
    # pages that were read meanwhile were not searched for it
    assert change(house) == 2
    with house.rooms.database.write() as session:
        house.rooms.enrolment.names.remove(session, person, name_id, case.person_id)
    assert change(house) == 2
    with house.rooms.database.read() as session:
        other = house.new_organisation("Other")
        assert house.rooms.enrolment.names.change(session, other) == 0


def test_nothing_of_a_name_is_in_the_clear_and_erasing_deletes_the_rows(any_house: House) -> None:
    house = any_house
    person, case = make_person(house, faces=False)
    choose(house, person, case.person_id, "Ada Lovelace")
    with house.rooms.database.read() as session:
        (row,) = session.scalars(select(ChosenName)).all()
        assert b"Lovelace" not in row.document
        assert b"posts" not in row.document
    done = house.rooms.erasure.erase(house.rooms.database, person, None, case.person_id)
    assert ("names to look for", 1) in {(count.what, count.count) for count in done.counts}
    with house.rooms.database.read() as session:
        assert session.scalars(select(ChosenName)).all() == []


def test_a_name_in_a_workers_memory_has_no_repr(house: House) -> None:
    person, case = make_person(house)
    name_id = choose(house, person, case.person_id, "Ada Lovelace")
    with house.rooms.database.read() as session:
        opened = house.rooms.enrolment.names.open_names(session, house.organisation_id, [name_id])
    assert opened[name_id].text == "Ada Lovelace"
    assert "Lovelace" not in repr(opened)
