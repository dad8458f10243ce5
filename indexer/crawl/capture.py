"""Capture: what an address answers, as evidence, by a path of its own.

For each requested address, in order:
1. the address is made canonical and must be on a host of the scope;
2. its host is resolved once and only public addresses (or exact exceptions) are kept; with a proxy
   the proxy resolves it, and is asked only for what can be public;
3. the host's lease is taken, and waited for;
4. one request goes to exactly such an address; request and answer are recorded as on the wire;
5. a redirect is the next hop: again from 1, at most `max_redirects` times;
6. what was refused is recorded with its reason.

Capture does not read robots.txt: it follows no links and only asks for single addresses that a
person or a find named. `python -m indexer.crawl.capture` serves requests over its pipes.
"""

from __future__ import annotations

import hashlib
import ssl
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from urllib.parse import urljoin

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
from indexer.crawl.scope import REDIRECTS, BadAddressError, canonical_address, is_in_scope, place_of
from indexer.crawl.warc_records import WarcRecords
from indexer.crawl.wire_fetch import Exchange, NoAnswerError, exchange
from indexer.errors import WireError
from indexer.wire import Channel

AskSlot = Callable[[str, float], float]
Clock = Callable[[], datetime]

_CONFORMS_TO = "https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class _RefusedHopError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


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
    visit = _Visit(
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
    for url in request.urls:
        resource, content = visit.of(url)
        resources.append(resource)
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


class _Visit:
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
        self._scope = request.scope
        self._records = records
        self._ask_slot = ask_slot
        self._clock = clock
        self._resolve = resolve
        self._sleep = sleep
        self._tls_context = tls_context

    def of(self, requested: str) -> tuple[CapturedResource, bytes | None]:
        """Capture one address; its summary, and its decoded body when one came."""
        via: str | None = None
        here = requested
        asked: set[str] = set()
        answer: Exchange | None = None
        while True:
            date = self._clock()
            url: str | None = None
            try:
                url = _canonical(here)
                answer, date = self._ask(url, asked)
            except (_RefusedHopError, NoAnswerError) as refused:
                self._records.write_refusal(url, date, refused.code, str(refused), via)
                return _refused(requested, url or here, date, refused, answer), None
            self._records.write_exchange(url, date, answer, keep_body=self._keep_bodies)
            next_hop = _next_hop(url, answer)
            if next_hop is None:
                return _resource(requested, url, date, answer), answer.body
            via, here = url, next_hop

    def _ask(self, url: str, asked: set[str]) -> tuple[Exchange, datetime]:
        if url in asked or len(asked) > self._scope.max_redirects:
            raise _RefusedHopError(
                "too_many_redirects", "the address redirects in a circle or too far"
            )
        asked.add(url)
        place = place_of(url)
        # Pages too: a path prefix says where a crawl may wander, not what may be proved.
        if not is_in_scope(url, "medium", self._scope):
            raise _RefusedHopError("out_of_scope", f"{place.slot} is not in the scope")
        try:
            check_host(place, self._scope)
            addresses: tuple[str, ...] = ()
            if self._scope.proxy is None:
                addresses = vetted_addresses(
                    place.host, place.port, self._scope.address_exceptions, self._resolve
                )
        except (AddressNotPublicError, HostNotFoundError, NotAnAddressError) as error:
            raise _RefusedHopError(error.code, str(error)) from error
        wait_s = self._ask_slot(place.slot, self._scope.delay_s)
        if wait_s > 0:
            self._sleep(wait_s)
        date = self._clock()
        answer = exchange(
            url,
            place,
            addresses,
            user_agent=self._scope.user_agent,
            max_body_bytes=max(self._scope.max_page_bytes, self._scope.max_medium_bytes),
            timeout_s=self._scope.timeout_s,
            tls_context=self._tls_context,
            through=self._scope if self._scope.proxy is not None else None,
        )
        return answer, date


def _canonical(address: str) -> str:
    try:
        return canonical_address(address)
    except BadAddressError as error:
        raise _RefusedHopError(error.code, str(error)) from error


def _next_hop(url: str, answer: Exchange) -> str | None:
    location = answer.header("location")
    if answer.status not in REDIRECTS or location is None:
        return None
    try:
        return urljoin(url, location.strip())
    except ValueError:
        # Kept as it is: making it canonical fails next, and that is recorded.
        return location


def _resource(requested: str, final: str, date: datetime, answer: Exchange) -> CapturedResource:
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


def _refused(
    requested: str,
    final: str,
    date: datetime,
    refused: _RefusedHopError | NoAnswerError,
    last: Exchange | None,
) -> CapturedResource:
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
        refusal=f"{refused.code}: {refused}",
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
