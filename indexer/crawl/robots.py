"""robots.txt of each host, once a slice, as RFC 9309 reads it.

Scrapy's own middleware allows everything when robots.txt cannot be had; RFC 9309 (2.3.1.4) wants
the opposite, so the file is fetched here and parsed by Protego.

- 2xx: its rules. 4xx other than 429: there are none, all is allowed.
- 429, 5xx, no answer, or a redirect that leads out of scope: nothing is allowed now.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urljoin

from protego import Protego
from scrapy.http import Response

from indexer.crawl.found import GUESS, SITEMAP, Named
from indexer.crawl.messages import Scope
from indexer.crawl.outbound import Outbound
from indexer.crawl.refusals import RefusedError
from indexer.crawl.scope import REDIRECTS, BadAddressError, Place, canonical_address, place_of

MAX_ROBOTS_REDIRECTS = 5
MAX_SITEMAPS = 50
MAX_CRAWL_DELAY_S = 60.0
"""A longer Crawl-delay is cut to this: a run must end, and a minute hurts nobody."""


# What is refused of the host itself is refused of the page too, with that reason; anything else
# only means that the rules cannot be read.
_ABOUT_THE_HOST = frozenset(
    {"address_not_public", "bad_address", "connection", "out_of_scope", "proxy", "timeout", "tls"}
)


@dataclass(frozen=True, slots=True)
class Rules:
    """One host's rules. `parser` None: all is allowed; `unreachable`: why nothing is.

    `place` is the host, where its rules could be read.
    """

    parser: Protego | None = None
    unreachable: str | None = None
    place: Place | None = None

    def check(self, url: str, user_agent: str) -> None:
        """Raise `RefusedError("robots")` when `url` may not be fetched."""
        if self.unreachable is not None:
            raise RefusedError("robots", self.unreachable, retry=True)
        if self.parser is not None and not self.parser.can_fetch(url, user_agent):
            raise RefusedError("robots", "the host's robots.txt forbids this address")

    def sitemaps(self) -> tuple[Named, ...]:
        """The host's sitemaps: those that it names, or the usual place where it has rules at all.

        A host without robots.txt hardly ever has a sitemap, and is not asked.
        """
        if self.parser is None or self.place is None:
            return ()
        named = [Named(address, "page", SITEMAP) for address in self.parser.sitemaps]
        usual = Named(f"{self.place.scheme}://{self.place.slot}/sitemap.xml", "page", GUESS)
        return tuple(named[:MAX_SITEMAPS]) or (usual,)

    def delay_s(self, scope: Scope) -> float:
        """Seconds between two requests: the longer one of the scope's and the host's wish."""
        wish = self.parser.crawl_delay(scope.user_agent) if self.parser is not None else None
        return max(scope.delay_s, min(float(wish or 0.0), MAX_CRAWL_DELAY_S))


ALLOW_ALL = Rules()


class Robots:
    """The rules of every host of a slice, each fetched once, however many ask at the same time."""

    def __init__(self, outbound: Outbound, scope: Scope) -> None:
        self._outbound = outbound
        self._scope = scope
        self._known: dict[Place, asyncio.Task[Rules]] = {}

    async def rules_for(self, url: str) -> Rules:
        """The rules of the host of `url`; the first caller fetches them, others wait for it."""
        if not self._scope.obey_robots:
            return ALLOW_ALL
        place = place_of(url)
        if place not in self._known:
            self._known[place] = asyncio.ensure_future(self._fetch(place))
        return await asyncio.shield(self._known[place])

    async def _fetch(self, place: Place) -> Rules:
        first = canonical_address(f"{place.scheme}://{place.slot}/robots.txt")
        try:
            response = await self._get(first)
        except RefusedError as refused:
            if refused.code in _ABOUT_THE_HOST:
                raise
            return _unreadable(place, str(refused))
        try:
            response = await self._end_of_redirects(first, response)
        except RefusedError as refused:
            if refused.code == "proxy":
                raise
            return _unreadable(place, f"it redirects, and then: {refused}")
        if response.status == 429 or response.status >= 500:
            return _unreadable(place, f"it was answered with status {response.status}")
        if not 200 <= response.status < 300:
            return ALLOW_ALL
        text = response.body.decode("utf-8-sig", errors="replace")
        return Rules(Protego.parse(text), place=place)

    async def _end_of_redirects(self, url: str, response: Response) -> Response:
        for _ in range(MAX_ROBOTS_REDIRECTS):
            location = response.headers.get(b"Location")
            if response.status not in REDIRECTS or location is None:
                return response
            url = _hop(url, location)
            response = await self._get(url)
        raise RefusedError("too_many_redirects", "there are too many redirects")

    async def _get(self, url: str) -> Response:
        return await self._outbound.get(url, "robots", delay_s=self._scope.delay_s)


def _unreadable(place: Place, why: str) -> Rules:
    return Rules(unreachable=f"robots.txt of {place.slot} could not be read, so nothing may: {why}")


def _hop(url: str, location: bytes) -> str:
    try:
        return canonical_address(urljoin(url, location.decode("utf-8", errors="replace")))
    except (BadAddressError, ValueError) as error:
        raise RefusedError("bad_address", "that is no web address") from error
