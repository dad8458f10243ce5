"""The conversation between the worker and its crawl child (`python -m indexer.crawl`).

1. The worker sends `OpenSlice` with the scope, then `Fetch` for each leased address.
2. Before each outbound request (a page, a medium, robots.txt, each redirect hop) the child asks
   `SlotWanted`; the worker answers `SlotGranted` with how long to wait. That is the one lease of
   a host that every part of Likeness takes.
3. For each `Fetch` the child answers exactly one of `PageSeen`, `MediumFetched`, `Unchanged`,
   `FetchRefused`.
4. `CloseSlice` is answered by `SliceClosed`; the child then waits for the next slice.

The child has no database and no keys; `ticket` is the worker's name for a leased address.
"""

from __future__ import annotations

from typing import Literal

import msgspec

FetchKind = Literal["page", "medium"]


class AddressException(msgspec.Struct, frozen=True):
    """One address and port that may be contacted although it is not globally routable."""

    address: str
    port: int


class SocksProxy(msgspec.Struct, frozen=True):
    """A SOCKS5 proxy of the operator's, by which all requests of a scope go and names are resolved.

    `onion` allows onion services: only Tor knows these. With a `user` it lets in by name and
    password alone (RFC 1929); the password is never part of how this is shown.
    """

    host: str
    port: int
    onion: bool = False
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        """Without the password."""
        return f"SocksProxy({self.host!r}, {self.port}, onion={self.onion}, user={self.user!r})"


class Rendering(msgspec.Struct, frozen=True):
    """How the pages of a site are rendered by chromium before they are read.

    `script_hosts` are further hosts from which what a page needs (scripts, styles, data) may come.
    `chromium` is the program (empty: as found on this machine); it may take `memory_bytes`.
    `sandbox` as for decoders: "require" renders nothing without bubblewrap.
    """

    script_hosts: tuple[str, ...] = ()
    chromium: str = ""
    memory_bytes: int = 1024 * 1024 * 1024
    sandbox: Literal["auto", "off", "require"] = "auto"


class Scope(msgspec.Struct, frozen=True):
    """Where one site's run may go, and how politely.

    `allowed_hosts` are exact host names (with `:port` when not the default one) for pages;
    `media_hosts` further ones from which media alone may be fetched. `path_prefixes` restrict
    pages; empty means all. Sizes in bytes, times in seconds; a medium (a video of 60 MB at four
    megabits a second) may take longer than a page. With a `proxy` no request goes beside it. With
    `extractors` those of yt-dlp are asked about pages that show no video; with `open_stream_keys`
    an AES-128 key that a stream hands to everybody is used. With `rendering` a browser renders
    pages before they are read (see `rendering.py`). With `page_words` pages come with what they
    say; what is looked for in it is not told here.
    """

    allowed_hosts: tuple[str, ...]
    media_hosts: tuple[str, ...] = ()
    path_prefixes: tuple[str, ...] = ()
    max_depth: int = 5
    delay_s: float = 2.0
    obey_robots: bool = True
    user_agent: str = "Likeness"
    max_page_bytes: int = 5 * 1024 * 1024
    max_medium_bytes: int = 60 * 1024 * 1024
    timeout_s: float = 30.0
    medium_timeout_s: float = 120.0
    max_redirects: int = 5
    address_exceptions: tuple[AddressException, ...] = ()
    proxy: SocksProxy | None = None
    extractors: bool = False
    open_stream_keys: bool = False
    rendering: Rendering | None = None
    page_words: bool = False


class OpenSlice(msgspec.Struct, frozen=True, tag=True):
    """Begin a slice: all following `Fetch` messages are under this scope."""

    slice_id: str
    scope: Scope


class Condition(msgspec.Struct, frozen=True):
    """What the server said of an earlier answer, sent back so that it need not send it again.

    It holds for the exact address `url` that gave that answer: not for where the address came from
    by a redirect, nor for where it redirects since.
    """

    url: str
    etag: str | None = None
    last_modified: str | None = None


class Fetch(msgspec.Struct, frozen=True, tag=True):
    """Fetch one leased address. `referrer` is the page it was found on.

    With a `condition` the answer may be `Unchanged`. `how` is how it was found (`FoundLink.how`).
    """

    ticket: str
    url: str
    kind: FetchKind
    depth: int
    referrer: str | None = None
    condition: Condition | None = None
    how: str = ""


