"""Starting the browser process: which chromium, and inside what.

1. Under bubblewrap where that works: an empty machine, with no network at all, and chromium's own
   sandbox inside it.
2. Otherwise in chromium's own sandbox alone, which must work then: pages are never rendered with
   neither of the two. Its ways to the network are shut by its own switches (`browser.py`).
"""

from __future__ import annotations

import queue
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import BinaryIO, cast

import psutil

from indexer.crawl.browser_messages import (
    BrowserNotThere,
    BrowserReady,
    BrowserSettings,
    FromBrowser,
    ToBrowser,
)
from indexer.crawl.child import start_child
from indexer.crawl.messages import Rendering
from indexer.errors import IndexerError, WireError
from indexer.sandbox import bubblewrapped, find_bubblewrap
from indexer.wire import Channel

MODULE = "indexer.crawl.browser"
# First Debian's program itself: the script before it adds switches of its own.
NAMES = ("/usr/lib/chromium/chromium", "chromium", "chromium-browser", "google-chrome")
READY_TIMEOUT_S = 45.0
MAX_REQUESTS_A_PAGE = 60
"""Of more than that the crawl child refuses each; far beyond it the browser does not even ask."""
MAX_TEMPORARY_BYTES = 512 * 1024 * 1024
_READABLE = ("/etc/fonts", "/etc/chromium.d", "/etc/alternatives", "/usr/share/fonts")
_ACCOUNT = 1000
"""Who the browser believes to be inside: anybody but root."""


class BrowserMissingError(IndexerError):
    """No page can be rendered on this machine; the message says what to do."""

    code = "browser_missing"


def find_chromium(named: str) -> str:
    """The program that is named, or the first that this machine has. `BrowserMissingError`."""
    if named:
        if not Path(named).is_file():
            raise BrowserMissingError(
                f"there is no chromium at {named}: correct the setting chromium, or leave it empty"
            )
        return named
    for name in NAMES:
        found = shutil.which(name)
        if found is not None:
            return found
    raise BrowserMissingError(
        "chromium is not installed, which pages that need JavaScript are rendered with: "
        "apt-get install chromium, or name another with the setting chromium"
    )


class BrowserProcess:
    """A running browser process that has said that it is ready."""

    def __init__(self, rendering: Rendering, *, user_agent: str, max_page_bytes: int) -> None:
        """Start it; takes a second or two. Raises `BrowserMissingError`."""
        chromium = find_chromium(rendering.chromium)
        bwrap = find_bubblewrap() if rendering.sandbox != "off" else None
        if bwrap is None and rendering.sandbox == "require":
            raise BrowserMissingError(
                "the setting sandbox requires bubblewrap, which is not installed: "
                "apt-get install bubblewrap"
            )
        settings = BrowserSettings(
            chromium,
            user_agent,
            own_sandbox=True,
            memory_bytes=rendering.memory_bytes,
            max_page_chars=max_page_bytes,
            max_requests=4 * MAX_REQUESTS_A_PAGE,
        )
        self._most_bytes = 8 * max_page_bytes + 4 * 1024 * 1024
        self._files: tempfile.TemporaryDirectory[str] | None = None
        self.sandbox = "bubblewrap and chromium’s own" if bwrap else "chromium’s own"
        try:
            if bwrap is None:
                self.version = self._start(None, settings)
                return
            try:
                self.version = self._start(bwrap, settings)
            except BrowserMissingError:
                self._end_process()
                if rendering.sandbox == "require":
                    raise
                self.sandbox = "chromium’s own"
                self.version = self._start(None, settings)
        except BrowserMissingError:
            self.end()
            raise

    def end(self) -> None:
        """Kill it with all that it started, and remove its files. May be called again."""
        self._end_process()
        if self._files is not None:
            self._files.cleanup()

    def _start(self, bwrap: str | None, settings: BrowserSettings) -> str:
        def wrapped(command: list[str]) -> list[str]:
            if bwrap is None:
                return command
            folder = str(Path(settings.chromium).resolve().parent)
            return bubblewrapped(
                bwrap,
                command,
                readable=(*_READABLE, folder),
                account=_ACCOUNT,
                temporary_bytes=MAX_TEMPORARY_BYTES,
            )

        # Inside bubblewrap /tmp is its own; without it the browser gets a folder that is removed.
        home = "/tmp"  # noqa: S108 (inside)
        if bwrap is None:
            self._files = tempfile.TemporaryDirectory(prefix="likeness-browser-")
            home = self._files.name
        self._process = start_child(MODULE, wrap=wrapped, more={"HOME": home, "TMPDIR": home})
        self.channel: Channel[ToBrowser, FromBrowser] = Channel(
            cast(BinaryIO, self._process.stdout),
            cast(BinaryIO, self._process.stdin),
            FromBrowser,
            max_frame_bytes=self._most_bytes,
        )
        answer = self._first_answer(settings)
        if isinstance(answer, BrowserReady):
            return answer.version
        if isinstance(answer, BrowserNotThere):
            raise BrowserMissingError(answer.message)
        raise BrowserMissingError("chromium could not be started: it did not answer in time")

    def _first_answer(self, settings: BrowserSettings) -> FromBrowser | None:
        answers: queue.SimpleQueue[FromBrowser | None] = queue.SimpleQueue()

        def greet() -> None:
            try:
                self.channel.send(settings)
                answers.put(self.channel.receive())
            except WireError:
                answers.put(None)

        threading.Thread(target=greet, daemon=True, name="browser-start").start()
        try:
            return answers.get(timeout=READY_TIMEOUT_S)
        except queue.Empty:
            return None

    def _end_process(self) -> None:
        process: subprocess.Popen[bytes] | None = getattr(self, "_process", None)
        if process is None or process.returncode is not None:
            return
        started = _all_under(process.pid)
        process.kill()
        process.wait()
        for each in started:
            # What was not under bubblewrap outlives its parent for a moment.
            try:
                each.kill()
            except psutil.NoSuchProcess:
                continue
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue


def _all_under(process_id: int) -> list[psutil.Process]:
    try:
        return list(psutil.Process(process_id).children(recursive=True))
    except psutil.NoSuchProcess:
        return []
