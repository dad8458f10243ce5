"""The video behind a captured playlist: its pieces by the capture's own path, and joined.

1. Playlists and pieces are asked for as everything that is captured; request and answer of each
   stand in the WARC, and so does what was refused.
2. They are chosen and joined as in the crawl (`StreamReader`), within the same limits, so that a
   stream that did not change gives the same bytes, and the same hash, as when it was found.
3. Which pieces were joined, and in which order, is told: whoever has the WARC can do it again.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

import msgspec

from indexer.crawl.capture_messages import CapturedPiece, CapturedResource, CapturedStream
from indexer.crawl.messages import Scope
from indexer.crawl.refusals import RefusedError
from indexer.crawl.stream_fetching import JoinedPiece, StreamReader
from indexer.crawl.streams import ByteRange, Fetched

if TYPE_CHECKING:
    from indexer.crawl.capture import Visit  # that module is the program which is running


def with_its_video(
    playlist: CapturedResource, body: bytes, visit: Visit, scope: Scope
) -> tuple[CapturedResource, bytes | None]:
    """The captured `playlist` with what is known of its video, and the video; None without one."""

    async def fetch(url: str, part: ByteRange | None, most_bytes: int) -> Fetched:
        # A capture does one thing after the other: nothing waits for this loop.
        walked = visit.piece(url, part, most_bytes)
        if walked.refused is not None:
            raise RefusedError(walked.refused.code, str(walked.refused))
        answer = walked.whole
        if answer.body is None or answer.body_incomplete:
            code = "too_large" if answer.truncated == "length" else "truncated"
            raise RefusedError(code, "a piece of the stream did not come whole")
        content_range = (answer.header("content-range") or "").strip()
        return Fetched(walked.url, answer.status, answer.body, content_range)

    limit_bytes, open_keys = scope.max_medium_bytes, scope.open_stream_keys
    reader = StreamReader(fetch, visit.may, limit_bytes, open_keys=open_keys)
    try:
        joined = asyncio.run(reader.read(body, playlist.final_url))
    except RefusedError as refused:
        return msgspec.structs.replace(playlist, stream=CapturedStream(refusal=refused.code)), None
    stream = CapturedStream(
        sha256=hashlib.sha256(joined.content).hexdigest(),
        content_bytes=len(joined.content),
        pieces=tuple(map(_piece, joined.pieces)),
        left_out=joined.left_out,
    )
    return msgspec.structs.replace(playlist, stream=stream), joined.content


def _piece(one: JoinedPiece) -> CapturedPiece:
    part, lock = one.piece.part, one.piece.lock
    asked_for = f"{part.first}-{part.last}" if part is not None else ""
    return CapturedPiece(
        one.piece.url,
        asked_for,
        one.body_sha256,
        one.content_sha256,
        key_url=lock.key_url if lock is not None else "",
        iv=lock.iv.hex() if lock is not None else "",
    )
