"""Capture: what an address answers, as evidence, by a path of its own.

For each requested address, in order:
1. the address is made canonical and must be on a host of the scope;
2. its host is resolved once and only public addresses (or exact exceptions) are kept; with a proxy
   the proxy resolves it, and is asked only for what can be public;
3. the host's lease is taken, and waited for;
4. one request goes to exactly such an address; request and answer are recorded as on the wire;
5. a redirect is the next hop: again from 1, at most `max_redirects` times;
6. where a signed address of the medium has expired, it is asked for where its page names it now;
7. where the medium is a playlist, its pieces are fetched in the same way, and joined;
8. what was refused is recorded with its reason.

Capture does not read robots.txt: it follows no links and only asks for single addresses that a
person or a find named. `python -m indexer.crawl.capture` serves requests over its pipes.
"""

from __future__ import annotations

import hashlib
import ssl
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from urllib.parse import urljoin

import msgspec

from indexer.crawl.addresses import (
    AddressNotPublicError,
    HostNotFoundError,
    NotAnAddressError,
    Resolve,
    resolve_by_system,
    vetted_addresses,
)
from indexer.crawl.capture_messages import (
    Captured,
    CapturedResource,
    CaptureInbound,
    CaptureOutbound,
    CaptureRequest,
)
from indexer.crawl.child import channel_of_child
from indexer.crawl.messages import SlotGranted, SlotWanted
from indexer.crawl.proxy import check_host
from indexer.crawl.scope import (
    REDIRECTS,
    BadAddressError,
    Place,
    canonical_address,
    is_in_scope,
    place_of,
)
from indexer.crawl.signed_addresses import EXPIRED
from indexer.crawl.streams import ByteRange, stream_kind
from indexer.crawl.warc_records import WarcRecords
from indexer.crawl.wire_fetch import Exchange, NoAnswerError, exchange
from indexer.errors import WireError
from indexer.wire import Channel

AskSlot = Callable[[str, float], float]
Clock = Callable[[], datetime]
OK = 200

