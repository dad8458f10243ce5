"""Accounts: signing in, sessions, and the accounts of one organisation.

`sign_in_staff` checks name, password and second factor at the same cost for every name. Nothing
here commits, except `sign_in_staff`, which must count attempts although it refuses them. One-time
links are in `links`, the organisation's decisions in `organisations`.
"""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.accounts.errors import (
    SignInFailedError,
)
from service.accounts.links import AccountLinks
from service.accounts.models import Account
from service.accounts.organisations import Organisations
from service.accounts.passwords import (
    checked_password,
    hash_for_nobody,
    hash_secret,
    verify_secret,
)
from service.accounts.rate_limits import Limit, RateLimits
from service.accounts.repository import (
    AccountRepository,
    any_account_called,
)
from service.accounts.roles import require_operator
from service.accounts.second_factor import SecondFactor
from service.accounts.sessions import Sessions
from service.accounts.views import AccountView, OrganisationView, SignedIn
from service.audit import AuditTrail
from service.clock import Clock
from service.database import Database
from service.errors import ConflictError, InvalidInputError, NotAllowedError

SIGN_IN_BY_NAME = Limit("staff-sign-in-name", 10, 15 * 60)
SIGN_IN_BY_ADDRESS = Limit("staff-sign-in-address", 50, 15 * 60)
OWN_CODE = Limit("own-code", 10, 15 * 60)
OWN_PASSWORD = Limit("own-password", 10, 15 * 60)

_FAILED = "Name, password or code is not right. Please try again."


