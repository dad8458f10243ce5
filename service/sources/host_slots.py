"""The one lease of a host: every outbound request of the installation asks here first.

Crawl, capture, re-check and each redirect hop reserve a moment; the moments of one host are at
least the asked delay apart, whichever process or machine asks, because the row is changed in a
transaction of its own under the database's lock.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Insert, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

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
        with self._database.write() as session:
            now = self._clock.now()
            statement = self._insert_if_missing()
            session.execute(
                statement.values(
                    host=host, last_request_at=now - timedelta(days=1), next_request_at=now
                )
            )
            slot = session.execute(
                select(HostSlot).where(HostSlot.host == host).with_for_update()
            ).scalar_one()
            moment = max(now, slot.next_request_at, slot.last_request_at + delay)
            if moment - now > timedelta(seconds=MAX_AHEAD_S) + delay:
                moment = now
            slot.last_request_at = moment
            slot.next_request_at = moment + delay
            return (moment - now).total_seconds()

    def _insert_if_missing(self) -> Insert:
        if self._database.engine.dialect.name == "postgresql":
            return postgresql_insert(HostSlot).on_conflict_do_nothing()
        return sqlite_insert(HostSlot).on_conflict_do_nothing()
