"""The crawl child's side of its browser: started when it is first needed, restarted when it failed.

Starting, reading and writing happen in threads, so that the event loop never waits for a browser
that hangs. One page at a time.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from concurrent.futures import ThreadPoolExecutor

from indexer.crawl.browser_messages import FromBrowser, ToBrowser
from indexer.crawl.browser_start import BrowserMissingError, BrowserProcess
from indexer.crawl.messages import Rendering
from indexer.errors import IndexerError, WireError

MAX_UNREAD = 64


class BrowserGoneError(IndexerError):
    """The browser ended, or does not speak any more."""

    code = "not_rendered"


class BrowserClient:
    """One browser of one slice. Used by one task at a time."""

    def __init__(self, rendering: Rendering, *, user_agent: str, max_page_bytes: int) -> None:
        self._rendering = rendering
        self._user_agent = user_agent
        self._max_page_bytes = max_page_bytes
        # One thread for the life of the slice: the kernel ends the browser with the thread that
        # started it.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="browser-start")
        self._running: _Conversation | None = None
        self._missing: BrowserMissingError | None = None

    async def start(self) -> None:
        """Have a browser. Raises `BrowserMissingError`, which is final for this slice."""
        if self._missing is not None:
            raise self._missing
        if self._running is not None:
            return
        loop = asyncio.get_running_loop()
        try:
            process = await loop.run_in_executor(self._thread, self._new_process)
        except BrowserMissingError as error:
            self._missing = error
            raise
        self._running = _Conversation(process, loop)

    def send(self, message: ToBrowser) -> None:
        """Hand over a message; it is written by a thread."""
        if self._running is not None:
            self._running.outbox.put(message)

    async def receive(self, timeout_s: float) -> FromBrowser:
        """The next message. Raises `BrowserGoneError`, also after `timeout_s` of silence."""
        if self._running is None:
            raise BrowserGoneError("the browser is not running")
        return await self._running.receive(timeout_s)

    async def end(self) -> None:
        """Kill the browser; the next `start` begins a new one."""
        running, self._running = self._running, None
        if running is not None:
            running.outbox.put(None)
            await asyncio.get_running_loop().run_in_executor(self._thread, running.process.end)

    async def close(self) -> None:
        """The slice is over."""
        await self.end()
        self._thread.shutdown(wait=False)

    def _new_process(self) -> BrowserProcess:
        return BrowserProcess(
            self._rendering, user_agent=self._user_agent, max_page_bytes=self._max_page_bytes
        )


class _Conversation:
    """A running browser, a thread that reads what it says, and one that writes to it."""

    def __init__(self, process: BrowserProcess, loop: asyncio.AbstractEventLoop) -> None:
        self.process = process
        self.outbox: queue.SimpleQueue[ToBrowser | None] = queue.SimpleQueue()
        self._loop = loop
        self._inbox: asyncio.Queue[FromBrowser | None] = asyncio.Queue()
        # A browser that was taken over may say more than anybody reads: then it waits.
        self._room = threading.Semaphore(MAX_UNREAD)
        threading.Thread(target=self._read, daemon=True, name="browser-in").start()
        threading.Thread(target=self._write, daemon=True, name="browser-out").start()

    async def receive(self, timeout_s: float) -> FromBrowser:
        """The next message. Raises `BrowserGoneError`."""
        try:
            message = await asyncio.wait_for(self._inbox.get(), timeout_s)
        except TimeoutError as error:
            raise BrowserGoneError("the browser said nothing for too long") from error
        self._room.release()
        if message is None:
            raise BrowserGoneError("the browser ended")
        return message

    def _read(self) -> None:
        message: FromBrowser | None = None
        while True:
            self._room.acquire()
            try:
                message = self.process.channel.receive()
            except WireError:
                message = None
            try:
                self._loop.call_soon_threadsafe(self._inbox.put_nowait, message)
            except RuntimeError:
                return  # the event loop has ended
            if message is None:
                return

    def _write(self) -> None:
        while (message := self.outbox.get()) is not None:
            try:
                self.process.channel.send(message)
            except WireError:
                return
