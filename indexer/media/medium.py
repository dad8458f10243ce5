"""What `indexer` is given to look at: the bytes of one medium and where they came from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Medium:
    """One fetched or handed-over file, still undecoded and untrusted.

    `declared_type` is what a server or a file name claims; nobody relies on it.
    """

    content: bytes
    declared_type: str | None = None
    media_url: str | None = None
    page_url: str | None = None
