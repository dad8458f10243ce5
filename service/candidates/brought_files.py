"""Captures that somebody else made: WARC, WACZ, HAR, or a plainly saved file.

What is in such a file is listed by address; whoever brings it says which addresses it is about.
Nothing in it is trusted: sizes are limited while unpacking, and a payload is only hashed here and
shown to the examiner. It is always called "captured by NAME with TOOL, not by us".
"""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import IO, Any

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed

from indexer.crawl.scope import BadAddressError, canonical_address
from service.candidates.errors import ImportInvalidError

MAX_PAYLOAD_BYTES = 50 * 1024 * 1024
MAX_UNPACKED_BYTES = 500 * 1024 * 1024
MAX_ITEMS = 20_000
_MEDIA = ("image/", "video/")
_CHUNK = 1024 * 1024
_GZIP_MARK = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class CapturedItem:
    """One response in a brought capture. `content` is there for what was asked for."""

    url: str
    content_type: str
    captured_at: str
    payload_sha256: str
    payload_bytes: int
    content: bytes | None = None

    @property
    def is_medium(self) -> bool:
        """Whether it says that it is a picture or video."""
        return self.content_type.startswith(_MEDIA)


def items_of_file(name: str, content: bytes, wanted: frozenset[str]) -> tuple[CapturedItem, ...]:
    """What a capture file holds, in its order; payloads of `wanted` (canonical addresses) too.

    A file that is no WARC, WACZ or HAR is one item without an address. Raises `ImportInvalidError`
    for a broken or over-large capture.
    """
    lower = name.lower()
    if lower.endswith((".warc", ".warc.gz")) or content[:5] == b"WARC/":
        return tuple(_warc_items(io.BytesIO(content), wanted, _Budget()))
    if lower.endswith(".wacz"):
        return tuple(_wacz_items(content, wanted))
    if lower.endswith(".har"):
        return tuple(_har_items(content, wanted))
    digest = sha256(content).hexdigest()
    return (CapturedItem("", "", "", digest, len(content), content),)


class _Budget:
    """How much may still be unpacked from one file."""

    def __init__(self) -> None:
        self._bytes = MAX_UNPACKED_BYTES
        self._items = MAX_ITEMS

    def item(self) -> None:
        self._items -= 1
        if self._items < 0:
            raise ImportInvalidError(f"The capture holds more than {MAX_ITEMS} records.")

    def spend(self, count: int) -> None:
        self._bytes -= count
        if self._bytes < 0:
            raise ImportInvalidError("The capture is too large when unpacked.")


class _Metered(io.RawIOBase):
    """A capture's plain bytes, counted as they are unpacked: headers too may have no end."""

    def __init__(self, stream: IO[bytes], budget: _Budget) -> None:
        is_gzip = stream.read(len(_GZIP_MARK)) == _GZIP_MARK
        stream.seek(0)
        self._stream = gzip.GzipFile(fileobj=stream) if is_gzip else stream
        self._budget = budget

    def readable(self) -> bool:
        """It is read from the beginning to the end."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes, never more than a piece at once."""
        piece = self._stream.read(min(size, _CHUNK) if size >= 0 else _CHUNK)
        self._budget.spend(len(piece))
        return piece


def _warc_items(
    stream: IO[bytes], wanted: frozenset[str], budget: _Budget
) -> Iterator[CapturedItem]:
    try:
        for record in ArchiveIterator(_Metered(stream, budget)):
            budget.item()
            if record.rec_type not in ("response", "resource"):
                continue
            url = _canonical(record.rec_headers.get_header("WARC-Target-URI") or "")
            headers = record.http_headers
            if headers is not None and headers.get_statuscode() != "200":
                continue
            kept = bytearray() if url in wanted else None
            digest, size = sha256(), 0
            while chunk := record.content_stream().read(_CHUNK):
                budget.spend(len(chunk))
                digest.update(chunk)
                size += len(chunk)
                if kept is not None and size <= MAX_PAYLOAD_BYTES:
                    kept += chunk
            declared = (headers or record.rec_headers).get_header("Content-Type") or ""
            yield CapturedItem(
                url,
                declared.partition(";")[0].strip().lower(),
                record.rec_headers.get_header("WARC-Date") or "",
                digest.hexdigest(),
                size,
                bytes(kept) if kept is not None and size <= MAX_PAYLOAD_BYTES else None,
            )
    except (ArchiveLoadFailed, EOFError, OSError, ValueError, zlib.error) as error:
        raise ImportInvalidError("The WARC file is broken and was not imported.") from error


def _wacz_items(content: bytes, wanted: frozenset[str]) -> Iterator[CapturedItem]:
    budget = _Budget()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.infolist():
                if not member.filename.startswith("archive/"):
                    continue
                with archive.open(member) as stream:
                    yield from _warc_items(stream, wanted, budget)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error) as error:
        raise ImportInvalidError("The WACZ file is broken and was not imported.") from error


def _har_items(content: bytes, wanted: frozenset[str]) -> Iterator[CapturedItem]:
    try:
        entries = json.loads(content)["log"]["entries"]
        if not isinstance(entries, list) or len(entries) > MAX_ITEMS:
            raise ImportInvalidError(f"The HAR file holds no list, or more than {MAX_ITEMS}.")
        for entry in entries:
            yield _har_item(entry, wanted)
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError) as error:
        raise ImportInvalidError("The HAR file is broken and was not imported.") from error


def _har_item(entry: dict[str, Any], wanted: frozenset[str]) -> CapturedItem:
    url = _canonical(str(entry["request"]["url"]))
    body = entry["response"].get("content", {})
    text = str(body.get("text", ""))
    if body.get("encoding") == "base64":
        try:
            payload = base64.b64decode(text, validate=False)
        except binascii.Error:
            payload = b""
    else:
        payload = text.encode("utf-8", "replace")
    return CapturedItem(
        url,
        str(body.get("mimeType", "")).partition(";")[0].strip().lower(),
        str(entry.get("startedDateTime", "")),
        sha256(payload).hexdigest(),
        len(payload),
        payload if url in wanted and 0 < len(payload) <= MAX_PAYLOAD_BYTES else None,
    )


def _canonical(address: str) -> str:
    try:
        return canonical_address(address.strip("<> "))
    except BadAddressError:
        return ""
