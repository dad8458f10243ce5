"""Hashes of media and the index of known ones: finds known pictures with no biometrics at all."""

from __future__ import annotations

from indexer.hashing.hashes import (
    MIN_PDQ_QUALITY,
    ORIENTATIONS,
    PdqOrientations,
    hash_medium,
    pdq_orientations,
)
from indexer.hashing.known import MAX_PDQ_DISTANCE, KnownHash, KnownHashError, KnownHashes

__all__ = [
    "MAX_PDQ_DISTANCE",
    "MIN_PDQ_QUALITY",
    "ORIENTATIONS",
    "KnownHash",
    "KnownHashError",
    "KnownHashes",
    "PdqOrientations",
    "hash_medium",
    "pdq_orientations",
]
