"""The crawl child's inside: one reactor, one Scrapy crawler for each slice.

1. A thread reads the worker's messages and hands them to the event loop.
2. `OpenSlice` starts a crawler with fresh state: no connection, rule or checked address of one
   slice serves another. Its `start()` lasts as long as the slice.
3. A thread writes answers; a fetch counts as open until its answer has left.
4. When the pipe closes, the process ends.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import queue
import threading
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from scrapy import Spider
from scrapy.crawler import AsyncCrawlerRunner, Crawler
from scrapy.settings import Settings
from scrapy.utils.reactor import install_reactor

from indexer.crawl.addresses import Resolve, resolve_by_system
from indexer.crawl.download_handler import SCOPE_SETTING
from indexer.crawl.messages import (
    ChildMessage,
    CloseSlice,
    Fetch,
    OpenSlice,
    SliceClosed,
    SlotGranted,
    SlotWanted,
    WorkerMessage,
)
from indexer.crawl.outbound import Outbound
from indexer.crawl.pinned_resolver import PinnedResolver, Pins
from indexer.crawl.slice import MAX_AT_ONCE, Slice
from indexer.errors import WireError
from indexer.wire import Channel

_log = logging.getLogger(__name__)

# Everything that leaves goes through `Outbound`; of Scrapy's downloader middlewares only
# decompression is left. Redirects, retries, cookies, proxies from the environment and robots.txt
# are either ours or off.
_SETTINGS: dict[str, Any] = {
    "BOT_NAME": "likeness",
    "COOKIES_ENABLED": False,
    "CONCURRENT_REQUESTS": MAX_AT_ONCE * 2,
    "CONCURRENT_REQUESTS_PER_DOMAIN": MAX_AT_ONCE * 2,
    "DOWNLOADER_MIDDLEWARES_BASE": {
        "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": 590
    },
    "DOWNLOAD_DELAY": 0,
    "DOWNLOAD_HANDLERS_BASE": dict.fromkeys(
        ("http", "https"), "indexer.crawl.download_handler.KeptConnectionHandler"
    ),
    "DOWNLOAD_MAXSIZE": 50 * 1024 * 1024,
    "DOWNLOAD_VERIFY_CERTIFICATES": True,
    "EXTENSIONS_BASE": {},
    "HTTPPROXY_ENABLED": False,
    "JOBDIR": None,
    "LOG_ENABLED": False,
    "MEMUSAGE_ENABLED": False,
    "REMOTE_CONTROL_ENABLED": False,
    "ROBOTSTXT_OBEY": False,
    "SPIDER_MIDDLEWARES_BASE": {},
    "TELNETCONSOLE_ENABLED": False,
}


class SliceSpider(Spider):
    """Keeps Scrapy's engine open while the slice works; schedules nothing by itself."""

    name = "slice"

    def __init__(self, process: CrawlProcess, work: Slice, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._process = process
        self._work = work

    async def start(self) -> AsyncIterator[Any]:
        """Last as long as the slice: the engine is not idle before this ends."""
        await self._process.work_on(self._work, self.crawler)
        # Scrapy wants an asynchronous generator; this one gives nothing.
        nothing: tuple[Any, ...] = ()
        for item in nothing:
            yield item


class CrawlProcess:
    """Serves one worker until its pipe closes."""

    def __init__(
        self,
        channel: Channel[ChildMessage, WorkerMessage],
        resolve: Resolve = resolve_by_system,
    ) -> None:
        self._channel = channel
        self._resolve = resolve
        self._pins = Pins()
        self._outbox: queue.SimpleQueue[tuple[ChildMessage, asyncio.Future[None] | None]] = (
            queue.SimpleQueue()
        )
        self._inbox: deque[WorkerMessage] = deque()
        self._will_look = False
        self._slots: dict[int, asyncio.Future[float]] = {}
        self._request_ids = itertools.count(1)
        self._slice: Slice | None = None
        self._failure: WireError | None = None
        install_reactor("twisted.internet.asyncioreactor.AsyncioSelectorReactor")
        from twisted.internet import reactor  # noqa: PLC0415 (only exists once it is installed)

        self._reactor = reactor
        self._loop = asyncio.get_event_loop()
        self._runner = AsyncCrawlerRunner(Settings(_SETTINGS))

    def run(self) -> None:
        """Serve until the pipe closes. Raises `WireError` when the conversation broke."""
        self._reactor.installNameResolver(PinnedResolver(self._pins))
        threading.Thread(target=self._read, daemon=True, name="wire-in").start()
        threading.Thread(target=self._write, daemon=True, name="wire-out").start()
        self._reactor.run(installSignalHandlers=False)
        if self._failure is not None:
            raise self._failure

    async def work_on(self, work: Slice, crawler: Crawler) -> None:
        """Answer the fetches of `work` by `crawler`."""
        outbound = Outbound(
            crawler,
            work.scope,
            pins=self._pins,
            resolve=self._resolve,
            ask_slot=self._ask_slot,
        )
        await work.work(outbound)

    async def deliver(self, message: ChildMessage) -> None:
        """Send `message`; done when it has been written to the pipe."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._outbox.put((message, written))
        await written

    async def _ask_slot(self, host: str, delay_s: float) -> float:
        request_id = next(self._request_ids)
        granted: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._slots[request_id] = granted
        # A few bytes, and the answer says that they were written.
        self._outbox.put((SlotWanted(request_id, host, delay_s), None))
        return await granted

    def _read(self) -> None:
        try:
            while (message := self._channel.receive()) is not None:
                self._inbox.append(message)
                # What comes before the loop has looked is handled at once with it.
                if not self._will_look:
                    self._will_look = True
                    self._loop.call_soon_threadsafe(self._look)
        except WireError as error:
            self._loop.call_soon_threadsafe(self._stop, error)
            return
        self._loop.call_soon_threadsafe(self._stop)

    def _write(self) -> None:
        while True:
            message, written = self._outbox.get()
            try:
                self._channel.send(message)
            except WireError as error:
                self._loop.call_soon_threadsafe(self._stop, error)
                return
            if written is not None:
                self._loop.call_soon_threadsafe(written.set_result, None)

    def _look(self) -> None:
        self._will_look = False
        while self._inbox:
            self._handle(self._inbox.popleft())

    def _handle(self, message: WorkerMessage) -> None:
        try:
            match message:
                case OpenSlice():
                    self._open(message)
                case Fetch():
                    self._open_slice().take(message)
                case SlotGranted():
                    self._grant(message)
                case CloseSlice():
                    self._open_slice().close()
        except WireError as error:
            self._stop(error)

    def _grant(self, granted: SlotGranted) -> None:
        waiting = self._slots.pop(granted.request_id, None)
        if waiting is None:
            raise WireError("a slot was granted that nobody asked for")
        waiting.set_result(granted.wait_s)

    def _open(self, opening: OpenSlice) -> None:
        if self._slice is not None:
            raise WireError("a slice was opened while another one was open")
        self._pins.clear()
        self._slice = Slice(opening.slice_id, opening.scope, self.deliver)
        settings = self._runner.settings.copy()
        settings.set(SCOPE_SETTING, opening.scope)
        crawler = Crawler(SliceSpider, settings)
        crawl = self._runner.crawl(crawler, process=self, work=self._slice)
        crawl.add_done_callback(self._ended)

    def _open_slice(self) -> Slice:
        if self._slice is None:
            raise WireError("an address came although no slice is open")
        return self._slice

    def _ended(self, crawl: asyncio.Task[None]) -> None:
        ended, self._slice = self._open_slice(), None
        if crawl.cancelled() or crawl.exception() is not None:
            _log.error("the slice's crawler failed", exc_info=crawl.exception())
            self._stop(WireError("the slice could not be worked on"))
            return
        # A thread may still be busy with a page that was given up: then a new child is better.
        closed = SliceClosed(ended.slice_id, ending=ended.unreadable_pages > 0)
        self._outbox.put((closed, self._loop.create_future()))

    def _stop(self, failure: WireError | None = None) -> None:
        self._failure = self._failure or failure
        if self._reactor.running:
            self._reactor.stop()