class AccountService(AccountLinks):
    """What can be done with accounts, links and sign-in."""

    def __init__(
        self,
        clock: Clock,
        audit: AuditTrail,
        sessions: Sessions,
        limits: RateLimits,
        second_factor: SecondFactor,
        organisations: Organisations,
    ) -> None:
        super().__init__(clock, audit, sessions)
        self.organisations = organisations
        self.limits = limits
        self.second_factor = second_factor

    # --- signing in -------------------------------------------------------------------------

    def sign_in_staff(
        self, database: Database, username: str, password: str, code: str, address: str
    ) -> SignedIn:
        """Check name, password and (where set up) code; open a session.

        Unknown names and closed accounts cost the same and get the same answer. Attempts are
        counted by name and by network address, also when they are refused.
        """
        name = username.strip().casefold()
        for limit, subject in ((SIGN_IN_BY_ADDRESS, address), (SIGN_IN_BY_NAME, name)):
            self.limits.hit(database, limit.kind, subject, limit.attempts, limit.window_s)
        with database.read() as session:
            found = any_account_called(session, name)
        hashed = found.password_hash if found is not None and found.active else hash_for_nobody()
        right = verify_secret(hashed, password)
        if found is None or not found.active or not right:
            raise SignInFailedError(_FAILED)
        with database.write() as session:
            account = session.get(Account, found.id, with_for_update=True)
            if account is None or not account.active or account.password_hash != hashed:
                raise SignInFailedError(_FAILED)
            if not self.second_factor.accepts(account, code):
                raise SignInFailedError(_FAILED)
            actor, token = self.sessions.open(
                session, Role(account.role), account.organisation_id, account_id=account.id
            )
            self._audit.record(session, actor, "account.sign_in", "account", account.id)
        self.limits.forget(database, SIGN_IN_BY_NAME.kind, name)
        return SignedIn(actor, token)

    def open_staff_session(self, session: Session, account_id: uuid.UUID) -> str:
        """The cookie's token for an account that was made or changed by a one-time link just now.

        Somebody with a second factor signs in with it instead.
        """
        account = session.get(Account, account_id)
        if account is None or not account.active or account.totp_secret is not None:
            raise SignInFailedError("Please sign in.")
        actor, token = self.sessions.open(
            session, Role(account.role), account.organisation_id, account_id=account.id
        )
        self._audit.record(session, actor, "account.sign_in", "account", account.id)
        return token

    def open_person_session(
        self, session: Session, person_id: uuid.UUID, organisation_id: uuid.UUID
    ) -> str:
        """The cookie's token for a person whose case number and passphrase were checked."""
        _, token = self.sessions.open(session, Role.PERSON, organisation_id, person_id=person_id)
        return token

    def actor_of(self, session: Session, token: str) -> Actor | None:
        """Who holds a token, or None."""
        return self.sessions.actor_of(session, token)

    def sign_out(self, session: Session, token: str) -> bool:
        """End the session of a token; False when it was gone already."""
        return self.sessions.close(session, token)

    def end_person_sessions(self, session: Session, person_id: uuid.UUID) -> int:
        """End every session of a person (erased, or "sign out everywhere")."""
        return self.sessions.close_all_of_person(session, person_id)

    # --- the accounts of one organisation ---------------------------------------------------

    def own_account(self, session: Session, actor: Actor) -> AccountView:
        """The actor's own account."""
        return AccountView.of(self._own(session, actor))

    def account(self, session: Session, actor: Actor, account_id: uuid.UUID) -> AccountView:
        """One account that the actor may see."""
        return AccountView.of(AccountRepository(session, actor).account(account_id))

    def accounts(self, session: Session, actor: Actor) -> list[AccountView]:
        """Every account that the actor may see."""
        return [AccountView.of(row) for row in AccountRepository(session, actor).accounts()]

    def advocates(self, session: Session, actor: Actor) -> list[AccountView]:
        """The active advocates of the actor's organisation."""
        return [
            view
            for view in self.accounts(session, actor)
            if view.role is Role.ADVOCATE and view.active
        ]

    def change_password(self, database: Database, actor: Actor, current: str, new: str) -> None:
        """Change the actor's own password; every other session of the account ends."""
        old_hash = self.check_own_password(database, actor, current)
        with database.read() as session:
            username = self._own(session, actor).username
        new_hash = hash_secret(checked_password(new, username))
        with database.write() as session:
            account = self._own(session, actor)
            if account.password_hash != old_hash:
                raise ConflictError("The password was changed elsewhere in the meantime.")
            account.password_hash = new_hash
            self.sessions.close_all_of_account(session, account.id, but=actor.session_id)
            self._audit.record(session, actor, "account.change_password", "account", account.id)

    def check_own_password(self, database: Database, actor: Actor, password: str) -> str:
        """Ask the actor for their password again, counted; returns the hash that it opened."""
        limit = OWN_PASSWORD
        subject = str(actor.account_id)
        self.limits.hit(database, limit.kind, subject, limit.attempts, limit.window_s)
        with database.read() as session:
            hashed = self._own(session, actor).password_hash
        if not verify_secret(hashed, password):
            raise InvalidInputError("Current password: it is not right.")
        self.limits.forget(database, limit.kind, subject)
        return hashed

    def confirm_second_factor(self, database: Database, actor: Actor, code: str) -> None:
        """Prove the pending second factor of the actor's own account, with counted attempts."""
        limit = OWN_CODE
        subject = str(actor.account_id)
        self.limits.hit(database, limit.kind, subject, limit.attempts, limit.window_s)
        with database.write() as session:
            self.second_factor.confirm(session, actor, code)

    def remove_second_factor(self, database: Database, actor: Actor, password: str) -> None:
        """Take the second factor off the actor's own account; asks for the password again."""
        self.check_own_password(database, actor, password)
        with database.write() as session:
            self.second_factor.remove(session, actor)

    def sign_out_everywhere(self, session: Session, actor: Actor) -> int:
        """End every session of the actor, this one too; returns how many."""
        if actor.person_id is not None:
            return self.sessions.close_all_of_person(session, actor.person_id)
        return self.sessions.close_all_of_account(session, self._own(session, actor).id)

    def set_trained(
        self, session: Session, actor: Actor, account_id: uuid.UUID, trained: bool
    ) -> None:
        """Record whether a reviewer was trained; only trained ones may confirm candidates."""
        require_operator(actor)
        account = AccountRepository(session, actor).account(account_id)
        account.trained = trained
        self._audit.record(
            session, actor, "account.set_trained", "account", account_id, trained=trained
        )

    def set_active(
        self, session: Session, actor: Actor, account_id: uuid.UUID, active: bool
    ) -> None:
        """Close or reopen an account. Closing ends its sessions at once; one operator stays."""
        require_operator(actor)
        repository = AccountRepository(session, actor)
        account = repository.account(account_id)
        closes_an_operator = account.active and not active and account.role == Role.OPERATOR.value
        if closes_an_operator and repository.active_operators() <= 1:
            raise ConflictError("This is the last operator; invite another one first.")
        account.active = active
        if not active:
            self.sessions.close_all_of_account(session, account_id)
        self._audit.record(
            session, actor, "account.set_active", "account", account_id, active=active
        )

    # --- the organisation's decisions (kept in `Organisations`) ------------------------------

    def organisation(self, session: Session, actor: Actor) -> OrganisationView:
        """The actor's own organisation."""
        return self.organisations.organisation(session, actor)

    def default_organisation(self, session: Session) -> OrganisationView:
        """The organisation that people who enrol here come to."""
        return self.organisations.default_organisation(session)

    def face_matching_on(self, session: Session, organisation_id: uuid.UUID) -> bool:
        """Whether the organisation's face-matching switch is on."""
        return self.organisations.face_matching_on(session, organisation_id)

    def set_face_matching(
        self,
        session: Session,
        actor: Actor,
        on: bool,
        jurisdiction: str,
        legal_basis: str,
        impact_assessment: str,
    ) -> OrganisationView:
        """Turn the face-matching switch; see `Organisations.set_face_matching`."""
        return self.organisations.set_face_matching(
            session, actor, on, jurisdiction, legal_basis, impact_assessment
        )

    # --- parts ------------------------------------------------------------------------------

    def _own(self, session: Session, actor: Actor) -> Account:
        if actor.account_id is None:
            raise NotAllowedError("This needs an account of an advocate or operator.")
        return AccountRepository(session, actor).account(actor.account_id)
