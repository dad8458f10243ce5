"""Addresses that only this machine or its own network can reach, told before they are kept.

Only what an address itself says is judged, an IP address in any spelling or `localhost`; no name
is looked up. What the setting address_exceptions allows (an exact address and port) is let through.
"""

from __future__ import annotations

from collections.abc import Iterable

from indexer.crawl.addresses import may_contact, numeric_host
from indexer.crawl.messages import AddressException
from indexer.crawl.scope import place_of

_LOOPBACK = ("127.0.0.1", "::1")


def is_never_public(url: str, exceptions: Iterable[AddressException] = ()) -> bool:
    """Whether the canonical `url` says by itself that nobody outside can reach it."""
    place = place_of(url)
    literal = numeric_host(place.host)
    if literal is not None:
        meant: tuple[str, ...] = (str(literal),)
    else:
        name = place.host.removesuffix(".")
        if name != "localhost" and not name.endswith(".localhost"):
            return False
        meant = _LOOPBACK
    allowed = tuple(exceptions)
    return not any(may_contact(address, place.port, allowed) for address in meant)
