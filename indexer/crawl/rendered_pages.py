"""What a page became in a browser; read like any page, with what it wanted to load besides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from scrapy.http import TextResponse

from indexer.crawl.discovery import Discovered, discover
from indexer.crawl.found import Named
from indexer.crawl.messages import FoundLink, Scope, WallSign
from indexer.crawl.refusals import RefusedError
from indexer.crawl.walls import MANY_MEDIA, SCRIPT, Signs


class RenderedPage(NamedTuple):
    """What a page became. `response` is the last page's, with what its scripts made as its body.

    `loaded` are media that it wanted to load, `loaded_bytes` all that was fetched for it. It was
    `interrupted` where it tried to go elsewhere by itself; `led_to` is why it may not, if known.
    `unloaded`: something that it needs of its own hosts could not be had.
    """

    response: TextResponse
    url: str
    encoding: str
    loaded: tuple[Named, ...]
    loaded_bytes: int
    hosts_missing: tuple[str, ...]
    interrupted: bool
    unloaded: bool
    led_to: RefusedError | None


def discover_rendered(
    page: RenderedPage, scope: Scope, *, depth: int, unrendered: Sequence[FoundLink] = ()
) -> Discovered:
    """What a rendered page names, and what it wanted to load.

    A page that tries to go elsewhere may end in the middle: then what its markup named before it
    was rendered (`unrendered`) counts, too. Raises `RefusedError` where that is nothing at all.
    """
    loaded = page.loaded
    if page.interrupted:
        loaded += tuple(Named(link.url, link.kind, link.how) for link in unrendered)
    found = discover(
        page.response.selector,
        page.url,
        scope,
        depth=depth,
        encoding=page.encoding,
        loaded=loaded,
    )
    if page.led_to is not None and not found.links:
        raise page.led_to
    return found


def with_unloaded(seen: Signs, page: RenderedPage, found: Discovered) -> Signs:
    """The signs of a rendered page, and that it may be empty because something could not be had."""
    if not page.unloaded or sum(link.kind == "medium" for link in found.links) >= MANY_MEDIA:
        return seen
    return seen._replace(signs=(*seen.signs, WallSign(SCRIPT, "unloaded")))
