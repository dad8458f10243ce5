"""The leases under which workers fetch the addresses of a frontier.

1. `lease` hands a few waiting ones to one worker, each with a fencing token that only grows.
2. `finish` writes the end of a leased address in the caller's transaction, together with all that
   was found there; with a token that is not the newest it raises `FencedOffError`, so that nothing
   of that transaction stays.
3. `give_back` and `release_expired` return leases whose worker is gone. An address that was
   leased when a worker died is taken up again alone, so that one that kills its reader harms no
   other; after `MAX_ATTEMPTS` it has failed.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    case,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from indexer.crawl.messages import FetchKind
from service.sources.errors import FencedOffError
from service.sources.frontier import NOT_DUE, ROUTINE_RANK, ROWS_A_STATEMENT, TABLE
from service.sources.models import FrontierEntry

MAX_ATTEMPTS = 4
SUSPECT_ATTEMPTS = 2
RETRY_AFTER_S = (5, 60, 300)
LOST = "lost"
"""`refusal_code` of a waiting entry whose last worker died with it."""

_MAX_MESSAGE_CHARACTERS = 300

_LEASED = tuple(
    TABLE.c[name]
    for name in (
        "id",
        "run_id",
        "url",
        "kind",
        "depth",
        "referrer",
        "fencing_token",
        "attempts",
        "how",
        "variant_of",
        "rank",
    )
)


def _waiting(which: ColumnElement[bool]) -> Select[Any]:
    """Built once: putting the statement together would cost more than running it."""
    return (
        select(*_LEASED)
        .where(
            TABLE.c.run_id == bindparam("of_run"),
            TABLE.c.state == "waiting",
            TABLE.c.kind.in_(bindparam("of_kinds", expanding=True)),
            or_(TABLE.c.not_before.is_(None), TABLE.c.not_before <= bindparam("by_now")),
            which,
        )
        .order_by(TABLE.c.rank, TABLE.c.depth, TABLE.c.id)
        .limit(bindparam("at_most"))
        .with_for_update(skip_locked=True)
    )


_WAITING = _waiting(
    or_(
        TABLE.c.refusal_code.is_(None),
        TABLE.c.refusal_code != LOST,
        TABLE.c.attempts < SUSPECT_ATTEMPTS,
    )
)
_WAITING_SUSPECTS = _waiting(
    and_(TABLE.c.refusal_code == LOST, TABLE.c.attempts >= SUSPECT_ATTEMPTS)
)


@dataclass(frozen=True, slots=True)
class Lease:
    """One worker's right to fetch one address, until somebody else is given a newer token.

    `is_small`: it is a smaller form of another medium, and does not count as that one looked at.
    """

    entry_id: int
    run_id: uuid.UUID
    url: str
    kind: FetchKind
    depth: int
    referrer: str | None
    token: int
    attempts: int
    how: str = "seed"
    is_small: bool = False
    rank: int = ROUTINE_RANK

    @property
    def ticket(self) -> str:
        """The name of this lease towards the crawl child."""
        return f"{self.entry_id}.{self.token}"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a leased address ended: "done", or "refused" with the reason."""

    state: str = "done"
    code: str | None = None
    message: str | None = None
    http_status: int | None = None


def lease(
    session: Session,
    run_id: uuid.UUID,
    *,
    worker: str,
    limit: int,
    kinds: Sequence[FetchKind],
    now: datetime,
    lease_s: float,
    suspects: bool = False,
) -> tuple[Lease, ...]:
    """Lease up to `limit` waiting addresses of these kinds, the likeliest first, then those
    nearest to the start.

    With `suspects`, only those that were leased twice or more when a worker died; without, only
    the others.
    """
    if limit <= 0 or not kinds:
        return ()
    rows = session.execute(
        _WAITING_SUSPECTS if suspects else _WAITING,
        {"of_run": run_id, "of_kinds": list(kinds), "by_now": now, "at_most": limit},
    ).all()
    if rows:
        session.execute(
            update(TABLE)
            .where(TABLE.c.id.in_([row.id for row in rows]))
            .values(
                state="leased",
                fencing_token=TABLE.c.fencing_token + 1,
                attempts=TABLE.c.attempts + 1,
                leased_by=worker,
                leased_until=now + timedelta(seconds=lease_s),
            )
        )
    return tuple(_lease_of(row) for row in rows)


def extend(session: Session, leases: Iterable[Lease], *, now: datetime, lease_s: float) -> int:
    """Prolong leases that are still held; returns how many were."""
    return len(_change(session, leases, leased_until=now + timedelta(seconds=lease_s)))


def finish(session: Session, held: Lease, ending: Ending, *, now: datetime) -> None:
    """Write how a leased address ended. Raises `FencedOffError` when the lease is not the newest.

    Call it first in the transaction that writes what was found there.
    """
    if held.entry_id not in finish_all(session, [(held, ending)], now=now):
        raise FencedOffError(
            f"the lease {held.ticket} is not the newest one; another worker has this address"
        )


