"""Signed-in browsers: opened at sign-in, ended by idleness, by age, or by hand.

A session is known by the hash of its token. It ends when nothing was asked for during the idle
time of its role, at the latest 12 hours after sign-in, at once when it is signed out or when the
account is closed. Signing in always makes a new token.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.accounts.models import Account, SignInSession
from service.accounts.tokens import hash_of_token, new_token
from service.clock import Clock
from service.database import Database

MAX_SESSION_AGE = timedelta(hours=12)
_TOUCH_AFTER = timedelta(seconds=60)
"""The last use is written at most this often, so that looking at pages hardly ever writes."""


class Sessions:
    """Opens, recognises and ends sessions."""

    def __init__(self, clock: Clock, *, person_idle_minutes: int, staff_idle_minutes: int) -> None:
        self._clock = clock
        self._person_idle = timedelta(minutes=person_idle_minutes)
        self._staff_idle = timedelta(minutes=staff_idle_minutes)

    def open(
        self,
        session: Session,
        role: Role,
        organisation_id: uuid.UUID,
        *,
        account_id: uuid.UUID | None = None,
        person_id: uuid.UUID | None = None,
    ) -> tuple[Actor, str]:
        """A new session; returns who it is for and the token for the cookie (kept nowhere)."""
        self.purge(session)
        now = self._clock.now()
        token = new_token()
        row = SignInSession(
            id=hash_of_token(token),
            role=role.value,
            organisation_id=organisation_id,
            account_id=account_id,
            person_id=person_id,
            created_at=now,
            last_seen_at=now,
            expires_at=now + MAX_SESSION_AGE,
        )
        session.add(row)
        session.flush()
        return _actor(row), token

    def actor_of(self, session: Session, token: str) -> Actor | None:
        """Who holds `token`, or None when it is unknown, ended, or its account is closed."""
        row = session.get(SignInSession, hash_of_token(token))
        if row is None or not self._is_live(row):
            return None
        if row.account_id is not None:
            account = session.get(Account, row.account_id)
            if account is None or not account.active or account.role != row.role:
                return None
        return _actor(row)

    def touch(self, database: Database, actor: Actor) -> None:
        """Note that the session was used, in a short unit of work of its own, if that is due."""
        now = self._clock.now()
        with database.read() as session:
            seen = session.scalar(
                select(SignInSession.last_seen_at).where(SignInSession.id == actor.session_id)
            )
        if seen is None or now - seen < _TOUCH_AFTER:
            return
        with database.write() as session:
            session.execute(
                update(SignInSession)
                .where(SignInSession.id == actor.session_id, SignInSession.last_seen_at < now)
                .values(last_seen_at=now)
            )

    def close(self, session: Session, token: str) -> bool:
        """End one session; False when it was gone already."""
        found = session.get(SignInSession, hash_of_token(token))
        if found is None:
            return False
        session.delete(found)
        session.flush()
        return True

    def close_all_of_account(
        self, session: Session, account_id: uuid.UUID, *, but: str | None = None
    ) -> int:
        """End every session of an account, `but` the one with that id; returns how many."""
        return self._close(session, SignInSession.account_id == account_id, but)

    def close_all_of_person(
        self, session: Session, person_id: uuid.UUID, *, but: str | None = None
    ) -> int:
        """End every session of a person, `but` the one with that id; returns how many."""
        return self._close(session, SignInSession.person_id == person_id, but)

    def purge(self, session: Session) -> int:
        """Remove rows of sessions that ended by themselves, as each sign-in does; how many."""
        now = self._clock.now()
        idle = (SignInSession.role == Role.PERSON.value) & (
            SignInSession.last_seen_at <= now - self._person_idle
        ) | (SignInSession.last_seen_at <= now - max(self._staff_idle, self._person_idle))
        return self._close(session, idle | (SignInSession.expires_at <= now), None)

    def _close(self, session: Session, condition: ColumnElement[bool], but: str | None) -> int:
        ids = select(SignInSession.id).where(condition)
        if but is not None:
            ids = ids.where(SignInSession.id != but)
        found = session.scalars(ids).all()
        session.execute(delete(SignInSession).where(SignInSession.id.in_(found)))
        return len(found)

    def _is_live(self, row: SignInSession) -> bool:
        now: datetime = self._clock.now()
        idle = self._person_idle if row.role == Role.PERSON.value else self._staff_idle
        return now < row.expires_at and now - row.last_seen_at < idle


def _actor(row: SignInSession) -> Actor:
    return Actor(
        role=Role(row.role),
        organisation_id=row.organisation_id,
        account_id=row.account_id,
        person_id=row.person_id,
        session_id=row.id,
    )
