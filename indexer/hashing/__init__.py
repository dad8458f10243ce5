"""Hashes of media and the index of known ones: finds known pictures with no biometrics at all."""

from __future__ import annotations

from indexer.hashing.hashes import (
    MIN_PDQ_QUALITY,
    ORIENTATIONS,
    PdqOrientations,
    Shrunk,
    hash_medium,
    pdq_orientations,
    shrink,
)
from indexer.hashing.index import (
    HashIndex,
    HashIndexError,
    Hits,
    build_index,
    pdq_codes,
)
from indexer.hashing.known import MAX_PDQ_DISTANCE, KnownHash, KnownHashError, KnownHashes
from indexer.hashing.parts import MediumParts, known_parts, large_parts, medium_parts
from indexer.hashing.store import HashStore, HashStoreDamagedError
from indexer.hashing.turning import TURNED_AS, turned_hashes
from indexer.hashing.video import FrameHasher, VideoHashes

__all__ = [
    "MAX_PDQ_DISTANCE",
    "MIN_PDQ_QUALITY",
    "ORIENTATIONS",
    "TURNED_AS",
    "FrameHasher",
    "HashIndex",
    "HashIndexError",
    "HashStore",
    "HashStoreDamagedError",
    "Hits",
    "KnownHash",
    "KnownHashError",
    "KnownHashes",
    "MediumParts",
    "PdqOrientations",
    "Shrunk",
    "VideoHashes",
    "build_index",
    "hash_medium",
    "known_parts",
    "large_parts",
    "medium_parts",
    "pdq_codes",
    "pdq_orientations",
    "shrink",
    "turned_hashes",
]
