"""The frontier: the addresses of one run, each once (unique by run and address).

`add` puts addresses in; `leasing` hands them to workers. What a run knows is counted here.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from sqlalchemy import Insert, Table, func, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from indexer.crawl.messages import FetchKind
from indexer.crawl.signed_addresses import stable_address
from service.sources.models import FrontierEntry

LEFT_OUT = "left_out"
"""`state` of an entry that looks endless: it is kept to be counted once, and never visited."""

NOT_DUE = "not_due"
"""`state` of a page that hardly ever changes and is left alone in this run (see `revisits.py`)."""

ROUTINE_RANK = 60
ROWS_A_STATEMENT = 200

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_KEYS_IN_MEMORY = 4096

# What is done for every address goes to the table itself: the ORM's bookkeeping would cost more
# than the statement.
TABLE: Table = FrontierEntry.metadata.tables[FrontierEntry.__tablename__]


@dataclass(frozen=True, slots=True)
class Address:
    """One address to visit. `depth` counts links from the start; `how` says where it was found.

    `variant_of` is the address of the full form of a medium of which this is a smaller one, and
    `shape` what a page that looks endless has in common with others. `rank` is its place in the
    run: less comes first (see `likelihood.py`).
    """

    url: str
    kind: FetchKind
    depth: int
    referrer: str | None = None
    how: str = "seed"
    variant_of: str | None = None
    shape: str | None = None
    rank: int = ROUTINE_RANK


@dataclass(frozen=True, slots=True)
class FrontierCount:
    """How many addresses of one kind are in which state."""

    kind: str
    state: str
    count: int


@lru_cache(_KEYS_IN_MEMORY)
def url_key(url: str) -> str:
    """The key by which an address is known: SHA-256 of its canonical spelling, in hex.

    A signature that expires is no part of it: the next page signs the same medium anew.
    """
    return hashlib.sha256(stable_address(url).encode("utf-8", "surrogatepass")).hexdigest()


def add(
    session: Session,
    run_id: uuid.UUID,
    addresses: Iterable[Address],
    *,
    left_out: str | None = None,
) -> int:
    """Put addresses in that this run does not know yet; returns how many were new.

    With `left_out`, the code of a reason, they are only noted, and never visited.
    """
    rows = [
        {
            "run_id": run_id,
            "url": address.url,
            "url_key": url_key(address.url),
            "shape": address.shape,
            "kind": address.kind,
            "rank": address.rank,
            "depth": address.depth,
            "referrer": address.referrer,
            "how": address.how[:40],
            "variant_of": url_key(address.variant_of) if address.variant_of else None,
            "state": "waiting" if left_out is None else LEFT_OUT,
            "refusal_code": left_out,
            "attempts": 0,
            "fencing_token": 0,
        }
        for address in addresses
    ]
    added = 0
    for start in range(0, len(rows), ROWS_A_STATEMENT):
        part = rows[start : start + ROWS_A_STATEMENT]
        added += len(session.execute(_insert_ignoring(session).returning(TABLE.c.id), part).all())
    return added


def counts(session: Session, run_id: uuid.UUID) -> tuple[FrontierCount, ...]:
    """How many addresses of the run are in which state, for each kind."""
    rows = session.execute(
        select(FrontierEntry.kind, FrontierEntry.state, func.count())
        .where(FrontierEntry.run_id == run_id)
        .group_by(FrontierEntry.kind, FrontierEntry.state)
    )
    return tuple(FrontierCount(kind, state, count) for kind, state, count in rows)


def next_attempt_at(
    session: Session, run_id: uuid.UUID, kinds: Sequence[FetchKind]
) -> datetime | None:
    """When the first waiting address may be fetched; the far past when at once; None if none."""
    entries = select(FrontierEntry.not_before).where(
        FrontierEntry.run_id == run_id,
        FrontierEntry.state == "waiting",
        FrontierEntry.kind.in_(kinds),
    )
    row = session.execute(
        entries.order_by(FrontierEntry.not_before.asc().nulls_first()).limit(1)
    ).one_or_none()
    if row is None:
        return None
    moment: datetime | None = row[0]
    return moment or _LONG_AGO


def _insert_ignoring(session: Session) -> Insert:
    keys = ["run_id", "url_key"]
    if session.get_bind().dialect.name == "postgresql":
        return postgresql_insert(TABLE).on_conflict_do_nothing(index_elements=keys)
    return sqlite_insert(TABLE).on_conflict_do_nothing(index_elements=keys)
