"""What is sealed under a person's key in this room."""

from __future__ import annotations

import msgspec

from indexer.observations import MediaHashes


class KnownPictureDocument(msgspec.Struct, frozen=True):
    """Hashes of one picture known to show the person, and a note of theirs."""

    hashes: MediaHashes
    note: str = ""
