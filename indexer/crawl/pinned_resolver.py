"""Name resolution for Scrapy that only knows addresses which have just been checked.

The door (`outbound.py`) resolves and checks a host once and pins what may be contacted; the
reactor asks here when it connects. A host and port that is not pinned has no address at all, so
whatever path a request takes, it reaches nothing unchecked, and a name whose answer changes
between check and connection changes nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IHostnameResolver, IHostResolution, IResolutionReceiver
from zope.interface import implementer  # type: ignore[import-untyped]  # it has no types

MAX_PINS = 10_000


class Pins:
    """Checked addresses by host and port; the oldest are forgotten."""

    def __init__(self) -> None:
        self._pins: OrderedDict[tuple[str, int], tuple[str, ...]] = OrderedDict()

    def put(self, host: str, port: int, addresses: tuple[str, ...]) -> None:
        """Replace what is known of `host` and `port`."""
        self._pins[host, port] = addresses
        self._pins.move_to_end((host, port))
        while len(self._pins) > MAX_PINS:
            self._pins.popitem(last=False)

    def get(self, host: str, port: int) -> tuple[str, ...]:
        """The checked addresses; none when the host was not checked for this port."""
        return self._pins.get((host.strip("[]").lower(), port), ())

    def clear(self) -> None:
        """Forget all: exceptions of one scope must not serve another."""
        self._pins.clear()


@implementer(IHostResolution)
class _Resolution:
    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        """Nothing is under way: every answer is given at once."""


@implementer(IHostnameResolver)
class PinnedResolver:
    """The reactor's resolver: answers from `Pins` only."""

    def __init__(self, pins: Pins) -> None:
        self._pins = pins

    def resolveHostName(  # noqa: N802 (Twisted's interface)
        self,
        resolutionReceiver: IResolutionReceiver,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Sequence[type] | None = None,  # noqa: N803
        transportSemantics: str = "TCP",  # noqa: N803
    ) -> IHostResolution:
        """Give the pinned addresses of `hostName` and `portNumber`, or none."""
        resolution = _Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        for address in self._pins.get(hostName, portNumber):
            kind = IPv6Address if ":" in address else IPv4Address
            if addressTypes is None or kind in addressTypes:
                resolutionReceiver.addressResolved(kind(transportSemantics, address, portNumber))
        resolutionReceiver.resolutionComplete()
        return resolution
