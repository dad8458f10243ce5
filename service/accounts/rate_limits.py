"""Limits on attempts: counted per kind and subject in fixed windows, by keyed HMAC only.

Each attempt is counted in a short unit of work of its own, so that it stands when what follows is
rolled back. Windows that are over are removed as new ones are counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from service.accounts.models import RateBucket
from service.clock import Clock
from service.database import Database
from service.errors import TooManyAttemptsError
from service.vault import Vault

_KEEP_WINDOWS = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `attempts` of this kind in `window_s` seconds."""

    kind: str
    attempts: int
    window_s: int


class RateLimits:
    """Counts attempts and refuses those above a limit."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock

    def hit(self, database: Database, kind: str, subject: str, limit: int, window_s: int) -> None:
        """Count one attempt of `subject`; `TooManyAttemptsError` when it is above `limit`."""
        now = self._clock.now()
        start = _window_start(now, window_s)
        with database.write() as session:
            count = self._count(session, kind, self._vault.lookup(f"rate:{kind}", subject), start)
        if count > limit:
            wait = start + timedelta(seconds=window_s) - now
            raise TooManyAttemptsError(f"Too many attempts. Please try again in {_in_words(wait)}.")

    def forget(self, database: Database, kind: str, subject: str) -> None:
        """Start again from zero for `subject`, after an attempt that was right."""
        hashed = self._vault.lookup(f"rate:{kind}", subject)
        with database.write() as session:
            session.execute(
                delete(RateBucket).where(RateBucket.kind == kind, RateBucket.subject == hashed)
            )

    def _count(self, session: Session, kind: str, subject: str, start: datetime) -> int:
        insert = (
            postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
        )
        session.execute(
            insert(RateBucket)
            .values(kind=kind, subject=subject, window_start=start, count=1)
            .on_conflict_do_update(
                index_elements=[RateBucket.kind, RateBucket.subject, RateBucket.window_start],
                set_={"count": RateBucket.count + 1},
            )
        )
        session.execute(delete(RateBucket).where(RateBucket.window_start < start - _KEEP_WINDOWS))
        return session.scalars(
            select(RateBucket.count).where(
                RateBucket.kind == kind,
                RateBucket.subject == subject,
                RateBucket.window_start == start,
            )
        ).one()


def _window_start(now: datetime, window_s: int) -> datetime:
    seconds = int(now.timestamp())
    return datetime.fromtimestamp(seconds - seconds % window_s, UTC)


def _in_words(wait: timedelta) -> str:
    minutes = max(1, -(-int(wait.total_seconds()) // 60))
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
