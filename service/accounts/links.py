"""One-time links: the first set-up, invitations, and new passwords.

1. `create_setup_link` makes the link that the server prints; `set_up` spends it and makes the
   organisation and its first operator.
2. An operator invites advocates and operators; `accept_invitation` spends such a link.
3. `create_new_password_link` and `set_new_password` let somebody in who has lost password or phone.

A link is 256 random bits, kept as a hash, good once and for a limited time.
"""

from __future__ import annotations

import re
import uuid
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.accounts.errors import LinkSpentError, UsernameTakenError
from service.accounts.models import Account, Invitation, Organisation
from service.accounts.passwords import checked_password, hash_secret
from service.accounts.repository import (
    AccountRepository,
    any_account_called,
    any_first_organisation,
    any_invitation_with,
    any_slug_is_taken,
)
from service.accounts.roles import actor_for, require_operator
from service.accounts.sessions import Sessions
from service.accounts.tokens import hash_of_token, new_token
from service.accounts.views import AccountView, InvitationView
from service.audit import AuditTrail
from service.clock import Clock
from service.errors import ConflictError, InvalidInputError

SETUP_LINK_LASTS = timedelta(hours=24)
INVITATION_LASTS = timedelta(days=7)
NEW_PASSWORD_LINK_LASTS = timedelta(hours=24)

_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,62}[a-z0-9]")
_MAX_NAME_CHARACTERS = 120
_TAKEN = "Username: it is taken; please choose another one."


