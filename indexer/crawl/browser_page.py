"""One page in chromium: opened, left to its scripts, scrolled, and read.

1. A new incognito context: no service workers, no downloads, no permissions, cookies as given.
2. Each request is decided (`_answer`): pictures and videos are noted and never loaded (in place of
   a picture stands one pixel of our own); scripts, styles and data by GET are asked for; everything
   else is refused.
3. Where the page goes by itself it may, a few times, if the crawl child fetches that page.
4. When nothing is under way any more it is scrolled, a bounded number of times.
5. What it has become is read in a world of its own, which the page's scripts cannot reach.

Everything has a limit of time and number; a page that keeps chromium busy for longer has failed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast
from urllib.parse import urldefrag, urlsplit

from playwright.async_api import Browser, BrowserContext, CDPSession, Error, Page, Request, Route

from indexer.crawl.browser_messages import (
    BrowserSettings,
    Cookie,
    FailedBy,
    Headers,
    PageRendered,
    RenderPage,
    ResourceGiven,
    ResourceWanted,
    WantedKind,
)
from indexer.crawl.browser_scripts import SCROLL, SNAPSHOT
from indexer.crawl.media_names import is_media_name
from indexer.errors import IndexerError

FIRST_QUIET_S = 1.0
"""So long nothing happens before a page counts as done: its timers may have something to add."""
QUIET_S = 0.3
OWN_TIME_S = 15.0
"""How long a page may work for itself, not counting what it waits for the network."""
ANSWER_S = 8.0
"""A page whose scripts let nobody else have a turn for so long has failed."""
MAX_SCROLLS = 15
MAX_NAVIGATIONS = 5
MAX_MEDIA = 5000
MAX_COOKIES = 200
MAX_URL_CHARS = 4096
VIEWPORT_PX = (1280, 1600)

_ASKED: dict[str, WantedKind] = {
    "script": "script",
    "stylesheet": "style",
    "xhr": "data",
    "fetch": "data",
}
_SHOWN = frozenset({"image", "media"})
# One transparent pixel of our own: scripts that wait for a picture go on, and none takes its
# element away because it is missing.
_PLACEHOLDER = ResourceGiven(
    0,
    "",
    200,
    (("content-type", "image/gif"), ("access-control-allow-origin", "*")),
    bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c0000000001000100")
    + bytes.fromhex("000202440100")
    + b";",
)
_PASSED_ON = ("accept", "origin", "x-requested-with")

Ask = Callable[[ResourceWanted], Awaitable[ResourceGiven | None]]


class PageFailedError(IndexerError):
    """The page could not be rendered."""

    code = "not_rendered"

    def __init__(self, by: FailedBy, message: str) -> None:
        super().__init__(message)
        self.by = by


class PageVisit:
    """Renders one page. Used once."""

    def __init__(
        self, chromium: Browser, order: RenderPage, settings: BrowserSettings, ask: Ask
    ) -> None:
        self._chromium = chromium
        self._order = order
        self._settings = settings
        self._ask = ask
        self._page: Page | None = None
        self._document: ResourceGiven | None = None
        self._media: dict[str, None] = {}
        self._open = 0
        self._requests = 0
        self._navigations = 0
        self._interrupted = False
        self._last_s = time.monotonic()
        self._own_s = 0.0
        self._going: set[asyncio.Task[None]] = set()

    async def render(self) -> PageRendered:
        """What the page becomes. Raises `PageFailedError`."""
        width, height = VIEWPORT_PX
        try:
            context = await self._chromium.new_context(
                accept_downloads=False,
                service_workers="block",
                permissions=[],
                user_agent=self._settings.user_agent,
                viewport={"width": width, "height": height},
                reduced_motion="reduce",
            )
            try:
                rendered = await self._in(context)
            finally:
                for task in self._going:
                    task.cancel()
            # After a failure nothing is closed: the whole browser is ended.
            await asyncio.wait_for(context.close(), ANSWER_S)
            return rendered  # noqa: TRY300 (only what was closed in time counts)
        except TimeoutError as error:
            raise PageFailedError(
                "hung", "the page's scripts did not let it be read in time"
            ) from error
        except Error as error:
            raise PageFailedError("broken", f"the browser failed: {_short(error)}") from error

    async def _in(self, context: BrowserContext) -> PageRendered:
        await _add_cookies(context, self._order.cookies)
        await context.route("**/*", self._decide)
        context.on("page", self._close_popup)
        page = self._page = await context.new_page()
        page.on("crash", lambda _: self._fail_crashed())
        self._crashed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        working = asyncio.ensure_future(self._work(context, page))
        done, _ = await asyncio.wait((working, self._crashed), return_when="FIRST_COMPLETED")
        if working not in done:
            working.cancel()
            raise PageFailedError("broken", "the page brought the browser down")
        return working.result()

    async def _work(self, context: BrowserContext, page: Page) -> PageRendered:
        order = self._order
        session = await context.new_cdp_session(page)
        await self._go(ResourceGiven(0, order.url, 200, order.headers, order.body))
        await self._settle(FIRST_QUIET_S)
        await self._scroll(session)
        read = await self._evaluate(session, SNAPSHOT % self._settings.max_page_chars)
        if not isinstance(read, list) or len(read) != 3 or not isinstance(read[0], str):
            raise PageFailedError("too_large", "the page that its scripts made is too large")
        html, url, encoding = (str(part) for part in read)
        return PageRendered(
            order.page_id,
            url[:MAX_URL_CHARS],
            html,
            encoding[:40],
            tuple(self._media),
            await _cookies_of(context),
            self._interrupted,
        )

    async def _go(self, document: ResourceGiven) -> None:
        """Open the page that was fetched: nothing else answers for its address."""
        self._document = document
        page = cast(Page, self._page)
        try:
            await asyncio.wait_for(page.goto(document.url, wait_until="commit"), ANSWER_S)
        except Error as error:
            # Its own script may have gone elsewhere before this one counted as done.
            if self._document is not None:
                words = f"the page could not be opened: {_short(error)}"
                raise PageFailedError("broken", words) from error

    async def _decide(self, route: Route, request: Request) -> None:
        try:
            answer = await self._answer(request)
        except Error:
            answer = None  # a window that has just been opened has no frame to ask for yet
        self._last_s = time.monotonic()
        try:
            if answer is None:
                # A navigation that counts as failed would put an error page in the page's place.
                await route.abort("aborted" if request.is_navigation_request() else "failed")
            else:
                await route.fulfill(
                    status=answer.status, headers=_as_dict(answer.headers), body=answer.body
                )
        except Error:
            return  # the page has gone meanwhile, and what it wanted with it

    async def _answer(self, request: Request) -> ResourceGiven | None:
        url = urldefrag(request.url)[0]
        if len(url) > MAX_URL_CHARS or urlsplit(url).scheme not in ("http", "https"):
            return None
        if request.is_navigation_request():
            return await self._navigated(request, url)
        kind = _ASKED.get(request.resource_type)
        if request.resource_type in _SHOWN or (kind == "data" and is_media_name(url)):
            if len(self._media) < MAX_MEDIA:
                self._media[url] = None
            return _PLACEHOLDER if request.resource_type == "image" else None
        if kind is None or request.method != "GET":
            return None
        return await self._asked(url, kind, request)

    async def _navigated(self, request: Request, url: str) -> ResourceGiven | None:
        """Only the page itself goes anywhere; frames are pages of their own and visited as such."""
        if request.frame.parent_frame is not None or request.frame.page is not self._page:
            return None
        document, self._document = self._document, None
        if document is not None and _origin(document.url) == _origin(url):
            return document
        self._navigations += 1
        answer = None
        if request.method == "GET" and self._navigations <= MAX_NAVIGATIONS:
            answer = await self._asked(url, "page", request)
        if answer is None:
            self._interrupted = True
            return None
        if answer.url == url:
            return answer
        # It was redirected: what came is opened under the address that it came from.
        task = asyncio.create_task(self._go(answer))
        self._going.add(task)
        task.add_done_callback(_looked_at)
        return None

    async def _asked(self, url: str, kind: WantedKind, request: Request) -> ResourceGiven | None:
        self._requests += 1
        if self._requests > self._settings.max_requests:
            return None
        self._open += 1
        try:
            context = cast(Page, self._page).context
            cookies = "; ".join(
                f"{cookie['name']}={cookie['value']}" for cookie in await context.cookies(url)
            )
            sent = request.headers
            headers = [(name, sent[name]) for name in _PASSED_ON if name in sent]
            if cookies:
                headers.append(("cookie", cookies))
            return await self._ask(ResourceWanted(0, url, kind, tuple(headers)))
        finally:
            self._open -= 1

    async def _settle(self, quiet_s: float) -> None:
        """Wait until nothing was under way for `quiet_s`, or the page's own time is used up."""
        began_s = self._last_s = time.monotonic()
        while self._own_s < OWN_TIME_S:
            await asyncio.sleep(0.05)
            now_s = time.monotonic()
            if self._open == 0:
                self._own_s += now_s - began_s
                if now_s - self._last_s >= quiet_s:
                    return
            began_s = now_s

    async def _scroll(self, session: CDPSession) -> None:
        """Show all of it, screen by screen, until nothing more comes or it has been enough."""
        height_px = 0
        for _ in range(MAX_SCROLLS):
            told = await self._evaluate(session, SCROLL)
            moved_px, now_px = told if isinstance(told, list) and len(told) == 2 else (0, 0)
            await self._settle(QUIET_S)
            if moved_px == 0 and now_px == height_px:
                return
            height_px = now_px

    async def _evaluate(self, session: CDPSession, expression: str) -> Any:
        """Run it beside the page's scripts. Raises `TimeoutError` where they give no turn."""
        for attempt in range(3):
            try:
                return await asyncio.wait_for(_in_own_world(session, expression), ANSWER_S)
            except Error:
                # The page has just gone elsewhere.
                if attempt == 2:
                    raise
                await self._settle(QUIET_S)
        return None

    def _close_popup(self, opened: Page) -> None:
        if self._page is not None and opened is not self._page:
            closing = asyncio.create_task(opened.close())
            self._going.add(closing)
            closing.add_done_callback(_looked_at)

    def _fail_crashed(self) -> None:
        if not self._crashed.done():
            self._crashed.set_result(None)


