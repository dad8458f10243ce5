"""Which addresses of a page are smaller forms of one medium: thumbnails, previews, posters.

Told by where they stand: the candidates of one `srcset`, a picture inside a link to a picture, a
poster beside its video, a placeholder beside what is loaded later; and by names that differ only in
a size. Only the full form counts as looked at; the others stand for it until it was.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from msgspec.structs import replace
from parsel import Selector

from indexer.crawl.messages import FoundLink
from indexer.crawl.players import PICTURES, VIDEOS, ending_of, player_media

MAX_PAIRS = 20_000
SHOWN = VIDEOS | PICTURES
_MAX_STEPS = 8
_SRCSET = re.compile(r"[\s,]*(\S+)(?:\s+([0-9]{1,6}(?:\.[0-9]{1,4})?)([wx]))?")
_SHOWN_IN_A_LINK = (
    ".//img/@src | .//img/@data-src | .//img/@srcset | .//img/@data-srcset | .//source/@srcset"
)
_LATER = ("data-full", "data-original", "data-src", "data-lazy-src", "data-zoom-image")
_SIZE_IN_NAME = re.compile(
    r"(?:[-_.](?P<width>[0-9]{2,4})x(?P<height>[0-9]{2,4})"
    r"|[-_.](?:thumb(?:nail)?|small|preview|medium|tn|mini))(?=\.[A-Za-z0-9]{3,4}$)"
)
_SIZE_FOLDER = re.compile(r"/(?:thumb(?:nail)?s?|small|preview|previews|mini)(?=/)")
_SIZE_NAMES = frozenset({"w", "h", "width", "height", "size", "resize", "fit", "q", "quality"})
_LARGEST = 10_000_000


class Pair(NamedTuple):
    """Addresses as the page writes them: `small` is a smaller form of `full`."""

    small: str
    full: str


def pairs_on(page: Selector) -> Iterator[Pair]:
    """What the page's markup says of small and full forms."""
    # What a link leads to is larger than whatever stands in it.
    for link in page.xpath("//a[@href][.//img]"):
        for inside in link.xpath(_SHOWN_IN_A_LINK).getall():
            for small in _addresses(inside):
                yield Pair(small, link.root.get("href", ""))
    for picture in page.xpath("//picture[.//*[@srcset]] | //img[@srcset or @data-srcset]"):
        yield from _of_candidates(picture)
    for image in page.xpath("//img[@src]"):
        source = image.root.get("src", "")
        for name in _LATER:
            if image.root.get(name) is not None:
                yield Pair(source, image.root.get(name, ""))
    for video in page.xpath("//video[@poster]"):
        full = video.xpath("./@src | ./@data-src | .//source/@src | .//source/@data-src").get()
        if full is not None:
            yield Pair(video.root.get("poster", ""), full)
    shown = _meta(page, ("og:video", "og:video:url", "og:video:secure_url"))
    if shown is not None:
        still = _meta(page, ("og:image", "og:image:url", "og:image:secure_url"))
        if still is not None:
            yield Pair(still, shown)


def with_full_forms(
    page: Selector, links: tuple[FoundLink, ...], absolute: Callable[[str], str | None]
) -> tuple[FoundLink, ...]:
    """`links`, those to smaller forms with the address of the full one in `variant_of`."""
    media = [link.url for link in links if link.kind == "medium"]
    played = (Pair(each.address, each.full) for each in player_media(page) if each.full)
    full_of = full_forms(chain(pairs_on(page), played), media, absolute)
    return tuple(
        replace(link, variant_of=full_of[link.url])
        if link.kind == "medium" and link.url in full_of
        else link
        for link in links
    )


def full_forms(
    pairs: Iterable[Pair], media: Iterable[str], absolute: Callable[[str], str | None]
) -> dict[str, str]:
    """The full form of each canonical address of `media` that is a smaller one.

    `absolute` makes a page's address canonical. Chains end at their last one, circles nowhere.
    """
    named = list(media)
    known = set(named)
    full_of: dict[str, str] = {}
    for place, pair in enumerate(pairs):
        if place >= MAX_PAIRS:
            break
        small, full = absolute(pair.small), absolute(pair.full)
        if small is None or full is None or small == full:
            continue
        # A link around a picture leads to a page more often than to the picture itself.
        if full in known or ending_of(full) in SHOWN:
            full_of.setdefault(small, full)
    for small, full in _by_name(named):
        full_of.setdefault(small, full)
    return {
        small: end
        for small in full_of
        if small in known and (end := _end_of(small, full_of)) is not None
    }


def _end_of(small: str, full_of: dict[str, str]) -> str | None:
    full = small
    for _ in range(_MAX_STEPS):
        if full not in full_of:
            return full
        full = full_of[full]
        if full == small:
            return None
    return None


def _of_candidates(element: Selector) -> Iterator[Pair]:
    sized: list[tuple[float, str]] = []
    for text in element.xpath(".//@srcset | ./@srcset | .//@data-srcset").getall():
        for match in _SRCSET.finditer(text):
            address = match[1].rstrip(",")
            if address:
                # A width tells more than a density, of which 1 is the usual one.
                width = float(match[2] or 1) * (1 if match[3] == "w" else 0.001)
                sized.append((width, address))
    if not sized:
        return
    full = max(sized, key=lambda each: each[0])[1]
    for address in [*(each for _, each in sized), *element.xpath(".//img/@src | ./@src").getall()]:
        if address != full:
            yield Pair(address, full)


def _addresses(text: str) -> Iterator[str]:
    for match in _SRCSET.finditer(text):
        yield match[1].rstrip(",")


def _by_name(media: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Addresses that are the same but for a size: the one without it, or the largest, is full."""
    groups: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for address in media:
        size, name = _without_size(address)
        groups[name].append((size, address))
    for sized in groups.values():
        largest = max(size for size, _ in sized)
        full = next(address for size, address in sized if size == largest)
        for size, address in sized:
            if size < largest:
                yield address, full


def _without_size(address: str) -> tuple[int, str]:
    """(how large it says it is, the address without that)."""
    parts = urlsplit(address)
    size = _LARGEST
    path = parts.path
    match = _SIZE_IN_NAME.search(path)
    if match is not None:
        size = int(match["width"] or 1) * int(match["height"] or 1)
        path = path[: match.start()] + path[match.end() :]
    folder = _SIZE_FOLDER.sub("", path, count=1)
    if folder != path:
        size, path = min(size, 1), folder
    query = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, value) for name, value in query if name.lower() not in _SIZE_NAMES]
    if len(kept) < len(query):
        numbers = [
            int(value)
            for name, value in query
            if name.lower() in _SIZE_NAMES and value.isdecimal() and len(value) <= 4
        ]
        size = min(size, max(numbers, default=1))
    return size, f"{parts.scheme}://{parts.netloc}{path}?{urlencode(kept)}"


def _meta(page: Selector, names: tuple[str, ...]) -> str | None:
    for meta in page.xpath("//meta[@content and (@property or @name)]"):
        if (meta.root.get("property") or meta.root.get("name") or "").lower() in names:
            return str(meta.root.get("content", ""))
    return None
