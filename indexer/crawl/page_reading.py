"""What an answer says, read in threads with a limit of time: links and media, walls, listings.

lxml lets other threads run while it parses: a page made to be slow holds up nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from scrapy.http import Response, TextResponse

from indexer.crawl.answers import canonical_or_refused, is_page
from indexer.crawl.discovery import Discovered, discover, discover_listing
from indexer.crawl.messages import Fetch, FoundLink, Scope
from indexer.crawl.refusals import RefusedError
from indexer.crawl.rendered_pages import RenderedPage, discover_rendered
from indexer.crawl.walls import (
    CHALLENGE,
    CHALLENGING_STATUSES,
    Signs,
    challenge_by_headers,
    headers_of_response,
    signs_of,
    wall_among,
)
from indexer.crawl.xml_listings import listing_kind, unpacked

PAGE_READERS = 4
MAX_READING_S = 10.0
"""An ordinary page takes milliseconds; libxml2 takes hours for a tag of a million attributes."""

Read = TypeVar("Read")


class PageReader:
    """Reads the answers of one slice.

    `unreadable_pages` counts those that were given up while a thread is still busy with them.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._readers = ThreadPoolExecutor(PAGE_READERS, thread_name_prefix="page")
        self.unreadable_pages = 0

    def close(self) -> None:
        """Nothing more is read; nobody waits for a thread that is busy."""
        self._readers.shutdown(wait=False, cancel_futures=True)

    async def read(self, response: TextResponse, url: str, depth: int) -> Discovered:
        """What a page names. Raises `RefusedError`, as all of these do."""

        def read() -> Discovered:
            return discover(
                response.selector, url, self._scope, depth=depth, encoding=response.encoding
            )

        return await self._in_time(read)

    async def read_rendered(
        self, page: RenderedPage, depth: int, unrendered: Sequence[FoundLink] = ()
    ) -> Discovered:
        """What a rendered page names; `unrendered` is what it did before."""

        def read() -> Discovered:
            return discover_rendered(page, self._scope, depth=depth, unrendered=unrendered)

        return await self._in_time(read)

    async def wall_signs(
        self, response: TextResponse, asked: str, url: str, found: Discovered
    ) -> Signs:
        """The signs that the page at `url`, which answers for `asked`, is a wall."""

        def look() -> Signs:
            return signs_of(
                response.selector,
                source=response.text,
                asked=canonical_or_refused(asked),
                url=url,
                title=found.title,
                links=found.links,
                headers=headers_of_response(response),
            )

        return await self._in_time(look)

    async def is_challenge(self, response: TextResponse, url: str) -> bool:
        """Whether a page is a challenge for human visitors."""
        found = await self.read(response, url, 0)
        return wall_among((await self.wall_signs(response, url, url, found)).signs) == CHALLENGE

    async def wall_under_an_error(self, fetch: Fetch, url: str, response: Response) -> str | None:
        """The kind of wall that came under a status that is no 200: challenges often do."""
        if challenge_by_headers(headers_of_response(response)):
            return CHALLENGE
        told = response.status in CHALLENGING_STATUSES and isinstance(response, TextResponse)
        if not told or not is_page(response):
            return None
        found = await self.read(response, url, fetch.depth)
        return wall_among((await self.wall_signs(response, fetch.url, url, found)).signs)

    async def listed(self, fetch: Fetch, url: str, body: bytes) -> Discovered | None:
        """What a sitemap or feed names; None when the answer is neither."""

        def read() -> Discovered | None:
            content = unpacked(body)
            kind = listing_kind(content)
            if kind is None:
                return None
            if kind == "feed" and len(content) > self._scope.max_page_bytes:
                raise RefusedError("too_large", "the feed is larger than the limit")
            return discover_listing(
                content, kind, url, self._scope, depth=fetch.depth, how=fetch.how
            )

        return await self._in_time(read)

    async def _in_time(self, read: Callable[[], Read]) -> Read:
        reading = asyncio.get_running_loop().run_in_executor(self._readers, read)
        try:
            return await asyncio.wait_for(asyncio.shield(reading), MAX_READING_S)
        except TimeoutError as error:
            self.unreadable_pages += 1
            raise RefusedError("too_large", "the page's markup takes too long to read") from error
