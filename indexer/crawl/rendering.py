"""Pages rendered by a browser, and what they load: every request under the rules of the crawl.

1. A page that was fetched in the ordinary way is handed to the browser, one at a time.
2. What it wants, the browser asks for here. Each request goes through the same door as any other
   (`outbound.py`): scope, robots.txt, the address guard, the host's lease and delay, the proxy, TLS
   and limits of size; and again for every hop of a redirect. The browser has no other way.
3. Only the site's hosts and those that its pages need are asked, and only by GET. A page that
   goes elsewhere by itself goes only to pages in scope, and never on to a challenge.
4. What turns out to be a picture or video is not given to the browser: its address is one more
   medium of the page. Scripts and styles are kept for the slice, so that each is fetched once.
5. What the page became is read like any page. A browser that fails has failed on that page alone.
"""

from __future__ import annotations

import asyncio
import codecs
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from scrapy.http import Headers, HtmlResponse, Response, TextResponse

from indexer.crawl.answers import canonical_or_refused, is_page, joined
from indexer.crawl.browser_client import BrowserClient, BrowserGoneError
from indexer.crawl.browser_messages import (
    PageRendered,
    RenderFailed,
    RenderPage,
    ResourceGiven,
    ResourceRefused,
    ResourceWanted,
)
from indexer.crawl.browser_start import MAX_REQUESTS_A_PAGE, BrowserMissingError
from indexer.crawl.cookies import SliceCookies
from indexer.crawl.found import Named
from indexer.crawl.media_names import OTHER_EXTENSIONS, extension_of
from indexer.crawl.messages import Rendering, Scope
from indexer.crawl.outbound import Outbound, RequestKind
from indexer.crawl.refusals import RefusedError
from indexer.crawl.rendered_pages import RenderedPage
from indexer.crawl.robots import Robots
from indexer.crawl.scope import REDIRECTS, BadAddressError, canonical_address, is_in_scope, place_of
from indexer.crawl.sniff import media_type_of
from indexer.crawl.streams import stream_kind

MAX_PAGE_S = 120.0
"""Beyond it a page gets nothing more; what it has become by then is read."""
SILENCE_S = 60.0
MAX_PAGE_BYTES = 20 * 1024 * 1024
"""All that one page loads."""
MAX_KEPT_BYTES = 32 * 1024 * 1024
MAX_HEADER_CHARS = 4096
MAX_HOSTS_TOLD = 10
LOADED = "loaded"
"""`how` of media that a rendered page wanted to load."""

# What a page's behaviour depends on; never what would make chromium download or open something.
_GIVEN_HEADERS = (
    b"Content-Type",
    b"Set-Cookie",
    b"Content-Security-Policy",
    b"X-Content-Type-Options",
    b"Access-Control-Allow-Origin",
    b"Access-Control-Allow-Credentials",
    b"Access-Control-Expose-Headers",
)
_TAKEN_HEADERS = frozenset({"accept", "origin", "x-requested-with", "cookie"})

# What a page does without by the operator's wish, or because it is a medium, is nothing missed.
_NOT_MISSED = frozenset({"out_of_scope", "not_media", "bad_address"})
_REFUSING = frozenset({401, 403, 429, *range(500, 600)})

_log = logging.getLogger(__name__)

IsChallenge = Callable[[TextResponse, str], Awaitable[bool]]


class Renderer:
    """Renders the pages of one slice; see `render`."""

    def __init__(
        self,
        scope: Scope,
        rendering: Rendering,
        outbound: Outbound,
        robots: Robots,
        cookies: SliceCookies,
        is_challenge: IsChallenge,
    ) -> None:
        self._scope = scope
        self._outbound = outbound
        self._robots = robots
        self._cookies = cookies
        self._is_challenge = is_challenge
        self._browser = BrowserClient(
            rendering, user_agent=scope.user_agent, max_page_bytes=scope.max_page_bytes
        )
        self._turn = asyncio.Lock()
        self._pages = 0
        self._kept: dict[str, ResourceGiven] = {}
        self._kept_bytes = 0

    async def render(self, response: TextResponse, url: str, depth: int) -> RenderedPage:
        """What the page at the canonical `url` becomes. Raises `RefusedError`."""
        async with self._turn:
            try:
                await self._browser.start()
            except BrowserMissingError as error:
                raise RefusedError(error.code, str(error)) from error
            self._pages += 1
            visit = _Visit(self, self._pages, response, url, depth)
            try:
                return await visit.work()
            except BrowserGoneError as error:
                await self._browser.end()
                raise RefusedError(error.code, f"the browser failed: {error}") from error
            except BaseException:
                await self._browser.end()
                raise

    async def close(self) -> None:
        """End the browser."""
        await self._browser.close()


