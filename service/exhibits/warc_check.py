"""Whether a WARC is whole in itself: every record's own digests are computed again.

The archive is first inflated piece by piece without keeping it, so that one that grows beyond the
limit is refused before anything parses it.
"""

from __future__ import annotations

import io
import re
import zlib
from dataclasses import dataclass

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed

MAX_INFLATED_BYTES = 512 * 1024 * 1024
_PIECE_BYTES = 1024 * 1024
_MAX_RECORDS = 10_000
_GZIP_WINDOW_BITS = 31
_BODY = re.compile(rb"^bodySha256: ([0-9a-f]{64})\r?$", re.MULTILINE)


@dataclass(frozen=True)
class WarcCheck:
    """How many records there are, and what is wrong, in words.

    `body_sha256s` are those of all answers' bodies, as the capture wrote them down.
    """

    records: int
    defects: tuple[str, ...]
    body_sha256s: frozenset[str] = frozenset()


def check_warc(warc_gz: bytes) -> WarcCheck:
    """Compute every record's block and payload digests again."""
    too_large = _inflation_defect(warc_gz)
    if too_large is not None:
        return WarcCheck(0, (too_large,))
    records, defects = 0, []
    bodies: set[str] = set()
    try:
        for record in ArchiveIterator(io.BytesIO(warc_gz), check_digests=True):
            records += 1
            if records > _MAX_RECORDS:
                defects.append(f"it holds more than {_MAX_RECORDS} records")
                break
            told = record.raw_stream.read(_PIECE_BYTES)
            if record.rec_type == "metadata":
                bodies.update(match[1].decode() for match in _BODY.finditer(told))
            while record.raw_stream.read(_PIECE_BYTES):
                continue
            checker = record.digest_checker
            name = f"record {records} ({record.rec_type})"
            defects += [f"{name}: {problem}" for problem in checker.problems]
            if checker.passed is None:
                defects.append(f"{name}: it carries no digest")
    except (ArchiveLoadFailed, EOFError, ValueError, OSError, zlib.error) as error:
        defects.append(f"it cannot be read after record {records}: {error}")
    if records == 0:
        defects.append("it holds no record")
    return WarcCheck(records, tuple(defects), frozenset(bodies))


def _inflation_defect(warc_gz: bytes) -> str | None:
    total, rest = 0, warc_gz
    while rest:
        inflater = zlib.decompressobj(_GZIP_WINDOW_BITS)
        while rest and not inflater.eof:
            try:
                piece = inflater.decompress(rest, _PIECE_BYTES)
            except zlib.error:
                return "it is not whole gzip data"
            total += len(piece)
            if total > MAX_INFLATED_BYTES:
                return f"it inflates to more than {MAX_INFLATED_BYTES} bytes"
            rest = inflater.unconsumed_tail
        if not inflater.eof:
            return "its last gzip member is cut short"
        rest = inflater.unused_data
    return None
