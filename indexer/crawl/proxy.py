"""A SOCKS5 proxy (Tor, say) between us and every site: what it is told, and what it may not be.

1. With a proxy the proxy resolves names, so that nothing here sees their addresses. A host is
   judged before it is sent: an address must be public, a name must be one that can be.
2. The proxy is asked to connect, by name (RFC 1928), where it wants so after a password (RFC 1929).
   No name is ever resolved here.
3. What it says it is bound to is judged too: an end on its own machine or network is refused.

Where the proxy does not answer, nothing is fetched: there is no way beside it.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterable
from typing import NamedTuple

from indexer.crawl.addresses import (
    AddressNotPublicError,
    check_address,
    is_public,
    may_contact,
    meant_address,
    numeric_host,
)
from indexer.crawl.messages import AddressException, Scope, SocksProxy
from indexer.crawl.scope import Place
from indexer.errors import IndexerError

MAX_LOGIN_BYTES = 255
"""RFC 1929: a name and a password of at most so many bytes each."""
MAX_REPLY_BYTES = 4 + 1 + 255 + 2

# Names that stand for nothing public: RFC 6761, 6762, 7686, 8375, ICANN's .internal, and habit.
# fmt: off
_NEVER_PUBLIC = frozenset({
    "localhost", "local", "localdomain", "internal", "intranet", "private", "corp", "home", "lan",
    "test", "example", "invalid", "alt", "arpa", "i2p",
})
# fmt: on
_ONION = "onion"
_REFUSALS = {
    1: "it failed",
    2: "its rules forbid it",
    3: "the network cannot be reached",
    4: "the host cannot be reached",
    5: "the host refused the connection",
    6: "the host did not answer in time",
    7: "it knows no such command",
    8: "it knows no such kind of address",
}


class ProxyError(IndexerError):
    """The proxy did not do what it was asked for. `code` as in `FetchRefused`.

    "proxy": the proxy itself is not there or does not speak SOCKS5, so that nothing could be looked
    at; "connection": it could not connect; "address_not_public": it connected where it must not.
    """

    def __init__(self, code: str, message: str, *, retry: bool) -> None:
        super().__init__(message)
        self.code = code
        self.retry = retry


class Bound(NamedTuple):
    """The end of the proxy's own connection as the proxy tells it; None when it names no number."""

    address: str | None
    port: int


def check_host(place: Place, scope: Scope) -> None:
    """Refuse a host that cannot be public, before anybody is asked about it.

    An onion name is for Tor alone: never for the system's resolver. Raises `AddressNotPublicError`,
    `NotAnAddressError`.
    """
    literal = numeric_host(place.host)
    if literal is not None:
        check_address(str(literal), place.port, scope.address_exceptions)
        return
    labels = place.host.lower().removesuffix(".").split(".")
    if labels[-1] == _ONION:
        if scope.proxy is None or not scope.proxy.onion:
            raise AddressNotPublicError(
                f"{place.host} is an onion service; the setting socks_onion allows these, through "
                "a proxy that is Tor's"
            )
        return
    if scope.proxy is not None and (len(labels) < 2 or labels[-1] in _NEVER_PUBLIC):
        raise AddressNotPublicError(
            f"{place.host} cannot be a public name; the proxy is not asked for it"
        )


def connect_request(host: str, port: int) -> bytes:
    """The SOCKS5 command to connect to `host` (a name, or an address as it is written)."""
    literal = numeric_host(host)
    if literal is None:
        name = host.removesuffix(".").encode("idna" if not host.isascii() else "ascii")
        if not 0 < len(name) <= 255:
            raise ProxyError("bad_address", "the host's name is too long", retry=False)
        end = b"\x03" + bytes([len(name)]) + name
    else:
        end = (b"\x01" if literal.version == 4 else b"\x04") + literal.packed
    return b"\x05\x01\x00" + end + port.to_bytes(2, "big")


def greeting(proxy: SocksProxy) -> bytes:
    """SOCKS 5, and the one way to be let in: with a password where one is set, else without."""
    return b"\x05\x01\x02" if proxy.user else b"\x05\x01\x00"


def greeted(answer: bytes, proxy: SocksProxy) -> int | None:
    """How many bytes the answer to the greeting takes; None when more must come."""
    if len(answer) < 2:
        return None
    if answer[0] != 5:
        raise ProxyError("proxy", "the proxy does not speak SOCKS5", retry=True)
    if answer[1] != greeting(proxy)[2]:
        why = (
            "the proxy takes no name and password; leave socks_user empty"
            if proxy.user
            else "the proxy wants a password: set socks_user and socks_password"
        )
        raise ProxyError("proxy", why, retry=True)
    return 2


