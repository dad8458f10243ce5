"""One HTTP/1.1 request and its answer, byte for byte as they were on the wire.

The connection goes to an address that the caller has checked, or by a proxy and nothing else;
TLS is verified against the system's roots with the host's name. h11 finds where the message ends;
the bytes kept are those that came. Size and time are limited; what is cut says so.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
import time
import zlib
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

import h11

from indexer.crawl.messages import Scope
from indexer.crawl.proxy import ProxyError, connect_through
from indexer.crawl.scope import Place
from indexer.crawl.streams import ByteRange

Truncation = Literal["length", "time", "disconnect"]

MAX_HEADER_BYTES = 256 * 1024
MAX_FRAMING_BYTES = 1024 * 1024
_READ_BYTES = 64 * 1024


class NoAnswerError(Exception):
    """Nothing that could be recorded as an answer came. `code` as in `FetchRefused`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """The verified connection: protocol, cipher and the certificates that the server showed.

    `chain_der` begins with the server's own certificate; the rest is there when this Python can
    tell (3.13 and newer).
    """

    version: str
    cipher: str
    chain_der: tuple[bytes, ...]

    @property
    def leaf_sha256(self) -> str:
        """SHA-256 of the server's certificate, hex."""
        return hashlib.sha256(self.chain_der[0]).hexdigest()


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer. `head_bytes` is how much of `response_wire` is status and headers.

    `entity` is the body without transfer coding; `body` also without content coding, None when
    that could not be undone. `truncated` is about the wire; `body_incomplete` is also true when
    the decoded body was cut at the limit or the content coding ends early. `address` is None when
    a proxy connected: it alone knows.
    """

    request_wire: bytes
    response_wire: bytes
    head_bytes: int
    status: int
    headers: tuple[tuple[str, str], ...]
    entity: bytes
    body: bytes | None
    body_incomplete: bool
    address: str | None
    tls: TlsFacts | None
    truncated: Truncation | None

    def header(self, name: str) -> str | None:
        """The first header of this (lower-case) name."""
        return next((value for key, value in self.headers if key == name), None)


@dataclass(slots=True)
class _Received:
    wire: bytearray = field(default_factory=bytearray)
    entity: bytearray = field(default_factory=bytearray)
    head_bytes: int = 0
    response: h11.Response | None = None
    truncated: Truncation | None = None


def exchange(
    url: str,
    place: Place,
    addresses: tuple[str, ...],
    *,
    user_agent: str,
    max_body_bytes: int,
    timeout_s: float,
    video_timeout_s: float | None = None,
    tls_context: ssl.SSLContext | None = None,
    through: Scope | None = None,
    part: ByteRange | None = None,
) -> Exchange:
    """GET the canonical `url` from the first of the checked `addresses` that answers.

    `timeout_s` is for the whole exchange; one that brings a video may take `video_timeout_s`. With
    a `part` that range is asked for. With `through` it goes by the proxy of that scope, and
    `addresses` are not used. Raises `NoAnswerError`.
    """
    began_s = time.monotonic()
    deadline = began_s + timeout_s
    video_deadline = began_s + max(timeout_s, video_timeout_s or 0.0)
    address: str | None = None
    if through is None:
        connection, address = _connect(place, addresses, deadline)
    else:
        connection = _connect_by_proxy(place, through, deadline)
    try:
        tls: TlsFacts | None = None
        if place.scheme == "https":
            connection = _secured(connection, place, tls_context, deadline)
            tls = _tls_facts(connection)
        client = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEADER_BYTES)
        request_wire = _send_request(
            connection, client, url, user_agent=user_agent, deadline=deadline, part=part
        )
        received = _receive(connection, client, max_body_bytes, deadline, video_deadline)
    finally:
        connection.close()
    response = received.response
    if response is None:
        raise NoAnswerError("connection", "the server closed the connection without an answer")
    headers = tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in response.headers)
    entity = bytes(received.entity)
    body, incomplete = _decoded(entity, headers, max_body_bytes)
    return Exchange(
        request_wire=request_wire,
        response_wire=bytes(received.wire),
        head_bytes=received.head_bytes,
        status=response.status_code,
        headers=headers,
        entity=entity,
        body=body,
        body_incomplete=incomplete or received.truncated is not None,
        address=address,
        tls=tls,
        truncated=received.truncated,
    )


def _connect(
    place: Place, addresses: tuple[str, ...], deadline: float
) -> tuple[socket.socket, str]:
    failure: OSError | None = None
    for address in addresses:
        try:
            return socket.create_connection((address, place.port), _left_s(deadline)), address
        except TimeoutError as error:
            failure = error
            break
        except OSError as error:
            failure = error
    if isinstance(failure, TimeoutError):
        raise NoAnswerError("timeout", "no connection could be made in time") from failure
    raise NoAnswerError("connection", f"no connection could be made: {failure}") from failure


def _connect_by_proxy(place: Place, scope: Scope, deadline: float) -> socket.socket:
    try:
        return connect_through(place, scope, deadline)
    except ProxyError as error:
        raise NoAnswerError(error.code, str(error)) from error


def _secured(
    connection: socket.socket, place: Place, context: ssl.SSLContext | None, deadline: float
) -> ssl.SSLSocket:
    context = context or ssl.create_default_context()
    try:
        connection.settimeout(_left_s(deadline))
        return context.wrap_socket(connection, server_hostname=place.host)
    except ssl.SSLError as error:
        connection.close()
        raise NoAnswerError("tls", f"TLS could not be verified: {error.reason or error}") from error
    except TimeoutError as error:
        connection.close()
        raise NoAnswerError("timeout", "the TLS handshake took too long") from error
    except OSError as error:
        connection.close()
        raise NoAnswerError("connection", "the TLS handshake was cut off") from error


def _tls_facts(connection: ssl.SSLSocket) -> TlsFacts:
    chain_of = getattr(connection, "get_unverified_chain", None)
    chain = tuple(chain_of()) if chain_of is not None else ()
    leaf = connection.getpeercert(binary_form=True) or b""
    cipher = connection.cipher()
    return TlsFacts(connection.version() or "", cipher[0] if cipher else "", chain or (leaf,))


def _send_request(
    connection: socket.socket,
    client: h11.Connection,
    url: str,
    *,
    user_agent: str,
    deadline: float,
    part: ByteRange | None,
) -> bytes:
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    request = h11.Request(
        method="GET",
        target=target,
        headers=[
            ("Host", parts.netloc),
            ("User-Agent", user_agent),
            ("Accept", "*/*"),
            *_asked_for(part),
            ("Connection", "close"),
        ],
    )
    wire = (client.send(request) or b"") + (client.send(h11.EndOfMessage()) or b"")
    try:
        connection.settimeout(_left_s(deadline))
        connection.sendall(wire)
    except TimeoutError as error:
        raise NoAnswerError("timeout", "the request could not be sent in time") from error
    except OSError as error:
        raise NoAnswerError("connection", "the connection ended while sending") from error
    return wire


def _asked_for(part: ByteRange | None) -> tuple[tuple[str, str], ...]:
    if part is None:
        return (("Accept-Encoding", "gzip, identity;q=0.5"),)
    # Half of something compressed could not be unpacked.
    return (("Accept-Encoding", "identity"), ("Range", f"bytes={part.first}-{part.last}"))


def _receive(
    connection: socket.socket,
    client: h11.Connection,
    max_body_bytes: int,
    deadline: float,
    video_deadline: float,
) -> _Received:
    received = _Received()
    while True:
        try:
            event = client.next_event()
        except h11.RemoteProtocolError as error:
            if received.response is None:
                raise NoAnswerError("connection", f"the answer is not HTTP: {error}") from error
            received.truncated = "disconnect"
            return received
        if event is h11.NEED_DATA:
            if not _read_more(connection, client, received, deadline):
                return received
        elif isinstance(event, h11.Response):
            received.response = event
            received.head_bytes = len(received.wire) - len(client.trailing_data[0])
            if dict(event.headers).get(b"content-type", b"").lower().startswith(b"video/"):
                deadline = video_deadline
        elif isinstance(event, h11.InformationalResponse):
            # An interim answer is not the answer: the record begins after it.
            del received.wire[: len(received.wire) - len(client.trailing_data[0])]
        elif isinstance(event, h11.Data):
            received.entity += event.data
            # Framing (chunk sizes and their extensions) may not grow without end either.
            wire_limit_bytes = received.head_bytes + max_body_bytes + MAX_FRAMING_BYTES
            if len(received.entity) > max_body_bytes or len(received.wire) > wire_limit_bytes:
                # The wire keeps what came, at most one read more than the entity.
                del received.entity[max_body_bytes:]
                received.truncated = "length"
                return received
        else:
            # What follows the message is not part of it.
            del received.wire[len(received.wire) - len(client.trailing_data[0]) :]
            return received


def _read_more(
    connection: socket.socket, client: h11.Connection, received: _Received, deadline: float
) -> bool:
    """Feed the next bytes to h11; False when no more can come and the answer ends here."""
    try:
        connection.settimeout(_left_s(deadline))
        data = connection.recv(_READ_BYTES)
    except TimeoutError as error:
        if received.response is None:
            raise NoAnswerError("timeout", "the answer did not come in time") from error
        received.truncated = "time"
        return False
    except OSError as error:
        if received.response is None:
            raise NoAnswerError("connection", "the connection broke") from error
        received.truncated = "disconnect"
        return False
    received.wire += data
    client.receive_data(data)
    return True


def _left_s(deadline: float) -> float:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("the time for this exchange is over")
    return left_s


def _decoded(
    entity: bytes, headers: tuple[tuple[str, str], ...], max_bytes: int
) -> tuple[bytes | None, bool]:
    """Undo gzip or deflate, never beyond `max_bytes`; and whether that left something out."""
    coding = ",".join(v for k, v in headers if k == "content-encoding").strip().lower()
    if coding in ("", "identity"):
        return entity, False
    if coding in ("gzip", "x-gzip"):
        window_bits = zlib.MAX_WBITS | 16
    elif coding == "deflate":
        window_bits = zlib.MAX_WBITS if entity[:1] == b"\x78" else -zlib.MAX_WBITS
    else:
        return None, True
    body = bytearray()
    try:
        while entity and len(body) < max_bytes:
            inflater = zlib.decompressobj(window_bits)
            body += inflater.decompress(entity, max_bytes - len(body))
            if not inflater.eof:
                return bytes(body), True
            # gzip may have several members, one after the other.
            entity = inflater.unused_data if window_bits & 16 else b""
    except zlib.error:
        return (bytes(body), True) if body else (None, True)
    return bytes(body), bool(entity)