async def _in_own_world(session: CDPSession, expression: str) -> Any:
    tree = await session.send("Page.getFrameTree")
    world = await session.send(
        "Page.createIsolatedWorld",
        {"frameId": tree["frameTree"]["frame"]["id"], "worldName": "likeness"},
    )
    told = await session.send(
        "Runtime.evaluate",
        {
            "expression": expression,
            "contextId": world["executionContextId"],
            "returnByValue": True,
        },
    )
    return told.get("result", {}).get("value")


async def _add_cookies(context: BrowserContext, cookies: tuple[Cookie, ...]) -> None:
    for cookie in cookies:
        try:
            await context.add_cookies(
                [
                    {
                        "name": cookie.name,
                        "value": cookie.value,
                        "domain": cookie.domain,
                        "path": cookie.path,
                        "expires": cookie.expires,
                        "secure": cookie.secure,
                        "httpOnly": cookie.http_only,
                    }
                ]
            )
        except Error:
            continue  # a site may set what a browser does not take


async def _cookies_of(context: BrowserContext) -> tuple[Cookie, ...]:
    return tuple(
        Cookie(
            cookie["name"],
            cookie["value"],
            cookie["domain"],
            cookie["path"],
            cookie["expires"],
            cookie["secure"],
            cookie["httpOnly"],
        )
        for cookie in (await context.cookies())[:MAX_COOKIES]
    )


def _as_dict(headers: Headers) -> dict[str, str]:
    """As Playwright wants them: several cookies are separated by line feeds."""
    named: dict[str, str] = {}
    for name, value in headers:
        named[name] = f"{named[name]}\n{value}" if name in named else value
    return named


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _looked_at(task: asyncio.Task[None]) -> None:
    """What a page's last movement ended with matters to nobody."""
    if not task.cancelled():
        task.exception()


def _short(error: Error) -> str:
    return error.message.splitlines()[0][:200] if error.message else "no reason given"
