"""The conversation between the crawl child and its browser (`python -m indexer.crawl.browser`).

1. The child sends `BrowserSettings` once; the answer is `BrowserReady` or `BrowserNotThere`.
2. `RenderPage` carries a page that has been fetched. For everything else that the page wants the
   browser asks `ResourceWanted`, answered by `ResourceGiven` or `ResourceRefused`: the browser has
   no network of its own.
3. For each `RenderPage` the answer is exactly one `PageRendered` or `RenderFailed`. One page at a
   time.

Nothing that the browser says is trusted: addresses are made canonical and checked, sizes bounded.
"""

from __future__ import annotations

from typing import Literal

import msgspec

WantedKind = Literal["page", "script", "style", "data"]
FailedBy = Literal["too_large", "hung", "memory", "broken"]
Headers = tuple[tuple[str, str], ...]


class BrowserSettings(msgspec.Struct, frozen=True, tag=True):
    """What the browser is started with. `own_sandbox`: chromium's own must work, or it refuses."""

    chromium: str
    user_agent: str
    own_sandbox: bool
    memory_bytes: int
    max_page_chars: int
    max_requests: int


class BrowserReady(msgspec.Struct, frozen=True, tag=True):
    """Chromium runs."""

    version: str


class BrowserNotThere(msgspec.Struct, frozen=True, tag=True):
    """Chromium cannot be started here; `message` says what to do."""

    message: str


class Cookie(msgspec.Struct, frozen=True):
    """A cookie of the slice. `domain` begins with a dot where it is for hosts below it, too.

    `expires` in seconds since 1970; -1 ends with the slice.
    """

    name: str
    value: str
    domain: str
    path: str = "/"
    expires: float = -1.0
    secure: bool = False
    http_only: bool = False


class RenderPage(msgspec.Struct, frozen=True, tag=True):
    """Render the page that was fetched from `url` (canonical) with these headers and bytes."""

    page_id: int
    url: str
    headers: Headers
    body: bytes
    cookies: tuple[Cookie, ...] = ()


class ResourceWanted(msgspec.Struct, frozen=True, tag=True):
    """The page wants to load `url`; "page" means that it goes there by itself."""

    request_id: int
    url: str
    kind: WantedKind
    headers: Headers = ()


class ResourceGiven(msgspec.Struct, frozen=True, tag=True):
    """What the server answered at `url`, after redirects."""

    request_id: int
    url: str
    status: int
    headers: Headers
    body: bytes


class ResourceRefused(msgspec.Struct, frozen=True, tag=True):
    """The page does without it."""

    request_id: int


class PageRendered(msgspec.Struct, frozen=True, tag=True):
    """What the page became. `media` are addresses of pictures and videos that it wanted to load.

    `url` is what the page calls itself in the end, `encoding` the one of its addresses. It was
    `interrupted` where it tried to go elsewhere and did not get there.
    """

    page_id: int
    url: str
    html: str
    encoding: str
    media: tuple[str, ...] = ()
    cookies: tuple[Cookie, ...] = ()
    interrupted: bool = False


class RenderFailed(msgspec.Struct, frozen=True, tag=True):
    """The page could not be rendered; the browser should be started anew."""

    page_id: int
    by: FailedBy
    message: str


ToBrowser = BrowserSettings | RenderPage | ResourceGiven | ResourceRefused
FromBrowser = BrowserReady | BrowserNotThere | ResourceWanted | PageRendered | RenderFailed
