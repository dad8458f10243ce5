"""What capture is asked for and what it answers (`indexer/crawl/capture.py`).

Capture runs in a child of its own (`python -m indexer.crawl.capture`), by its own path, so that
the WARC holds requests and responses as they were on the wire.
"""

from __future__ import annotations

import msgspec

from indexer.crawl.messages import Scope, SlotGranted, SlotWanted


class CaptureRequest(msgspec.Struct, frozen=True, tag=True):
    """Capture `urls` in order (usually the page, then the medium) under `scope`.

    With `keep_bodies` false the WARC keeps requests, response headers, addresses, certificates
    and digests of bodies, but no body.
    """

    request_id: int
    urls: tuple[str, ...]
    scope: Scope
    keep_bodies: bool = True


class CapturedPiece(msgspec.Struct, frozen=True):
    """One piece of a stream, in the WARC under `url`: SHA-256 of its body, and of what of that is
    in the joined video. `part` is the range of bytes that was asked for, "FIRST-LAST", or empty.
    `key_url` and `iv` (hex) are those with which it was locked; the key is in the WARC, too.
    """

    url: str
    part: str
    body_sha256: str
    content_sha256: str
    key_url: str = ""
    iv: str = ""


class CapturedStream(msgspec.Struct, frozen=True):
    """The video that a captured playlist names: its pieces, joined in this order to one file.

    `left_out` says in words what of it is not there. With a `refusal` (a code) nothing was joined.
    """

    sha256: str = ""
    content_bytes: int = 0
    pieces: tuple[CapturedPiece, ...] = ()
    left_out: str = ""
    refusal: str = ""


class CapturedResource(msgspec.Struct, frozen=True):
    """One requested address: every hop is in the WARC; the last one is described here.

    `body_sha256` is of the decoded entity body; `refusal` is set when it could not be captured.
    `stream` is there when what came is the playlist of a video. `renewed`: the address, which was
    signed, had expired; what is described here came from where its page says that it is now.
    `truncated` is true when the body ended early or was cut at the size limit.
    """

    url: str
    final_url: str
    status: int | None
    content_type: str | None
    body_sha256: str | None
    body_bytes: int
    server_address: str | None
    tls_certificate_sha256: str | None
    fetched_at: str
    truncated: bool
    refusal: str | None = None
    stream: CapturedStream | None = None
    renewed: bool = False


class Captured(msgspec.Struct, frozen=True, tag=True):
    """The WARC/1.1 (each record gzipped) and a summary for each requested address."""

    request_id: int
    warc_gz: bytes
    warc_sha256: str
    resources: tuple[CapturedResource, ...]
    medium_content: bytes | None
    """Body of the last requested address, or the video whose playlist it is, for examination of
    what was captured; never stored.
    """
    user_agent: str
    software: str
    started_at: str
    finished_at: str


CaptureInbound = CaptureRequest | SlotGranted
CaptureOutbound = Captured | SlotWanted
