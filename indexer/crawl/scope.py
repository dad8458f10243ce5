"""One spelling for each address, and where a site's run may go.

`canonical_address` makes of every way to write an http(s) address the one that is compared,
stored and requested; what was checked is therefore what is fetched. `is_in_scope` answers for
every link and for every hop of a redirect.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

import idna
from w3lib.url import safe_url_string

from indexer.crawl.addresses import NotAnAddressError, numeric_host
from indexer.crawl.messages import FetchKind, Scope
from indexer.errors import IndexerError

MAX_ADDRESS_CHARS = 4096
REDIRECTS = frozenset({301, 302, 303, 307, 308})
"""Status codes that mean "ask there instead" when a `Location` comes with them."""
DEFAULT_PORTS = {"http": 80, "https": 443}

_DROPPED = re.compile(r"[\t\r\n]")
_EDGES = "".join(map(chr, range(0x21)))
_DOT = re.compile(r"(?i)\.|%2e")
_ESCAPE = re.compile(r"%([0-9a-fA-F]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

_ADDRESSES_IN_MEMORY = 1024
"""An address is asked for several times while it is fetched; a hostile one may be long."""
_HOSTS_IN_MEMORY = 4096


class BadAddressError(IndexerError):
    """The text is not an http or https address that can be fetched."""

    code = "bad_address"


class Place(NamedTuple):
    """Where a request goes: `host` as written in a canonical address (IPv6 without brackets)."""

    scheme: str
    host: str
    port: int

    @property
    def lease(self) -> str:
        """What is visited politely: the host, whether by http or https, or its other port."""
        return self.host if self.port in DEFAULT_PORTS.values() else self.slot

    @property
    def slot(self) -> str:
        """The name of the host's lease: name and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@lru_cache(_ADDRESSES_IN_MEMORY)
def canonical_address(address: str, *, encoding: str = "utf-8") -> str:
    """The one spelling of `address`; `encoding` is the page's, for its query string.

    Lower-case scheme and host (IDNA as ASCII, numbers as dotted IPv4), no default port, no
    fragment, no dot segments, escapes only where needed. Raises `BadAddressError`.
    """
    if len(address) > MAX_ADDRESS_CHARS:
        raise BadAddressError(f"the address is longer than {MAX_ADDRESS_CHARS} characters")
    text = _DROPPED.sub("", address.strip(_EDGES))
    head, mark, rest = _split_at_query(text)
    text = head.replace("\\", "/") + mark + rest
    parts = _split(text)
    host = _canonical_host(parts.hostname or "")
    port = _port(parts)
    netloc = host if port in (None, DEFAULT_PORTS[parts.scheme]) else f"{host}:{port}"
    bare = urlunsplit((parts.scheme, netloc, parts.path or "/", parts.query, ""))
    try:
        safe = safe_url_string(bare, encoding=encoding, path_encoding="utf-8")
    except (ValueError, LookupError) as error:
        raise BadAddressError(f"the address cannot be written safely: {error}") from error
    done = urlsplit(safe)
    path = _without_dot_segments(_plain_escapes(done.path))
    result = urlunsplit((parts.scheme, netloc, path, _plain_escapes(done.query), ""))
    if len(result) > MAX_ADDRESS_CHARS:
        raise BadAddressError(f"the address is longer than {MAX_ADDRESS_CHARS} characters")
    return result


@lru_cache(_ADDRESSES_IN_MEMORY)
def place_of(address: str) -> Place:
    """Scheme, host and port of a canonical address."""
    parts = urlsplit(address)
    return Place(parts.scheme, parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme])


def is_in_scope(address: str, kind: FetchKind, scope: Scope, *, depth: int = 0) -> bool:
    """Whether the canonical `address` may be fetched as `kind`, `depth` links from the start.

    Pages: an allowed host and, when prefixes are given, a path that begins with one of them, not
    deeper than `max_depth`. Media: an allowed host or a media host.
    """
    place = place_of(address)
    if kind == "medium":
        return _is_listed(place, scope.allowed_hosts) or _is_listed(place, scope.media_hosts)
    if depth > scope.max_depth or not _is_listed(place, scope.allowed_hosts):
        return False
    path = urlsplit(address).path
    return not scope.path_prefixes or any(
        path.startswith(_canonical_prefix(prefix)) for prefix in scope.path_prefixes
    )


def is_resource_in_scope(address: str, scope: Scope) -> bool:
    """Whether a rendered page may load the canonical `address`: a script, a style, data.

    From an allowed host, whatever the path, or from a host that the site's pages need.
    """
    if scope.rendering is None:
        return False
    place = place_of(address)
    return _is_listed(place, scope.allowed_hosts) or _is_listed(place, scope.rendering.script_hosts)


def _is_listed(place: Place, hosts: tuple[str, ...]) -> bool:
    return any(_listed_place(entry, place.scheme) == place for entry in hosts)


@lru_cache(maxsize=4096)
def _listed_place(entry: str, scheme: str) -> Place | None:
    """What an entry of the scope means under `scheme`; None when it is no host."""
    try:
        return place_of(canonical_address(f"{scheme}://{entry.strip()}/"))
    except BadAddressError:
        return None


@lru_cache(maxsize=4096)
def _canonical_prefix(prefix: str) -> str:
    """The prefix as canonical addresses spell it; what cannot be spelled matches nothing."""
    try:
        return urlsplit(canonical_address(f"http://prefix/{prefix.lstrip('/')}")).path
    except BadAddressError:
        return "\0"


def _split_at_query(text: str) -> tuple[str, str, str]:
    match = re.search(r"[?#]", text)
    if match is None:
        return text, "", ""
    return text[: match.start()], match[0], text[match.end() :]


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise BadAddressError(f"not an address: {error}") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise BadAddressError("only http and https addresses are fetched")
    if "@" in parts.netloc:
        raise BadAddressError("addresses with a user name or password in them are not fetched")
    return parts


def _port(parts: SplitResult) -> int | None:
    try:
        port = parts.port
    except ValueError as error:
        raise BadAddressError("the port is not a number from 1 to 65535") from error
    if port == 0:
        raise BadAddressError("the port is not a number from 1 to 65535")
    return port


@lru_cache(_HOSTS_IN_MEMORY)
def _canonical_host(host: str) -> str:
    host = unquote(host)
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError) as error:
            raise BadAddressError("the host is not a valid international name") from error
    host = host.lower()
    try:
        literal = numeric_host(host)
    except NotAnAddressError as error:
        raise BadAddressError(str(error)) from error
    if literal is not None:
        if literal.version == 6 and literal.scope_id is not None:
            raise BadAddressError("addresses with a zone are not fetched")
        return f"[{literal}]" if literal.version == 6 else str(literal)
    host = host.removesuffix(".")
    if not _is_host_name(host):
        raise BadAddressError("the host is not a valid name")
    return host


def _is_host_name(host: str) -> bool:
    return 0 < len(host) <= 253 and all(
        0 < len(label) <= 63 and re.fullmatch(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?", label)
        for label in host.split(".")
    )


def _plain_escapes(text: str) -> str:
    def plain(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return character if character in _UNRESERVED else match[0].upper()

    return _ESCAPE.sub(plain, text)


def _without_dot_segments(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")[1:]
    for place, segment in enumerate(segments):
        dots = _DOT.sub(".", segment)
        is_last = place == len(segments) - 1
        if dots == "..":
            if kept:
                kept.pop()
            if is_last:
                kept.append("")
        elif dots == ".":
            if is_last:
                kept.append("")
        else:
            kept.append(segment)
    return "/" + "/".join(kept)