class SlotGranted(msgspec.Struct, frozen=True, tag=True):
    """The answer to `SlotWanted`: the request may leave after `wait_s` seconds."""

    request_id: int
    wait_s: float


class CloseSlice(msgspec.Struct, frozen=True, tag=True):
    """No more addresses in this slice."""

    slice_id: str


class SlotWanted(msgspec.Struct, frozen=True, tag=True):
    """The child wants to send one request to `host` (name and port), no sooner than `delay_s`
    after the last one from anywhere in this installation.
    """

    request_id: int
    host: str
    delay_s: float


class FoundLink(msgspec.Struct, frozen=True):
    """An address found on a page. `how` says where: "a", "img", "srcset", "og:image", …

    `variant_of` is the full form of a medium of which this is a smaller one (thumbnail, poster).
    """

    url: str
    kind: FetchKind
    how: str
    variant_of: str | None = None


class WallSign(msgspec.Struct, frozen=True):
    """A sign that an answer is a wall of this `kind` ("challenge", "login", "age", "consent",
    "script"; empty when it fits all). `sign` names what was seen (`walls.py`), never its content.
    """

    kind: str
    sign: str


class PageWords(msgspec.Struct, frozen=True):
    """What a page says (`page_words.py`). It is read in memory, and kept or logged nowhere.

    It has no repr: an error or a log that shows a message shows nothing of it.
    """

    title: str
    text: str
    is_cut: bool = False

    def __repr__(self) -> str:
        """Nothing of what the page says."""
        return f"PageWords({len(self.title) + len(self.text)} characters)"


class PageSeen(msgspec.Struct, frozen=True, tag=True):
    """A page was fetched. `links` are canonical, in scope and without duplicates.

    `links_dropped` counts those in scope beyond the limit of a page. `words_digest` tells whether
    two pages without media say the same; it is compared within one slice, and kept nowhere.
    `player_refused`: why a player that an extractor knows could not be read (`FetchRefused.code`).
    `hosts_missing` are hosts outside the scope from which a rendered page wanted scripts or data.
    `words` are there where the scope asks for them.
    """

    ticket: str
    url: str
    final_url: str
    status: int
    title: str
    links: tuple[FoundLink, ...]
    links_out_of_scope: int
    content_bytes: int
    fetched_at: str
    links_dropped: int = 0
    etag: str | None = None
    last_modified: str | None = None
    wall_signs: tuple[WallSign, ...] = ()
    words_digest: str = ""
    player_refused: str = ""
    hosts_missing: tuple[str, ...] = ()
    words: PageWords | None = None


class MediumFetched(msgspec.Struct, frozen=True, tag=True):
    """A medium's bytes, whole. They are in memory only; the child forgets them when sent.

    Of a stream (HLS, DASH) they are its pieces, joined; `left_out` says in words what of it is not
    among them.
    """

    ticket: str
    url: str
    final_url: str
    status: int
    content: bytes
    declared_type: str | None
    etag: str | None
    last_modified: str | None
    fetched_at: str
    left_out: str = ""


class Unchanged(msgspec.Struct, frozen=True, tag=True):
    """The server says that the address is as it was when the fetch's condition was true."""

    ticket: str
    url: str
    final_url: str
    fetched_at: str


class FetchRefused(msgspec.Struct, frozen=True, tag=True):
    """The address was not fetched, or what came was not acceptable.

    `code` is stable: "robots", "address_not_public", "out_of_scope", "too_large", "timeout",
    "http_status", "not_media", "too_many_redirects", "connection", "tls", "truncated",
    "bad_address", "soft_404", "soft_403", "not_listing", "bad_playlist", "encrypted", "proxy",
    "extractor",
    "not_rendered" (the browser failed on this page), "browser_missing" (it cannot be started),
    "defect" (ours, see the log).
    `status` is there when a server answered. `retry` says whether trying again later makes sense.
    `wall` is the kind of wall that was answered under an error status ("challenge", "login", …).
    """

    ticket: str
    url: str
    code: str
    message: str
    status: int | None = None
    retry: bool = False
    wall: str | None = None


class SliceClosed(msgspec.Struct, frozen=True, tag=True):
    """All answers of the slice have been sent. `ending`: the next slice needs a new child."""

    slice_id: str
    ending: bool = False


WorkerMessage = OpenSlice | Fetch | SlotGranted | CloseSlice
ChildMessage = SlotWanted | PageSeen | MediumFetched | Unchanged | FetchRefused | SliceClosed
