"""The cookies of one slice of a site whose pages are rendered: kept by host, forgotten at its end.

They go with every request of the slice, pages, what pages load and media, as a browser would send
them; servers set them by their answers, and scripts by the pages that they ran in.
"""

from __future__ import annotations

import http.cookiejar
from collections.abc import Iterable

from scrapy import Request
from scrapy.http import Response
from scrapy.http.cookies import CookieJar

from indexer.crawl.browser_messages import Cookie

MAX_COOKIES = 200
MAX_COOKIE_CHARS = 4096


class SliceCookies:
    """What the hosts of a slice have set so far; all is forgotten when it becomes too much."""

    def __init__(self) -> None:
        self._jar = CookieJar()

    def add_to(self, request: Request) -> None:
        """Send what its host has set, unless the request names its cookies itself."""
        if b"Cookie" not in request.headers:
            self._jar.add_cookie_header(request)

    def take_from(self, response: Response, request: Request) -> None:
        """Keep what the server has set."""
        self._jar.extract_cookies(response, request)
        self._bound()

    def all(self) -> tuple[Cookie, ...]:
        """Every cookie, for the browser."""
        return tuple(
            Cookie(
                each.name,
                each.value or "",
                each.domain,
                each.path,
                -1.0 if each.expires is None else float(each.expires),
                each.secure,
                each.has_nonstandard_attr("HttpOnly"),
            )
            for each in self._jar.jar
        )

    def replace(self, cookies: Iterable[Cookie]) -> None:
        """Keep what the browser has after a page instead of what it was given."""
        self._jar.clear()
        for each in cookies:
            if len(each.name) + len(each.value) <= MAX_COOKIE_CHARS:
                self._jar.set_cookie(_as_kept(each))
        self._bound()

    def _bound(self) -> None:
        if len(self._jar) > MAX_COOKIES:
            self._jar.clear()


def _as_kept(cookie: Cookie) -> http.cookiejar.Cookie:
    return http.cookiejar.Cookie(
        version=0,
        name=cookie.name,
        value=cookie.value,
        port=None,
        port_specified=False,
        domain=cookie.domain,
        domain_specified=cookie.domain.startswith("."),
        domain_initial_dot=cookie.domain.startswith("."),
        path=cookie.path,
        path_specified=True,
        secure=cookie.secure,
        expires=None if cookie.expires < 0 else int(cookie.expires),
        discard=cookie.expires < 0,
        comment=None,
        comment_url=None,
        rest={"HttpOnly": ""} if cookie.http_only else {},
    )