def login(proxy: SocksProxy) -> bytes:
    """Name and password for the proxy (RFC 1929); empty where none is wanted."""
    if not proxy.user:
        return b""
    user, password = proxy.user.encode(), proxy.password.encode()
    if len(user) > MAX_LOGIN_BYTES or not 0 < len(password) <= MAX_LOGIN_BYTES:
        raise ProxyError("proxy", "the proxy's name or password has a wrong length", retry=False)
    return b"\x01" + bytes([len(user)]) + user + bytes([len(password)]) + password


def let_in(answer: bytes) -> int | None:
    """How many bytes the answer to `login` takes; None when more must come."""
    if len(answer) < 2:
        return None
    if answer[1] != 0:
        raise ProxyError("proxy", "the proxy did not accept the name and password", retry=True)
    return 2


def connected(answer: bytes) -> tuple[Bound, int] | None:
    """What the proxy says of its connection, and the bytes that took; None when more must come."""
    if len(answer) < 5:
        return None
    if answer[0] != 5 or answer[2] != 0:
        raise ProxyError("proxy", "the proxy's answer is not SOCKS5", retry=True)
    if answer[1] != 0:
        why = _REFUSALS.get(answer[1], f"answer {answer[1]}")
        raise ProxyError("connection", f"the proxy could not connect: {why}", retry=True)
    sizes = {1: 4, 3: 1 + answer[4], 4: 16}
    if answer[3] not in sizes:
        raise ProxyError("proxy", "the proxy's answer is not SOCKS5", retry=True)
    end = 4 + sizes[answer[3]]
    if len(answer) < end + 2:
        return None
    named = answer[3] == 3
    address = None if named else str(ipaddress.ip_address(answer[4:end]))
    return Bound(address, int.from_bytes(answer[end : end + 2], "big")), end + 2


def check_bound(bound: Bound, port: int, exceptions: Iterable[AddressException] = ()) -> None:
    """Refuse a connection whose end, as the proxy tells it, lies on its machine or network.

    A connection from a loopback or link-local address also ends at one. Of a private address this
    only holds when the proxy tells the far end (its port is the one asked for): it may itself
    stand behind a router. 0.0.0.0 says nothing (Tor's answer). Raises `ProxyError`.
    """
    if bound.address is None:
        return
    meant = meant_address(bound.address)
    if meant.is_unspecified or is_public(meant) or may_contact(str(meant), port, exceptions):
        return
    if meant.is_loopback or meant.is_link_local or bound.port == port:
        raise ProxyError(
            "address_not_public",
            f"the proxy connected to {meant}, which is not a public address",
            retry=False,
        )


def connect_through(place: Place, scope: Scope, deadline: float) -> socket.socket:
    """A connection to `place` by the scope's proxy; `deadline` is of the monotonic clock.

    The host must have been checked (`check_host`). Raises `ProxyError`.
    """
    proxy = scope.proxy
    if proxy is None:
        raise ProxyError("proxy", "no proxy is set", retry=False)
    request = connect_request(place.host, place.port)
    try:
        connection = socket.create_connection((proxy.host, proxy.port), _left_s(deadline))
    except OSError as error:
        raise ProxyError("proxy", f"the proxy could not be reached: {error}", retry=True) from error
    try:
        connection.settimeout(_left_s(deadline))
        _introduce(connection, proxy, deadline)
        connection.sendall(request)
        answer = _exactly(connection, 5, deadline)
        while (told := connected(answer)) is None:
            answer += _exactly(connection, 1, deadline)
        check_bound(told[0], place.port, scope.address_exceptions)
    except TimeoutError as error:
        connection.close()
        raise ProxyError("timeout", "the proxy did not connect in time", retry=True) from error
    except OSError as error:
        connection.close()
        raise ProxyError("proxy", f"the proxy ended the connection: {error}", retry=True) from error
    except ProxyError:
        connection.close()
        raise
    return connection


def greet_proxy(proxy: SocksProxy, *, timeout_s: float) -> None:
    """Whether the proxy is there and lets us in; it is asked for nothing. Raises `ProxyError`."""
    deadline = time.monotonic() + timeout_s
    try:
        with socket.create_connection((proxy.host, proxy.port), timeout_s) as connection:
            _introduce(connection, proxy, deadline)
    except OSError as error:
        raise ProxyError("proxy", f"it could not be reached: {error}", retry=True) from error


def _introduce(connection: socket.socket, proxy: SocksProxy, deadline: float) -> None:
    connection.sendall(greeting(proxy))
    greeted(_exactly(connection, 2, deadline), proxy)
    if wanted := login(proxy):
        connection.sendall(wanted)
        let_in(_exactly(connection, 2, deadline))


def _exactly(connection: socket.socket, size: int, deadline: float) -> bytes:
    """The next `size` bytes: never one more, what follows belongs to the site."""
    content = b""
    while len(content) < size:
        connection.settimeout(_left_s(deadline))
        piece = connection.recv(size - len(content))
        if not piece:
            raise ProxyError("proxy", "the proxy ended the connection", retry=True)
        content += piece
    return content


def _left_s(deadline: float) -> float:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("the time for this exchange is over")
    return left_s