def finish_all(
    session: Session, endings: Sequence[tuple[Lease, Ending]], *, now: datetime
) -> set[int]:
    """The same for several; returns `entry_id` of those whose lease was the newest.

    Of the others nothing was changed, and nothing that was found there may be written.
    """
    alike: dict[Ending, list[Lease]] = defaultdict(list)
    for held, ending in endings:
        alike[ending].append(held)
    finished: set[int] = set()
    for ending, leases in alike.items():
        finished |= _change(
            session,
            leases,
            state=ending.state,
            refusal_code=ending.code,
            refusal_message=_short(ending.message),
            http_status=ending.http_status,
            leased_by=None,
            leased_until=None,
            not_before=None,
            completed_at=now,
        )
    return finished


def try_later(session: Session, held: Lease, ending: Ending, *, now: datetime) -> bool:
    """Return an address for a later attempt; False when it had its last one and was finished."""
    if held.attempts >= MAX_ATTEMPTS:
        finish(session, held, ending, now=now)
        return False
    wait_s = RETRY_AFTER_S[min(held.attempts, len(RETRY_AFTER_S)) - 1]
    finish(
        session, held, Ending("waiting", ending.code, ending.message, ending.http_status), now=now
    )
    session.execute(
        update(FrontierEntry)
        .where(FrontierEntry.id == held.entry_id)
        .values(not_before=now + timedelta(seconds=wait_s), completed_at=None)
    )
    return True


def give_back(session: Session, run_id: uuid.UUID, *, now: datetime) -> int:
    """Return every leased address of this run: its one runner begins anew. Returns how many.

    Whoever still holds one of these leases is fenced off as soon as it is leased again; until
    then its completion is refused because the entry is no longer leased.
    """
    return _return_leased(session, FrontierEntry.run_id == run_id, now)


def put_back(session: Session, leases: Iterable[Lease]) -> int:
    """Return leases whose addresses were not fetched at all: no attempt was made."""
    return _untouched(session, leases, "waiting")


def leave(session: Session, leases: Iterable[Lease]) -> int:
    """Leases that were just taken are not due in this run: no attempt is made at all."""
    return _untouched(session, leases, NOT_DUE)


def release_expired(session: Session, *, now: datetime) -> int:
    """Return every address whose lease has run out, of all runs. Returns how many."""
    return _return_leased(session, FrontierEntry.leased_until < now, now)


def _return_leased(session: Session, which: ColumnElement[bool], now: datetime) -> int:
    last_attempt = FrontierEntry.attempts >= MAX_ATTEMPTS
    rows = session.execute(
        update(FrontierEntry)
        .where(FrontierEntry.state == "leased", which)
        .values(
            state=case((last_attempt, "failed"), else_="waiting"),
            refusal_code=LOST,
            refusal_message="the worker ended while it had this address",
            completed_at=case((last_attempt, now), else_=None),
            leased_by=None,
            leased_until=None,
        )
        .returning(FrontierEntry.id)
    ).all()
    return len(rows)


def _untouched(session: Session, leases: Iterable[Lease], state: str) -> int:
    return len(
        _change(
            session,
            leases,
            state=state,
            attempts=TABLE.c.attempts - 1,
            leased_by=None,
            leased_until=None,
        )
    )


def _change(session: Session, leases: Iterable[Lease], **values: object) -> set[int]:
    """Change those of the leased entries whose lease is still the newest; returns their ids."""
    pairs = [(held.entry_id, held.token) for held in leases]
    changed: set[int] = set()
    for start in range(0, len(pairs), ROWS_A_STATEMENT):
        some = pairs[start : start + ROWS_A_STATEMENT]
        changed |= set(
            session.execute(
                update(TABLE)
                .where(
                    tuple_(TABLE.c.id, TABLE.c.fencing_token).in_(some),
                    TABLE.c.state == "leased",
                )
                .values(**values)
                .returning(TABLE.c.id)
            ).scalars()
        )
    return changed


def _lease_of(row: Row[Any]) -> Lease:
    """The lease of an entry as it was before it was leased."""
    return Lease(
        entry_id=row.id,
        run_id=row.run_id,
        url=row.url,
        kind="page" if row.kind == "page" else "medium",
        depth=row.depth,
        referrer=row.referrer,
        token=row.fencing_token + 1,
        attempts=row.attempts + 1,
        how=row.how,
        is_small=row.variant_of is not None,
        rank=row.rank,
    )


def _short(message: str | None) -> str | None:
    if message is None:
        return None
    printable = "".join(letter if letter.isprintable() else " " for letter in message)
    return printable[:_MAX_MESSAGE_CHARACTERS]
