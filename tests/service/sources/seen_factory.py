"""Hashes that were seen, in a test's database."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime, timedelta

import numpy as np

from indexer.observations import Examination, FrameHash, MediaHashes
from service.database import Database
from service.sources.models import MediumSeen, SeenHash


def random_pdq(seed: int) -> str:
    """A hash like no other."""
    return np.random.default_rng(seed).integers(0, 256, 32, dtype=np.uint8).tobytes().hex()


def flipped(pdq: str, bits: int, seed: int = 0) -> str:
    """The same hash with so many bits turned over."""
    row = np.unpackbits(np.frombuffer(bytes.fromhex(pdq), dtype=np.uint8))
    row[np.random.default_rng(seed).choice(256, bits, replace=False)] ^= 1
    return np.packbits(row).tobytes().hex()


def still(
    pdq: str | None, quality: int = 100, content: bytes = b"", frames: tuple[FrameHash, ...] = ()
) -> Examination:
    """What was seen of a picture with this hash."""
    digest = hashlib.sha256(content or uuid.uuid4().bytes).hexdigest()
    return Examination(
        MediaHashes(digest, pdq, quality if pdq else None),
        "video" if frames else "still",
        640,
        480,
        1,
        0,
        frame_hashes=frames,
    )


def put_hash(
    database: Database, pdq: str, at: datetime, *, hash_id: int | None = None, quality: int = 100
) -> uuid.UUID:
    """A medium with this hash, written at that time; its id."""
    with database.write() as session:
        medium = MediumSeen(
            content_sha256=uuid.uuid4().hex,
            pdq=pdq,
            pdq_quality=quality,
            kind="still",
            width_px=9,
            height_px=9,
            content_bytes=9,
            examined_at=at,
            first_seen_at=at,
        )
        session.add(medium)
        session.flush()
        row = SeenHash(
            medium_id=medium.id, pdq=bytes.fromhex(pdq), quality=quality, at_ms=0, added_at=at
        )
        if hash_id is not None:
            row.id = hash_id
        session.add(row)
        return medium.id


LONG_AGO = timedelta(hours=1)
