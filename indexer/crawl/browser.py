"""The browser process: `python -m indexer.crawl.browser`, spoken to as in `browser_messages.py`.

1. It starts chromium, without a window, without a way to the network, in its own sandbox.
2. It renders one page at a time, each in a new incognito context (`browser_page.py`).
3. A thread reads what the crawl child sends, another writes; when the pipe closes, all ends.
4. Where chromium takes more memory than it may, the page has failed and the process ends itself.

It knows no site, no scope, no key: what it may have, the crawl child fetches and hands over.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import queue
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from indexer.crawl.browser_messages import (
    BrowserNotThere,
    BrowserReady,
    BrowserSettings,
    FromBrowser,
    RenderFailed,
    RenderPage,
    ResourceGiven,
    ResourceRefused,
    ResourceWanted,
    ToBrowser,
)
from indexer.crawl.child import channel_of_child
from indexer.errors import WireError
from indexer.wire import Channel

if TYPE_CHECKING:
    from playwright.async_api import Browser as Chromium

START_TIMEOUT_S = 30.0
WATCH_EVERY_S = 0.2
_PR_SET_PDEATHSIG = 1
_NICENESS = 5

# Every way to the network leads to a proxy that is not there, whose address cannot even be looked
# up: what a page wants is answered by Playwright's interception, or by nothing. Under bubblewrap
# there is no network behind it either.
ARGUMENTS = (
    "--proxy-server=http://127.0.0.1:9",
    "--proxy-bypass-list=<-loopback>",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--dns-prefetch-disable",
    "--disable-quic",
    "--force-webrtc-ip-handling-policy",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--block-new-web-contents",
    "--deny-permission-prompts",
    "--disable-3d-apis",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-notifications",
    "--disable-remote-fonts",
    "--disable-sync",
    "--js-flags=--max-old-space-size=512",
    "--mute-audio",
    "--no-first-run",
    "--no-pings",
    "--autoplay-policy=user-gesture-required",
)

NO_PLAYWRIGHT = (
    "Playwright is not installed, which pages that need JavaScript are rendered with: run "
    "`make browser`, or install Likeness with its extra `likeness[browser]`"
)


def main() -> None:
    """Serve the crawl child on standard input and output until it closes them."""
    channel: Channel[FromBrowser, ToBrowser] = channel_of_child(ToBrowser)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.nice(_NICENESS)
    status = 0
    try:
        settings = channel.receive()
        if isinstance(settings, BrowserSettings):
            asyncio.run(_Process(channel, settings).serve())
    except WireError as error:
        sys.stderr.write(f"browser: the conversation broke: {error}\n")
        status = 1
    # Not sys.exit: it waits for threads, and one reads from a pipe that may stay open.
    _end(status)


class _Process:
    """The conversation, and the page that is rendered at present."""

    def __init__(self, channel: Channel[FromBrowser, ToBrowser], settings: BrowserSettings) -> None:
        self._channel = channel
        self._settings = settings
        self._outbox: queue.SimpleQueue[FromBrowser] = queue.SimpleQueue()
        self._orders: asyncio.Queue[RenderPage | None] = asyncio.Queue()
        self._answers: dict[int, asyncio.Future[ResourceGiven | None]] = {}
        self._next_request = 0

    async def serve(self) -> None:
        """Render until the pipe closes."""
        loop = asyncio.get_running_loop()
        try:
            from playwright.async_api import Error, async_playwright  # noqa: PLC0415 (an extra)
        except ImportError:
            self._channel.send(BrowserNotThere(NO_PLAYWRIGHT))
            return
        async with async_playwright() as playwright:
            try:
                chromium = await playwright.chromium.launch(
                    executable_path=self._settings.chromium,
                    args=list(ARGUMENTS),
                    chromium_sandbox=self._settings.own_sandbox,
                    timeout=START_TIMEOUT_S * 1000,
                )
            except Error as error:
                self._channel.send(BrowserNotThere(_why_not_started(str(error))))
                return
            self._channel.send(BrowserReady(chromium.version))
            threading.Thread(target=self._read, args=(loop,), daemon=True, name="wire-in").start()
            threading.Thread(target=self._write, daemon=True, name="wire-out").start()
            while (order := await self._orders.get()) is not None:
                await self._render(chromium, order)
            _end(0)

    async def ask(self, wanted: ResourceWanted) -> ResourceGiven | None:
        """Have the crawl child fetch it; None when the page has to do without it."""
        self._next_request += 1
        request_id = self._next_request
        answer: asyncio.Future[ResourceGiven | None] = asyncio.get_running_loop().create_future()
        self._answers[request_id] = answer
        self._outbox.put(ResourceWanted(request_id, wanted.url, wanted.kind, wanted.headers))
        return await answer

    async def _render(self, chromium: Chromium, order: RenderPage) -> None:
        from indexer.crawl.browser_page import PageFailedError, PageVisit  # noqa: PLC0415 (an extra)

        watching = asyncio.create_task(self._watch_memory(order.page_id))
        visit = PageVisit(chromium, order, self._settings, self.ask)
        try:
            self._outbox.put(await visit.render())
        except PageFailedError as failed:
            self._outbox.put(RenderFailed(order.page_id, failed.by, str(failed)))
        finally:
            watching.cancel()

    async def _watch_memory(self, page_id: int) -> None:
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            if _children_bytes() > self._settings.memory_bytes:
                words = f"the page takes more than {self._settings.memory_bytes // 2**20} MiB"
                self._channel.send(RenderFailed(page_id, "memory", words))
                _end(1)

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            while (message := self._channel.receive()) is not None:
                loop.call_soon_threadsafe(self._take, message)
        except WireError:
            pass
        # The event loop may be busy with a page that fills it: nobody waits for that.
        _end(0)

    def _write(self) -> None:
        try:
            while True:
                self._channel.send(self._outbox.get())
        except WireError:
            _end(0)

    def _take(self, message: ToBrowser) -> None:
        match message:
            case RenderPage():
                self._orders.put_nowait(message)
            case ResourceGiven() | ResourceRefused():
                waiting = self._answers.pop(message.request_id, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(message if isinstance(message, ResourceGiven) else None)
            case BrowserSettings():
                self._orders.put_nowait(None)


def _children_bytes() -> int:
    """The memory of chromium's processes: what is theirs alone, and what they share in memory."""
    total_kb = 0
    for child in psutil.Process().children(recursive=True):
        try:
            status = Path(f"/proc/{child.pid}/status").read_text(errors="replace")
        except OSError:
            continue  # it has ended meanwhile
        for line in status.splitlines():
            if line.startswith(("RssAnon:", "RssShmem:")):
                total_kb += int(line.split()[1])
    return total_kb * 1024


def _why_not_started(message: str) -> str:
    if "without --no-sandbox is not supported" in message or "No usable sandbox" in message:
        return (
            "chromium cannot protect itself here (it never runs as root without bubblewrap, and "
            "needs user namespaces): install bubblewrap, or run the worker under an account of "
            "its own"
        )
    lines = [line.strip() for line in message.splitlines() if line.strip()] or ["no reason given"]
    first = next((line for line in lines if "[err]" in line), lines[0])
    return f"chromium could not be started: {first[:300]}"


def _end(status: int) -> None:
    """End this process and all that it started."""
    for child in psutil.Process().children(recursive=True):
        try:
            child.kill()
        except psutil.NoSuchProcess:
            continue
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
