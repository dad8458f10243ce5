"""One-time links: set-up, invitations, new passwords; each good once and for a time."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select

from service.accounts.actor import Actor, Role
from service.accounts.errors import LinkSpentError, UsernameTakenError, WeakPasswordError
from service.accounts.models import Account, Invitation, Organisation
from service.errors import (
    ConflictError,
    InvalidInputError,
    LikenessError,
    NotAllowedError,
    NotFoundError,
)
from tests.service.accounts.house import PASSWORD, House, person


def spend_setup(house: House, token: str, username: str = "olga", password: str = PASSWORD) -> None:
    with house.database.write() as session:
        house.accounts.set_up(session, token, "Helpline One", username, password)


def new_setup_link(house: House) -> str:
    with house.database.write() as session:
        return house.accounts.create_setup_link(session)


def test_a_setup_link_makes_an_organisation_and_its_operator(house_on_both: House) -> None:
    house = house_on_both
    with house.database.read() as session:
        assert not house.accounts.is_set_up(session)
    operator = house.set_up("  Helpline   One ")
    with house.database.read() as session:
        assert house.accounts.is_set_up(session)
        organisation = house.accounts.organisation(session, operator)
        account = house.accounts.own_account(session, operator)
    assert (organisation.name, organisation.slug) == ("Helpline One", "helpline-one")
    assert organisation.face_matching is False
    assert (account.role, account.trained, account.active) == (Role.OPERATOR, False, True)
    assert house.actions() == ["account.create"]


def test_a_setup_link_works_once(house_on_both: House) -> None:
    token = new_setup_link(house_on_both)
    spend_setup(house_on_both, token)
    with pytest.raises(LinkSpentError):
        spend_setup(house_on_both, token, "another")


def test_a_setup_link_ends_after_a_day(house: House) -> None:
    token = new_setup_link(house)
    house.clock.advance(hours=24)
    with pytest.raises(LinkSpentError):
        spend_setup(house, token)


def test_a_new_setup_link_ends_the_earlier_one(house: House) -> None:
    earlier = new_setup_link(house)
    later = new_setup_link(house)
    with pytest.raises(LinkSpentError):
        spend_setup(house, earlier)
    spend_setup(house, later)


def test_a_refused_setup_leaves_the_link_and_nothing_else(house: House) -> None:
    token = new_setup_link(house)
    with pytest.raises(WeakPasswordError):
        spend_setup(house, token, password="short")
    with house.database.read() as session:
        assert session.scalars(select(Organisation)).all() == []
    spend_setup(house, token)


def test_no_token_is_in_the_database(house: House) -> None:
    token = new_setup_link(house)
    with house.database.read() as session:
        row = session.scalars(select(Invitation)).one()
    assert token not in (row.token_hash, str(row.id))
    assert len(row.token_hash) == 64


def test_two_who_spend_one_link_at_once_make_one_account(house_on_both: House) -> None:
    house = house_on_both
    operator = house.set_up()
    with house.database.write() as session:
        token = house.accounts.invite(session, operator, Role.ADVOCATE, True)
    start = threading.Barrier(2)
    outcomes: list[str] = []

    def spend(username: str) -> None:
        start.wait()
        try:
            with house.database.write() as session:
                house.accounts.accept_invitation(session, token, username, PASSWORD)
            outcomes.append("made")
        except LikenessError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=spend, args=(name,)) for name in ("ada", "bea")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["link_spent", "made"]


def test_an_invitation_gives_the_role_that_the_operator_chose(house_on_both: House) -> None:
    operator = house_on_both.set_up()
    advocate = house_on_both.join(operator, Role.ADVOCATE, "ada", trained=True)
    with house_on_both.database.read() as session:
        view = house_on_both.accounts.own_account(session, advocate)
        advocates = house_on_both.accounts.advocates(session, operator)
        left = house_on_both.accounts.open_invitations(session, operator)
    assert (view.role, view.trained) == (Role.ADVOCATE, True)
    assert view.organisation_id == operator.organisation_id
    assert advocates == [view]
    assert left == []


@pytest.mark.parametrize("role", [Role.PERSON, Role.SYSTEM])
def test_only_advocates_and_operators_are_invited(house: House, role: Role) -> None:
    operator = house.set_up()
    with pytest.raises(InvalidInputError), house.database.write() as session:
        house.accounts.invite(session, operator, role)


def test_only_operators_invite(house: House) -> None:
    operator = house.set_up()
    advocate = house.join(operator, Role.ADVOCATE, "ada")
    for actor in (advocate, person(operator.organisation_id)):
        with pytest.raises(NotAllowedError), house.database.write() as session:
            house.accounts.invite(session, actor, Role.ADVOCATE)


def test_a_withdrawn_invitation_cannot_be_used(house: House) -> None:
    operator = house.set_up()
    with house.database.write() as session:
        token = house.accounts.invite(session, operator, Role.ADVOCATE)
        (view,) = house.accounts.open_invitations(session, operator)
        house.accounts.withdraw_invitation(session, operator, view.id)
    with pytest.raises(LinkSpentError), house.database.write() as session:
        house.accounts.accept_invitation(session, token, "ada", PASSWORD)
    with pytest.raises(ConflictError), house.database.write() as session:
        house.accounts.withdraw_invitation(session, operator, view.id)


def test_links_of_another_house_are_not_there(house: House) -> None:
    one, other = house.set_up(), house.set_up("Helpline Two", "omar")
    with house.database.write() as session:
        house.accounts.invite(session, one, Role.ADVOCATE)
        (view,) = house.accounts.open_invitations(session, one)
        assert house.accounts.open_invitations(session, other) == []
    with pytest.raises(NotFoundError), house.database.write() as session:
        house.accounts.withdraw_invitation(session, other, view.id)


def test_a_username_is_taken_across_houses_and_in_any_case(house_on_both: House) -> None:
    house_on_both.set_up(username="olga")
    with pytest.raises(UsernameTakenError):
        house_on_both.set_up("Helpline Two", "OLGA")


@pytest.mark.parametrize("username", ["", "ab", "-ada", "ada b", "ädä", "a" * 65, "ada/../x"])
def test_a_username_of_another_form_is_refused(house: House, username: str) -> None:
    with pytest.raises(InvalidInputError, match="Username"):
        house.set_up(username=username)


@pytest.mark.parametrize("name", ["", "   ", "x" * 121, "bell \x07", "turned \u202e round"])
def test_an_organisation_needs_a_printable_name(house: House, name: str) -> None:
    with pytest.raises(InvalidInputError, match="Organisation"):
        house.set_up(name)


def test_organisations_with_the_same_name_are_told_apart(house: House) -> None:
    one, other = house.set_up(), house.set_up(username="omar")
    with house.database.read() as session:
        slugs = [house.accounts.organisation(session, actor).slug for actor in (one, other)]
    assert slugs == ["helpline-one", "helpline-one-2"]


def test_a_new_password_link_sets_it_ends_sessions_and_takes_the_second_factor_off(
    house_on_both: House,
) -> None:
    house = house_on_both
    operator = house.set_up()
    advocate = house.join(operator, Role.ADVOCATE, "ada")
    before = house.sign_in("ada")
    with house.database.write() as session:
        account = session.get_one(Account, advocate.account_id)
        account.totp_secret = b"lost with the phone"
        token = house.accounts.create_new_password_link(session, operator, account.id)
    with house.database.write() as session:
        house.accounts.set_new_password(session, token, "another four words now")
    assert house.who(before) is None
    assert house.sign_in("ada", password="another four words now")
    with pytest.raises(LinkSpentError), house.database.write() as session:
        house.accounts.set_new_password(session, token, "yet another four words")


def test_a_link_for_one_purpose_does_not_serve_another(house: House) -> None:
    operator = house.set_up()
    with house.database.write() as session:
        invitation = house.accounts.invite(session, operator, Role.ADVOCATE)
        password_link = house.accounts.create_new_password_link(
            session, operator, operator.account_id
        )
        setup = house.accounts.create_setup_link(session)
    with house.database.write() as session:
        for wrong in (setup, password_link, "", "x" * 43, "\ud800"):
            with pytest.raises(LinkSpentError):
                house.accounts.accept_invitation(session, wrong, "ada", PASSWORD)
        for wrong in (setup, invitation):
            with pytest.raises(LinkSpentError):
                house.accounts.set_new_password(session, wrong, PASSWORD)
        for wrong in (invitation, password_link):
            with pytest.raises(LinkSpentError):
                house.accounts.set_up(session, wrong, "House", "omar", PASSWORD)


def test_an_operator_cannot_make_a_password_link_for_another_house(house: House) -> None:
    one, other = house.set_up(), house.set_up("Helpline Two", "omar")
    with pytest.raises(NotFoundError), house.database.write() as session:
        house.accounts.create_new_password_link(session, one, other.account_id)


def test_the_system_may_make_a_password_link_by_the_command_line(house: House) -> None:
    operator = house.set_up()
    with house.database.write() as session:
        token = house.accounts.create_new_password_link(
            session, Actor.system("command line"), operator.account_id
        )
    with house.database.write() as session:
        assert house.accounts.set_new_password(session, token, "another four words now")
