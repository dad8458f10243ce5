"""Sitemaps (sitemaps.org), with Google's extensions for pictures and videos.

1. An index names parts, the newest first, `MAX_PARTS` of them; a part that is an index again
   names none, so that there is an end.
2. A sitemap names pages, the newest first, and the media that stand on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from lxml import etree

from indexer.crawl.found import PART, Named
from indexer.crawl.xml_listings import elements, name_of, text_of

MAX_PARTS = 50
MAX_ENTRIES = 50_000
"""What sitemaps.org allows for one file."""

_LISTED = "listed"
_MEDIA = frozenset({"content_loc", "thumbnail_loc"})
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def parts_of(body: bytes) -> Iterator[Named]:
    """The sitemaps that an index names."""
    found: list[tuple[datetime, str]] = []
    for element in elements(body):
        if name_of(element) == "sitemap":
            found += [(_moment(element), address) for address in _own_locs(element)]
            element.clear()
        if len(found) >= MAX_ENTRIES:
            break
    found.sort(key=lambda part: part[0], reverse=True)
    for _, address in found[:MAX_PARTS]:
        yield Named(address, "page", PART)


def entries_of(body: bytes) -> Iterator[Named]:
    """The pages that a sitemap names, and their media. Media come first: they are few."""
    pages: list[tuple[datetime, str]] = []
    media: list[str] = []
    for element in elements(body):
        name = name_of(element)
        if name == "url":
            pages += [(_moment(element), address) for address in _own_locs(element)]
            pages += [(_moment(element), address) for address in _alternates(element)]
            media += _media(element)
            element.clear()
        if len(pages) >= MAX_ENTRIES or len(media) >= MAX_ENTRIES:
            break
    for address in media[:MAX_ENTRIES]:
        yield Named(address, "medium", _LISTED)
    pages.sort(key=lambda page: page[0], reverse=True)
    for _, address in pages[:MAX_ENTRIES]:
        yield Named(address, "page", _LISTED)


def _own_locs(element: etree._Element) -> list[str]:
    return [text_of(child) for child in element if name_of(child) == "loc"]


def _alternates(element: etree._Element) -> list[str]:
    """The same page in other languages."""
    links = (child for child in element if name_of(child) == "link")
    return [link.get("href", "") for link in links if link.get("rel") == "alternate"]


def _media(element: etree._Element) -> list[str]:
    found: list[str] = []
    for child in element:
        inner = name_of(child)
        if inner == "image":
            found += _own_locs(child)
        elif inner == "video":
            found += [text_of(each) for each in child if name_of(each) in _MEDIA]
    return found


def _moment(element: etree._Element) -> datetime:
    for child in element:
        if name_of(child) == "lastmod":
            try:
                moment = datetime.fromisoformat(text_of(child))
            except ValueError:
                return _LONG_AGO
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return _LONG_AGO
