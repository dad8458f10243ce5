"""Pages and media that a page names: every usual place in HTML, nothing is run.

1. Media: `img`, `srcset`, `picture`, `video` and its poster, social cards (`og:`, `twitter:`),
   links to media files, JSON-LD, microdata, CSS backgrounds, lazy-loading attributes, and what
   players are told to play. Smaller forms of a medium name the full one.
2. Pages: links, image maps, frames, `rel=next`, meta refresh, and the feeds that a page offers.
3. Each address is made canonical against the page's base, kept once, and kept only in scope;
   those out of scope are counted. What a page says is bounded: at most `MAX_LINKS` addresses are
   given, of at most `MAX_NAMED` looked at; the rest is counted as dropped.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from parsel import Selector

from indexer.crawl.feeds import named_by_feed
from indexer.crawl.found import FEED, PART, Named, absolute, keep
from indexer.crawl.json_ld import objects_of
from indexer.crawl.media_names import MEDIA_EXTENSIONS, OTHER_EXTENSIONS, extension_of
from indexer.crawl.messages import FoundLink, PageWords, Scope
from indexer.crawl.page_words import page_words
from indexer.crawl.players import player_media
from indexer.crawl.scope import MAX_ADDRESS_CHARS
from indexer.crawl.sitemaps import MAX_ENTRIES, entries_of, parts_of
from indexer.crawl.variants import with_full_forms
from indexer.crawl.xml_listings import ListingKind

DISCOVERY = 3
"""Raised whenever more is found on a page: what was read before is then read again, whole."""
MAX_LINKS = 5000
MAX_NAMED = 20_000
"""Addresses of a page that are looked at; the rest is only counted."""
MAX_TITLE_CHARS = 200

_JSON_LD_KEYS = frozenset(
    {"contentUrl", "image", "thumbnailUrl", "thumbnail", "primaryImageOfPage", "photo", "logo"}
)
_FEED_TYPES = ("application/rss+xml", "application/atom+xml", "application/rdf+xml")
# These run over hostile text of megabytes: none may look at a character more than a few times.
_SRCSET_ADDRESS = re.compile(r"[\s,]*(\S+)")
_CSS_URL = re.compile(r"""url\(\s*["']?([^"'()\s]{1,4096})["']?\s*\)""", re.IGNORECASE)
_REFRESH = re.compile(r"""^\s*\d+(?:\.\d*)?\s*[;,]\s*(?:url\s*=)?\s*["']?([^"']+)""", re.IGNORECASE)
_JOINERS = "\u200c\u200d"

# Where media stand in a page: XPath of an attribute, and what we call the place.
_MEDIA_PLACES: tuple[tuple[str, str], ...] = (
    ("//img/@src", "img"),
    ("//img/@data-src | //img/@data-original | //img/@data-lazy-src | //img/@data-full", "img"),
    ("//video/@src", "video"),
    ("//video/@poster", "poster"),
    ("//video//source/@src | //video/@data-src | //video//source/@data-src", "video"),
    ("//*[local-name()='amp-video']/@src | //*[local-name()='amp-video']/@poster", "video"),
    ("//*/@data-video-src | //*/@data-video-url | //*/@data-mp4 | //*/@data-webm", "video"),
    ("//*/@data-hls | //*/@data-hls-src | //*/@data-hls-url | //*/@data-m3u8", "stream"),
    ("//*/@data-dash | //*/@data-dash-src | //*/@data-dash-url | //*/@data-mpd", "stream"),
    ("//picture/source/@src", "source"),
    ("//*[local-name()='image']/@href | //*[local-name()='image']/@*[name()='xlink:href']", "svg"),
    ("//input[@type='image']/@src", "input"),
    ("//meta[@itemprop='contentUrl' or @itemprop='thumbnailUrl']/@content", "microdata"),
    ("//link[@itemprop='contentUrl' or @itemprop='thumbnailUrl']/@href", "microdata"),
    ("//*[@data-background-image]/@data-background-image | //*[@data-bg]/@data-bg", "css"),
)
_SRCSET_PLACES = "//@srcset | //@data-srcset | //link/@imagesrcset"
_META_NAMES = {
    "og:image": "og:image",
    "og:image:url": "og:image",
    "og:image:secure_url": "og:image",
    "og:video": "og:video",
    "og:video:url": "og:video",
    "og:video:secure_url": "og:video",
    "twitter:image": "twitter:image",
    "twitter:image:src": "twitter:image",
    "twitter:player:stream": "og:video",
}
_META_MEDIA = "//meta[@content and (@property or @name)]"
_LINKS = "//a/@href | //area/@href"
_FRAMES = "//iframe/@src | //frame/@src"
_EMBEDS = "//object/@data | //embed/@src"


class Discovered(NamedTuple):
    """What a page names: `links` canonical and in scope; the rest is counted."""

    title: str
    links: tuple[FoundLink, ...]
    out_of_scope: int
    dropped: int
    words: PageWords | None = None


def discover(
    page: Selector,
    page_url: str,
    scope: Scope,
    *,
    depth: int,
    encoding: str = "utf-8",
    loaded: Iterable[Named] = (),
) -> Discovered:
    """All media and pages that `page` names, found `depth` links from the start.

    `loaded` is what it wanted to load beside that, where a browser rendered it.
    """
    base = _base_of(page, page_url)
    kept = keep(
        chain(_named(page), loaded),
        base,
        page_url,
        scope,
        depth=depth,
        encoding=encoding,
        most=MAX_LINKS,
        most_looked_at=MAX_NAMED,
    )
    title = clean_text(page.xpath("string(//title)").get(""), MAX_TITLE_CHARS)
    links = with_full_forms(page, kept.links, partial(absolute, base=base, encoding=encoding))
    words = page_words(page) if scope.page_words else None
    return Discovered(title, links, kept.out_of_scope, kept.dropped, words)


def discover_listing(
    body: bytes, kind: ListingKind, url: str, scope: Scope, *, depth: int, how: str
) -> Discovered:
    """What a sitemap or feed names. `how` it was found decides whether an index may name parts."""
    html: Selector | None = None
    if kind == "sitemap_index":
        named = iter(()) if how == PART else parts_of(body)
    elif kind == "sitemap":
        named = entries_of(body)
    else:
        named, html = named_by_feed(body)
    if html is not None:
        named = chain(named, _named(html))
    most = 2 * MAX_ENTRIES
    kept = keep(
        named, url, url, scope, depth=depth, encoding="utf-8", most=most, most_looked_at=2 * most
    )
    return Discovered("", kept.links, kept.out_of_scope, kept.dropped)


def reading_of(scope: Scope) -> str:
    """What pages are read for, in hex: how addresses are found, and which of them are kept.

    Two readings that differ may find different things on one and the same page.
    """
    kept = (DISCOVERY, *map(sorted, (scope.allowed_hosts, scope.media_hosts, scope.path_prefixes)))
    if scope.extractors:
        kept = (*kept, ["extractors"])
    seen_by = () if scope.rendering is None else ("browser", sorted(scope.rendering.script_hosts))
    return hashlib.sha256(json.dumps([*kept, scope.max_depth, *seen_by]).encode()).hexdigest()


def clean_text(text: str, max_chars: int) -> str:
    """`text` on one line without control and bidirectional marks, cut at `max_chars`.

    The joiners of Arabic and Indic scripts and of emoji stay.
    """
    visible = "".join(
        " " if character.isspace() else character
        for character in text[: max_chars * 20]
        if character.isspace()
        or character in _JOINERS
        or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    line = " ".join(visible.split())
    return line if len(line) <= max_chars else line[: max_chars - 1] + "…"


# Attributes are asked one by one (`root.get`): parsel's `attrib` reads all of an element, and one
# hostile name among them would be the end of the page.
def _named(page: Selector) -> Iterator[Named]:
    # Media first: an address that is both shown and linked is a medium.
    for path, how in _MEDIA_PLACES:
        for address in page.xpath(path).getall():
            yield Named(address, "medium", how)
    for candidates in page.xpath(_SRCSET_PLACES).getall():
        for address in _srcset_addresses(candidates):
            yield Named(address, "medium", "srcset")
    for meta in page.xpath(_META_MEDIA):
        name = (meta.root.get("property") or meta.root.get("name") or "").strip().lower()
        if name in _META_NAMES:
            yield Named(meta.root.get("content", ""), "medium", _META_NAMES[name])
    for block in page.xpath("//script[@type='application/ld+json']/text()").getall():
        for address in _json_ld_media(block):
            yield Named(address, "medium", "json-ld")
    for played in player_media(page):
        yield Named(played.address, "page" if played.is_page else "medium", "player")
    for style in page.xpath("//@style | //style/text()").getall():
        for match in _CSS_URL.finditer(style):
            if extension_of(match[1]) not in OTHER_EXTENSIONS:
                yield Named(match[1], "medium", "css")
    yield from _linked(page)


def _linked(page: Selector) -> Iterator[Named]:
    for link in page.xpath("//link[@rel and @href]"):
        relations = link.root.get("rel", "").lower().split()
        if "image_src" in relations or (
            "preload" in relations and link.root.get("as", "").lower() in ("image", "video")
        ):
            yield Named(link.root.get("href", ""), "medium", "link")
        elif "next" in relations or "prev" in relations:
            yield Named(link.root.get("href", ""), "page", "next")
        elif "alternate" in relations and _is_feed(link.root.get("type", "")):
            yield Named(link.root.get("href", ""), "page", FEED)
    for address in page.xpath(_EMBEDS).getall():
        if extension_of(address) in MEDIA_EXTENSIONS:
            yield Named(address, "medium", "embed")
    for address in page.xpath(_LINKS).getall():
        extension = extension_of(address)
        if extension in MEDIA_EXTENSIONS:
            yield Named(address, "medium", "a")
        elif extension not in OTHER_EXTENSIONS:
            yield Named(address, "page", "a")
    for address in page.xpath(_FRAMES).getall():
        yield Named(address, "page", "iframe")
    for meta in page.xpath("//meta[@http-equiv and @content]"):
        match = _REFRESH.match(meta.root.get("content", "")[:MAX_ADDRESS_CHARS])
        if match is not None and meta.root.get("http-equiv", "").strip().lower() == "refresh":
            yield Named(match[1], "page", "refresh")


def _is_feed(declared: str) -> bool:
    return declared.strip().lower().startswith(_FEED_TYPES)


def _srcset_addresses(candidates: str) -> Iterator[str]:
    """As the HTML standard splits them: an address may hold commas but not end in one."""
    position = 0
    while (match := _SRCSET_ADDRESS.match(candidates, position)) is not None:
        address = match[1].rstrip(",")
        if address:
            yield address
        position = match.end()
        if address == match[1]:
            # What follows up to the next comma describes this address (width, density).
            comma = candidates.find(",", position)
            position = len(candidates) if comma < 0 else comma + 1


def _json_ld_media(block: str) -> Iterator[str]:
    for said in objects_of(block):
        for key in _JSON_LD_KEYS & said.keys():
            yield from _json_ld_addresses(said[key])


def _json_ld_addresses(value: object) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict) and isinstance(item.get("url"), str):
            yield item["url"]


def _base_of(page: Selector, page_url: str) -> str:
    declared = page.xpath("//base/@href").get()
    if declared is None:
        return page_url
    try:
        base = urljoin(page_url, declared.strip())
        return base if urlsplit(base).scheme in ("http", "https") else page_url
    except ValueError:
        return page_url
