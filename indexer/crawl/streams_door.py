"""How a stream's playlists and pieces leave: under the same rules as every other medium.

Scope, robots.txt, the address guard, the host's lease and its delay hold for each request and for
each hop of a redirect.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urljoin

from scrapy.http import Response

from indexer.crawl.messages import Scope
from indexer.crawl.outbound import Outbound, RequestKind
from indexer.crawl.refusals import RefusedError
from indexer.crawl.robots import Robots
from indexer.crawl.scope import REDIRECTS, BadAddressError, canonical_address
from indexer.crawl.streams import ByteRange, Fetched


@dataclass(frozen=True, slots=True)
class StreamDoor:
    """Sends what belongs to one stream or player, found at `depth` on the page `referrer`."""

    outbound: Outbound
    robots: Robots
    scope: Scope
    depth: int
    referrer: str
    kind: RequestKind = "medium"

    def may(self, url: str) -> bool:
        """Whether the canonical `url` is in scope and no forbidden address by its spelling."""
        try:
            self.outbound.check(url, "medium", depth=self.depth)
        except RefusedError:
            return False
        return True

    async def fetch(self, url: str, part: ByteRange | None, most_bytes: int) -> Fetched:
        """What the canonical `url` answers, for `StreamReader`. Raises `RefusedError`."""
        where, response = await self.send(url, part, most_bytes)
        content_range = (response.headers.get(b"Content-Range") or b"").decode("latin-1")
        return Fetched(where, int(response.status), bytes(response.body), content_range.strip())

    async def send(self, url: str, part: ByteRange | None, most_bytes: int) -> tuple[str, Response]:
        """(where redirects led, the answer there). Raises `RefusedError`."""
        for _ in range(self.scope.max_redirects + 1):
            self.outbound.check(url, self.kind, depth=self.depth)
            rules = await self.robots.rules_for(url)
            rules.check(url, self.scope.user_agent)
            response = await self.outbound.get(
                url,
                self.kind,
                depth=self.depth,
                delay_s=rules.delay_s(self.scope),
                referrer=self.referrer,
                part=part,
                limit_bytes=most_bytes,
            )
            location = response.headers.get(b"Location")
            if response.status not in REDIRECTS or location is None:
                return url, response
            try:
                url = canonical_address(urljoin(url, location.decode("utf-8", errors="replace")))
            except (BadAddressError, ValueError) as error:
                raise RefusedError(
                    "bad_address", "the redirect leads to something that is no address"
                ) from error
        raise RefusedError("too_many_redirects", "a piece of a stream or player redirects too far")
