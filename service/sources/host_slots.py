"""The one lease of a host: every outbound request of the installation asks here first.

1. Crawl, capture, re-check and each redirect hop reserve a moment; the moments of one host are at
   least the asked delay apart, whichever process or machine asks, because the row is changed in a
   transaction of its own under the database's lock. Ports 80 and 443 of a host are one host.
2. The time is that of the database server, where there is one: machines whose clocks differ, or a
   clock that jumps, change nothing.
3. Where the delay is so short that a transaction for each request would cost more than the request,
   a quarter of a second's moments are reserved in one.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Insert, func, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from service.clock import Clock, SystemClock
from service.database import Database
from service.sources.models import HostSlot

MAX_AHEAD_S = 3600.0
"""A moment further ahead than this comes from a clock that was set back, not from a queue."""

TOGETHER_S = 0.25
"""Moments within so many seconds are reserved in one transaction; unused ones are lost."""

_SHARED_PORTS = (":443", ":80")
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _Reserved:
    """Moments of one host that are ours: `delay_s` apart, the next one at `next_s` at the
    earliest, none after `until_s`, by this process's monotonic clock.
    """

    delay_s: float
    next_s: float
    until_s: float


class HostSlots:
    """Reserves moments at hosts. Safe to share between threads, processes and machines."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        """`clock` in place of the database server's, or of this machine where there is none."""
        self._database = database
        self._given_clock = clock is not None
        self._clock = clock or SystemClock()
        self._server_clock = clock is None and database.engine.dialect.name == "postgresql"
        self._lock = threading.Lock()
        self._reserved: dict[str, _Reserved] = {}

    def reserve(self, host: str, delay_s: float) -> float:
        """Reserve the next free moment at `host` (name and port); returns seconds to wait.

        The moment is no sooner than `delay_s` after the latest one reserved before, and no sooner
        than the delay that was asked for then.
        """
        delay_s = max(0.0, delay_s)
        host = slot_of(host)
        with self._lock:
            wait_s = self._of_reserved(host, delay_s)
        if wait_s is not None:
            return wait_s
        return self._from_database(host, delay_s)

    def _of_reserved(self, host: str, delay_s: float) -> float | None:
        """A moment of those that are ours already, if one is left."""
        ours = self._reserved.get(host)
        if ours is None:
            return None
        now_s = time.monotonic()
        moment_s = max(now_s, ours.next_s)
        if delay_s != ours.delay_s or moment_s > ours.until_s:
            del self._reserved[host]
            return None
        ours.next_s = moment_s + delay_s
        return moment_s - now_s

    def _from_database(self, host: str, delay_s: float) -> float:
        delay = timedelta(seconds=delay_s)
        # Whole delays, so that the moment after these is the one that would have been next.
        more_s = TOGETHER_S // delay_s * delay_s if delay_s else TOGETHER_S
        # After a power cut nobody waits for a moment that was reserved before it.
        with self._database.write(on_disk=False) as session:
            slot = self._locked(session, host)
            if slot is None:
                session.execute(
                    self._insert_if_missing().values(
                        host=host, last_request_at=_NEVER, next_request_at=_NEVER
                    )
                )
                slot = self._locked(session, host)
            now = self._now(session)
            # What comes after takes a while: all moments count from this one.
            now_s = time.monotonic()
            latest, reserved = slot if slot is not None else (_NEVER, _NEVER)
            moment = max(now, reserved, latest + delay)
            if moment - now > timedelta(seconds=MAX_AHEAD_S) + delay:
                moment = now
            last = moment + timedelta(seconds=more_s)
            session.execute(
                update(HostSlot)
                .where(HostSlot.host == host)
                .values(last_request_at=last, next_request_at=last + delay)
            )
            wait_s = (moment - now).total_seconds()
            first_s = now_s + wait_s
        if more_s > 0:
            with self._lock:
                self._reserved[host] = _Reserved(delay_s, first_s + delay_s, first_s + more_s)
        # What was spent since is waited already; a given clock says itself when time passes.
        spent_s = 0.0 if self._given_clock else time.monotonic() - now_s
        return max(0.0, wait_s - spent_s)

    def _now(self, session: Session) -> datetime:
        """The present moment; asked for when the row is ours, so that it is no older than it."""
        if self._server_clock:
            moment: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
            return moment
        return self._clock.now()

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


def slot_of(host: str) -> str:
    """The name of a host's lease: without the ports of http and https, which are one host."""
    for port in _SHARED_PORTS:
        if host.endswith(port):
            return host[: -len(port)]
    return host