def renderer_for(
    scope: Scope, outbound: Outbound, robots: Robots, is_challenge: IsChallenge
) -> Renderer | None:
    """A renderer, where the scope says that its pages are rendered."""
    if scope.rendering is None or outbound.cookies is None:
        return None
    return Renderer(scope, scope.rendering, outbound, robots, outbound.cookies, is_challenge)


class _Visit:
    """One page in the browser, and what is fetched for it."""

    def __init__(
        self, of: Renderer, page_id: int, response: TextResponse, url: str, depth: int
    ) -> None:
        self._of = of
        self._page_id = page_id
        self._response = response
        self._url = url
        self._depth = depth
        self._ends_s = time.monotonic() + MAX_PAGE_S
        self._requests = 0
        self._bytes = 0
        self._media: dict[str, None] = {}
        self._missing: dict[str, None] = {}
        self._led_to: RefusedError | None = None
        self._unloaded = False
        self._going: set[asyncio.Task[None]] = set()

    async def work(self) -> RenderedPage:
        """Have it rendered. Raises `BrowserGoneError` and `RefusedError`."""
        of = self._of
        response = self._response
        order = RenderPage(
            self._page_id, self._url, _given_headers(response), response.body, of._cookies.all()
        )
        of._browser.send(order)
        try:
            while True:
                message = await of._browser.receive(self._patience_s())
                match message:
                    case ResourceWanted():
                        self._serve(message)
                    case PageRendered(page_id=self._page_id):
                        return self._rendered(message)
                    case RenderFailed(page_id=self._page_id):
                        raise BrowserGoneError(message.message)
                    case _:
                        raise BrowserGoneError("it said something else than was asked")
        finally:
            for task in self._going:
                task.cancel()

    def _patience_s(self) -> float:
        """While something is fetched for it the page may be silent, until its time is over."""
        if not self._going:
            return SILENCE_S
        return max(0.0, self._ends_s - time.monotonic()) + SILENCE_S

    def _serve(self, wanted: ResourceWanted) -> None:
        self._requests += 1
        if self._requests > MAX_REQUESTS_A_PAGE:
            self._unloaded = True
            self._of._browser.send(ResourceRefused(wanted.request_id))
            return
        task = asyncio.create_task(self._answer(wanted))
        self._going.add(task)
        task.add_done_callback(self._going.discard)

    async def _answer(self, wanted: ResourceWanted) -> None:
        answer: ResourceGiven | ResourceRefused = ResourceRefused(wanted.request_id)
        try:
            left_s = self._ends_s - time.monotonic()
            answer = await asyncio.wait_for(self._fetched(wanted), max(0.0, left_s))
            refused_by_status = isinstance(answer, ResourceGiven) and answer.status in _REFUSING
            self._unloaded |= refused_by_status
        except TimeoutError:
            self._unloaded = True
        except RefusedError as refused:
            if wanted.kind == "page":
                self._led_to = refused
            elif refused.code not in _NOT_MISSED:
                self._unloaded = True
        except Exception as error:  # noqa: BLE001 (one hostile answer must not end the page)
            _log.error("defect while fetching for a rendered page", exc_info=error)
        self._of._browser.send(answer)

    async def _fetched(self, wanted: ResourceWanted) -> ResourceGiven:
        url = canonical_or_refused(wanted.url)
        if wanted.kind == "page":
            return await self._another_page(wanted.request_id, url)
        lasts = wanted.kind in ("script", "style")
        kept = self._of._kept.get(url) if lasts else None
        if kept is not None:
            return _renumbered(kept, wanted.request_id)
        at, response = await self._through_the_door(url, wanted)
        if media_type_of(response.body) is not None or stream_kind(response.body) is not None:
            self._media[url] = None
            raise RefusedError("not_media", "the browser is given no pictures and videos")
        given = ResourceGiven(
            wanted.request_id, at, int(response.status), _given_headers(response), response.body
        )
        if lasts and response.status == 200:
            self._keep(url, given, response)
        return given

    async def _another_page(self, request_id: int, url: str) -> ResourceGiven:
        """The page goes there by itself: only to an ordinary page in scope."""
        wanted = ResourceWanted(request_id, url, "page")
        at, response = await self._through_the_door(url, wanted)
        if response.status != 200:
            raise RefusedError(
                "http_status",
                f"the server answered with status {response.status}",
                status=int(response.status),
            )
        if not isinstance(response, TextResponse) or not is_page(response):
            raise RefusedError("not_media", "the page leads by itself to something that is no page")
        if await self._of._is_challenge(response, at):
            raise RefusedError("http_status", "the page leads to a challenge", wall="challenge")
        self._response, self._url, self._led_to = response, at, None
        return ResourceGiven(request_id, at, 200, _given_headers(response), response.body)

    async def _through_the_door(self, url: str, wanted: ResourceWanted) -> tuple[str, Response]:
        """(where redirects led, the answer there). Raises `RefusedError`."""
        of = self._of
        kind: RequestKind = "page" if wanted.kind == "page" else "resource"
        headers = _taken_headers(wanted)
        for _ in range(of._scope.max_redirects + 1):
            try:
                of._outbound.check(url, kind, depth=self._depth)
            except RefusedError as refused:
                if refused.code == "out_of_scope" and len(self._missing) < MAX_HOSTS_TOLD:
                    self._missing[place_of(url).host] = None
                raise
            rules = await of._robots.rules_for(url)
            rules.check(url, of._scope.user_agent)
            left_bytes = MAX_PAGE_BYTES - self._bytes
            if left_bytes <= 0:
                raise RefusedError("too_large", "the page loads more than it may")
            response = await of._outbound.get(
                url,
                kind,
                depth=self._depth,
                delay_s=rules.delay_s(of._scope),
                referrer=self._url,
                limit_bytes=left_bytes,
                more_headers=headers,
            )
            self._bytes += len(response.body)
            location = response.headers.get(b"Location")
            if response.status not in REDIRECTS or location is None:
                return url, response
            before, url = url, canonical_or_refused(joined(url, location))
            if place_of(before).host != place_of(url).host:
                # The browser named the cookies of the first host; another one gets its own.
                headers = {name: value for name, value in headers.items() if name != "cookie"}
        raise RefusedError("too_many_redirects", "what the page loads redirects too often")

    def _keep(self, url: str, given: ResourceGiven, response: Response) -> None:
        of = self._of
        told = b",".join(response.headers.getlist(b"Cache-Control")).lower()
        if b"no-store" in told or of._kept_bytes + len(given.body) > MAX_KEPT_BYTES:
            return
        of._kept[url] = given
        of._kept_bytes += len(given.body)

    def _rendered(self, page: PageRendered) -> RenderedPage:
        self._of._cookies.replace(page.cookies)
        wanted = (*page.media, *self._media)
        response = HtmlResponse(
            self._url,
            status=200,
            headers=_without_length(self._response.headers),
            body=page.html.encode("utf-8", errors="replace"),
            encoding="utf-8",
        )
        return RenderedPage(
            response,
            self._address_of(page.url),
            _known_encoding(page.encoding),
            tuple(
                Named(url, "medium", LOADED)
                for url in dict.fromkeys(wanted)
                if extension_of(url) not in OTHER_EXTENSIONS
            ),
            self._bytes,
            tuple(self._missing),
            page.interrupted,
            self._unloaded,
            self._led_to,
        )

    def _address_of(self, told: str) -> str:
        """What the page calls itself, where that is a page of the same host that may be visited."""
        try:
            url = canonical_address(told)
        except BadAddressError:
            return self._url
        same = place_of(url) == place_of(self._url)
        return url if same and is_in_scope(url, "page", self._of._scope) else self._url


def _given_headers(response: Response) -> tuple[tuple[str, str], ...]:
    given = [
        (name.decode("ascii").lower(), value.decode("latin-1"))
        for name in _GIVEN_HEADERS
        for value in response.headers.getlist(name)
        if len(value) <= MAX_HEADER_CHARS
    ]
    if not any(name == "content-type" for name, _ in given):
        given.append(("content-type", "text/html"))
    return tuple(given)


def _taken_headers(wanted: ResourceWanted) -> Mapping[str, str]:
    """Of what the browser would send, what the site's answer may depend on."""
    return {
        name: value
        for name, value in wanted.headers
        if name in _TAKEN_HEADERS and len(value) <= MAX_HEADER_CHARS and value.isprintable()
    }


def _renumbered(given: ResourceGiven, request_id: int) -> ResourceGiven:
    return ResourceGiven(request_id, given.url, given.status, given.headers, given.body)


def _without_length(headers: Headers) -> Headers:
    kept = headers.copy()
    for name in (b"Content-Length", b"Content-Encoding", b"Content-Type"):
        kept.pop(name, None)
    return kept


def _known_encoding(named: str) -> str:
    try:
        return codecs.lookup(named).name
    except (LookupError, ValueError):
        return "utf-8"
