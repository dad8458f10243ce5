"""Which network addresses may be contacted: only those that are routable from the whole internet.

Pure and without libraries, so that the crawl child and capture guard with the same code.

1. A host is a name or an address in any spelling that `inet_aton` takes (decimal, hexadecimal,
   octal, short); spellings are resolved to the address they mean.
2. An IPv6 address that carries an IPv4 one (mapped, NAT64) is judged by what it carries;
   only 2000::/3 is public at all.
3. An exception is one exact address and port, given by the operator.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from indexer.crawl.messages import AddressException
from indexer.errors import IndexerError

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]

_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")
# IANA's special-purpose registries; Python's own tables differ between its patch versions.
_SPECIAL_V4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
_SPECIAL_V6 = tuple(
    ipaddress.IPv6Network(network)
    # 6to4 (2002::/16) is deprecated, and its relays are nobody's: RFC 7526
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")
_ISATAP_MARKS = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")


_HOSTS_IN_MEMORY = 1024


class AddressNotPublicError(IndexerError):
    """The host has no address that may be contacted."""

    code = "address_not_public"


class HostNotFoundError(IndexerError):
    """The name of the host could not be resolved."""

    code = "connection"


class NotAnAddressError(IndexerError):
    """The host is written like a number and is not a valid address."""

    code = "bad_address"


@lru_cache(_HOSTS_IN_MEMORY)
def numeric_host(host: str) -> IPAddress | None:
    """The address that `host` spells, or None when it is a name.

    IPv6 may stand in brackets. A host whose last label is a number is an address or an error
    (`NotAnAddressError`), as in the WHATWG URL standard: nothing is left to the resolver's taste.
    """
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if ":" in bare:
        try:
            return ipaddress.IPv6Address(bare)
        except ValueError as error:
            raise NotAnAddressError(f"{host!r} is not an IPv6 address") from error
    labels = bare.removesuffix(".").split(".")
    if not _NUMBER.fullmatch(labels[-1]):
        return None
    return _inet_aton(labels, host)


def _inet_aton(labels: list[str], host: str) -> ipaddress.IPv4Address:
    if len(labels) > 4 or not all(_NUMBER.fullmatch(label) for label in labels):
        raise NotAnAddressError(f"{host!r} ends in a number and is not an IPv4 address")
    numbers = [_number(label, host) for label in labels]
    *high, last = numbers
    if any(number > 255 for number in high) or last >= 256 ** (5 - len(numbers)):
        raise NotAnAddressError(f"{host!r} is not an IPv4 address: a part is too large")
    value = last
    for place, number in enumerate(high):
        value += number << (8 * (3 - place))
    return ipaddress.IPv4Address(value)


def _number(label: str, host: str) -> int:
    try:
        if label[:2] in ("0x", "0X"):
            return int(label[2:] or "0", 16)
        return int(label, 8) if len(label) > 1 and label[0] == "0" else int(label)
    except ValueError as error:
        raise NotAnAddressError(
            f"{host!r} is not an IPv4 address: {label!r} is no number"
        ) from error


def meant_address(address: str) -> IPAddress:
    """Parse a resolved address and unmap IPv4 from IPv6. Raises `NotAnAddressError`."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError as error:
        raise NotAnAddressError(f"{address!r} is not a network address") from error
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def is_public(address: IPAddress) -> bool:
    """Whether the whole internet can route to `address`, also to the IPv4 address it carries."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not any(address in network for network in _SPECIAL_V4)
    carried = _carried(address)
    if carried is not None and not is_public(carried):
        return False
    if address.ipv4_mapped is not None or address in _NAT64:
        return address.scope_id is None
    if any(address in network for network in _SPECIAL_V6):
        return False
    return address in _GLOBAL_UNICAST and address.is_global and address.scope_id is None


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that traffic to `address` may end at."""
    if address in _SIX_TO_FOUR:
        return ipaddress.IPv4Address(address.packed[2:6])
    if address in _NAT64 or address.packed[8:12] in _ISATAP_MARKS:
        return ipaddress.IPv4Address(address.packed[12:])
    return address.ipv4_mapped


def may_contact(address: str, port: int, exceptions: Iterable[AddressException] = ()) -> bool:
    """Whether a connection to `address` and `port` may be opened."""
    meant = meant_address(address)
    if is_public(meant):
        return True
    return any(
        port == exception.port and meant == meant_address(exception.address)
        for exception in exceptions
    )


def check_address(address: str, port: int, exceptions: Iterable[AddressException] = ()) -> None:
    """Raise `AddressNotPublicError` unless `may_contact`."""
    if not may_contact(address, port, exceptions):
        raise AddressNotPublicError(
            f"{address} port {port} is not a public address; only an exact exception for this "
            "address and port would allow it"
        )


def resolve_by_system(host: str, port: int) -> tuple[str, ...]:
    """All addresses that the system's resolver knows for `host`; raises `HostNotFoundError`."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise HostNotFoundError(f"the name {host!r} could not be resolved: {error}") from error
    return tuple(dict.fromkeys(str(answer[4][0]) for answer in answers))


def vetted_addresses(
    host: str,
    port: int,
    exceptions: Iterable[AddressException] = (),
    resolve: Resolve = resolve_by_system,
) -> tuple[str, ...]:
    """Resolve `host` once and give the addresses that may be contacted, in the resolver's order.

    A caller connects to one of these and never resolves again, so that an answer that changes
    between check and connection changes nothing. Raises `AddressNotPublicError`,
    `HostNotFoundError`, `NotAnAddressError`.
    """
    allowed = tuple(exceptions)
    literal = numeric_host(host)
    answers = (str(literal),) if literal is not None else tuple(resolve(host, port))
    good = tuple(
        str(meant_address(answer)) for answer in answers if may_contact(answer, port, allowed)
    )
    if not answers:
        raise HostNotFoundError(f"the name {host!r} has no address")
    if not good:
        check_address(answers[0], port, allowed)
    return tuple(dict.fromkeys(good))
