"""One slice: leased addresses in, exactly one answer for each.

For each `Fetch`:
1. make the address canonical and check its depth;
2. read the host's robots.txt (once a slice) and obey it;
3. send the request through the door (scope, address, lease, limits: `outbound.py`);
4. a redirect: again from 2 with the next address, at most `max_redirects` times;
5. a signed address that has expired: once more, as its page names it now;
6. judge the status and what the first bytes show; a stream's pieces are fetched and joined;
7. answer `PageSeen` with what the page names, `MediumFetched`, `Unchanged`, or `FetchRefused`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec
from scrapy.http import Response, TextResponse

from indexer.crawl.answers import (
    canonical_or_refused,
    header_of,
    is_page,
    joined,
    now_in_words,
)
from indexer.crawl.conditional import NOT_MODIFIED, headers_of, validators_of
from indexer.crawl.discovery import Discovered, discover, discover_listing
from indexer.crawl.extractors import Extractors
from indexer.crawl.found import FEED, LISTINGS, keep
from indexer.crawl.messages import (
    ChildMessage,
    Condition,
    Fetch,
    FetchKind,
    FetchRefused,
    FoundLink,
    MediumFetched,
    PageSeen,
    Scope,
    Unchanged,
)
from indexer.crawl.outbound import Outbound, RequestKind
from indexer.crawl.refusals import RETRY_STATUSES, RefusedError
from indexer.crawl.robots import Robots
from indexer.crawl.scope import REDIRECTS, is_in_scope
from indexer.crawl.signed_addresses import EXPIRED, is_signed, renewed_among
from indexer.crawl.sniff import looks_like_html, media_type_of
from indexer.crawl.soft_errors import is_soft_error
from indexer.crawl.stream_fetching import StreamReader
from indexer.crawl.streams import stream_kind
from indexer.crawl.streams_door import StreamDoor
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

MAX_AT_ONCE = 16
PAGE_READERS = 4
MAX_READING_S = 10.0
"""An ordinary page takes milliseconds; libxml2 takes hours for a tag of a million attributes."""

Read = TypeVar("Read")
Deliver = Callable[[ChildMessage], Awaitable[None]]

_log = logging.getLogger(__name__)


class Slice:
    """Works through the fetches of one slice, `MAX_AT_ONCE` at a time.

    `deliver` returns when the message has left for the worker: a medium is not held longer.
    `unreadable_pages` counts pages that were given up while a thread is still busy with them: the
    process should not outlive the slice then.
    """

    def __init__(self, slice_id: str, scope: Scope, deliver: Deliver) -> None:
        self.slice_id = slice_id
        self.scope = scope
        self._deliver = deliver
        self._waiting: asyncio.Queue[Fetch | None] = asyncio.Queue()
        self._readers = ThreadPoolExecutor(PAGE_READERS, thread_name_prefix="page")
        self._extractors = Extractors(scope)
        self.unreadable_pages = 0

    def take(self, fetch: Fetch) -> None:
        """Queue one address."""
        self._waiting.put_nowait(fetch)

    def close(self) -> None:
        """No more addresses: `work` ends when all are answered."""
        self._waiting.put_nowait(None)

    async def work(self, outbound: Outbound) -> None:
        """Answer every fetch until the slice is closed."""
        robots = Robots(outbound, self.scope)
        room = asyncio.Semaphore(MAX_AT_ONCE)
        async with asyncio.TaskGroup() as running:
            while (fetch := await self._waiting.get()) is not None:
                await room.acquire()
                task = running.create_task(self._answer(fetch, outbound, robots))
                task.add_done_callback(lambda _: room.release())
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._extractors.close()

    async def _answer(self, fetch: Fetch, outbound: Outbound, robots: Robots) -> None:
        try:
            message: ChildMessage = await self._fetch(fetch, outbound, robots)
        except RefusedError as refused:
            message = FetchRefused(
                fetch.ticket,
                fetch.url,
                refused.code,
                str(refused),
                refused.status,
                refused.retry,
                refused.wall,
            )
        except Exception as error:  # noqa: BLE001 (one hostile answer must not end the slice)
            _log.error("defect while answering ticket %s", fetch.ticket, exc_info=error)
            message = FetchRefused(
                fetch.ticket,
                fetch.url,
                "defect",
                f"the crawler failed on this address ({type(error).__name__}); see its log",
            )
        await self._deliver(message)

    async def _fetch(
        self, fetch: Fetch, outbound: Outbound, robots: Robots
    ) -> PageSeen | MediumFetched | Unchanged:
        url = canonical_or_refused(fetch.url)
        referrer = canonical_or_refused(fetch.referrer) if fetch.referrer else None
        try:
            return await self._fetch_at(url, referrer, fetch, outbound, robots)
        except RefusedError as refused:
            expired = refused.status in EXPIRED and fetch.kind == "medium" and is_signed(url)
            if not expired or referrer is None:
                raise
            renewed = await self._renewed(url, referrer, fetch.depth, outbound, robots)
            if renewed is None:
                raise
        return await self._fetch_at(renewed, referrer, fetch, outbound, robots)

    async def _renewed(
        self, url: str, referrer: str, depth: int, outbound: Outbound, robots: Robots
    ) -> str | None:
        """The medium's address as its page names it now; None when the page tells none."""
        try:
            response = await self._send(
                referrer,
                "page",
                outbound,
                robots,
                depth=depth,
                referrer=None,
                condition=None,
                how="",
            )
            if response.status != 200 or not isinstance(response, TextResponse):
                return None
            found = await self._read(response, referrer, depth)
        except RefusedError:
            return None
        return renewed_among(found.links, url)

    async def _fetch_at(
        self, url: str, referrer: str | None, fetch: Fetch, outbound: Outbound, robots: Robots
    ) -> PageSeen | MediumFetched | Unchanged:
        kind: FetchKind = fetch.kind
        asked: set[str] = set()
        while True:
            if url in asked or len(asked) > self.scope.max_redirects:
                raise RefusedError(
                    "too_many_redirects", "the address redirects in a circle or too far"
                )
            asked.add(url)
            response = await self._send(
                url,
                kind,
                outbound,
                robots,
                depth=fetch.depth,
                referrer=referrer,
                condition=fetch.condition,
                how=fetch.how,
            )
            location = response.headers.get(b"Location")
            if response.status not in REDIRECTS or location is None:
                break
            url = canonical_or_refused(joined(url, location))
            if kind == "page" and not is_in_scope(url, "page", self.scope, depth=fetch.depth):
                # A page may lead to its picture on a media host; the door checks that.
                kind = "medium"
        if response.status == NOT_MODIFIED and headers_of(fetch.condition, url):
            return Unchanged(fetch.ticket, fetch.url, url, now_in_words())
        if response.status == 200 and stream_kind(response.body) is not None:
            door = StreamDoor(outbound, robots, self.scope, fetch.depth, referrer or url)
            return await self._stream(fetch, url, response, door)
        player = StreamDoor(outbound, robots, self.scope, fetch.depth, url, "player")
        return await self._judged(fetch, url, kind, response, player)

    async def _send(
        self,
        url: str,
        kind: FetchKind,
        outbound: Outbound,
        robots: Robots,
        *,
        depth: int,
        referrer: str | None,
        condition: Condition | None,
        how: str,
    ) -> Response:
        outbound.check(url, kind, depth=depth)
        rules = await robots.rules_for(url)
        rules.check(url, self.scope.user_agent)
        is_sitemap = kind == "page" and how in LISTINGS - {FEED}
        request_kind: RequestKind = "sitemap" if is_sitemap else kind
        return await outbound.get(
            url,
            request_kind,
            depth=depth,
            delay_s=rules.delay_s(self.scope),
            referrer=referrer,
            condition=condition,
        )

    async def _judged(
        self, fetch: Fetch, url: str, kind: FetchKind, response: Response, door: StreamDoor
    ) -> PageSeen | MediumFetched:
        status = int(response.status)
        if status != 200:
            wall = await self._wall_under_an_error(fetch, url, response)
            raise RefusedError(
                "http_status",
                f"the server answered with status {status}",
                status=status,
                retry=status in RETRY_STATUSES and wall is None,
                wall=wall,
            )
        body = response.body
        if media_type_of(body) is not None:
            return self._medium(fetch, url, response)
        if kind == "medium":
            what = "a web page" if looks_like_html(body) else "no known picture or video"
            raise RefusedError("not_media", f"the answer is {what}", status=status)
        seen, player_refused = Signs((), ""), ""
        found = await self._listed(fetch, url, body)
        if found is None:
            if fetch.how in LISTINGS:
                raise RefusedError("not_listing", "the answer is no sitemap and no feed")
            if not isinstance(response, TextResponse) or not is_page(response):
                raise RefusedError(
                    "not_media", "the answer is neither a page nor a medium", status=status
                )
            found = await self._read(response, url, fetch.depth)
            seen = await self._wall_signs(response, fetch, url, found)
            # A redirect to the first page may be a wall's doing: then that is what it was.
            is_wall = any(sign.kind for sign in seen.signs)
            led_to = fetch.url if is_wall else url
            if is_soft_error(fetch.url, led_to, found.title, found.links, depth=fetch.depth):
                raise RefusedError(
                    "soft_404", "the page says under status 200 that there is nothing"
                )
            if not is_wall:
                found, player_refused = await self._extractors.added(found, url, fetch.depth, door)
        links = (*found.links, *await self._sitemaps(fetch, url, door.robots))
        etag, last_modified = validators_of(response)
        return PageSeen(
            ticket=fetch.ticket,
            url=fetch.url,
            final_url=url,
            status=status,
            title=found.title,
            links=links,
            links_out_of_scope=found.out_of_scope,
            content_bytes=len(body),
            fetched_at=now_in_words(),
            links_dropped=found.dropped,
            etag=etag,
            last_modified=last_modified,
            wall_signs=seen.signs,
            words_digest=seen.words_digest,
            player_refused=player_refused,
        )

    async def _wall_signs(
        self, response: TextResponse, fetch: Fetch, url: str, found: Discovered
    ) -> Signs:
        def look() -> Signs:
            return signs_of(
                response.selector,
                asked=canonical_or_refused(fetch.url),
                url=url,
                title=found.title,
                links=found.links,
                headers=headers_of_response(response),
            )

        return await self._in_time(look)

    async def _wall_under_an_error(self, fetch: Fetch, url: str, response: Response) -> str | None:
        """The kind of wall that came under a status that is no 200: challenges often do."""
        if challenge_by_headers(headers_of_response(response)):
            return CHALLENGE
        told = response.status in CHALLENGING_STATUSES and isinstance(response, TextResponse)
        if not told or not is_page(response):
            return None
        found = await self._read(response, url, fetch.depth)
        return wall_among((await self._wall_signs(response, fetch, url, found)).signs)

    async def _read(self, response: TextResponse, url: str, depth: int) -> Discovered:
        def read() -> Discovered:
            return discover(
                response.selector, url, self.scope, depth=depth, encoding=response.encoding
            )

        return await self._in_time(read)

    async def _listed(self, fetch: Fetch, url: str, body: bytes) -> Discovered | None:
        """What a sitemap or feed names; None when the answer is neither."""

        def read() -> Discovered | None:
            content = unpacked(body)
            kind = listing_kind(content)
            if kind is None:
                return None
            if kind == "feed" and len(content) > self.scope.max_page_bytes:
                raise RefusedError("too_large", "the feed is larger than the limit")
            return discover_listing(
                content, kind, url, self.scope, depth=fetch.depth, how=fetch.how
            )

        return await self._in_time(read)

    async def _sitemaps(self, fetch: Fetch, url: str, robots: Robots) -> Sequence[FoundLink]:
        """Where a run begins: the sitemaps of the host, too."""
        if fetch.depth > 0 or fetch.how in LISTINGS:
            return ()
        named = (await robots.rules_for(url)).sitemaps()
        most = len(named)
        return keep(
            named, url, url, self.scope, depth=0, encoding="utf-8", most=most, most_looked_at=most
        ).links

    async def _in_time(self, read: Callable[[], Read]) -> Read:
        # lxml lets other threads run while it parses: a page made to be slow holds up nobody.
        reading = asyncio.get_running_loop().run_in_executor(self._readers, read)
        try:
            return await asyncio.wait_for(asyncio.shield(reading), MAX_READING_S)
        except TimeoutError as error:
            self.unreadable_pages += 1
            raise RefusedError("too_large", "the page's markup takes too long to read") from error

    async def _stream(
        self, fetch: Fetch, url: str, response: Response, door: StreamDoor
    ) -> MediumFetched:
        limit_bytes, open_keys = self.scope.max_medium_bytes, self.scope.open_stream_keys
        reader = StreamReader(door.fetch, door.may, limit_bytes, open_keys=open_keys)
        joined = await reader.read(response.body, url)
        # What the server says of a playlist holds for none of its pieces.
        whole = self._medium(fetch, url, response)
        return msgspec.structs.replace(
            whole, content=joined.content, left_out=joined.left_out, etag=None, last_modified=None
        )

    def _medium(self, fetch: Fetch, url: str, response: Response) -> MediumFetched:
        etag, last_modified = validators_of(response)
        return MediumFetched(
            ticket=fetch.ticket,
            url=fetch.url,
            final_url=url,
            status=int(response.status),
            content=response.body,
            declared_type=header_of(response, b"Content-Type"),
            etag=etag,
            last_modified=last_modified,
            fetched_at=now_in_words(),
        )
