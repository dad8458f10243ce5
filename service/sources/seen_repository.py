"""All SQL on hashes of media seen, and of media that were halted.

Media belong to no organisation and these rows name nobody; where a medium was seen is each
organisation's own (see `places.py`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from indexer.hashing import MIN_PDQ_QUALITY
from indexer.observations import Examination
from service.sources.models import HaltedHash, MediumSeen, SeenHash

_IDS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class HashRow:
    """One hash of a medium that may be answered. `at_ms` is its place in a video."""

    hash_id: int
    medium_id: uuid.UUID
    at_ms: int
    pdq: bytes
    quality: int


class SeenHashRepository:
    """Hashes of media seen and of media halted."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def note(self, medium_id: uuid.UUID, examination: Examination, now: datetime) -> int:
        """Write the hashes of a medium, once; returns how many. None of one that was halted."""
        frames = hashes_of(examination)
        if not frames or self._has(medium_id):
            return 0
        self._session.add_all(
            SeenHash(medium_id=medium_id, at_ms=at_ms, pdq=pdq, quality=quality, added_at=now)
            for at_ms, pdq, quality in frames
        )
        self._session.flush()
        return len(frames)

    def note_new(self, media: Sequence[tuple[uuid.UUID, Examination]], now: datetime) -> None:
        """The same for media of which nothing was there before."""
        rows = [
            {
                "medium_id": medium_id,
                "at_ms": at_ms,
                "pdq": pdq,
                "quality": quality,
                "added_at": now,
            }
            for medium_id, examination in media
            for at_ms, pdq, quality in hashes_of(examination)
        ]
        if rows:
            self._session.execute(insert(SeenHash), rows)

    def after(self, hash_id: int, limit: int) -> Sequence[tuple[int, bytes, datetime]]:
        """(id, PDQ, when it was written) of the hashes above an id, in order."""
        rows = self._session.execute(
            select(SeenHash.id, SeenHash.pdq, SeenHash.added_at)
            .where(SeenHash.id > hash_id)
            .order_by(SeenHash.id)
            .limit(limit)
        )
        return [(row.id, row.pdq, row.added_at) for row in rows]

    def count_up_to(self, hash_id: int) -> int:
        """How many hashes there are up to an id."""
        counted = select(func.count()).select_from(SeenHash).where(SeenHash.id <= hash_id)
        return self._session.scalar(counted) or 0

    def windows_up_to(self, hash_id: int, size: int) -> dict[int, tuple[int, int]]:
        """How many hashes there are among each `size` ids, and the sum of their ids."""
        window = SeenHash.id // size
        rows = self._session.execute(
            select(window.label("window"), func.count(), func.sum(SeenHash.id))
            .where(SeenHash.id <= hash_id)
            .group_by(window)
        )
        return {int(number): (int(count), int(total)) for number, count, total in rows}

    def ids_between(self, first: int, end: int) -> Sequence[int]:
        """The ids from `first` to below `end`, ascending."""
        return self._session.scalars(
            select(SeenHash.id).where(SeenHash.id >= first, SeenHash.id < end).order_by(SeenHash.id)
        ).all()

    def highest(self) -> int:
        """The newest hash's id; 0 when there is none."""
        return self._session.scalar(select(func.max(SeenHash.id))) or 0

    def of_ids(self, hash_ids: Sequence[int]) -> dict[int, HashRow]:
        """Those of these hashes whose media may be answered, by their ids."""
        found: dict[int, HashRow] = {}
        for start in range(0, len(hash_ids), _IDS_AT_ONCE):
            for row in self._rows(SeenHash.id.in_(hash_ids[start : start + _IDS_AT_ONCE])):
                found[row.hash_id] = row
        return found

    def of_media(self, medium_ids: Sequence[uuid.UUID]) -> list[HashRow]:
        """The hashes of several media, in the order of their frames."""
        found: list[HashRow] = []
        for start in range(0, len(medium_ids), _IDS_AT_ONCE):
            found += self._rows(SeenHash.medium_id.in_(medium_ids[start : start + _IDS_AT_ONCE]))
        return sorted(found, key=lambda row: (row.at_ms, row.hash_id))

    def codes_of(self, medium_ids: Sequence[uuid.UUID]) -> list[tuple[uuid.UUID, bytes]]:
        """(medium, PDQ) of several media, also of those that people brought."""
        found: list[tuple[uuid.UUID, bytes]] = []
        for start in range(0, len(medium_ids), _IDS_AT_ONCE):
            some = medium_ids[start : start + _IDS_AT_ONCE]
            found += [(row.medium_id, row.pdq) for row in self._rows(SeenHash.medium_id.in_(some))]
            described = select(MediumSeen.id, MediumSeen.pdq).where(
                MediumSeen.id.in_(some),
                MediumSeen.pdq_quality >= MIN_PDQ_QUALITY,
                MediumSeen.halted_at.is_(None),
            )
            found += [
                (row.id, bytes.fromhex(row.pdq))
                for row in self._session.execute(described)
                if row.pdq is not None
            ]
        return list(dict.fromkeys(found))

    def media_of_contents(self, content_sha256s: Iterable[str]) -> Sequence[uuid.UUID]:
        """Media by their contents."""
        return self._session.scalars(
            select(MediumSeen.id).where(MediumSeen.content_sha256.in_(list(content_sha256s)))
        ).all()

    def media(self, medium_ids: Sequence[uuid.UUID]) -> list[MediumSeen]:
        """Those of these media that were not halted, in the order given."""
        found: dict[uuid.UUID, MediumSeen] = {}
        for start in range(0, len(medium_ids), _IDS_AT_ONCE):
            rows = self._session.scalars(
                select(MediumSeen).where(
                    MediumSeen.id.in_(medium_ids[start : start + _IDS_AT_ONCE]),
                    MediumSeen.halted_at.is_(None),
                )
            )
            found.update((row.id, row) for row in rows)
        return [found[medium_id] for medium_id in medium_ids if medium_id in found]

    # Halted media

    def is_halted(self, *content_sha256s: str) -> bool:
        """Whether exactly this content, or one of several, was halted."""
        for start in range(0, len(content_sha256s), _IDS_AT_ONCE):
            halted = select(MediumSeen.id).where(
                MediumSeen.content_sha256.in_(content_sha256s[start : start + _IDS_AT_ONCE]),
                MediumSeen.halted_at.is_not(None),
            )
            if self._session.scalar(halted.limit(1)) is not None:
                return True
        return False

    def halted_hashes(self) -> Sequence[bytes]:
        """The hashes of all media in which somebody saw a sign of a minor; there are few."""
        return self._session.scalars(select(HaltedHash.pdq).order_by(HaltedHash.id)).all()

    def halt(self, medium_id: uuid.UUID, now: datetime, *, keep_hashes: bool) -> None:
        """Take a medium out of what was seen; once is enough.

        `keep_hashes` puts its hashes among those that stop what looks like them.
        """
        halted = self._session.execute(
            update(MediumSeen)
            .where(MediumSeen.id == medium_id, MediumSeen.halted_at.is_(None))
            .values(halted_at=now)
            .returning(MediumSeen.pdq, MediumSeen.pdq_quality)
        ).one_or_none()
        seen = self._session.execute(
            delete(SeenHash)
            .where(SeenHash.medium_id == medium_id)
            .returning(SeenHash.at_ms, SeenHash.pdq, SeenHash.quality)
        ).all()
        if not keep_hashes or self._is_kept(medium_id):
            return
        hashes = [(row.at_ms, row.pdq, row.quality) for row in seen]
        if not hashes and halted is not None and halted.pdq is not None:
            # what people brought was never among what runs have seen
            hashes = [(0, bytes.fromhex(halted.pdq), halted.pdq_quality or 0)]
        self._session.add_all(
            HaltedHash(medium_id=medium_id, at_ms=at_ms, pdq=pdq, quality=quality)
            for at_ms, pdq, quality in hashes
            if quality >= MIN_PDQ_QUALITY
        )
        self._session.flush()

    def _has(self, medium_id: uuid.UUID) -> bool:
        noted = select(SeenHash.id).where(SeenHash.medium_id == medium_id)
        if self._session.scalar(noted.limit(1)) is not None:
            return True
        halted = select(MediumSeen.halted_at).where(MediumSeen.id == medium_id)
        return self._session.scalar(halted) is not None

    def _is_kept(self, medium_id: uuid.UUID) -> bool:
        kept = select(HaltedHash.id).where(HaltedHash.medium_id == medium_id)
        return self._session.scalar(kept.limit(1)) is not None

    def _rows(self, which: object) -> list[HashRow]:
        rows = self._session.execute(
            select(SeenHash.id, SeenHash.medium_id, SeenHash.at_ms, SeenHash.pdq, SeenHash.quality)
            .join(MediumSeen, MediumSeen.id == SeenHash.medium_id)
            .where(which, MediumSeen.halted_at.is_(None))  # type: ignore[arg-type]
        )
        return [HashRow(row.id, row.medium_id, row.at_ms, row.pdq, row.quality) for row in rows]


def hashes_of(examination: Examination) -> list[tuple[int, bytes, int]]:
    """(place in milliseconds, PDQ, quality) of what may be compared: good ones, each once."""
    found: dict[bytes, tuple[int, bytes, int]] = {}
    for frame in examination.frame_hashes:
        if frame.quality >= MIN_PDQ_QUALITY:
            pdq = bytes.fromhex(frame.pdq)
            found.setdefault(pdq, (frame.at_ms, pdq, frame.quality))
    hashes = examination.hashes
    if not found and hashes.pdq is not None and (hashes.pdq_quality or 0) >= MIN_PDQ_QUALITY:
        pdq = bytes.fromhex(hashes.pdq)
        found[pdq] = (0, pdq, hashes.pdq_quality or 0)
    return list(found.values())
