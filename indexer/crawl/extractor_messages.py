"""The conversation between the crawl child and its reader of players (`extractor_child.py`).

1. `Extract` names a page. The reader answers `Extracted`; before it, `Wanted` for each address
   that it would like to see.
2. Each `Wanted` is answered by `Came`, or by `Kept` with the reason why it may not be asked.

Nothing that a page says of people (title, uploader, description) is part of any message.
"""

from __future__ import annotations

import msgspec


class Extract(msgspec.Struct, frozen=True, tag=True):
    """What media does the page at `url` play? `budget_bytes`: a larger file would be refused."""

    url: str
    budget_bytes: int


class Wanted(msgspec.Struct, frozen=True, tag=True):
    """The reader wants to see what `url` answers."""

    url: str


class Came(msgspec.Struct, frozen=True, tag=True):
    """What the address answered; `url` is where redirects led."""

    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Kept(msgspec.Struct, frozen=True, tag=True):
    """The address was not asked. `code` as in `FetchRefused`."""

    code: str


class PlayedMedium(msgspec.Struct, frozen=True):
    """A medium that a page plays: its full form, and pictures that stand for it."""

    url: str
    small_forms: tuple[str, ...] = ()


class Extracted(msgspec.Struct, frozen=True, tag=True):
    """What was found. `claimed` is false where no extractor knows the address.

    `code` is empty, or why nothing could be read although one knows it: "extractor" or
    "encrypted". `pages` are addresses that an extractor takes for further pages.
    """

    claimed: bool
    media: tuple[PlayedMedium, ...] = ()
    pages: tuple[str, ...] = ()
    code: str = ""


ReaderInbound = Extract | Came | Kept
ReaderOutbound = Wanted | Extracted
