"""Coming back to a case: case number and passphrase, or the code that can only erase.

Every failure costs the same time and says the same, whichever part was wrong. Attempts are counted
by case number and by network address, in units of work of their own, also when they are refused.
"""

from __future__ import annotations

import uuid

from service.accounts.actor import Actor, Role
from service.accounts.passwords import hash_for_nobody, verify_secret
from service.accounts.service import AccountService
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.database import Database
from service.enrolment.case_numbers import (
    lookup_of_case_number,
    made_up_form,
    tidy_case_number,
    tidy_deletion_code,
    tidy_passphrase,
)
from service.enrolment.errors import SignInFailedError
from service.enrolment.models import Person
from service.enrolment.repository import EnrolmentRepository
from service.vault import Vault

SIGN_IN_BY_NUMBER = ("person-sign-in-number", 10, 15 * 60)
SIGN_IN_BY_ADDRESS = ("person-sign-in-address", 30, 15 * 60)
_FAILED = "Case number or passphrase is not right. Please check both and try again."
_CODE_FAILED = "Case number or deletion code is not right. Please check both and try again."
_NOBODY = Actor.system("sign-in")


class PersonSignIn:
    """Recognises a person by what only they know."""

    def __init__(
        self, vault: Vault, clock: Clock, audit: AuditTrail, accounts: AccountService
    ) -> None:
        self._vault = vault
        self._clock = clock
        self._audit = audit
        self._accounts = accounts

    def sign_in(
        self, database: Database, case_number: str, passphrase: str, address: str = ""
    ) -> str:
        """The token for the cookie, or `SignInFailedError`."""
        found = self._checked(database, case_number, address)
        hashed = found.passphrase_hash if found is not None else hash_for_nobody()
        right = _is_passphrase(hashed, passphrase)
        if found is None or not right:
            raise SignInFailedError(_FAILED)
        with database.write() as session:
            repository = EnrolmentRepository(session, _NOBODY, self._clock.now())
            person = repository.any_person_of_case_number(
                lookup_of_case_number(self._vault, case_number)
            )
            if person is None or person.passphrase_hash != hashed:
                raise SignInFailedError(_FAILED)
            token = self._accounts.open_person_session(session, person.id, person.organisation_id)
            self._audit.record(session, actor_of(person), "case.sign_in", "person", person.id)
        self._accounts.limits.forget(database, SIGN_IN_BY_NUMBER[0], tidy_case_number(case_number))
        return token

    def person_of_deletion_code(
        self, database: Database, case_number: str, deletion_code: str, address: str = ""
    ) -> Actor:
        """The person as an actor who may be erased, or `SignInFailedError`."""
        found = self._checked(database, case_number, address)
        hashed = found.deletion_code_hash if found is not None else hash_for_nobody()
        right = verify_secret(hashed, tidy_deletion_code(deletion_code))
        if found is None or not right:
            raise SignInFailedError(_CODE_FAILED)
        return actor_of(found)

    def passphrase_is_right(
        self, database: Database, person_id: uuid.UUID, passphrase: str
    ) -> bool:
        """Whether a signed-in person typed their passphrase, before something final."""
        kind, attempts, window_s = SIGN_IN_BY_NUMBER
        self._accounts.limits.hit(database, kind, str(person_id), attempts, window_s)
        with database.read() as session:
            person = EnrolmentRepository(session, _NOBODY, self._clock.now()).person(person_id)
        return _is_passphrase(person.passphrase_hash, passphrase)

    def _checked(self, database: Database, case_number: str, address: str) -> Person | None:
        kind, attempts, window_s = SIGN_IN_BY_ADDRESS
        self._accounts.limits.hit(database, kind, address, attempts, window_s)
        kind, attempts, window_s = SIGN_IN_BY_NUMBER
        number = tidy_case_number(case_number)
        self._accounts.limits.hit(database, kind, number, attempts, window_s)
        return self._any_person(database, number)

    def _any_person(self, database: Database, case_number: str) -> Person | None:
        lookup = lookup_of_case_number(self._vault, case_number)
        with database.read() as session:
            repository = EnrolmentRepository(session, _NOBODY, self._clock.now())
            return repository.any_person_of_case_number(lookup)


def _is_passphrase(hashed: str, typed: str) -> bool:
    """Whether `typed` opens it, made-up words also with other capitals.

    Both forms are always hashed, so that the time tells neither which one was right nor whether
    the case exists.
    """
    as_typed = verify_secret(hashed, tidy_passphrase(typed))
    as_made_up = verify_secret(hashed, made_up_form(typed))
    return as_typed or as_made_up


def actor_of(person: Person) -> Actor:
    """The person as the one who acts."""
    return Actor(Role.PERSON, person.organisation_id, person_id=person.id)
