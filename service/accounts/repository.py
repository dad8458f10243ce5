"""All SQL of accounts. A repository shows what its actor may see: their own organisation.

Operators see every account of it, advocates see its advocates, a person sees the organisation
alone. The system sees all of one organisation, or everything when it acts for none.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, false, func, or_, select
from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.accounts.models import Account, Invitation, Organisation
from service.errors import NotFoundError


class AccountRepository:
    """Reads and writes accounts for one actor."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
        self._actor = actor

    def organisation(self) -> Organisation:
        """The actor's own organisation."""
        if self._actor.organisation_id is None:
            raise NotFoundError("there is no such organisation")
        row = self._session.get(Organisation, self._actor.organisation_id)
        if row is None:
            raise NotFoundError("there is no such organisation")
        return row

    def accounts(self) -> Sequence[Account]:
        """Every account that the actor may see, oldest first."""
        return self._session.scalars(
            self._visible_accounts().order_by(Account.created_at, Account.username)
        ).all()

    def account(self, account_id: uuid.UUID) -> Account:
        """One account, if the actor may see it."""
        row = self._session.scalar(self._visible_accounts().where(Account.id == account_id))
        if row is None:
            raise NotFoundError("there is no such account")
        return row

    def open_invitations(self, now: datetime) -> Sequence[Invitation]:
        """Links of the actor's organisation that can still be used; for its operators."""
        return self._session.scalars(
            self._visible_invitations()
            .where(Invitation.used_at.is_(None), Invitation.expires_at > now)
            .order_by(Invitation.created_at)
        ).all()

    def invitation(self, invitation_id: uuid.UUID) -> Invitation:
        """One link, if the actor may see it."""
        row = self._session.scalar(
            self._visible_invitations().where(Invitation.id == invitation_id)
        )
        if row is None:
            raise NotFoundError("there is no such invitation")
        return row

    def active_operators(self) -> int:
        """How many operators of the actor's organisation can sign in; they stay as they are now."""
        self._session.execute(
            select(Organisation.id)
            .where(Organisation.id == self._actor.organisation_id)
            .with_for_update()
        )
        return self._session.scalars(
            select(func.count())
            .select_from(Account)
            .where(
                Account.organisation_id == self._actor.organisation_id,
                Account.role == Role.OPERATOR.value,
                Account.active,
            )
        ).one()

    def _visible_accounts(self) -> Select[Account]:
        statement = select(Account)
        actor = self._actor
        if actor.role is Role.SYSTEM and actor.organisation_id is None:
            return statement
        statement = statement.where(Account.organisation_id == actor.organisation_id)
        if actor.role is Role.PERSON:
            return statement.where(false())
        if actor.role is Role.ADVOCATE:
            return statement.where(
                or_(Account.role == Role.ADVOCATE.value, Account.id == actor.account_id)
            )
        return statement

    def _visible_invitations(self) -> Select[Invitation]:
        statement = select(Invitation)
        if self._actor.role is Role.SYSTEM and self._actor.organisation_id is None:
            return statement
        if self._actor.role not in {Role.OPERATOR, Role.SYSTEM}:
            return statement.where(false())
        return statement.where(Invitation.organisation_id == self._actor.organisation_id)


def any_account_called(session: Session, username: str) -> Account | None:
    """The account with that username, for signing in: nobody is known yet who could see it."""
    return session.scalar(select(Account).where(Account.username == username))


def any_organisation(session: Session, organisation_id: uuid.UUID) -> Organisation | None:
    """An organisation's switches, for rooms that act for its people, whoever asks."""
    return session.get(Organisation, organisation_id)


def any_face_matching(session: Session) -> bool:
    """Whether any organisation has its switch on: one examiner looks for all of them."""
    return (
        session.scalar(select(Organisation.id).where(Organisation.face_matching).limit(1))
        is not None
    )


def any_with_face_matching(session: Session) -> frozenset[uuid.UUID]:
    """Ids of the organisations with their switch on: one watch-list serves all of them."""
    return frozenset(session.scalars(select(Organisation.id).where(Organisation.face_matching)))


def any_first_organisation(session: Session) -> Organisation | None:
    """The organisation that was set up first: people who enrol here come to it."""
    return session.scalar(select(Organisation).order_by(Organisation.created_at).limit(1))


def any_invitation_with(session: Session, token_hash: str) -> Invitation | None:
    """The link with that token, held until the end of the unit of work so that it is spent once.

    Whoever has it is not signed in yet.
    """
    return session.scalar(
        select(Invitation).where(Invitation.token_hash == token_hash).with_for_update()
    )


def any_slug_is_taken(session: Session, slug: str) -> bool:
    """Whether an organisation's short name is in use, by whomever."""
    return session.scalar(select(Organisation.id).where(Organisation.slug == slug)) is not None
