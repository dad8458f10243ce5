"""What is sealed under a person's key in this room."""

from __future__ import annotations

from typing import Literal

import msgspec

from indexer.observations import MediaHashes

KnownKind = Literal["picture", "video"]


class FrameHash(msgspec.Struct, frozen=True):
    """PDQ of one frame of a video, lower-case hex, with its quality of 0 to 100."""

    pdq: str
    quality: int


class KnownPictureDocument(msgspec.Struct, frozen=True):
    """Hashes of one picture or video known to show the person, and a note of theirs.

    `frames` are distinct frames of a video; a picture's one PDQ is in `hashes`.
    """

    hashes: MediaHashes
    note: str = ""
    kind: KnownKind = "picture"
    frames: tuple[FrameHash, ...] = ()
