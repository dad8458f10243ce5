"""Builds small but whole bundles for tests of sealing and verifying."""

from __future__ import annotations

import base64
import hashlib
import io
import uuid
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from service.exhibits.bundle import ExhibitContent, SealedBundle, Statement, seal_bundle
from service.exhibits.custody import CustodyEntry, next_entry
from service.exhibits.manifest import (
    MATCH_WORDING,
    CaptureSummary,
    ExaminationSummary,
    ResourceSummary,
    TrustedTime,
)

CANDIDATE = uuid.UUID("11111111-1111-4111-8111-111111111111")
EXHIBIT = uuid.UUID("22222222-2222-4222-8222-222222222222")
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def make_key(seed: int = 1) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


def make_warc(body: bytes = b"<html>a page</html>", *, digest_of: bytes | None = None) -> bytes:
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + body

    def digest(content: bytes) -> str:
        return "sha256:" + base64.b32encode(hashlib.sha256(content).digest()).decode()

    buffer = io.BytesIO()
    writer = WARCWriter(buffer, gzip=True, warc_version="1.1")
    headers = [
        ("WARC-Type", "response"),
        ("WARC-Record-ID", "<urn:uuid:33333333-3333-4333-8333-333333333333>"),
        ("WARC-Date", "2026-11-23T11:59:00Z"),
        ("WARC-Target-URI", "http://site.test/page"),
        ("WARC-Payload-Digest", digest(body if digest_of is None else digest_of)),
        ("WARC-Block-Digest", digest(block)),
    ]
    writer.write_record(
        ArcWarcRecord(
            "warc",
            "response",
            StatusAndHeaders("", headers, protocol="WARC/1.1"),
            io.BytesIO(block),
            None,
            "application/http; msgtype=response",
            len(block),
        )
    )
    return buffer.getvalue()


def make_custody(count: int = 3) -> tuple[CustodyEntry, ...]:
    entries: list[CustodyEntry] = []
    for number in range(count):
        entries.append(
            next_entry(
                CANDIDATE,
                entries[-1] if entries else None,
                action=f"step-{number}",
                actor="advocate:44444444-4444-4444-8444-444444444444",
                detail="",
                at=NOW,
            )
        )
    return tuple(entries)


def make_content(
    *, warc: bytes | None = None, custody: tuple[CustodyEntry, ...] | None = None
) -> ExhibitContent:
    warc = make_warc() if warc is None else warc
    page = ResourceSummary(
        role="page",
        url="http://site.test/page",
        final_url="http://site.test/page",
        status=200,
        content_type="text/html",
        body_sha256=hashlib.sha256(b"<html>a page</html>").hexdigest(),
        body_bytes=19,
        server_address="192.0.2.7",
        tls_certificate_sha256=None,
        fetched_at="2026-11-23T11:59:00.000+00:00",
        truncated=False,
        refusal=None,
    )
    return ExhibitContent(
        exhibit_id=str(EXHIBIT),
        version=1,
        candidate_id=str(CANDIDATE),
        created_at="2026-11-23T12:00:00.000000+00:00",
        software="Likeness test",
        organisation="Helpline Ω",
        capture=CaptureSummary(
            capture_id="55555555-5555-4555-8555-555555555555",
            attempt=1,
            started_at="2026-11-23T11:59:00.000+00:00",
            finished_at="2026-11-23T11:59:01.000+00:00",
            user_agent="Likeness/0.1",
            software="Likeness capture",
            clock="not measured",
            keeps_media_bytes=True,
            warc_sha256=hashlib.sha256(warc).hexdigest(),
            warc_bytes=len(warc),
            resources=(page,),
        ),
        warc_gz=warc,
        examinations=(
            ExaminationSummary(
                of="found",
                content_sha256="0" * 64,
                pdq=None,
                kind="still",
                width_px=640,
                height_px=480,
                model_pack="yunet-sface",
                model_digest="d" * 64,
                preprocessing=1,
                matches=(),
                manipulation_band="no_trace_found",
                manipulation_reasons=("nothing declared",),
                refusal=None,
            ),
        ),
        brought=(),
        statements=(
            Statement("a1", "reviewer", "advocate:1", "same", ("same person",), "2026-11-23"),
            Statement("b2", "person", "", "same", ("it shows me",), "2026-11-23"),
        ),
        custody=make_custody() if custody is None else custody,
        trusted_time=TrustedTime("none", "no time-stamp authority is configured"),
        wording=MATCH_WORDING,
        notes=(),
    )


def make_bundle(seed: int = 1, **parts: object) -> SealedBundle:
    return seal_bundle(make_content(**parts), make_key(seed))  # type: ignore[arg-type]
