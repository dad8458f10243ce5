"""Signing in: name, password and code; limits; sessions that end."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import func, select

from service.accounts import passwords
from service.accounts.actor import Actor, Role
from service.accounts.errors import SignInFailedError, WeakPasswordError, WrongCodeError
from service.accounts.models import Account, RateBucket, SignInSession
from service.errors import (
    ConflictError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    TooManyAttemptsError,
)
from tests.service.accounts.house import ADDRESS, PASSWORD, House

HASHER_IN_USE = passwords._hasher


@pytest.fixture
def operator(house: House) -> Actor:
    return house.set_up()


def sessions_in(house: House) -> int:
    with house.database.read() as session:
        return session.scalars(select(func.count()).select_from(SignInSession)).one()


def turn_on_second_factor(house: House, actor: Actor) -> pyotp.TOTP:
    with house.database.write() as session:
        house.accounts.second_factor.begin(session, actor)
    with house.database.read() as session:
        pending = house.accounts.second_factor.pending(session, actor)
    assert pending is not None
    totp = pyotp.TOTP(pending.secret)
    house.accounts.confirm_second_factor(house.database, actor, totp.at(house.clock.now()))
    return totp


def test_name_and_password_open_a_session(house_on_both: House) -> None:
    operator = house_on_both.set_up()
    token = house_on_both.sign_in("  OLGA ")
    who = house_on_both.who(token)
    assert who is not None
    assert (who.role, who.account_id) == (Role.OPERATOR, operator.account_id)
    assert who.organisation_id == operator.organisation_id
    assert house_on_both.actions()[-1] == "account.sign_in"


@pytest.mark.parametrize(
    ("username", "password"),
    [("olga", "four unrelated words"), ("nobody", PASSWORD), ("", ""), ("olga", "x" * 5000)],
)
def test_whatever_is_wrong_gets_the_same_answer(
    house: House, operator: Actor, username: str, password: str
) -> None:
    with pytest.raises(SignInFailedError) as caught:
        house.sign_in(username, password=password)
    assert str(caught.value) == "Name, password or code is not right. Please try again."
    assert sessions_in(house) == 0


def test_an_unknown_name_costs_a_password_check_too(
    house: House, operator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    real = passwords.verify_secret

    def note(hashed: str, text: str) -> bool:
        checked.append(hashed)
        return real(hashed, text)

    monkeypatch.setattr("service.accounts.service.verify_secret", note)
    for username in ("nobody", "olga"):
        with pytest.raises(SignInFailedError):
            house.sign_in(username, password="not the password")
    assert len(checked) == 2
    assert checked[0] == passwords.hash_for_nobody()
    assert checked[0].split("$")[:4] == checked[1].split("$")[:4], "the same cost for both"


def test_no_password_is_stored_readably(house: House, operator: Actor) -> None:
    with house.database.read() as session:
        hashed = session.get_one(Account, operator.account_id).password_hash
    assert hashed.startswith("$argon2id$")
    assert passwords.verify_secret(hashed, PASSWORD)
    assert not passwords.verify_secret("not a hash", PASSWORD)
    assert passwords.hash_secret(PASSWORD) != hashed


def test_a_hash_costs_what_rfc_9106_recommends() -> None:
    assert HASHER_IN_USE.type.name == "ID"
    assert HASHER_IN_USE.memory_cost >= 64 * 1024
    assert HASHER_IN_USE.time_cost >= 3


@pytest.mark.parametrize(
    "password", ["", "elevenchars", "aaaaaaaaaaaaaaaa", "xx-olga-xx-1234", "y" * 1025]
)
def test_weak_passwords_are_refused_with_what_would_do(password: str) -> None:
    with pytest.raises(WeakPasswordError, match="Password: "):
        passwords.checked_password(password, "olga")


def test_a_session_ends_when_idle_and_lives_while_it_is_used(house: House, operator: Actor) -> None:
    token = house.sign_in("olga")
    for _ in range(3):
        house.clock.advance(minutes=239)
        who = house.who(token)
        assert who is not None
        house.accounts.sessions.touch(house.database, who)
    house.clock.advance(minutes=240)
    assert house.who(token) is None


def test_a_session_ends_twelve_hours_after_sign_in_however_busy(
    house: House, operator: Actor
) -> None:
    token = house.sign_in("olga")
    for _ in range(12 * 4 - 1):
        house.clock.advance(minutes=15)
        who = house.who(token)
        assert who is not None
        house.accounts.sessions.touch(house.database, who)
    house.clock.advance(minutes=15)
    assert house.who(token) is None


def test_a_persons_session_ends_sooner_when_idle(house: House, operator: Actor) -> None:
    person_id = uuid.uuid4()
    with house.database.write() as session:
        token = house.accounts.open_person_session(session, person_id, operator.organisation_id)
    who = house.who(token)
    assert who is not None
    assert (who.role, who.person_id) == (Role.PERSON, person_id)
    house.clock.advance(minutes=30)
    assert house.who(token) is None


def test_ended_sessions_are_removed_at_the_next_sign_in(house: House, operator: Actor) -> None:
    house.sign_in("olga")
    house.clock.advance(hours=13)
    house.sign_in("olga")
    assert sessions_in(house) == 1


def test_looking_at_pages_writes_at_most_once_a_minute(house: House, operator: Actor) -> None:
    token = house.sign_in("olga")
    who = house.who(token)
    assert who is not None
    begun = house.clock.now()
    house.clock.advance(seconds=59)
    house.accounts.sessions.touch(house.database, who)
    with house.database.read() as session:
        assert session.get_one(SignInSession, who.session_id).last_seen_at == begun
    house.clock.advance(seconds=1)
    house.accounts.sessions.touch(house.database, who)
    with house.database.read() as session:
        seen = session.get_one(SignInSession, who.session_id).last_seen_at
    assert seen == begun + timedelta(seconds=60)


def test_signing_out_ends_this_session_and_everywhere_ends_all(
    house: House, operator: Actor
) -> None:
    one, two, three = (house.sign_in("olga") for _ in range(3))
    with house.database.write() as session:
        assert house.accounts.sign_out(session, one) is True
        assert house.accounts.sign_out(session, one) is False
    assert house.who(one) is None
    assert house.who(two) is not None
    with house.database.write() as session:
        assert house.accounts.sign_out_everywhere(session, operator) == 2
    assert house.who(two) is None
    assert house.who(three) is None


def test_a_closed_account_is_out_at_once_and_cannot_come_back(
    house_on_both: House,
) -> None:
    house = house_on_both
    operator = house.set_up()
    advocate = house.join(operator, Role.ADVOCATE, "ada")
    token = house.sign_in("ada")
    with house.database.write() as session:
        house.accounts.set_active(session, operator, advocate.account_id, False)
    assert house.who(token) is None
    with pytest.raises(SignInFailedError):
        house.sign_in("ada")
    with house.database.write() as session:
        house.accounts.set_active(session, operator, advocate.account_id, True)
    assert house.who(token) is None
    assert house.sign_in("ada")


def test_the_last_operator_stays(house_on_both: House) -> None:
    house = house_on_both
    operator = house.set_up()
    with pytest.raises(ConflictError, match="last operator"), house.database.write() as session:
        house.accounts.set_active(session, operator, operator.account_id, False)
    other = house.join(operator, Role.OPERATOR, "omar")
    with house.database.write() as session:
        house.accounts.set_active(session, other, operator.account_id, False)


def test_attempts_are_limited_by_name_even_with_the_right_password(
    house_on_both: House,
) -> None:
    house = house_on_both
    house.set_up()
    for number in range(10):
        with pytest.raises(SignInFailedError):
            house.accounts.sign_in_staff(house.database, "olga", "wrong", "", f"192.0.2.{number}")
    with pytest.raises(TooManyAttemptsError, match="15 minutes"):
        house.accounts.sign_in_staff(house.database, "olga", PASSWORD, "", "192.0.2.99")
    house.clock.advance(minutes=15)
    assert house.sign_in("olga")


def test_attempts_are_limited_by_address_whatever_the_name(house: House, operator: Actor) -> None:
    for number in range(50):
        house.accounts.limits.hit(house.database, "staff-sign-in-address", ADDRESS, 50, 900)
        assert number < 50
    with pytest.raises(TooManyAttemptsError):
        house.sign_in("olga")


def test_a_right_sign_in_forgets_the_wrong_ones_before(house: House, operator: Actor) -> None:
    for _ in range(3):
        for _ in range(9):
            house.accounts.limits.hit(house.database, "staff-sign-in-name", "olga", 10, 900)
        assert house.sign_in("olga")


def test_limits_keep_no_name_and_no_address(house: House, operator: Actor) -> None:
    with pytest.raises(SignInFailedError):
        house.sign_in("somebody")
    with house.database.read() as session:
        kept = " ".join(f"{row.kind} {row.subject}" for row in session.scalars(select(RateBucket)))
    assert kept
    assert "somebody" not in kept
    assert ADDRESS not in kept


def test_windows_that_are_over_are_removed(house: House, operator: Actor) -> None:
    house.accounts.limits.hit(house.database, "k", "a", 5, 60)
    house.clock.advance(days=3)
    house.accounts.limits.hit(house.database, "k", "b", 5, 60)
    with house.database.read() as session:
        assert session.scalars(select(func.count()).select_from(RateBucket)).one() == 1


def test_a_password_is_changed_with_the_current_one_and_other_sessions_end(
    house: House, operator: Actor
) -> None:
    here, elsewhere = house.sign_in("olga"), house.sign_in("olga")
    me = house.who(here)
    assert me is not None
    with pytest.raises(InvalidInputError, match="Current password"):
        house.accounts.change_password(house.database, me, "wrong", "another four words now")
    with pytest.raises(WeakPasswordError):
        house.accounts.change_password(house.database, me, PASSWORD, "short")
    house.accounts.change_password(house.database, me, PASSWORD, "another four words now")
    assert house.who(here) is not None
    assert house.who(elsewhere) is None
    with pytest.raises(SignInFailedError):
        house.sign_in("olga")
    assert house.sign_in("olga", password="another four words now")


def test_guessing_ones_own_password_is_limited(house: House, operator: Actor) -> None:
    for _ in range(10):
        with pytest.raises(InvalidInputError):
            house.accounts.check_own_password(house.database, operator, "wrong")
    with pytest.raises(TooManyAttemptsError):
        house.accounts.check_own_password(house.database, operator, PASSWORD)


def test_the_second_factor_is_asked_for_once_it_was_proven(house_on_both: House) -> None:
    house = house_on_both
    operator = house.set_up()
    with house.database.write() as session:
        house.accounts.second_factor.begin(session, operator)
    assert house.sign_in("olga"), "a secret that was not proven counts for nothing"
    with pytest.raises(WrongCodeError):
        house.accounts.confirm_second_factor(house.database, operator, "000000")
    with house.database.write() as session:
        account = session.get_one(Account, operator.account_id)
        account.totp_pending = None
    totp = turn_on_second_factor(house, operator)
    house.clock.advance(seconds=30)
    with pytest.raises(SignInFailedError):
        house.sign_in("olga")
    code = totp.at(house.clock.now())
    assert house.sign_in("olga", f"{code[:3]} {code[3:]}")


def test_no_code_works_twice_nor_late(house: House, operator: Actor) -> None:
    totp = turn_on_second_factor(house, operator)
    with pytest.raises(SignInFailedError):
        house.sign_in("olga", totp.at(house.clock.now()))
    house.clock.advance(minutes=5)
    code = totp.at(house.clock.now())
    assert house.sign_in("olga", code)
    with pytest.raises(SignInFailedError):
        house.sign_in("olga", code)
    house.clock.advance(minutes=5)
    late = totp.at(house.clock.now() - timedelta(seconds=61))
    with pytest.raises(SignInFailedError):
        house.sign_in("olga", late)


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "12 34 5"])
def test_a_code_of_another_form_is_refused(house: House, operator: Actor, code: str) -> None:
    turn_on_second_factor(house, operator)
    with pytest.raises(SignInFailedError):
        house.sign_in("olga", code)


def test_the_secret_is_sealed_and_shown_as_a_picture_of_our_own(
    house: House, operator: Actor
) -> None:
    with house.database.write() as session:
        house.accounts.second_factor.begin(session, operator)
        pending = house.accounts.second_factor.pending(session, operator)
        stored = session.get_one(Account, operator.account_id).totp_pending
    assert pending is not None
    assert stored is not None
    assert pending.secret.encode() not in stored
    picture = pending.as_svg()
    assert picture.startswith(b"<?xml")
    assert b"<svg" in picture
    assert b"href" not in picture
    assert b"style=" not in picture


def test_the_second_factor_comes_off_with_the_password_only(house: House, operator: Actor) -> None:
    turn_on_second_factor(house, operator)
    with pytest.raises(ConflictError), house.database.write() as session:
        house.accounts.second_factor.begin(session, operator)
    with pytest.raises(InvalidInputError):
        house.accounts.remove_second_factor(house.database, operator, "wrong")
    house.accounts.remove_second_factor(house.database, operator, PASSWORD)
    assert house.sign_in("olga")


def test_an_account_of_another_house_is_not_there(house: House, operator: Actor) -> None:
    other = house.set_up("Helpline Two", "omar")
    with house.database.write() as session:
        for act in (
            lambda: house.accounts.account(session, operator, other.account_id),
            lambda: house.accounts.set_trained(session, operator, other.account_id, False),
            lambda: house.accounts.set_active(session, operator, other.account_id, False),
        ):
            with pytest.raises(NotFoundError):
                act()
        assert [view.username for view in house.accounts.accounts(session, operator)] == ["olga"]


def test_an_advocate_sees_advocates_and_may_change_nobody(house: House, operator: Actor) -> None:
    advocate = house.join(operator, Role.ADVOCATE, "ada")
    house.join(operator, Role.ADVOCATE, "bea", trained=False)
    with house.database.write() as session:
        names = [view.username for view in house.accounts.accounts(session, advocate)]
        assert names == ["ada", "bea"]
        for act in (
            lambda: house.accounts.set_trained(session, advocate, advocate.account_id, True),
            lambda: house.accounts.set_active(session, advocate, operator.account_id, False),
            lambda: house.accounts.create_new_password_link(session, advocate, operator.account_id),
        ):
            with pytest.raises(NotAllowedError):
                act()
