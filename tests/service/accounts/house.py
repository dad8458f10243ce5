"""A small house for tests of accounts: its services, an organisation, and people who work there."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from service.accounts.actor import Actor, Role
from service.accounts.organisations import Organisations
from service.accounts.rate_limits import RateLimits
from service.accounts.second_factor import SecondFactor
from service.accounts.service import AccountService
from service.accounts.sessions import Sessions
from service.audit import AuditTrail
from service.database import Database
from service.vault import Vault
from tests.fixtures.clock import SettableClock

PASSWORD = "four unrelated words do"
ADDRESS = "198.51.100.7"


@dataclass(frozen=True)
class House:
    database: Database
    vault: Vault
    clock: SettableClock
    audit: AuditTrail
    accounts: AccountService

    def set_up(self, name: str = "Helpline One", username: str = "olga") -> Actor:
        """An organisation and its first operator."""
        with self.database.write() as session:
            token = self.accounts.create_setup_link(session)
        with self.database.write() as session:
            view = self.accounts.set_up(session, token, name, username, PASSWORD)
        return Actor(Role.OPERATOR, view.organisation_id, account_id=view.id)

    def join(self, operator: Actor, role: Role, username: str, *, trained: bool = True) -> Actor:
        """Somebody who was invited and accepted."""
        with self.database.write() as session:
            token = self.accounts.invite(session, operator, role, trained)
        with self.database.write() as session:
            view = self.accounts.accept_invitation(session, token, username, PASSWORD)
        return Actor(role, view.organisation_id, account_id=view.id)

    def sign_in(self, username: str, code: str = "", password: str = PASSWORD) -> str:
        """The token of a new session."""
        return self.accounts.sign_in_staff(self.database, username, password, code, ADDRESS).token

    def who(self, token: str) -> Actor | None:
        """Who holds a token now."""
        with self.database.read() as session:
            return self.accounts.actor_of(session, token)

    def actions(self) -> list[str]:
        """What the audit trail says was done, in order."""
        from sqlalchemy import select

        from service.audit.models import AuditEntry

        with self.database.read() as session:
            return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.number)))


def make_house(database: Database, vault: Vault, clock: SettableClock) -> House:
    """The services of accounts over a database."""
    audit = AuditTrail(clock)
    accounts = AccountService(
        clock,
        audit,
        Sessions(clock, person_idle_minutes=30, staff_idle_minutes=240),
        RateLimits(vault, clock),
        SecondFactor(vault, clock, audit),
        Organisations(clock, audit),
    )
    return House(database, vault, clock, audit, accounts)


def person(organisation_id: uuid.UUID | None) -> Actor:
    """A person of an organisation, as enrolment would make one."""
    return Actor(Role.PERSON, organisation_id, person_id=uuid.uuid4())
