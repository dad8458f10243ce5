"""Addresses that look endless: a bound for each shape of a run, and what is beyond it left out.

1. Pages that look like a trap get the key of their shape (`indexer.crawl.traps`).
2. Of each shape the run takes as many as that kind of trap allows, the first that it meets.
3. The others are noted in the frontier, each once, with the kind of trap as the reason, so that an
   operator sees which they are; `MOST_NOTED` of them at most: a trap must not fill the database.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from indexer.crawl.traps import Trap, trap_of
from service.sources import frontier
from service.sources.frontier import LEFT_OUT, Address, url_key
from service.sources.models import FrontierEntry

MOST_NOTED: Final = 2000
ENDLESS_PREFIX: Final = "endless_"
_KEYS_A_STATEMENT = 500


@dataclass(frozen=True, slots=True)
class SortedOut:
    """`taken` go into the frontier; `left_out` counts those that were noted for the first time."""

    taken: tuple[Address, ...]
    left_out: int


def sort_out(
    session: Session, run_id: uuid.UUID, addresses: Sequence[Address], year: int
) -> SortedOut:
    """Take from `addresses` what looks endless beyond the bounds of the run, and note it."""
    traps = {
        address.url: trap
        for address in addresses
        if address.kind == "page" and (trap := trap_of(address.url, year)) is not None
    }
    if not traps:
        return SortedOut(tuple(addresses), 0)
    taken_before = _counts(session, run_id, sorted({_key(trap) for trap in traps.values()}))
    known = _known(session, run_id, list(traps))
    taken: list[Address] = []
    beyond: dict[str, list[Address]] = defaultdict(list)
    for address in addresses:
        trap = traps.get(address.url)
        if trap is None:
            taken.append(address)
            continue
        if url_key(address.url) in known:
            continue
        key = _key(trap)
        if taken_before.get(key, 0) < trap.most:
            taken_before[key] = taken_before.get(key, 0) + 1
            taken.append(replace(address, shape=key))
        else:
            beyond[ENDLESS_PREFIX + trap.kind].append(address)
    return SortedOut(tuple(taken), _note(session, run_id, beyond))


def _note(session: Session, run_id: uuid.UUID, beyond: dict[str, list[Address]]) -> int:
    if not beyond:
        return 0
    noted = session.scalar(
        select(func.count()).where(FrontierEntry.run_id == run_id, FrontierEntry.state == LEFT_OUT)
    )
    room = MOST_NOTED - (noted or 0)
    added = 0
    for reason, addresses in beyond.items():
        some = addresses[: max(0, room - added)]
        added += frontier.add(session, run_id, some, left_out=reason)
    return added


def _counts(session: Session, run_id: uuid.UUID, shapes: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(shapes), _KEYS_A_STATEMENT):
        rows = session.execute(
            select(FrontierEntry.shape, func.count())
            .where(
                FrontierEntry.run_id == run_id,
                FrontierEntry.shape.in_(shapes[start : start + _KEYS_A_STATEMENT]),
            )
            .group_by(FrontierEntry.shape)
        )
        found |= {shape: count for shape, count in rows if shape is not None}
    return found


def _known(session: Session, run_id: uuid.UUID, urls: Sequence[str]) -> set[str]:
    """Keys of those that the run knows already: they are neither taken nor counted again."""
    keys = [url_key(url) for url in urls]
    found: set[str] = set()
    for start in range(0, len(keys), _KEYS_A_STATEMENT):
        found |= set(
            session.scalars(
                select(FrontierEntry.url_key).where(
                    FrontierEntry.run_id == run_id,
                    FrontierEntry.url_key.in_(keys[start : start + _KEYS_A_STATEMENT]),
                )
            )
        )
    return found


def _key(trap: Trap) -> str:
    """A shape is a stranger's text of any length; its hash is kept."""
    return hashlib.sha256(f"{trap.kind} {trap.shape}".encode("utf-8", "surrogatepass")).hexdigest()
