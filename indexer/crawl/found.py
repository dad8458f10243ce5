"""Addresses as pages, sitemaps and feeds name them, and which of them are kept.

Each is made canonical against its base, freed of what follows visitors about, kept once, and kept
only in scope; those out of scope are counted, and so is what is beyond the limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urljoin

from indexer.crawl.messages import FetchKind, FoundLink, Scope
from indexer.crawl.scope import BadAddressError, canonical_address, is_in_scope
from indexer.crawl.traps import plain_address

SITEMAP = "sitemap"
GUESS = "sitemap_guess"
PART = "sitemap_part"
FEED = "feed"
LISTINGS = frozenset({SITEMAP, GUESS, PART, FEED})
"""`how` of lists of addresses: such a list is no step deeper into the site than what named it."""


class Named(NamedTuple):
    """An address as it is written where it was found."""

    address: str
    kind: FetchKind
    how: str


class Found(NamedTuple):
    """`links` canonical and in scope; the rest is counted."""

    links: tuple[FoundLink, ...]
    out_of_scope: int
    dropped: int


def keep(
    named: Iterable[Named],
    base: str,
    page_url: str,
    scope: Scope,
    *,
    depth: int,
    encoding: str,
    most: int,
    most_looked_at: int,
) -> Found:
    """At most `most` of the addresses named at `page_url`, `depth` links from the start."""
    found: dict[str, FoundLink] = {}
    outside: set[str] = set()
    dropped = 0
    for place, each in enumerate(named):
        if place >= most_looked_at:
            dropped += 1
            continue
        written = absolute(each.address, base, encoding)
        url = plain_address(written, each.kind) if written is not None else None
        if url is None or url == page_url or url in found:
            continue
        if not is_in_scope(url, each.kind, scope, depth=depth_of(each.how, depth)):
            outside.add(url)
        elif len(found) >= most:
            dropped += 1
        else:
            found[url] = FoundLink(url, each.kind, each.how)
    return Found(tuple(found.values()), len(outside - found.keys()), dropped)


def depth_of(how: str, depth: int) -> int:
    """How deep a page is that was found in this way `depth` links from the start."""
    return depth if how in LISTINGS else depth + 1


def absolute(address: str, base: str, encoding: str) -> str | None:
    """The canonical address that `address` means at `base`; None when it means none."""
    stripped = address.strip()
    if not stripped or stripped.startswith("#"):
        return None
    try:
        return canonical_address(urljoin(base, stripped), encoding=encoding)
    except (BadAddressError, ValueError):
        return None
