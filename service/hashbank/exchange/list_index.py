"""Tells which lists a medium is on: exactly by its file, and by PDQ within 31 bits.

1. The index of all PDQ entries lies on disk and follows the table by its ids (`HashStore`): many
   processes read it, and each brings it up to date when the count of changes has moved.
2. A medium's eight orientations are looked up in it at once; a video's frames, and what only a
   hash is left of, are turned by the bits of their hashes.
3. What is found is read from the table: only entries that are in force, on lists of this very
   organisation, count. An index that is behind or ahead can therefore name nothing wrongly.
4. Files are looked up by SHA-256, and by MD5 where a list in force has such.

Hashes of flat pictures (quality below 50) say nothing and are not looked up.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, cast

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from indexer.hashing import MIN_PDQ_QUALITY, turned_hashes
from indexer.hashing.index import Codes, HashIndexError, Hits
from indexer.hashing.store import HashStore, HashStoreDamagedError
from indexer.observations import Examination
from service.database import Database
from service.hashbank.exchange.entries import change_number, in_force
from service.hashbank.exchange.models import HashList, HashListEntry
from service.hashbank.exchange.signals import HashKind
from service.hashbank.exchange.views import NOT_LISTED, ListAction, Listed, ListMatch

logger = logging.getLogger(__name__)

MAX_DISTANCE: Final = 31
_BATCH: Final = 250_000
_IDS_AT_ONCE: Final = 500
_MOST_STALE_ROWS: Final = 100_000
_FRAMES_AT_MOST: Final = 2_000


class ListIndex:
    """Look-ups in all lists of an installation, for one organisation at a time. Thread-safe."""

    def __init__(self, database: Database, folder: Path) -> None:
        """`folder` is the index's own; it is made when first needed."""
        self._database = database
        self._store = HashStore(folder)
        self._lock = threading.Lock()
        self._change = -1
        self._complete_to = 0
        self._kinds: dict[uuid.UUID, frozenset[HashKind]] = {}

    def exact(
        self, organisation_id: uuid.UUID, content: bytes, sha256: str, change: int | None = None
    ) -> Listed:
        """The lists that name this very file, without looking at it.

        A caller who has just read the count of changes gives it as `change`.
        """
        kinds = self._kinds_of(organisation_id, change)
        wanted: list[tuple[HashKind, bytes]] = []
        if "sha256" in kinds:
            wanted.append(("sha256", bytes.fromhex(sha256)))
        if "md5" in kinds:
            digest = hashlib.md5(content, usedforsecurity=False).digest()
            wanted.append(("md5", digest))
        return self._exact(organisation_id, wanted) if wanted else NOT_LISTED

    def by_sha256(self, organisation_id: uuid.UUID, sha256: str) -> Listed:
        """The lists that name a file by its SHA-256 alone: of what we no longer hold."""
        if "sha256" not in self._kinds_of(organisation_id) or len(sha256) != 64:
            return NOT_LISTED
        return self._exact(organisation_id, [("sha256", bytes.fromhex(sha256))])

    def of_examination(self, organisation_id: uuid.UUID, examination: Examination) -> Listed:
        """The lists that an examined medium is on, by its SHA-256 and by what it looks like."""
        by_file = self.by_sha256(organisation_id, examination.hashes.sha256)
        return by_file.plus(self.similar(organisation_id, examination))

    def change(self) -> int:
        """How often what is in force has changed so far."""
        with self._database.read() as session:
            return change_number(session)

    def similar(self, organisation_id: uuid.UUID, examination: Examination) -> Listed:
        """The lists with a picture that this medium, or a frame of it, is a copy of."""
        hashes = examination.hashes
        asked: list[str] = []
        if hashes.pdq is not None and (hashes.pdq_quality or 0) >= MIN_PDQ_QUALITY:
            asked += examination.pdq_orientations or turned_hashes(hashes.pdq)
        good = [each.pdq for each in examination.frame_hashes if each.quality >= MIN_PDQ_QUALITY]
        return self.by_pdq(organisation_id, (*asked, *_all_turned(good[:_FRAMES_AT_MOST])))

    def turned(self, organisation_id: uuid.UUID, pdq_hex: Sequence[str]) -> Listed:
        """As `by_pdq`, of pictures of which only the hash is known, however they are turned."""
        return self.by_pdq(organisation_id, _all_turned(pdq_hex))

    def by_pdq(self, organisation_id: uuid.UUID, pdq_hex: Sequence[str]) -> Listed:
        """The lists with an entry within `MAX_DISTANCE` bits of one of these hashes."""
        if not pdq_hex or "pdq" not in self._kinds_of(organisation_id):
            return NOT_LISTED
        unique = list(dict.fromkeys(pdq_hex))
        codes = np.frombuffer(bytes.fromhex("".join(unique)), dtype=np.uint8).reshape(-1, 32)
        hits = self._search(codes)
        if not len(hits.ids):
            return NOT_LISTED
        best: dict[int, int] = {}
        for entry_id, distance in zip(hits.ids.tolist(), hits.distances.tolist(), strict=True):
            best[entry_id] = min(distance, best.get(entry_id, distance))
        found = NOT_LISTED
        with self._database.read() as session:
            for some in _batches(sorted(best)):
                rows = self._entries(session, organisation_id, HashListEntry.id.in_(some))
                found = found.plus(
                    Listed(
                        tuple(
                            _match(row, entry, best[entry.id])
                            for row, entry in rows
                            if _distance(entry.value, codes) <= MAX_DISTANCE
                        )
                    )
                )
        return found

    def _search(self, codes: Codes) -> Hits:
        """Never in less than what was there: files may be gone, or built anew by another process.

        Else a "stop" list would silently stop nothing meanwhile.
        """
        try:
            if self._store.checkpoint >= self._complete_to:
                return self._store.search(codes, MAX_DISTANCE)
        except HashStoreDamagedError as error:
            logger.warning("the index of hash lists is built anew: %s", error)
        with self._lock:
            self._bring_up_to_date()
        return self._store.search(codes, MAX_DISTANCE)

    def follow(self) -> int:
        """Bring the index up to date with the table; returns how many hashes it has."""
        with self._lock:
            with self._database.read() as session:
                change = change_number(session)
            self._follow(change)
        return len(self._store)

    def _exact(
        self, organisation_id: uuid.UUID, wanted: Sequence[tuple[HashKind, bytes]]
    ) -> Listed:
        one_of = or_(
            *(
                and_(HashListEntry.kind == kind, HashListEntry.value == value)
                for kind, value in wanted
            )
        )
        with self._database.read() as session:
            rows = self._entries(session, organisation_id, one_of)
            matches = tuple(_match(row, entry, 0) for row, entry in rows)
        return NOT_LISTED.plus(Listed(matches))

    def _entries(
        self, session: Session, organisation_id: uuid.UUID, which: ColumnElement[bool]
    ) -> list[tuple[HashList, HashListEntry]]:
        rows = session.execute(
            select(HashList, HashListEntry)
            .join(HashListEntry, HashListEntry.list_id == HashList.id)
            .where(HashList.organisation_id == organisation_id, in_force(), which)
        )
        return [(row[0], row[1]) for row in rows]

    def _kinds_of(
        self, organisation_id: uuid.UUID, change: int | None = None
    ) -> frozenset[HashKind]:
        """Kinds of hashes in force for the organisation; follows the table when it has changed."""
        change = self.change() if change is None else change
        if change != self._change:
            with self._lock:
                if change != self._change:
                    self._follow(change)
        return self._kinds.get(organisation_id, frozenset())

    def _follow(self, change: int) -> None:
        """Under the lock. A change that is made meanwhile is followed by the next look-up."""
        with self._database.read() as session:
            kinds: dict[uuid.UUID, set[HashKind]] = {}
            for row in session.scalars(select(HashList).where(HashList.removed_at.is_(None))):
                counts = (row.pdq_entries, row.sha256_entries, row.md5_entries)
                present = {
                    kind
                    for kind, count in zip(("pdq", "sha256", "md5"), counts, strict=True)
                    if count
                }
                kinds.setdefault(row.organisation_id, set()).update(cast("set[HashKind]", present))
        self._bring_up_to_date()
        self._kinds = {key: frozenset(value) for key, value in kinds.items()}
        self._change = change

    def _bring_up_to_date(self) -> None:
        try:
            if not self._fits():
                self._store.clear()
            self._append_new()
        except HashStoreDamagedError:
            self._store.clear()
            self._append_new()
        self._complete_to = self._store.checkpoint

    def _fits(self) -> bool:
        """Whether what the index has can still be that of the table.

        Not when the table was put back to an older state, or when most of the index is of lists
        that are gone.
        """
        kept, checkpoint = len(self._store), self._store.checkpoint
        if not kept:
            return True
        of_pdq = HashListEntry.kind == "pdq"
        with self._database.read() as session:
            newest = session.scalar(select(func.max(HashListEntry.id))) or 0
            rows = (
                session.scalar(
                    select(func.count())
                    .select_from(HashListEntry)
                    .where(of_pdq, HashListEntry.id <= checkpoint)
                )
                or 0
            )
        return newest >= checkpoint and rows <= kept <= 2 * rows + _MOST_STALE_ROWS

    def _append_new(self) -> None:
        while True:
            checkpoint = self._store.checkpoint
            with self._database.read() as session:
                rows = session.execute(
                    select(HashListEntry.id, HashListEntry.value)
                    .where(HashListEntry.kind == "pdq", HashListEntry.id > checkpoint)
                    .order_by(HashListEntry.id)
                    .limit(_BATCH)
                ).all()
            if not rows:
                return
            ids = np.array([row[0] for row in rows], dtype=np.int64)
            codes = np.frombuffer(b"".join(row[1] for row in rows), dtype=np.uint8)
            try:
                self._store.append(codes.reshape(-1, 32), ids)
            except HashStoreDamagedError:
                raise
            except HashIndexError:
                if self._store.checkpoint <= checkpoint:
                    raise
                # another process appended them meanwhile: go on from there


def _match(row: HashList, entry: HashListEntry, distance: int) -> ListMatch:
    return ListMatch(
        list_id=row.id,
        list_name=row.name,
        action=cast(ListAction, row.action),
        kind=cast(HashKind, entry.kind),
        distance=distance,
    )


def _distance(value: bytes, codes: npt.NDArray[np.uint8]) -> int:
    """The least distance between an entry as it is in the table and what was asked."""
    differing = np.bitwise_count(np.bitwise_xor(codes, np.frombuffer(value, dtype=np.uint8)))
    return int(differing.sum(axis=1).min())


def _all_turned(pdq_hex: Iterable[str]) -> list[str]:
    return [turned for each in dict.fromkeys(pdq_hex) for turned in turned_hashes(each)]


def _batches(ids: Iterable[int]) -> Iterable[list[int]]:
    kept = list(ids)
    return (kept[at : at + _IDS_AT_ONCE] for at in range(0, len(kept), _IDS_AT_ONCE))