class AccountLinks:
    """Makes and spends one-time links."""

    def __init__(self, clock: Clock, audit: AuditTrail, sessions: Sessions) -> None:
        self._clock = clock
        self._audit = audit
        self.sessions = sessions

    def is_set_up(self, session: Session) -> bool:
        """Whether there is an organisation."""
        return any_first_organisation(session) is not None

    def create_setup_link(self, session: Session) -> str:
        """A token for `/setup/{token}`: a new organisation and its operator. Earlier ones end."""
        now = self._clock.now()
        open_links = select(Invitation).where(
            Invitation.organisation_id.is_(None), Invitation.used_at.is_(None)
        )
        for link in session.scalars(open_links):
            link.used_at = now
        return self._new_link(session, None, Role.OPERATOR, False, now + SETUP_LINK_LASTS)

    def check_setup_link(self, session: Session, token: str) -> None:
        """Refuse a set-up link that cannot be used."""
        self._live_link(session, token, setup=True)

    def set_up(
        self,
        session: Session,
        token: str,
        organisation_name: str,
        username: str,
        password: str,
        display_name: str = "",
        jurisdiction: str = "",
    ) -> AccountView:
        """Spend a set-up link: the organisation and its first operator."""
        name = _checked_name(organisation_name, "Organisation")
        account = self._new_account(username, password, display_name)
        link = self._live_link(session, token, setup=True)
        now = self._clock.now()
        organisation = Organisation(
            id=uuid.uuid4(),
            slug=_free_slug(session, name),
            name=name,
            jurisdiction=jurisdiction.strip()[:_MAX_NAME_CHARACTERS],
            created_at=now,
        )
        session.add(organisation)
        session.flush()
        return self._join(session, link, account, organisation.id)

    def invite(self, session: Session, actor: Actor, role: Role, trained: bool = False) -> str:
        """A token for `/invitations/{token}`: a new advocate or operator of the actor's house."""
        require_operator(actor)
        if role not in {Role.ADVOCATE, Role.OPERATOR}:
            raise InvalidInputError("Role: only advocates and operators are invited.")
        now = self._clock.now()
        token = self._new_link(
            session, actor.organisation_id, role, trained, now + INVITATION_LASTS
        )
        self._audit.record(
            session,
            actor,
            "account.invite",
            "invitation",
            hash_of_token(token)[:16],
            role=role.value,
            trained=trained,
        )
        return token

    def invitation(self, session: Session, token: str) -> InvitationView:
        """What an invitation is for; `LinkSpentError` when it cannot be used any more."""
        return InvitationView.of(self._live_link(session, token, setup=False))

    def open_invitations(self, session: Session, actor: Actor) -> list[InvitationView]:
        """Links of the actor's organisation that can still be used."""
        rows = AccountRepository(session, actor).open_invitations(self._clock.now())
        return [InvitationView.of(row) for row in rows]

    def withdraw_invitation(self, session: Session, actor: Actor, invitation_id: uuid.UUID) -> None:
        """End a link before it is used."""
        require_operator(actor)
        row = AccountRepository(session, actor).invitation(invitation_id)
        if row.used_at is not None:
            raise ConflictError("This invitation was used already.")
        row.used_at = self._clock.now()
        self._audit.record(
            session, actor, "account.withdraw_invitation", "invitation", invitation_id
        )

    def accept_invitation(
        self,
        session: Session,
        token: str,
        username: str,
        password: str,
        display_name: str = "",
    ) -> AccountView:
        """Spend an invitation: a new account with the role that the operator chose."""
        account = self._new_account(username, password, display_name)
        link = self._live_link(session, token, setup=False)
        if link.account_id is not None or link.organisation_id is None:
            raise LinkSpentError("This link is not an invitation. Ask the operator for a new one.")
        return self._join(session, link, account, link.organisation_id)

    def create_new_password_link(
        self, session: Session, actor: Actor, account_id: uuid.UUID
    ) -> str:
        """A token by which an account gets a new password; its second factor is taken off too."""
        if actor.role is not Role.SYSTEM:
            require_operator(actor)
        account = AccountRepository(session, actor).account(account_id)
        token = self._new_link(
            session,
            account.organisation_id,
            Role(account.role),
            account.trained,
            self._clock.now() + NEW_PASSWORD_LINK_LASTS,
            account.id,
        )
        self._audit.record(session, actor, "account.new_password_link", "account", account_id)
        return token

    def set_new_password(self, session: Session, token: str, password: str) -> AccountView:
        """Spend a new-password link: set it, take the second factor off, end all sessions."""
        hashed = hash_secret(checked_password(password))
        link = self._live_link(session, token, setup=False)
        account = session.get(Account, link.account_id) if link.account_id else None
        if account is None:
            raise LinkSpentError("This link is not for a new password.")
        checked_password(password, account.username)
        link.used_at = self._clock.now()
        account.password_hash = hashed
        account.totp_secret = account.totp_pending = account.totp_last_step = None
        self.sessions.close_all_of_account(session, account.id)
        self._audit.record(
            session, actor_for(account), "account.new_password", "account", account.id
        )
        return AccountView.of(account)

    def _new_account(self, username: str, password: str, display_name: str) -> Account:
        name = username.strip().casefold()
        if not _USERNAME.fullmatch(name):
            raise InvalidInputError(
                "Username: 3 to 64 letters a to z, digits, dots, hyphens or underscores."
            )
        return Account(
            id=uuid.uuid4(),
            username=name,
            display_name=_checked_name(display_name or name, "Name"),
            password_hash=hash_secret(checked_password(password, name)),
        )

    def _join(
        self, session: Session, link: Invitation, account: Account, organisation_id: uuid.UUID
    ) -> AccountView:
        if any_account_called(session, account.username) is not None:
            raise UsernameTakenError(_TAKEN)
        link.used_at = account.created_at = self._clock.now()
        account.organisation_id = organisation_id
        account.role = link.role
        account.trained = link.trained
        account.active = True
        session.add(account)
        try:
            session.flush()
        except IntegrityError as error:
            raise UsernameTakenError(_TAKEN) from error
        self._audit.record(
            session,
            actor_for(account),
            "account.create",
            "account",
            account.id,
            role=account.role,
            trained=account.trained,
        )
        return AccountView.of(account)

    def _new_link(
        self,
        session: Session,
        organisation_id: uuid.UUID | None,
        role: Role,
        trained: bool,
        expires_at: datetime,
        account_id: uuid.UUID | None = None,
    ) -> str:
        token = new_token()
        session.add(
            Invitation(
                organisation_id=organisation_id,
                account_id=account_id,
                role=role.value,
                token_hash=hash_of_token(token),
                trained=trained,
                created_at=self._clock.now(),
                expires_at=expires_at,
            )
        )
        session.flush()
        return token

    def _live_link(self, session: Session, token: str, *, setup: bool) -> Invitation:
        link = any_invitation_with(session, hash_of_token(token))
        if (
            link is None
            or link.used_at is not None
            or link.expires_at <= self._clock.now()
            or (link.organisation_id is None) is not setup
        ):
            raise LinkSpentError(
                "This link was used already or is too old. Ask for a new one: the operator can "
                "make it, or `likeness account setup-link` on the server."
            )
        return link


def _checked_name(text: str, field: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > _MAX_NAME_CHARACTERS or not name.isprintable():
        raise InvalidInputError(f"{field}: 1 to {_MAX_NAME_CHARACTERS} printable characters.")
    return name


def _free_slug(session: Session, name: str) -> str:
    base = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")[:40] or "organisation"
    slug, number = base, 2
    while any_slug_is_taken(session, slug):
        slug, number = f"{base}-{number}", number + 1
    return slug
