"""Hosts that fail are left alone for a while, longer each time, and at some time given up.

1. What makes no answer, or an error of the server's own, of a host is a failure; any other answer
   ends the row of failures. It is kept in the database: other workers and a restart know of it.
2. After each failure the host rests: 2, 4, 8 … seconds, at most `LONGEST_REST_S`. Failures while it
   rests are those of requests that were under way, and do not count again.
3. Addresses of a resting host wait until it is over, without an attempt; those of a host that has
   failed `GIVE_UP_AFTER` times in a row are refused with words, so that a run comes to its end.
   After its rest the host is tried once more, by whichever run comes first.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import Select, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from indexer.crawl.messages import FetchRefused
from indexer.crawl.scope import BadAddressError, canonical_address, place_of
from service.sources.models import FrontierEntry, HostRest

GIVE_UP_AFTER = 10
LONGEST_REST_S = 900.0
RESTING = "host_rests"
GIVEN_UP = "host_given_up"

_SCHEMES = ("http", "https")
_FAILURES = frozenset({"timeout", "connection", "http_status", "robots"})
_FORGOTTEN_AFTER = timedelta(days=1)
_HOSTS_IN_MEMORY = 4096


@dataclass(frozen=True, slots=True)
class Rest:
    """A host that failed: how often in a row, and until when it is left alone."""

    host: str
    failures: int
    until: datetime

    @property
    def given_up(self) -> bool:
        """Whether its addresses are refused rather than kept waiting."""
        return self.failures >= GIVE_UP_AFTER

    @property
    def words(self) -> str:
        """For the run's page."""
        moment = f"{self.until:%Y-%m-%d %H:%M:%S} UTC"
        times = f"{self.host} failed {self.failures} times in a row"
        if self.given_up:
            return f"{times}; it was given up, and may be tried again after {moment}"
        return f"{times}; the next attempt is after {moment}"


def host_of(url: str) -> str:
    """The name under which a host fails: that of its lease; empty when this is no address."""
    scheme, separator, rest = url.partition("://")
    return _lease_of(f"{scheme}{separator}{rest.partition('/')[0]}/")


@lru_cache(_HOSTS_IN_MEMORY)
def _lease_of(start: str) -> str:
    """Asked for every address: those of a site have few hosts."""
    try:
        return place_of(canonical_address(start)).lease
    except BadAddressError:
        return ""


def is_failure(refused: FetchRefused) -> bool:
    """Whether a refusal is the host's failure, and not about this one address."""
    return refused.retry and refused.code in _FAILURES


def note_failure(session: Session, host: str, now: datetime) -> Rest:
    """A request to the host failed: it rests, longer than the last time."""
    row = session.execute(_row_of(host).with_for_update()).scalar_one_or_none()
    if row is None:
        made = {"host": host, "failures": 0, "failed_at": now, "resting_until": now}
        on_postgresql = session.get_bind().dialect.name == "postgresql"
        insert = postgresql_insert if on_postgresql else sqlite_insert
        session.execute(insert(HostRest).values(made).on_conflict_do_nothing())
        row = session.execute(_row_of(host).with_for_update()).scalar_one()
    if row.failures == 0 or now >= row.resting_until:
        row.failures = 1 if now - row.failed_at > _FORGOTTEN_AFTER else row.failures + 1
        rest_s = min(2.0 ** min(row.failures, 30), LONGEST_REST_S)
        row.failed_at, row.resting_until = now, now + timedelta(seconds=rest_s)
        session.flush()
    return Rest(host, row.failures, row.resting_until)


def note_answer(session: Session, host: str) -> None:
    """The host answered: its failures are over."""
    session.execute(delete(HostRest).where(HostRest.host == host))


def troubled(session: Session, hosts: Collection[str], now: datetime) -> dict[str, Rest]:
    """Those of the hosts that have failed lately, resting or not."""
    if not hosts:
        return {}
    rows = session.scalars(
        select(HostRest).where(
            HostRest.host.in_(hosts), HostRest.failed_at > now - _FORGOTTEN_AFTER
        )
    )
    return {row.host: Rest(row.host, row.failures, row.resting_until) for row in rows}


def due_now(session: Session, run_id: uuid.UUID, host: str) -> None:
    """Make the run's addresses at a host that wait for another attempt due: it was given up."""
    at_host = (FrontierEntry.url.startswith(f"{s}://{host}/", autoescape=True) for s in _SCHEMES)
    session.execute(
        update(FrontierEntry)
        .where(FrontierEntry.run_id == run_id, FrontierEntry.state == "waiting", or_(*at_host))
        .values(not_before=None)
    )


def wait_for(session: Session, entry_ids: Collection[int], rest: Rest) -> None:
    """Let waiting addresses of a resting host wait until its rest is over, and say why."""
    waiting = (FrontierEntry.id.in_(entry_ids), FrontierEntry.state == "waiting")
    session.execute(update(FrontierEntry).where(*waiting).values(not_before=rest.until))
    # An address that was lost with its worker stays known as one.
    session.execute(
        update(FrontierEntry)
        .where(*waiting, FrontierEntry.refusal_code.is_(None))
        .values(refusal_code=RESTING, refusal_message=rest.words)
    )


def _row_of(host: str) -> Select[HostRest]:
    return select(HostRest).where(HostRest.host == host)
