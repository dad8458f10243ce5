"""The one lease of a host: every outbound request of the installation asks here first.

Crawl, capture, re-check and each redirect hop reserve a moment; the moments of one host are at
least the asked delay apart, whichever process or machine asks, because the row is changed in a
transaction of its own under the database's lock.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from service.clock import Clock
from service.database import Database
from service.sources.models import HostSlot

MAX_AHEAD_S = 3600.0
"""A moment further ahead than this comes from a clock that was set back, not from a queue."""


class HostSlots:
    """Reserves moments at hosts. Safe to share between threads, processes and machines."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def reserve(self, host: str, delay_s: float) -> float:
        """Reserve the next free moment at `host` (name and port); returns seconds to wait.

        The moment is no sooner than `delay_s` after the latest one reserved before, and no sooner
        than the delay that was asked for then.
        """
        delay = timedelta(seconds=max(0.0, delay_s))
        # After a power cut nobody waits for a moment that was reserved before it.
        with self._database.write(on_disk=False) as session:
            now = self._clock.now()
            slot = self._locked(session, host)
            if slot is None:
                session.execute(
                    self._insert_if_missing().values(
                        host=host, last_request_at=now - timedelta(days=1), next_request_at=now
                    )
                )
                slot = self._locked(session, host)
            latest, reserved = slot if slot is not None else (now - timedelta(days=1), now)
            moment = max(now, reserved, latest + delay)
            if moment - now > timedelta(seconds=MAX_AHEAD_S) + delay:
                moment = now
            session.execute(
                update(HostSlot)
                .where(HostSlot.host == host)
                .values(last_request_at=moment, next_request_at=moment + delay)
            )
            return (moment - now).total_seconds()

    def _locked(self, session: Session, host: str) -> tuple[datetime, datetime] | None:
        """When the host was asked last and may be asked next; the row is ours until the end."""
        row = session.execute(
            select(HostSlot.last_request_at, HostSlot.next_request_at)
            .where(HostSlot.host == host)
            .with_for_update()
        ).one_or_none()
        return None if row is None else (row[0], row[1])

    def _insert_if_missing(self) -> Insert:
        if self._database.engine.dialect.name == "postgresql":
            return postgresql_insert(HostSlot).on_conflict_do_nothing()
        return sqlite_insert(HostSlot).on_conflict_do_nothing()
