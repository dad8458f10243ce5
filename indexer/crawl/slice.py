"""One slice: leased addresses in, exactly one answer for each.

For each `Fetch`:
1. make the address canonical and check its depth;
2. read the host's robots.txt (once a slice) and obey it;
3. send the request through the door (scope, address, lease, limits: `outbound.py`);
4. a redirect: again from 2 with the next address, at most `max_redirects` times;
5. a signed address that has expired: once more, as its page names it now;
6. judge the status and what the first bytes show; a stream's pieces are fetched and joined;
7. where the scope says so, a page is rendered by a browser first (`rendering.py`);
8. answer `PageSeen` with what the page names, `MediumFetched`, `Unchanged`, or `FetchRefused`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

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
from indexer.crawl.extractors import EXTRACTOR, Extractors
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
from indexer.crawl.page_reading import PageReader
from indexer.crawl.refusals import RETRY_STATUSES, RefusedError
from indexer.crawl.rendered_pages import with_unloaded
from indexer.crawl.rendering import Renderer, renderer_for
from indexer.crawl.robots import Robots
from indexer.crawl.scope import REDIRECTS, is_in_scope
from indexer.crawl.signed_addresses import EXPIRED, is_signed, renewed_among
from indexer.crawl.sniff import looks_like_html, media_type_of
from indexer.crawl.soft_errors import FORBIDDEN, soft_error
from indexer.crawl.stream_fetching import StreamReader
from indexer.crawl.streams import stream_kind
from indexer.crawl.streams_door import StreamDoor
from indexer.crawl.walls import (
    CHALLENGE,
    SCRIPT,
    Signs,
    wall_among,
)

MAX_AT_ONCE = 16
Deliver = Callable[[ChildMessage], Awaitable[None]]

_log = logging.getLogger(__name__)


class Slice:
    """Works through the fetches of one slice, `MAX_AT_ONCE` at a time.

    `deliver` returns when the message has left for the worker: a medium is not held longer.
    """

    def __init__(self, slice_id: str, scope: Scope, deliver: Deliver) -> None:
        self.slice_id = slice_id
        self.scope = scope
        self._deliver = deliver
        self._waiting: asyncio.Queue[Fetch | None] = asyncio.Queue()
        self._reader = PageReader(scope)
        self._extractors = Extractors(scope)
        self._renderer: Renderer | None = None

    @property
    def unreadable_pages(self) -> int:
        """Pages that were given up while a thread is still busy with them: the process should not
        outlive the slice then.
        """
        return self._reader.unreadable_pages

    def take(self, fetch: Fetch) -> None:
        """Queue one address."""
        self._waiting.put_nowait(fetch)

    def close(self) -> None:
        """No more addresses: `work` ends when all are answered."""
        self._waiting.put_nowait(None)

    async def work(self, outbound: Outbound) -> None:
        """Answer every fetch until the slice is closed."""
        robots = Robots(outbound, self.scope)
        self._renderer = renderer_for(self.scope, outbound, robots, self._reader.is_challenge)
        try:
            await self._answer_all(outbound, robots)
        finally:
            if self._renderer is not None:
                await self._renderer.close()

    async def _answer_all(self, outbound: Outbound, robots: Robots) -> None:
        room = asyncio.Semaphore(MAX_AT_ONCE)
        async with asyncio.TaskGroup() as running:
            while (fetch := await self._waiting.get()) is not None:
                await room.acquire()
                task = running.create_task(self._answer(fetch, outbound, robots))
                task.add_done_callback(lambda _: room.release())
        self._reader.close()
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
        if self._renderer is not None and fetch.kind == "page" and fetch.how not in LISTINGS:
            # The same frame may be filled with something else: it is always read whole.
            fetch = msgspec.structs.replace(fetch, condition=None)
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
            if self._renderer is None:
                found = await self._reader.read(response, referrer, depth)
            else:
                rendered = await self._renderer.render(response, referrer, depth)
                found = await self._reader.read_rendered(rendered, depth)
            address = renewed_among(found.links, url)
            if address is None:
                door = StreamDoor(outbound, robots, self.scope, depth, referrer, "player")
                found, _ = await self._extractors.added(found, referrer, depth, door)
                address = renewed_among(found.links, url)
        except RefusedError:
            return None
        return address

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
            wall = await self._reader.wall_under_an_error(fetch, url, response)
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
        seen, rendered, player_refused = Signs((), ""), None, ""
        found = await self._reader.listed(fetch, url, body)
        if found is None:
            if fetch.how in LISTINGS:
                raise RefusedError("not_listing", "the answer is no sitemap and no feed")
            if not isinstance(response, TextResponse) or not is_page(response):
                raise RefusedError(
                    "not_media", "the answer is neither a page nor a medium", status=status
                )
            found = await self._reader.read(response, url, fetch.depth)
            seen = await self._reader.wall_signs(response, fetch.url, url, found)
            # What a challenge asks of a browser is never done.
            if self._renderer is not None and wall_among(seen.signs) != CHALLENGE:
                rendered = await self._renderer.render(response, url, fetch.depth)
                response, url = rendered.response, rendered.url
                found = await self._reader.read_rendered(rendered, fetch.depth, found.links)
                seen = await self._reader.wall_signs(response, fetch.url, url, found)
                seen = with_unloaded(seen, rendered, found)
            # A redirect to the first page may be a wall's doing: then that is what it was.
            is_wall = any(sign.kind for sign in seen.signs)
            led_to = fetch.url if is_wall else url
            said = soft_error(fetch.url, led_to, found.title, found.links, depth=fetch.depth)
            if said is not None:
                what = "it is forbidden" if said == FORBIDDEN else "there is nothing"
                raise RefusedError(said, f"the page says under status 200 that {what}")
            if all(sign.kind in ("", SCRIPT) for sign in seen.signs):
                before = len(found.links)
                found, player_refused = await self._extractors.added(found, url, fetch.depth, door)
                if len(found.links) > before:
                    # What a script would have to fill is known without it.
                    others = tuple(sign for sign in seen.signs if sign.kind != SCRIPT)
                    seen = seen._replace(signs=others)
        links = (*found.links, *await self._sitemaps(fetch, url, door.robots))
        # What the server says of a page holds for none of what its scripts or its player load.
        loads = rendered or player_refused or any(link.how == EXTRACTOR for link in links)
        etag, last_modified = (None, None) if loads else validators_of(response)
        return PageSeen(
            ticket=fetch.ticket,
            url=fetch.url,
            final_url=url,
            status=status,
            title=found.title,
            links=links,
            links_out_of_scope=found.out_of_scope,
            content_bytes=len(body) + (rendered.loaded_bytes if rendered else 0),
            fetched_at=now_in_words(),
            links_dropped=found.dropped,
            etag=etag,
            last_modified=last_modified,
            wall_signs=seen.signs,
            words_digest=seen.words_digest,
            player_refused=player_refused,
            hosts_missing=rendered.hosts_missing if rendered else (),
            words=found.words,
        )

    async def _sitemaps(self, fetch: Fetch, url: str, robots: Robots) -> Sequence[FoundLink]:
        """Where a run begins: the sitemaps of the host, too."""
        if fetch.depth > 0 or fetch.how in LISTINGS:
            return ()
        named = (await robots.rules_for(url)).sitemaps()
        most = len(named)
        return keep(
            named, url, url, self.scope, depth=0, encoding="utf-8", most=most, most_looked_at=most
        ).links

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
