"""What was seen before, found by its hash: each machine's own index over the table `seen_hashes`.

1. `follow` appends the table's rows to the index, in batches and in the order of their ids. Only
   rows that have settled are kept: PostgreSQL may commit a lower id after a higher one, and an
   index only grows. A late one that slipped through is noticed by `verify`, which builds the index
   anew. Rows that were deleted meanwhile stay in it, as long as they are few: they answer nothing.
2. `search` asks the index and compares the few younger rows with the table itself, so that nothing
   is missed meanwhile. What the table does not name any more (halted media) is never answered.

The index is made of the table alone and may be deleted at any time. A crawl's transaction never
waits for it.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from indexer.hashing import MAX_PDQ_DISTANCE
from indexer.hashing.index import (
    CODE_BYTES,
    Codes,
    HashIndex,
    HashIndexError,
    build_index,
    pdq_codes,
)
from indexer.hashing.store import HashStore, HashStoreDamagedError
from indexer.hashing.turning import TURNED_AS
from service.clock import Clock
from service.database import Database
from service.sources.errors import SeenIndexError
from service.sources.seen_repository import SeenHashRepository

logger = logging.getLogger(__name__)

SETTLED_AFTER = timedelta(seconds=60)
"""Far longer than any transaction that writes hashes: those of a crawl take some milliseconds."""
BATCH = 200_000
MAX_YOUNG = 200_000
"""More rows than that are not compared one by one: the index has to be built first."""
VERIFY_EVERY_S = 3600.0
WINDOW = 100_000
DELETED_ALLOWED = 1000
_UNWRITABLE = "the index of what was seen cannot be written"


@dataclass(frozen=True, slots=True)
class SeenHit:
    """A hash that was seen. `query` counts the pictures that were asked for; `turned` names how
    that picture was turned to become this one.
    """

    query: int
    medium_id: uuid.UUID
    at_ms: int
    distance: int
    quality: int
    turned: str


@dataclass(frozen=True, slots=True)
class SeenIndexState:
    """How much is kept of how much there is."""

    kept: int
    checkpoint: int
    in_table: int
    waiting: int

    @property
    def is_sound(self) -> bool:
        """Whether everything up to the checkpoint is there, and not too much waits."""
        return (
            self.in_table <= self.kept <= self.in_table + _deleted_allowed(self.kept)
            and self.waiting <= MAX_YOUNG
        )


class SeenIndex:
    """Safe to share between threads; processes of one machine share its folder."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        """Nothing is read or written before it is needed."""
        self._store = HashStore(folder)
        self._clock = clock
        self._following = threading.Lock()
        self._verified_at: float | None = None

    def keep_up(self, database: Database, budget_s: float) -> int:
        """Follow for about that long; now and then look whether all is there."""
        now = time.monotonic()
        if self._verified_at is None or now - self._verified_at > VERIFY_EVERY_S:
            self.verify(database)
            self._verified_at = now
        return self.follow(database, budget_s)

    def follow(self, database: Database, budget_s: float | None = None) -> int:
        """Append what has settled; returns how many hashes. Raises `SeenIndexError`."""
        began, appended = time.monotonic(), 0
        with self._following:
            while budget_s is None or time.monotonic() - began < budget_s:
                count = self._append_batch(database)
                if not count:
                    break
                appended += count
        return appended

    def verify(self, database: Database) -> bool:
        """Whether the index holds what the table says; it is emptied when it does not."""
        with self._following:
            try:
                self._store.check()
                ids = self._store.ids
            except HashStoreDamagedError as error:
                self._begin_anew(str(error))
                return False
            with database.read() as session:
                missing, deleted = _differences(SeenHashRepository(session), ids)
            if not missing and deleted <= _deleted_allowed(len(ids)):
                return True
            self._begin_anew(f"{missing} hashes are missing, {deleted} are there no more")
            return False

    def state(self, session: Session) -> SeenIndexState:
        """For `likeness doctor`. Raises `SeenIndexError` when the index is damaged."""
        repository = SeenHashRepository(session)
        try:
            checkpoint, kept = self._store.checkpoint, len(self._store)
        except HashStoreDamagedError as error:
            raise SeenIndexError(str(error)) from error
        in_table = repository.count_up_to(checkpoint)
        waiting = repository.count_up_to(repository.highest()) - in_table
        return SeenIndexState(kept, checkpoint, in_table, waiting)

    def search(self, session: Session, pictures: Sequence[Sequence[str]]) -> tuple[SeenHit, ...]:
        """Every hash seen within PDQ's distance of one of these pictures, turned or mirrored.

        Each picture is given as its PDQ in eight orientations, as `ORIENTATIONS` orders them.
        Closest first. Raises `SeenIndexError` while the index is not built yet.
        """
        if not pictures:
            return ()
        queries = pdq_codes([pdq for turned in pictures for pdq in turned])
        repository = SeenHashRepository(session)
        try:
            checkpoint = self._store.checkpoint
            found = [
                self._store.search(queries, MAX_PDQ_DISTANCE),
                _young(repository, checkpoint).search(queries, MAX_PDQ_DISTANCE),
            ]
        except HashStoreDamagedError as error:
            self._begin_anew(str(error))
            raise SeenIndexError("the index of what was seen is being built anew") from error
        rows = repository.of_ids(sorted({int(each) for hits in found for each in hits.ids}))
        best: dict[tuple[int, int], SeenHit] = {}
        for hits in found:
            for asked, hash_id, distance in zip(
                hits.queries.tolist(), hits.ids.tolist(), hits.distances.tolist(), strict=True
            ):
                row = rows.get(hash_id)
                query, turn = divmod(asked, len(TURNED_AS))
                known = best.get((query, hash_id))
                if row is None or (known is not None and known.distance <= distance):
                    continue
                best[query, hash_id] = SeenHit(
                    query, row.medium_id, row.at_ms, distance, row.quality, TURNED_AS[turn]
                )
        return tuple(sorted(best.values(), key=lambda hit: (hit.distance, hit.query, hit.at_ms)))

    def _append_batch(self, database: Database) -> int:
        try:
            checkpoint = self._store.checkpoint
        except HashStoreDamagedError as error:
            self._begin_anew(str(error))
            checkpoint = 0
        with database.read() as session:
            rows = SeenHashRepository(session).after(checkpoint, BATCH)
        settled_before = self._clock.now() - SETTLED_AFTER
        settled = []
        for hash_id, pdq, added_at in rows:
            if added_at > settled_before:
                # a lower id than the next ones could still appear before it
                break
            settled.append((hash_id, pdq))
        if not settled:
            return 0
        ids = np.array([hash_id for hash_id, _ in settled], dtype=np.int64)
        try:
            self._store.append(_codes([pdq for _, pdq in settled]), ids)
        except HashStoreDamagedError as error:
            self._begin_anew(str(error))
        except HashIndexError:
            if self._store.checkpoint == checkpoint:
                raise
            # another process of this machine appended the same rows meanwhile
        except OSError as error:
            raise SeenIndexError(
                f"the index of what was seen cannot be written: {error}"
            ) from error
        return len(settled)

    def _begin_anew(self, why: str) -> None:
        logger.warning("the index of what was seen is built anew: %s", why)
        try:
            self._store.clear()
        except OSError as error:
            raise SeenIndexError(
                f"the index of what was seen cannot be written: {error}"
            ) from error


def _deleted_allowed(kept: int) -> int:
    """So many deleted hashes are not worth building the index anew: it takes minutes when large."""
    return DELETED_ALLOWED + kept // 10


def _differences(repository: SeenHashRepository, kept: npt.NDArray[np.int64]) -> tuple[int, int]:
    """How many hashes of the table are not kept, and how many kept ones it has no more.

    Compared by windows of ids; single ids only where counts or sums differ.
    """
    last = int(kept[-1]) if len(kept) else 0
    in_table = repository.windows_up_to(last, WINDOW)
    missing = deleted = 0
    for number in range(last // WINDOW + 1):
        first, end = number * WINDOW, min((number + 1) * WINDOW, last + 1)
        begin, stop = np.searchsorted(kept, (first, end))
        here = kept[begin:stop]
        if (len(here), int(here.sum())) == in_table.get(number, (0, 0)):
            continue
        there = np.array(repository.ids_between(first, end), dtype=np.int64)
        missing += len(np.setdiff1d(there, here, assume_unique=True))
        deleted += len(np.setdiff1d(here, there, assume_unique=True))
    return missing, deleted


def _young(repository: SeenHashRepository, checkpoint: int) -> HashIndex:
    """The rows above the checkpoint, as an index of this one search."""
    rows = repository.after(checkpoint, MAX_YOUNG + 1)
    if len(rows) > MAX_YOUNG:
        raise SeenIndexError("the index of what was seen is still being built; try again later")
    ids = np.array([hash_id for hash_id, _, _ in rows], dtype=np.int64)
    return build_index(_codes([pdq for _, pdq, _ in rows]), ids)


def _codes(hashes: Sequence[bytes]) -> Codes:
    return np.frombuffer(b"".join(hashes), dtype=np.uint8).reshape(len(hashes), CODE_BYTES)
