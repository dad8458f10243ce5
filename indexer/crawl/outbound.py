"""The one door through which a crawl's requests leave: pages, media, robots.txt, redirect hops.

1. A host that is written as a number must be public, whatever the scope says.
2. The address must be in scope.
3. The host is resolved once; only public addresses (or exact exceptions) are pinned. With a proxy
   nothing but the proxy is pinned: it resolves names, and is told only those that can be public.
4. The host's lease is taken, and waited for; then one request of a host leaves after the other, the
   delay apart by this process's own clock, also where a wait took longer than it should have.
5. Scrapy fetches, under limits of size and time; its connection uses what was pinned.

A redirect is never followed here: the caller asks again for each hop.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Literal

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadFailedError, StopDownload
from scrapy.http import Headers, Response

from indexer.crawl.addresses import (
    AddressNotPublicError,
    HostNotFoundError,
    NotAnAddressError,
    Resolve,
    numeric_host,
    vetted_addresses,
)
from indexer.crawl.conditional import headers_of
from indexer.crawl.cookies import SliceCookies
from indexer.crawl.download_handler import NEW_CONNECTION, never_carried
from indexer.crawl.messages import Condition, FetchKind, Scope, SocksProxy
from indexer.crawl.pinned_resolver import Pins
from indexer.crawl.proxy import check_host
from indexer.crawl.refusals import NETWORK_ERRORS, RefusedError, refusal_of
from indexer.crawl.scope import Place, is_in_scope, is_resource_in_scope, place_of
from indexer.crawl.streams import ByteRange
from indexer.crawl.xml_listings import MAX_LISTING_BYTES

RequestKind = Literal["page", "medium", "robots", "sitemap", "player", "resource"]
"""A "resource" is what a rendered page loads: a script, a style, data."""
AskSlot = Callable[[str, float], Awaitable[float]]

MAX_ROBOTS_BYTES = 512 * 1024
MAX_CONTENT_CODINGS = 2

_OFFERED_CODINGS = frozenset({b"gzip", b"x-gzip", b"deflate", b"identity", b""})
_ACCEPT = {
    "page": "text/html,application/xhtml+xml,image/*;q=0.8,video/*;q=0.7,*/*;q=0.5",
    "medium": "image/avif,image/webp,image/*,video/*;q=0.9,*/*;q=0.5",
    "robots": "text/plain,*/*;q=0.5",
    "sitemap": "application/xml,text/xml;q=0.9,application/gzip;q=0.8,*/*;q=0.5",
    "player": "application/json,text/html;q=0.9,*/*;q=0.5",
    "resource": "*/*",
}


class Outbound:
    """Sends the requests of one slice."""

    def __init__(
        self,
        crawler: Crawler,
        scope: Scope,
        *,
        pins: Pins,
        resolve: Resolve,
        ask_slot: AskSlot,
    ) -> None:
        self._crawler = crawler
        self._scope = scope
        self._pins = pins
        self._resolve = resolve
        self._ask_slot = ask_slot
        self.cookies = SliceCookies() if scope.rendering is not None else None
        self._turns: dict[str, asyncio.Lock] = {}
        self._left_s: dict[str, float] = {}
        crawler.signals.connect(self._headers_received, signal=signals.headers_received)

    async def get(
        self,
        url: str,
        kind: RequestKind,
        *,
        depth: int = 0,
        delay_s: float,
        referrer: str | None = None,
        condition: Condition | None = None,
        part: ByteRange | None = None,
        limit_bytes: int | None = None,
        more_headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Response:
        """Fetch the canonical `url` once; a redirect is given as it is. Raises `RefusedError`.

        With a `condition` for this very address the answer may be a 304 without a body; with a
        `part` it may be a 206. `limit_bytes` is a smaller limit than the scope's. `more_headers`
        are sent in place of the usual ones of the same names.
        """
        self.check(url, kind, depth=depth)
        place = place_of(url)
        await self._pin(place)
        request = self._request(url, kind, referrer, condition)
        request.headers.update(more_headers)
        if self.cookies is not None:
            self.cookies.add_to(request)
        if part is not None:
            # Half of something compressed could not be unpacked.
            request.headers["Range"] = f"bytes={part.first}-{part.last}"
            request.headers["Accept-Encoding"] = "identity"
        if limit_bytes is not None:
            request.meta["download_maxsize"] = min(limit_bytes, request.meta["download_maxsize"])
        try:
            response = await self._send(request, place, delay_s)
        except StopDownload as error:
            raise RefusedError(
                "connection", "the server used a content coding that was not offered"
            ) from error
        except NETWORK_ERRORS as error:
            raise refusal_of(error) from error
        if self.cookies is not None:
            self.cookies.take_from(response, request)
        if "partial" in response.flags and response.headers.get(b"Content-Length"):
            raise RefusedError("truncated", "the answer ended before it was complete", retry=True)
        return response

    async def _send(self, request: Request, place: Place, delay_s: float) -> Response:
        """Ask once; once more, under a lease of its own, where a kept connection had ended."""
        await self._take_turn(place, delay_s)
        try:
            return await self._crawler.engine.download_async(request)
        except DownloadFailedError as error:
            if not never_carried(request, error):
                raise
        request.meta[NEW_CONNECTION] = True
        await self._take_turn(place, delay_s)
        return await self._crawler.engine.download_async(request)

    async def _take_turn(self, place: Place, delay_s: float) -> None:
        wait_s = await self._ask_slot(place.slot, delay_s)
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        await self._keep_apart(place.lease, delay_s)

    async def _keep_apart(self, lease: str, delay_s: float) -> None:
        """Wait until `delay_s` has passed since the latest request under this lease left here."""
        if delay_s <= 0:
            return
        async with self._turns.setdefault(lease, asyncio.Lock()):
            leaves_s = self._left_s.get(lease, -math.inf) + delay_s
            while (early_s := leaves_s - time.monotonic()) > 0:
                await asyncio.sleep(early_s)
            self._left_s[lease] = time.monotonic()

    def check(self, url: str, kind: RequestKind, *, depth: int) -> None:
        """Steps 1 and 2 alone: what can be refused without asking anyone. Raises `RefusedError`."""
        place = place_of(url)
        self._check_host(place)
        if not self._in_scope(url, kind, depth):
            raise RefusedError(
                "out_of_scope", f"{place.slot} or this path is not in the site's scope"
            )

    def _in_scope(self, url: str, kind: RequestKind, depth: int) -> bool:
        # robots.txt and what a player or page asks for belong to their host, whatever is there; the
        # path prefixes, which say where a crawl may wander, are not for them.
        if kind in ("robots", "resource") and is_resource_in_scope(url, self._scope):
            return True
        if kind == "resource":
            return False
        scope_kind: FetchKind = "medium" if kind in ("robots", "medium", "player") else "page"
        return is_in_scope(url, scope_kind, self._scope, depth=depth)

    def _check_host(self, place: Place) -> None:
        try:
            check_host(place, self._scope)
        except (AddressNotPublicError, NotAnAddressError) as error:
            raise RefusedError(error.code, str(error)) from error

    async def _pin(self, place: Place) -> None:
        loop = asyncio.get_running_loop()
        proxy = self._scope.proxy
        if proxy is not None:
            # The operator's own: it may well stand on this machine.
            self._pins.put(proxy.host, proxy.port, await self._addresses_of(proxy))
            return
        asked = (place.host, place.port, self._scope.address_exceptions, self._resolve)
        try:
            if numeric_host(place.host) is not None:
                addresses = vetted_addresses(*asked)  # a number is looked up nowhere
            else:
                addresses = await asyncio.wait_for(
                    loop.run_in_executor(None, vetted_addresses, *asked), self._scope.timeout_s
                )
        except TimeoutError as error:
            raise RefusedError(
                "timeout", "the host's name was not resolved in time", retry=True
            ) from (error)
        except HostNotFoundError as error:
            raise RefusedError(error.code, str(error), retry=True) from error
        except (AddressNotPublicError, NotAnAddressError) as error:
            raise RefusedError(error.code, str(error)) from error
        self._pins.put(place.host, place.port, addresses)

    async def _addresses_of(self, proxy: SocksProxy) -> tuple[str, ...]:
        if numeric_host(proxy.host) is not None:
            return (proxy.host,)
        looking = asyncio.get_running_loop().run_in_executor(
            None, self._resolve, proxy.host, proxy.port
        )
        try:
            return tuple(await asyncio.wait_for(looking, self._scope.timeout_s))
        except (TimeoutError, HostNotFoundError) as error:
            raise RefusedError("proxy", "the proxy's name was not resolved", retry=True) from error

    def _request(
        self, url: str, kind: RequestKind, referrer: str | None, condition: Condition | None
    ) -> Request:
        limit_bytes = {
            "page": self._scope.max_page_bytes,
            "medium": self._scope.max_medium_bytes,
            "robots": MAX_ROBOTS_BYTES,
            "sitemap": MAX_LISTING_BYTES,
            "player": self._scope.max_page_bytes,
            "resource": self._scope.max_page_bytes,
        }[kind]
        timeout_s = self._scope.medium_timeout_s if kind == "medium" else self._scope.timeout_s
        headers = {
            "User-Agent": self._scope.user_agent,
            "Accept": _ACCEPT[kind],
            "Accept-Encoding": "gzip, deflate",
            "Accept-Language": "en;q=0.8,*;q=0.5",
            **headers_of(condition, url),
        }
        referrer = _referrer_for(url, referrer)
        if referrer is not None:
            headers["Referer"] = referrer
        return Request(
            url,
            headers=headers,
            meta={
                "download_maxsize": limit_bytes,
                "download_warnsize": 0,
                "download_timeout": timeout_s,
                "request_kind": kind,
            },
            dont_filter=True,
        )

    def _headers_received(self, headers: Headers, request: Request) -> None:
        """Scrapy reads the limit after this signal: a page that is a medium gets a medium's."""
        if request.meta.get("request_kind") == "page":
            declared = (headers.get(b"Content-Type") or b"").strip().lower()
            if declared.startswith((b"image/", b"video/")):
                request.meta["download_maxsize"] = self._scope.max_medium_bytes
        codings = [
            coding.strip().lower()
            for line in headers.getlist(b"Content-Encoding")
            for coding in line.split(b",")
        ]
        if len(codings) > MAX_CONTENT_CODINGS or not _OFFERED_CODINGS.issuperset(codings):
            # Each decoding alone is bounded; thousands of them in a row are not.
            raise StopDownload(fail=True)


def _referrer_for(url: str, referrer: str | None) -> str | None:
    """As browsers do: whole on the same host, else the origin alone; nothing when less safe."""
    if referrer is None:
        return None
    source, target = place_of(referrer), place_of(url)
    if source == target:
        return referrer
    if source.scheme == "https" and target.scheme == "http":
        return None
    default = {"http": 80, "https": 443}[source.scheme]
    host = f"[{source.host}]" if ":" in source.host else source.host
    return f"{source.scheme}://{host}{'' if source.port == default else f':{source.port}'}/"
