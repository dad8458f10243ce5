"""Videos that sites serve in pieces (HLS and DASH): what a playlist says, without fetching it.

1. A playlist is known by how its text begins, whatever its address or its server call it.
2. `Form`: one of the sizes in which a stream is offered; `chosen_form` takes the one that is enough
   for faces, or a smaller one where a long stream would not fit.
3. `Track`: the pieces of one form, in order, with canonical addresses; what was left out is said.

All text here is hostile: it is bounded, and what is no number, range or web address is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple
from urllib.parse import urljoin

from indexer.crawl.scope import BadAddressError, canonical_address
from indexer.errors import IndexerError

StreamKind = Literal["hls", "dash"]
StreamCode = Literal["bad_playlist", "encrypted", "not_media", "too_large"]

MAX_PLAYLIST_BYTES = 2 * 1024 * 1024
MAX_LISTED_PIECES = 20_000
"""Eleven hours in pieces of two seconds; what a playlist lists beyond is counted as left out."""
MAX_FORMS = 200
MAX_SECONDS = 1_000_000.0
MAX_LIVE_S = 300.0
"""Of a stream that goes on, the last minutes that are offered when it is asked for."""
ENOUGH_SIDE_PX = 720
LEAST_SIDE_PX = 360
"""Faces of people who fill a part of the picture are still large enough for a recogniser."""
ENOUGH_BITS_PER_S = 3_500_000
GOES_ON = "it goes on: only what was offered at that moment"
_LARGEST_BYTE = 2**53
_HEAD_BYTES = 4096
_MPD = re.compile(
    rb"(?:\s|<\?[^>]{0,500}>|<!--(?:(?!-->).){0,2000}-->)*+<(?:[A-Za-z_][\w.-]{0,30}:)?MPD[\s>]",
    re.DOTALL,
)
"""Up to the first element; a page that speaks of manifests is none."""
_RANGE = re.compile(r"([0-9]{1,16})-([0-9]{1,16})")


class StreamError(IndexerError):
    """A stream cannot be looked at. `code` is one of `FetchRefused`'s."""

    def __init__(self, code: StreamCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class ByteRange(NamedTuple):
    """Bytes `first` to `last`, both included, as in HTTP."""

    first: int
    last: int

    @property
    def length_bytes(self) -> int:
        """How many bytes that are."""
        return self.last - self.first + 1


class Fetched(NamedTuple):
    """What an address of a stream answered; `url` is where redirects led."""

    url: str
    status: int
    body: bytes
    content_range: str = ""


class Lock(NamedTuple):
    """What a piece is encrypted with (AES-128-CBC): where the key lies, and the 16 bytes `iv`."""

    key_url: str
    iv: bytes


class Piece(NamedTuple):
    """One thing to fetch: a whole file, or a range of one, locked or not."""

    url: str
    part: ByteRange | None = None
    lock: Lock | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """One form in which a stream is offered. `side_px` is the shorter side of its pictures."""

    side_px: int | None
    bits_per_s: int | None

    def bytes_of(self, seconds: float) -> float:
        """About how large so many seconds of it are; 0 when the playlist does not say."""
        return (self.bits_per_s or 0) * seconds / 8


@dataclass(frozen=True, slots=True)
class Track:
    """The pieces of one form, in the order in which they are shown, `seconds` long in all.

    `init` comes before them; `left_out` says in words what of the stream is not among them.
    `cut_at_limit`: a piece is a whole file, of which as much is fetched as the limit allows.
    `goes_on`: it is live, and its older pieces go away while it is read.
    """

    pieces: tuple[Piece, ...]
    seconds: float
    init: Piece | None = None
    left_out: tuple[str, ...] = ()
    cut_at_limit: bool = False
    goes_on: bool = False


def stream_kind(body: bytes) -> StreamKind | None:
    """Which kind of playlist `body` is; None when it is none."""
    head = body[:_HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"#EXTM3U"):
        return "hls"
    return "dash" if _MPD.match(head) is not None else None


def playlist_text(body: bytes) -> str:
    """The text of a playlist. Raises `StreamError` for one of more than `MAX_PLAYLIST_BYTES`."""
    if len(body) > MAX_PLAYLIST_BYTES:
        raise StreamError("too_large", "the stream's playlist is larger than the limit")
    return body.decode("utf-8-sig", errors="replace")


def chosen_form(forms: Sequence[Form], seconds: float, budget_bytes: int) -> int:
    """Which of `forms` to look at: the largest of those not above about 720p, or the smallest.

    Where it would be more than `budget_bytes`, the largest smaller one that fits and still shows
    faces; where none fits, the smallest one that does: parts of it will be left out.
    """
    wanted = max(range(len(forms)), key=lambda number: _worth(forms[number]))
    if forms[wanted].bytes_of(seconds) <= budget_bytes:
        return wanted
    smaller = [
        number
        for number, form in enumerate(forms)
        if (form.side_px or LEAST_SIDE_PX) >= LEAST_SIDE_PX
        and form.bytes_of(seconds) < forms[wanted].bytes_of(seconds)
    ]
    fitting = [number for number in smaller if forms[number].bytes_of(seconds) <= budget_bytes]
    if fitting:
        return max(fitting, key=lambda number: _worth(forms[number]))
    return min(smaller, key=lambda number: forms[number].bytes_of(seconds), default=wanted)


def _worth(form: Form) -> tuple[bool, float, int]:
    """Larger is better: up to what is enough the larger, beyond it the smaller."""
    bits = form.bits_per_s or 0
    if form.side_px is None:
        enough = bits <= ENOUGH_BITS_PER_S
        return enough, float(bits if enough else -bits) / 1e12, 0
    # Some call 720p what is 736 or 800 lines high.
    enough = form.side_px <= ENOUGH_SIDE_PX * 1.12
    return enough, float(form.side_px if enough else -form.side_px), bits


def piece_address(base: str, address: str) -> str | None:
    """The canonical address of a piece; None when it is no http or https address."""
    try:
        return canonical_address(urljoin(base, address.strip()))
    except (BadAddressError, ValueError):
        return None


def byte_range(text: str) -> ByteRange:
    """`first-last`, as in HTTP and DASH. Raises `StreamError`."""
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        raise StreamError("bad_playlist", "the playlist has a byte range that is none")
    return checked_range(int(match[1]), int(match[2]) - int(match[1]) + 1)


def checked_range(first: int, length: int) -> ByteRange:
    """A range of `length` bytes. Raises `StreamError` when it is empty or beyond any file."""
    if length <= 0 or first < 0 or first + length > _LARGEST_BYTE:
        raise StreamError("bad_playlist", "the playlist has a byte range that no file has")
    return ByteRange(first, first + length - 1)


def whole_number(text: str | None, most: int = _LARGEST_BYTE) -> int | None:
    """A plain decimal number of at most `most`; None for anything else."""
    if text is None or not re.fullmatch(r"[0-9]{1,16}", text.strip()):
        return None
    number = int(text)
    return number if number <= most else None


def seconds_of(text: str) -> float:
    """A length in seconds as playlists write it; 0 for what is none."""
    if not re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{0,12})?", text.strip()):
        return 0.0
    return min(float(text), MAX_SECONDS)