_CONFORMS_TO = "https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class RefusedHopError(Exception):
    """A hop that was not asked for. `code` as in `FetchRefused`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Walked:
    """Where the hops of an address ended: what answered there, or why nobody was asked there.

    With `refused` set, `answer` is the hop before.
    """

    url: str
    date: datetime
    answer: Exchange | None
    refused: RefusedHopError | NoAnswerError | None = None

    @property
    def whole(self) -> Exchange:
        """The answer at the end; there is one unless it was refused."""
        if self.answer is None or self.refused is not None:
            raise ValueError("nothing answered at the end")
        return self.answer


def capture(
    request: CaptureRequest,
    ask_slot: AskSlot,
    clock: Clock = _utc_now,
    *,
    resolve: Resolve = resolve_by_system,
    sleep: Callable[[float], None] = time.sleep,
    tls_context: ssl.SSLContext | None = None,
) -> Captured:
    """Capture `request.urls` into one WARC.

    `ask_slot(host_and_port, delay_s)` gives the seconds to wait before each request, redirects
    included. `tls_context` replaces the system's roots. Never raises for what a server does: that
    stands in each resource's `refusal`.
    """
    started_at = clock()
    software = f"Likeness capture, warcio {version('warcio')}, h11 {version('h11')}"
    records = WarcRecords()
    records.write_info(
        started_at,
        (
            ("software", software),
            ("format", "WARC File Format 1.1"),
            ("conformsTo", _CONFORMS_TO),
            ("http-header-user-agent", request.scope.user_agent),
            ("bodies", "kept" if request.keep_bodies else "withheld"),
            ("connection", "by a SOCKS5 proxy" if request.scope.proxy else "direct"),
        ),
    )
    visit = Visit(
        request,
        records,
        ask_slot=ask_slot,
        clock=clock,
        resolve=resolve,
        sleep=sleep,
        tls_context=tls_context,
    )
    resources = []
    content: bytes | None = None
    page: tuple[CapturedResource, bytes] | None = None
    for url in request.urls:
        resource, content = visit.of(url)
        if page is not None and resource.status in EXPIRED:
            resource, content = _renewed(resource, content, page, visit)
        elif content is not None:
            page = resource, content
        resources.append(resource)
    if content is not None and resources[-1].status == OK and stream_kind(content) is not None:
        from indexer.crawl.capture_streams import with_its_video  # noqa: PLC0415 (seldom needed)

        resources[-1], content = with_its_video(resources[-1], content, visit, request.scope)
    warc = records.content()
    return Captured(
        request_id=request.request_id,
        warc_gz=warc,
        warc_sha256=hashlib.sha256(warc).hexdigest(),
        resources=tuple(resources),
        medium_content=content,
        user_agent=request.scope.user_agent,
        software=software,
        started_at=_iso(started_at),
        finished_at=_iso(clock()),
    )


def _renewed(
    medium: CapturedResource,
    content: bytes | None,
    page: tuple[CapturedResource, bytes],
    visit: Visit,
) -> tuple[CapturedResource, bytes | None]:
    """The medium from where its page names it now; as it was answered when the page does not."""
    from indexer.crawl.capture_renewal import renewed_address  # noqa: PLC0415 (seldom needed)

    try:
        expired = _canonical(medium.url)
    except RefusedHopError:
        return medium, content
    address = renewed_address(*page, expired, visit.scope)
    if address is None:
        return medium, content
    again, content = visit.of(address)
    return msgspec.structs.replace(again, url=medium.url, renewed=True), content


class Visit:
    """Walks the hops of each address and records them."""

    def __init__(
        self,
        request: CaptureRequest,
        records: WarcRecords,
        *,
        ask_slot: AskSlot,
        clock: Clock,
        resolve: Resolve,
        sleep: Callable[[float], None],
        tls_context: ssl.SSLContext | None,
    ) -> None:
        self._keep_bodies = request.keep_bodies
        self.scope = request.scope
        self._records = records
        self._ask_slot = ask_slot
        self._clock = clock
        self._resolve = resolve
        self._sleep = sleep
        self._tls_context = tls_context

    def of(self, requested: str) -> tuple[CapturedResource, bytes | None]:
        """Capture one address; its summary, and its decoded body when one came."""
        walked = self._walked(requested, None, self._largest_bytes, self.scope.timeout_s)
        if walked.refused is not None:
            return _refused(requested, walked), None
        return _resource(requested, walked), walked.whole.body

    def piece(self, url: str, part: ByteRange | None, most_bytes: int) -> Walked:
        """Capture what belongs to a stream, at most so many bytes of it."""
        return self._walked(
            url, part, min(most_bytes, self._largest_bytes), self.scope.medium_timeout_s
        )

    def may(self, url: str) -> bool:
        """Whether the canonical `url` is in scope and no forbidden address by its spelling."""
        try:
            self._check(url)
        except RefusedHopError:
            return False
        return True

    @property
    def _largest_bytes(self) -> int:
        return max(self.scope.max_page_bytes, self.scope.max_medium_bytes)

    def _walked(
        self, requested: str, part: ByteRange | None, most_bytes: int, timeout_s: float
    ) -> Walked:
        via: str | None = None
        here = requested
        asked: set[str] = set()
        answer: Exchange | None = None
        while True:
            date = self._clock()
            url: str | None = None
            try:
                url = _canonical(here)
                answer, date = self._ask(url, asked, part, most_bytes, timeout_s)
            except (RefusedHopError, NoAnswerError) as refused:
                self._records.write_refusal(url, date, refused.code, str(refused), via)
                return Walked(url or here, date, answer, refused)
            self._records.write_exchange(url, date, answer, keep_body=self._keep_bodies)
            next_hop = _next_hop(url, answer)
            if next_hop is None:
                return Walked(url, date, answer)
            via, here = url, next_hop

    def _ask(
        self,
        url: str,
        asked: set[str],
        part: ByteRange | None,
        most_bytes: int,
        timeout_s: float,
    ) -> tuple[Exchange, datetime]:
        if url in asked or len(asked) > self.scope.max_redirects:
            raise RefusedHopError(
                "too_many_redirects", "the address redirects in a circle or too far"
            )
        asked.add(url)
        place = self._check(url)
        addresses: tuple[str, ...] = ()
        try:
            if self.scope.proxy is None:
                addresses = vetted_addresses(
                    place.host, place.port, self.scope.address_exceptions, self._resolve
                )
        except (AddressNotPublicError, HostNotFoundError, NotAnAddressError) as error:
            raise RefusedHopError(error.code, str(error)) from error
        wait_s = self._ask_slot(place.slot, self.scope.delay_s)
        if wait_s > 0:
            self._sleep(wait_s)
        date = self._clock()
        answer = exchange(
            url,
            place,
            addresses,
            user_agent=self.scope.user_agent,
            max_body_bytes=most_bytes,
            timeout_s=timeout_s,
            video_timeout_s=self.scope.medium_timeout_s,
            tls_context=self._tls_context,
            through=self.scope if self.scope.proxy is not None else None,
            part=part,
        )
        return answer, date

    def _check(self, url: str) -> Place:
        place = place_of(url)
        # Pages too: a path prefix says where a crawl may wander, not what may be proved.
        if not is_in_scope(url, "medium", self.scope):
            raise RefusedHopError("out_of_scope", f"{place.slot} is not in the scope")
        try:
            check_host(place, self.scope)
        except (AddressNotPublicError, NotAnAddressError) as error:
            raise RefusedHopError(error.code, str(error)) from error
        return place


def _canonical(address: str) -> str:
    try:
        return canonical_address(address)
    except BadAddressError as error:
        raise RefusedHopError(error.code, str(error)) from error


def _next_hop(url: str, answer: Exchange) -> str | None:
    location = answer.header("location")
    if answer.status not in REDIRECTS or location is None:
        return None
    try:
        return urljoin(url, location.strip())
    except ValueError:
        # Kept as it is: making it canonical fails next, and that is recorded.
        return location


def _resource(requested: str, walked: Walked) -> CapturedResource:
    final, date, answer = walked.url, walked.date, walked.whole
    body = answer.body if answer.body is not None else answer.entity
    return CapturedResource(
        url=requested,
        final_url=final,
        status=answer.status,
        content_type=answer.header("content-type"),
        body_sha256=hashlib.sha256(body).hexdigest(),
        body_bytes=len(body),
        server_address=answer.address,
        tls_certificate_sha256=answer.tls.leaf_sha256 if answer.tls else None,
        fetched_at=_iso(date),
        truncated=answer.body_incomplete,
    )


def _refused(requested: str, walked: Walked) -> CapturedResource:
    final, date, refused, last = walked.url, walked.date, walked.refused, walked.answer
    code = refused.code if refused else ""
    return CapturedResource(
        url=requested,
        final_url=final,
        status=last.status if last else None,
        content_type=None,
        body_sha256=None,
        body_bytes=0,
        server_address=None,
        tls_certificate_sha256=None,
        fetched_at=_iso(date),
        truncated=False,
        refusal=f"{code}: {refused}",
    )


def _iso(date: datetime) -> str:
    return date.astimezone(UTC).isoformat(timespec="milliseconds")


def serve(channel: Channel[CaptureOutbound, CaptureInbound]) -> None:
    """Answer capture requests, one at a time, until the pipe closes."""
    slot_ids = iter(range(1, sys.maxsize))

    def ask_slot(host: str, delay_s: float) -> float:
        wanted = SlotWanted(next(slot_ids), host, delay_s)
        channel.send(wanted)
        granted = channel.receive()
        if not isinstance(granted, SlotGranted) or granted.request_id != wanted.request_id:
            raise WireError("a slot was asked for and something else came")
        return granted.wait_s

    while (message := channel.receive()) is not None:
        if not isinstance(message, CaptureRequest):
            raise WireError("a slot was granted that nobody asked for")
        channel.send(capture(message, ask_slot))


def main() -> None:
    """Serve the worker on the other end of standard input and output until it closes them."""
    channel: Channel[CaptureOutbound, CaptureInbound] = channel_of_child(CaptureInbound)
    try:
        serve(channel)
    except WireError as error:
        sys.exit(f"capture child: the conversation ended badly: {error}")


if __name__ == "__main__":
    main()
