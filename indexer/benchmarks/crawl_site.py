"""A made web site for measuring crawls: `python -m indexer.benchmarks.crawl_site`, on loopback.

1. Pages and media are spread over hosts (addresses of 127/8, a free port each); the pages of one
   host are a tree from `/p0`, and each medium is shown on one page.
2. Nothing is anybody's: pages are made words, pictures made noise over made shapes. Each medium's
   bytes are its own (a JPEG comment with its number), so that none is taken for another.
3. The process says its hosts in one line of JSON and serves until its standard input is closed.
   With `--log` each request is a line there: its moment, its host, its path.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

import msgspec
import numpy as np
from PIL import Image

from indexer.errors import IndexerError

KINDS_OF_PICTURE: Final = 24
LINKS_A_PAGE: Final = 4
_JPEG_QUALITY: Final = 80
_WORDS_A_PAGE: Final = 900
_HEAD_LIMIT_BYTES: Final = 64 * 1024
_MAX_HOSTS: Final = 250
_WORDS: Final = (
    "stone", "river", "paper", "lamp", "window", "garden", "letter", "bridge", "cloud", "table",
    "winter", "song",
)  # fmt: skip
_REASONS: Final = {200: "OK", 404: "Not Found"}

Answer = tuple[int, str, bytes]
"""Status, type of content, content."""


class SitePlanError(IndexerError):
    """A site that cannot be made: it says what to ask for instead."""

    code = "site_plan"


@dataclass(frozen=True, slots=True)
class SitePlan:
    """How large the site is. `side_px` is the longer side of its pictures (4:3)."""

    pages: int
    media: int
    hosts: int
    side_px: int = 640

    def check(self) -> None:
        """Raise `SitePlanError` when no such site can be made."""
        if not 1 <= self.hosts <= min(self.pages, _MAX_HOSTS):
            raise SitePlanError(
                f"a site has 1 to {_MAX_HOSTS} hosts, and at least one page for each"
            )
        if self.media < 0 or self.side_px < 32:
            raise SitePlanError("media cannot be fewer than none, nor pictures under 32 pixels")

    def pages_of(self, host: int) -> int:
        """How many pages host number `host` has."""
        return self.pages // self.hosts + int(host < self.pages % self.hosts)

    def media_of(self, host: int) -> int:
        """How many media host number `host` has."""
        return self.media // self.hosts + int(host < self.media % self.hosts)


class MadePages:
    """Answers for the paths of a planned site."""

    def __init__(self, plan: SitePlan) -> None:
        plan.check()
        self._plan = plan
        self._pictures = [
            _picture(number, plan.side_px) for number in range(min(KINDS_OF_PICTURE, plan.media))
        ]
        kinds = len(_WORDS)
        self._words = [
            " ".join(_WORDS[(first * 7 + n * n) % kinds] for n in range(_WORDS_A_PAGE))
            for first in range(kinds)
        ]

    def __call__(self, host: int, path: str) -> Answer:
        """The answer of host number `host` at `path`."""
        number = _number_in(path)
        if path.startswith("/p") and number < self._plan.pages_of(host):
            return 200, "text/html; charset=utf-8", self._page(host, number)
        if path.startswith("/m") and number < self._plan.media_of(host):
            return 200, "image/jpeg", self._medium(host, number)
        return 404, "text/plain", b"not here"

    def _page(self, host: int, number: int) -> bytes:
        pages, media = self._plan.pages_of(host), self._plan.media_of(host)
        children = range(number * LINKS_A_PAGE + 1, (number + 1) * LINKS_A_PAGE + 1)
        links = "".join(f'<li><a href="/p{n}">page {n}</a></li>' for n in children if n < pages)
        shown = "".join(f'<img src="/m{n}.jpg" alt="">' for n in range(number, media, pages))
        words = self._words[number % len(self._words)]
        return (
            f"<!doctype html><title>Page {number}</title><h1>Page {number}</h1>"
            f"<ul>{links}</ul>{shown}<p>{words}</p>"
        ).encode()

    def _medium(self, host: int, number: int) -> bytes:
        picture = self._pictures[(host + number * self._plan.hosts) % len(self._pictures)]
        comment = f"medium {number} of host {host}".encode()
        marker = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        return picture[:2] + marker + picture[2:]


class LoopbackHosts:
    """Serves several hosts on loopback, in this process's event loop, and logs each request."""

    def __init__(
        self, answer: Callable[[int, str], Answer], hosts: int, log: TextIO | None = None
    ) -> None:
        self._answer = answer
        self._hosts = hosts
        self._log = log

    async def start(self, ports: Sequence[int] = ()) -> tuple[str, ...]:
        """Listen; returns `address:port` of each host, in order. `ports` default to free ones."""
        loop = asyncio.get_running_loop()
        names = []
        for host in range(self._hosts):
            address = f"127.0.1.{host + 1}"
            server = await loop.create_server(
                self._serving(host, address), address, ports[host] if ports else 0, backlog=512
            )
            names.append(f"{address}:{server.sockets[0].getsockname()[1]}")
        return tuple(names)

    def _serving(self, host: int, address: str) -> Callable[[], asyncio.Protocol]:
        def answer(path: str) -> Answer:
            if self._log is not None:
                self._log.write(f"{time.monotonic():.6f} {address} {path}\n")
            return self._answer(host, path)

        return lambda: _Connection(answer)


