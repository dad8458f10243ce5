"""What an organisation decides: face matching is off until it is justified (design rule 11)."""

from __future__ import annotations

import uuid

import pytest

from service.accounts.actor import Actor, Role
from service.accounts.errors import FaceMatchingRefusedError, NotSetUpError
from service.errors import NotAllowedError, NotFoundError
from tests.service.accounts.house import House, person

JUSTIFIED = ("Austria", "Art. 9(2)(a) GDPR", "DPIA of 2026-10-01")


def test_face_matching_is_off_at_first(house_on_both: House) -> None:
    operator = house_on_both.set_up()
    with house_on_both.database.read() as session:
        assert not house_on_both.accounts.face_matching_on(session, operator.organisation_id)
        assert not house_on_both.accounts.organisations.any_has_face_matching_on(session)


@pytest.mark.parametrize("missing", [0, 1, 2])
@pytest.mark.parametrize("empty", ["", "   \n"])
def test_face_matching_is_refused_while_anything_is_missing(
    house: House, missing: int, empty: str
) -> None:
    operator = house.set_up()
    given = [empty if place == missing else text for place, text in enumerate(JUSTIFIED)]
    with (
        pytest.raises(FaceMatchingRefusedError, match="must be recorded"),
        house.database.write() as session,
    ):
        house.accounts.set_face_matching(session, operator, True, *given)
    with house.database.read() as session:
        assert not house.accounts.face_matching_on(session, operator.organisation_id)
    assert "organisation.set_face_matching" not in house.actions()


def test_face_matching_is_switched_on_with_who_and_when(house_on_both: House) -> None:
    house = house_on_both
    operator = house.set_up()
    with house.database.write() as session:
        house.accounts.set_face_matching(session, operator, True, *JUSTIFIED)
    with house.database.read() as session:
        view = house.accounts.organisation(session, operator)
        assert house.accounts.face_matching_on(session, operator.organisation_id)
    assert (view.jurisdiction, view.legal_basis, view.impact_assessment) == JUSTIFIED
    assert view.face_matching_decided_by == operator.account_id
    assert view.face_matching_decided_at == house.clock.now()
    assert house.actions()[-1] == "organisation.set_face_matching"


def test_it_can_always_be_switched_off(house: House) -> None:
    operator = house.set_up()
    with house.database.write() as session:
        house.accounts.set_face_matching(session, operator, True, *JUSTIFIED)
        house.accounts.set_face_matching(session, operator, False, "", "", "")
    with house.database.read() as session:
        assert not house.accounts.face_matching_on(session, operator.organisation_id)


def test_the_watch_list_is_told_in_the_same_unit_of_work(house: House) -> None:
    operator = house.set_up()
    seen: list[bool] = []
    house.accounts.organisations.tell(
        lambda session: seen.append(
            house.accounts.face_matching_on(session, operator.organisation_id)
        )
    )
    with house.database.write() as session:
        house.accounts.set_face_matching(session, operator, True, *JUSTIFIED)
        house.accounts.set_face_matching(session, operator, False, *JUSTIFIED)
    assert seen == [True, False]


def test_the_switch_is_each_organisations_own(house: House) -> None:
    one, other = house.set_up(), house.set_up("Helpline Two", "omar")
    with house.database.write() as session:
        house.accounts.set_face_matching(session, one, True, *JUSTIFIED)
        assert not house.accounts.face_matching_on(session, other.organisation_id)
        assert not house.accounts.face_matching_on(session, uuid.uuid4())


def test_only_operators_decide(house: House) -> None:
    operator = house.set_up()
    advocate = house.join(operator, Role.ADVOCATE, "ada")
    for actor in (advocate, person(operator.organisation_id)):
        with house.database.write() as session:
            with pytest.raises(NotAllowedError):
                house.accounts.set_face_matching(session, actor, True, *JUSTIFIED)
            with pytest.raises(NotAllowedError):
                house.accounts.organisations.set_keeps_media_bytes(session, actor, True)


def test_keeping_media_bytes_is_off_at_first_and_recorded(house: House) -> None:
    operator = house.set_up()
    organisations = house.accounts.organisations
    with house.database.write() as session:
        assert not organisations.keeps_media_bytes(session, operator.organisation_id)
        organisations.set_keeps_media_bytes(session, operator, True)
        assert organisations.keeps_media_bytes(session, operator.organisation_id)
    assert house.actions()[-1] == "organisation.set_keeps_media_bytes"


def test_the_first_organisation_is_where_people_enrol(house: House) -> None:
    with house.database.read() as session, pytest.raises(NotSetUpError, match="one-time link"):
        house.accounts.default_organisation(session)
    operator = house.set_up()
    house.clock.advance(days=1)
    house.set_up("Helpline Two", "omar")
    with house.database.read() as session:
        assert house.accounts.default_organisation(session).id == operator.organisation_id


def test_an_organisation_that_is_not_there_is_not_found(house: House) -> None:
    for organisation_id in (None, uuid.uuid4()):
        actor = Actor(Role.OPERATOR, organisation_id, account_id=uuid.uuid4())
        with house.database.read() as session, pytest.raises(NotFoundError):
            house.accounts.organisation(session, actor)
