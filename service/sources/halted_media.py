"""Media that were halted for a sign of a minor, and what looks like them (design rule 6).

1. A halted medium is taken out of what was seen: no look-up answers it any more.
2. Its content hashes are kept, apart from all others, for nothing but this: a medium, or a picture
   that somebody gives, whose bytes or PDQ hash (within its distance, however turned) are those of
   a halted one is stopped as well.
3. What was stopped for its likeness alone stops nothing else: only hashes of media in which a human
   being saw the sign are compared with, so that one halt does not spread from look-alike to
   look-alike.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

import numpy as np
from sqlalchemy.orm import Session

from indexer.hashing import MAX_PDQ_DISTANCE, MIN_PDQ_QUALITY
from indexer.hashing.index import CODE_BYTES, Codes, build_index, pdq_codes
from indexer.hashing.turning import turned_hashes
from indexer.observations import Examination, MediaHashes
from service.clock import Clock
from service.sources.seen_repository import SeenHashRepository, hashes_of


class HaltedMedia:
    """Asked before anything is made of a medium. Writes in the caller's transaction."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def halt(self, session: Session, medium_id: uuid.UUID) -> None:
        """Somebody saw the sign in this medium."""
        SeenHashRepository(session).halt(medium_id, self._clock.now(), keep_hashes=True)

    def media_of(self, session: Session, content_sha256s: Iterable[str]) -> tuple[uuid.UUID, ...]:
        """Media by their contents, of those that are known at all."""
        return tuple(SeenHashRepository(session).media_of_contents(content_sha256s))

    def halt_likeness(self, session: Session, medium_id: uuid.UUID) -> None:
        """This medium looks like one that was halted."""
        SeenHashRepository(session).halt(medium_id, self._clock.now(), keep_hashes=False)

    def stops_contents(self, session: Session, content_sha256s: Sequence[str]) -> bool:
        """Whether one of these very contents was halted."""
        return SeenHashRepository(session).is_halted(*content_sha256s)

    def stops(self, session: Session, examination: Examination) -> bool:
        """Whether an examined medium is a halted one, or looks like one."""
        repository = SeenHashRepository(session)
        if repository.is_halted(examination.hashes.sha256):
            return True
        frames = [pdq for _, pdq, _ in hashes_of(examination)]
        if not frames:
            return False
        if examination.pdq_orientations:
            return self._near(repository, pdq_codes(examination.pdq_orientations))
        return self._near(repository, _turned(frames))

    def stops_hashes(
        self, session: Session, hashes: MediaHashes, frames: Iterable[tuple[str, int]] = ()
    ) -> bool:
        """Whether hashes that somebody gives are those of a halted medium, or near them.

        `frames` are further (PDQ, quality) of the same picture, or those of a video.
        """
        repository = SeenHashRepository(session)
        if hashes.sha256 and repository.is_halted(hashes.sha256):
            return True
        own = [(hashes.pdq, hashes.pdq_quality if hashes.pdq_quality is not None else 100)]
        good = [
            bytes.fromhex(pdq)
            for pdq, quality in (*own, *frames)
            if pdq is not None and quality >= MIN_PDQ_QUALITY
        ]
        return bool(good) and self._near(repository, _turned(good))

    def look_alikes(
        self, session: Session, media: Sequence[uuid.UUID], among: Sequence[uuid.UUID]
    ) -> tuple[uuid.UUID, ...]:
        """Those media of `among` that look like one of `media`, however turned."""
        repository = SeenHashRepository(session)
        own = [pdq for _, pdq in repository.codes_of(media)]
        rows = repository.codes_of([each for each in among if each not in media])
        if not own or not rows:
            return ()
        index = build_index(_codes([pdq for _, pdq in rows]), np.arange(len(rows), dtype=np.int64))
        hits = index.search(_turned(own), MAX_PDQ_DISTANCE)
        return tuple(dict.fromkeys(rows[int(each)][0] for each in hits.ids))

    def _near(self, repository: SeenHashRepository, queries: Codes) -> bool:
        halted = repository.halted_hashes()
        if not halted:
            return False
        index = build_index(_codes(halted), np.arange(len(halted), dtype=np.int64))
        return len(index.search(queries, MAX_PDQ_DISTANCE)) > 0


def _turned(hashes: Sequence[bytes]) -> Codes:
    return pdq_codes([turned for each in hashes for turned in turned_hashes(each.hex())])


def _codes(hashes: Sequence[bytes]) -> Codes:
    return np.frombuffer(b"".join(hashes), dtype=np.uint8).reshape(len(hashes), CODE_BYTES)