class _Connection(asyncio.Protocol):
    """One kept connection. Written at the level of bytes: whoever is measured here shares the
    machine's cores with the site, and every other way to serve takes more of them.
    """

    def __init__(self, answer: Callable[[str], Answer]) -> None:
        self._answer = answer
        self._received = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody asks."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that has come wholly."""
        self._received += data
        while not self._transport.is_closing():
            head, end, rest = self._received.partition(b"\r\n\r\n")
            if not end:
                if len(head) > _HEAD_LIMIT_BYTES:
                    self._transport.close()
                return
            self._received = rest
            self._reply(head)

    def _reply(self, head: bytes) -> None:
        status, content_type, content = self._answer(head.split(b" ", 2)[1].decode("latin-1"))
        keep = b"connection: close" not in head.lower()
        self._transport.write(_wire(status, content_type, content, keep=keep))
        if not keep:
            self._transport.close()


def _wire(status: int, content_type: str, content: bytes, *, keep: bool) -> bytes:
    head = (
        f"HTTP/1.1 {status} {_REASONS.get(status, 'Answer')}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(content)}\r\nConnection: {'keep-alive' if keep else 'close'}\r\n\r\n"
    )
    return head.encode() + content


def _picture(number: int, side_px: int) -> bytes:
    """A made picture: soft shapes under a grain like a camera's, so that it is as large as one."""
    rng = np.random.default_rng(number)
    height = side_px * 3 // 4
    coarse = rng.integers(30, 225, (6, 8, 3), dtype=np.uint8)
    soft = Image.fromarray(coarse).resize((side_px, height), Image.Resampling.BICUBIC)
    grain = rng.normal(0.0, 5.0, (height, side_px, 3))
    pixels = np.clip(np.asarray(soft, dtype=np.float32) + grain, 0, 255).astype(np.uint8)
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "JPEG", quality=_JPEG_QUALITY)
    return target.getvalue()


def _number_in(path: str) -> int:
    digits = path[2:].partition(".")[0]
    return int(digits) if digits.isdecimal() and len(digits) < 10 else sys.maxsize


async def _serve(plan: SitePlan, log: TextIO | None) -> None:
    hosts = await LoopbackHosts(MadePages(plan), plan.hosts, log).start()
    sys.stdout.write(msgspec.json.encode(hosts).decode() + "\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)


def main() -> None:
    """Serve until standard input is closed."""
    parser = argparse.ArgumentParser(description="A made web site on loopback.")
    for name in ("pages", "media", "hosts", "side-px"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--log", type=Path)
    given = parser.parse_args()
    plan = SitePlan(given.pages, given.media, given.hosts, given.side_px)
    plan.check()
    if given.log is None:
        asyncio.run(_serve(plan, None))
        return
    with given.log.open("a", buffering=1, encoding="utf-8") as log:
        asyncio.run(_serve(plan, log))


if __name__ == "__main__":
    main()
