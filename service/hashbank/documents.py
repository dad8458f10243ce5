"""What is sealed under a person's key in this room."""

from __future__ import annotations

import uuid
from typing import Literal

import msgspec

from indexer.observations import MediaHashes, PartHash

KnownKind = Literal["picture", "video"]


class FrameHash(msgspec.Struct, frozen=True):
    """PDQ of one frame, lower-case hex, with its quality of 0 to 100."""

    pdq: str
    quality: int


class KnownPictureDocument(msgspec.Struct, frozen=True):
    """Hashes of one picture or video known to show the person, and a note of theirs.

    `frames` are distinct frames of a video. A picture's own PDQ is in `hashes`; its `frames` are
    the hash that it has after shrinking, where that is another one; `parts` find it where it was
    cropped, framed or put into a collage. `turned` is the latter hash for all eight orientations,
    as `ORIENTATIONS` orders them, where the picture itself could be turned: what was seen before
    cannot be turned any more.
    """

    hashes: MediaHashes
    note: str = ""
    kind: KnownKind = "picture"
    frames: tuple[FrameHash, ...] = ()
    parts: tuple[PartHash, ...] = ()
    turned: tuple[str, ...] = ()


def context_of(known_id: uuid.UUID) -> str:
    """Where a known picture's document is kept, for the vault."""
    return f"known_pictures.document:{known_id}"
