"""Players that only an extractor of yt-dlp understands: asked where a page shows no video.

1. The page's address goes to a process of its own (`extractor_child.py`), which has no network.
2. What its extractor wants to see is fetched here, by the same door as everything else: scope,
   robots.txt, address guard, the host's lease and its delay, at most `MAX_REQUESTS` times.
3. What it found becomes links of the page, kept only in scope, like those of the page itself.

The process is ended when it takes too long, and another one is started for the next page.
"""

from __future__ import annotations

import asyncio
import logging
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

from msgspec.structs import replace
from scrapy.http import Response

from indexer.crawl.child import start_child
from indexer.crawl.discovery import MAX_LINKS, Discovered
from indexer.crawl.extractor_messages import (
    Came,
    Extract,
    Extracted,
    Kept,
    PlayedMedium,
    ReaderInbound,
    ReaderOutbound,
    Wanted,
)
from indexer.crawl.found import Named, absolute, keep
from indexer.crawl.messages import FoundLink, Scope
from indexer.crawl.players import VIDEOS, ending_of
from indexer.crawl.refusals import RefusedError
from indexer.crawl.scope import BadAddressError, canonical_address
from indexer.crawl.streams_door import StreamDoor
from indexer.errors import WireError
from indexer.wire import Channel

EXTRACTOR = "extractor"
"""`how` of what they found."""
MAX_REQUESTS = 12
MAX_THINKING_S = 20.0
"""One step of an extractor takes milliseconds; a page can be made to let it take for ever."""
MAX_EXTRACTION_S = 120.0
"""No request is begun after it; the pages of a slice take turns, within their leases."""
MAX_PAGES_EACH = 100
"""Pages that one process reads before it is started anew."""
FAILED = "extractor"
_SHOWS_VIDEO = frozenset({"video", "stream", "og:video", "player"})
_PASSED_HEADERS = (b"Content-Type", b"Last-Modified", b"Content-Language")

Start = Callable[[str], "subprocess.Popen[bytes]"]

_log = logging.getLogger(__name__)


def shows_video(links: Iterable[FoundLink]) -> bool:
    """Whether the page itself names a video or a stream: then nobody else needs to be asked."""
    return any(
        link.kind == "medium" and (link.how in _SHOWS_VIDEO or ending_of(link.url) in VIDEOS)
        for link in links
    )


@dataclass(slots=True)
class _Running:
    process: subprocess.Popen[bytes]
    channel: Channel[ReaderInbound, ReaderOutbound]
    pages: int = 0

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            try:
                cast(BinaryIO, stream).close()
            except BrokenPipeError:
                continue


class Extractors:
    """Reads the players of one slice's pages, one page at a time."""

    def __init__(self, scope: Scope, start: Start = start_child) -> None:
        self._scope = scope
        self._start = start
        self._turn = asyncio.Lock()
        self._running: _Running | None = None

    async def added(
        self, found: Discovered, url: str, depth: int, door: StreamDoor
    ) -> tuple[Discovered, str]:
        """`found` with what the players of `url` show, and a code where that could not be read."""
        if not self._scope.extractors or shows_video(found.links):
            return found, ""
        async with self._turn:
            extracted = await self._extracted(url, door)
        if not extracted.claimed:
            return found, ""
        kept = keep(
            _named(extracted),
            url,
            url,
            self._scope,
            depth=depth,
            encoding="utf-8",
            most=MAX_LINKS,
            most_looked_at=MAX_LINKS,
        )
        full_of = dict(_full_forms(extracted.media, url))
        known = {link.url for link in found.links}
        links = tuple(
            replace(link, variant_of=full_of.get(link.url))
            for link in kept.links
            if link.url not in known
        )
        code = extracted.code
        if extracted.media and not any(link.kind == "medium" for link in kept.links):
            # What it plays lies on hosts that this site's runs do not visit.
            code = code or "out_of_scope"
        more = found._replace(
            links=(*found.links, *links),
            out_of_scope=found.out_of_scope + kept.out_of_scope,
            dropped=found.dropped + kept.dropped,
        )
        return more, code

    def close(self) -> None:
        """End the process."""
        running, self._running = self._running, None
        if running is not None:
            running.end()

    async def _extracted(self, url: str, door: StreamDoor) -> Extracted:
        try:
            running = await asyncio.to_thread(self._reader)
            return await self._converse(running, url, door)
        except (WireError, TimeoutError, OSError) as error:
            _log.warning("the reader of players was ended (%s)", type(error).__name__)
            await asyncio.to_thread(self.close)
            return Extracted(True, code=FAILED)
        except asyncio.CancelledError:
            self.close()
            raise

    async def _converse(self, running: _Running, url: str, door: StreamDoor) -> Extracted:
        began, requests, left_bytes = time.monotonic(), 0, 4 * self._scope.max_page_bytes
        asked: ReaderInbound = Extract(url, self._scope.max_medium_bytes)
        while True:
            message = await self._turn_of(running, asked)
            if isinstance(message, Extracted):
                return message
            requests += 1
            over = requests > MAX_REQUESTS or time.monotonic() - began > MAX_EXTRACTION_S
            if over or left_bytes <= 0:
                asked = Kept("too_large")
                continue
            asked = await self._answer(message, door, left_bytes)
            if isinstance(asked, Came):
                left_bytes -= len(asked.body)

    async def _turn_of(self, running: _Running, message: ReaderInbound) -> ReaderOutbound:
        def speak() -> ReaderOutbound:
            running.channel.send(message)
            answer = running.channel.receive()
            if answer is None:
                raise WireError("the reader of players ended")
            return answer

        return await asyncio.wait_for(asyncio.to_thread(speak), MAX_THINKING_S)

    async def _answer(self, wanted: Wanted, door: StreamDoor, left_bytes: int) -> Came | Kept:
        try:
            url = canonical_address(wanted.url)
            where, response = await door.send(
                url, None, min(left_bytes, self._scope.max_page_bytes)
            )
        except (BadAddressError, RefusedError) as refused:
            return Kept(refused.code)
        return Came(where, int(response.status), _headers(response), bytes(response.body))

    def _reader(self) -> _Running:
        running = self._running
        if running is not None and (
            running.pages >= MAX_PAGES_EACH or running.process.poll() is not None
        ):
            self.close()
            running = None
        if running is None:
            process = self._start("indexer.crawl.extractor_child")
            channel: Channel[ReaderInbound, ReaderOutbound] = Channel(
                cast(BinaryIO, process.stdout), cast(BinaryIO, process.stdin), ReaderOutbound
            )
            running = self._running = _Running(process, channel)
        running.pages += 1
        return running


def _named(extracted: Extracted) -> Iterator[Named]:
    for medium in extracted.media:
        yield Named(medium.url, "medium", EXTRACTOR)
        for small in medium.small_forms:
            yield Named(small, "medium", EXTRACTOR)
    for page in extracted.pages:
        yield Named(page, "page", EXTRACTOR)


def _full_forms(media: Iterable[PlayedMedium], base: str) -> Iterator[tuple[str, str]]:
    for medium in media:
        full = absolute(medium.url, base, "utf-8")
        for address in medium.small_forms:
            small = absolute(address, base, "utf-8")
            if full is not None and small is not None and small != full:
                yield small, full


def _headers(response: Response) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name.decode("ascii"), value.decode("latin-1"))
        for name in _PASSED_HEADERS
        if (value := response.headers.get(name)) is not None
    )
