"""Writes one capture as WARC/1.1: every record gzipped by itself, SHA-256 digests everywhere.

For each exchange: `request`, `response` (the bytes of the wire, transfer coding included) and
`metadata` (address, TLS with certificates, SHA-256 of the decoded body). For each refused hop:
one `metadata` record with the reason.

Bodies withheld: the `response` record then holds status line and headers only, is marked
`WARC-Truncated: unspecified`, and its digests are of what it holds; size and SHA-256 of the whole
body stand in the `metadata` record beside it, with `bodyWithheld: yes`. Nothing claims that the
record is whole, `warcio check` accepts it, and a later copy can still be compared.

Payload digests are of the payload as stored, which is what `warcio check` recomputes.
"""

from __future__ import annotations

import base64
import hashlib
import io
import uuid
from datetime import UTC, datetime

from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from indexer.crawl.wire_fetch import Exchange

Fields = tuple[tuple[str, str], ...]

_VERSION = "WARC/1.1"
_FIELDS_TYPE = "application/warc-fields"


class WarcRecords:
    """A growing WARC in memory."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._writer = WARCWriter(self._buffer, gzip=True, warc_version="1.1")

    def content(self) -> bytes:
        """The whole WARC so far."""
        return self._buffer.getvalue()

    def write_info(self, date: datetime, fields: Fields) -> None:
        """The `warcinfo` record, first of all."""
        self._write("warcinfo", None, date, content_type=_FIELDS_TYPE, block=_as_fields(fields))

    def write_exchange(
        self, url: str, date: datetime, exchange: Exchange, *, keep_body: bool
    ) -> None:
        """Request, response and what is known of the connection."""
        # By a proxy nobody here knows the server's address: the field is then left out.
        address: Fields = (
            () if exchange.address is None else (("WARC-IP-Address", exchange.address),)
        )
        response_id = self._write_response(url, date, exchange, address, keep_body=keep_body)
        beside = ("WARC-Concurrent-To", response_id)
        self._write(
            "request",
            url,
            date,
            content_type="application/http; msgtype=request",
            block=exchange.request_wire,
            more=(*address, beside),
        )
        fields = _facts(exchange, keep_body=keep_body)
        self._write(
            "metadata",
            url,
            date,
            content_type=_FIELDS_TYPE,
            block=_as_fields(fields),
            more=(beside,),
        )

    def write_refusal(
        self, url: str | None, date: datetime, code: str, reason: str, via: str | None
    ) -> None:
        """A hop that was not requested, or not answered; `url` None when it is no valid address."""
        fields: Fields = (("refusal", code), ("reason", reason))
        if via is not None:
            fields = (*fields, ("via", via))
        self._write("metadata", url, date, content_type=_FIELDS_TYPE, block=_as_fields(fields))

    def _write_response(
        self,
        url: str,
        date: datetime,
        exchange: Exchange,
        address: Fields,
        *,
        keep_body: bool,
    ) -> str:
        wire = (
            exchange.response_wire if keep_body else exchange.response_wire[: exchange.head_bytes]
        )
        headers = [*address, ("WARC-Payload-Digest", _digest(wire[exchange.head_bytes :]))]
        withheld = not keep_body and len(exchange.response_wire) > exchange.head_bytes
        if exchange.truncated is not None:
            headers.append(("WARC-Truncated", exchange.truncated))
        elif withheld:
            headers.append(("WARC-Truncated", "unspecified"))
        return self._write(
            "response",
            url,
            date,
            content_type="application/http; msgtype=response",
            block=wire,
            more=tuple(headers),
        )

    def _write(
        self,
        kind: str,
        url: str | None,
        date: datetime,
        *,
        content_type: str,
        block: bytes,
        more: tuple[tuple[str, str], ...] = (),
    ) -> str:
        record_id = f"<urn:uuid:{uuid.uuid4()}>"
        headers = [("WARC-Type", kind), ("WARC-Record-ID", record_id), ("WARC-Date", _iso(date))]
        if url is not None:
            headers.append(("WARC-Target-URI", url))
        headers += [*more, ("WARC-Block-Digest", _digest(block))]
        if "WARC-Payload-Digest" not in dict(headers) and kind != "warcinfo":
            # Otherwise warcio adds one by SHA-1. A request by GET has an empty payload; the
            # payload of a metadata record is its block.
            payload = b"" if kind == "request" else block
            headers.append(("WARC-Payload-Digest", _digest(payload)))
        record = ArcWarcRecord(
            "warc",
            kind,
            StatusAndHeaders("", headers, protocol=_VERSION),
            io.BytesIO(block),
            None,
            content_type,
            len(block),
        )
        record.payload_length = len(block)
        self._writer.write_record(record)
        return record_id


def _facts(exchange: Exchange, *, keep_body: bool) -> Fields:
    fields = [("httpStatus", str(exchange.status)), ("entityBytes", str(len(exchange.entity)))]
    fields.append(("entitySha256", hashlib.sha256(exchange.entity).hexdigest()))
    if exchange.body is not None:
        fields.append(("bodyBytes", str(len(exchange.body))))
        fields.append(("bodySha256", hashlib.sha256(exchange.body).hexdigest()))
    fields.append(("bodyIncomplete", "yes" if exchange.body_incomplete else "no"))
    fields.append(("bodyWithheld", "no" if keep_body else "yes"))
    if exchange.tls is not None:
        fields.append(("tlsVersion", exchange.tls.version))
        fields.append(("tlsCipher", exchange.tls.cipher))
        fields.append(("tlsCertificateSha256", exchange.tls.leaf_sha256))
        fields += [
            ("tlsCertificateDer", base64.b64encode(der).decode("ascii"))
            for der in exchange.tls.chain_der
        ]
    return tuple(fields)


def _as_fields(fields: Fields) -> bytes:
    return "".join(f"{name}: {' '.join(value.split())}\r\n" for name, value in fields).encode()


def _digest(content: bytes) -> str:
    return "sha256:" + base64.b32encode(hashlib.sha256(content).digest()).decode("ascii")


def _iso(date: datetime) -> str:
    return date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
