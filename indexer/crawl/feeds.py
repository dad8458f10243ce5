"""RSS (0.9 to 2.0, RDF) and Atom: what an entry links to, encloses, shows and quotes.

Enclosures, `media:content`, `media:thumbnail` and iTunes pictures are media; the HTML that an entry
carries is read like a page. Atom's `next` leads on as an ordinary page does.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree
from parsel import Selector

from indexer.crawl.found import Named
from indexer.crawl.xml_listings import elements, name_of, namespace_of, text_of

MAX_ELEMENTS = 100_000
MAX_HTML_CHARS = 500_000
"""Of all entries of a feed together."""

_LISTED = "listed"
_HTML = frozenset({"description", "encoded", "content", "summary"})
_NOT_MEDIA = ("text/", "application/", "audio/")


def named_by_feed(body: bytes) -> tuple[Iterator[Named], Selector | None]:
    """What the feed names, and the HTML that its entries carry as one page (None without any)."""
    found: list[Named] = []
    html: list[str] = []
    room = MAX_HTML_CHARS
    for place, element in enumerate(elements(body)):
        if place >= MAX_ELEMENTS:
            break
        found += _named(element)
        text = element.text or ""
        if name_of(element) in _HTML and "<" in text and room > 0:
            html.append(text[:room])
            room -= len(text)
    # Media first: what is both enclosed and linked is a medium.
    found.sort(key=lambda each: each.kind != "medium")
    return iter(found), Selector(text="\n".join(html)) if html else None


def _named(element: etree._Element) -> Iterator[Named]:
    name = name_of(element)
    if name == "link":
        yield from _link(element)
    elif name == "enclosure" or (name == "content" and element.get("url")):
        yield from _medium(element, element.get("url"))
    elif name in ("thumbnail", "image"):
        address = element.get("url") or element.get("href")
        yield from _medium(element, address)
    elif name == "player" and element.get("url"):
        yield Named(element.get("url", ""), "page", _LISTED)
    elif name == "url" and element.getparent() is not None:
        parent = element.getparent()
        if parent is not None and name_of(parent) == "image":
            yield Named(text_of(element), "medium", _LISTED)


def _link(element: etree._Element) -> Iterator[Named]:
    address = element.get("href")
    if address is None:
        yield Named(text_of(element), "page", _LISTED)
        return
    relation = element.get("rel", "alternate")
    if relation == "enclosure":
        yield from _medium(element, address)
    elif relation in ("alternate", "related", "via") and "Atom" in namespace_of(element):
        yield Named(address, "page", _LISTED)
    elif relation == "next":
        yield Named(address, "page", "next")


def _medium(element: etree._Element, address: str | None) -> Iterator[Named]:
    declared = element.get("type", "").strip().lower()
    if address and not declared.startswith(_NOT_MEDIA) and element.get("medium") != "audio":
        yield Named(address, "medium", _LISTED)
