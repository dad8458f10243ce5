"""A stream's pieces fetched and joined: each through the same door as everything else.

1. The playlist that came is read; of a master the form that is enough for faces is fetched.
2. The pieces are fetched one at a time, from coarse to fine: the first, the middle, the quarters.
   Where the limit of bytes, of requests or of time is reached, what came is spread over the whole.
3. Those that are locked by a key that lies open are opened, where the operator allows it.
4. They are joined in the order in which they are shown, behind their beginning.
5. What is missing is said in words. A stream of which nothing came is refused with the reason.

Pieces that lie in one file, one behind the other, are asked for together. A stream that turns out
to be no video is refused: a picture in front of it must not stand for it.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from indexer.crawl.refusals import RETRY_STATUSES, RefusedError
from indexer.crawl.sniff import media_type_of
from indexer.crawl.streams import (
    MAX_PLAYLIST_BYTES,
    ByteRange,
    Fetched,
    Form,
    Lock,
    Piece,
    StreamError,
    Track,
    chosen_form,
    playlist_text,
    stream_kind,
)
from indexer.crawl.streams_dash import read_dash
from indexer.crawl.streams_hls import HlsForm, read_hls

MAX_REQUESTS = 120
MAX_STREAM_S = 240.0
"""Shorter than the shortest lease of an address: nobody else takes up what is still fetched."""
MAX_LOST = 5
"""Pieces that may be refused; a stream that loses more is refused itself."""
MAX_LOST_LIVE = 20
"""Of a stream that goes on the oldest pieces go away while the others are fetched."""
MAX_KEYS = 50
KEY_BYTES = 16
MAX_KEY_BYTES = 4096
MAX_TOGETHER_BYTES = 8 * 1024 * 1024
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,16})-([0-9]{1,16})/(?:[0-9]{1,16}|\*)")
_TRANSPORT_PACKET_BYTES = 188
_HIDDEN_BYTES = 64 * 1024

Fetch = Callable[[str, ByteRange | None, int], Awaitable[Fetched]]
"""`(address, range, most bytes) -> answer`; raises `RefusedError`."""
May = Callable[[str], bool]
"""Whether an address is in scope."""


class JoinedPiece(NamedTuple):
    """One of the pieces that a file was joined from: SHA-256 of what its address answered, and of
    what of that is in the file.
    """

    piece: Piece
    body_sha256: str
    content_sha256: str


class Joined(NamedTuple):
    """A stream as one file. `left_out` says what of it is not there; empty when nothing is.

    `pieces` are those that are in it, in order.
    """

    content: bytes
    left_out: str
    pieces: tuple[JoinedPiece, ...]


class _Came(NamedTuple):
    content: bytes
    joined: JoinedPiece


class StreamReader:
    """Reads one stream, with at most `limit_bytes` of pictures. Used once."""

    def __init__(
        self, fetch: Fetch, may: May, limit_bytes: int, *, open_keys: bool = False
    ) -> None:
        self._fetch = fetch
        self._may = may
        self._limit_bytes = limit_bytes
        self._began = time.monotonic()
        self._requests = 0
        self._open_keys = open_keys
        self._keys: dict[str, bytes | RefusedError] = {}

    async def read(self, body: bytes, url: str) -> Joined:
        """The stream whose playlist `body` came from `url`. Raises `RefusedError`."""
        try:
            track = await self._track(body, url)
        except StreamError as error:
            raise RefusedError(error.code, str(error)) from error
        return await self._joined(track)

    async def _track(self, body: bytes, url: str) -> Track:
        text = playlist_text(body)
        # A playlist made to be slow to read holds up nobody else.
        if stream_kind(body) == "dash":
            offered = await asyncio.to_thread(read_dash, text, url, time.time())
            forms = [each.form for each in offered]
            chosen = offered[chosen_form(forms, offered[0].seconds, self._limit_bytes)]
            return self._reached(await asyncio.to_thread(chosen.track))
        read = await self._read_hls(text, url)
        return self._reached(read if isinstance(read, Track) else await self._chosen_track(read))

    async def _chosen_track(self, named: Sequence[HlsForm]) -> Track:
        offered = [each for each in named if self._may(each.url)]
        if not offered:
            raise _out_of_scope()
        forms: list[Form] = [each.form for each in offered]
        first = chosen_form(forms, 0.0, self._limit_bytes)
        track = await self._media_playlist(offered[first].url)
        second = chosen_form(forms, track.seconds, self._limit_bytes)
        if second != first:
            track = await self._media_playlist(offered[second].url)
        return track

    async def _media_playlist(self, url: str) -> Track:
        answer = await self._get(Piece(url), MAX_PLAYLIST_BYTES)
        if stream_kind(answer.body) != "hls":
            raise StreamError("bad_playlist", "a form of the stream is no playlist")
        read = await self._read_hls(playlist_text(answer.body), answer.url)
        if not isinstance(read, Track):
            raise StreamError("bad_playlist", "the stream's playlists lead to each other")
        return read

    async def _read_hls(self, text: str, url: str) -> tuple[HlsForm, ...] | Track:
        return await asyncio.to_thread(read_hls, text, url, open_keys=self._open_keys)

    def _reached(self, track: Track) -> Track:
        """The track itself, when it may be fetched at all; each piece is checked again later."""
        if all(self._may(piece.url) for piece in (track.init, track.pieces[0]) if piece):
            return track
        raise _out_of_scope()

    async def _joined(self, track: Track) -> Joined:
        room_bytes = self._limit_bytes
        beginning: list[_Came] = []
        if track.init is not None:
            beginning = [await self._content(track.init, room_bytes, cut=False)]
            room_bytes -= len(beginning[0].content)
        wanted = together(track.pieces)
        came: dict[int, _Came] = {}
        lost: list[RefusedError] = []
        full = False
        most_lost = MAX_LOST_LIVE if track.goes_on else MAX_LOST
        for number in coarse_to_fine(len(wanted)):
            if room_bytes <= 0 or self._is_over():
                full = True
                break
            try:
                one = await self._content(wanted[number], room_bytes, cut=track.cut_at_limit)
            except RefusedError as refused:
                if refused.code == "too_large" and came:
                    full = True
                    break
                lost.append(refused)
                if len(lost) > most_lost:
                    break
                continue
            room_bytes -= len(one.content)
            came[number] = one
        if lost and (not came or len(lost) > most_lost):
            raise lost[-1]
        parts = [*beginning, *(came[number] for number in sorted(came))]
        content = b"".join(part.content for part in parts)
        if (media_type_of(content) or "").partition("/")[0] != "video":
            if any(part.joined.piece.lock is not None for part in parts):
                raise RefusedError("encrypted", "what the stream's key opens is no video")
            raise RefusedError("not_media", "the stream's pieces are no video that is known")
        left_out = list(track.left_out)
        if len(came) < len(wanted):
            why = "the limit was reached" if full else "the others could not be fetched"
            left_out.insert(0, f"{len(came)} of {len(wanted)} pieces were fetched: {why}")
        if track.cut_at_limit and room_bytes <= 0:
            left_out.insert(0, "only its beginning was fetched: the limit was reached")
        return Joined(content, "; ".join(left_out), tuple(part.joined for part in parts))

    async def _content(self, piece: Piece, room_bytes: int, *, cut: bool) -> _Came:
        if cut:
            piece = Piece(piece.url, ByteRange(0, room_bytes - 1))
        key = await self._key(piece.lock) if piece.lock is not None else None
        answer = await self._get(piece, room_bytes)
        content = _ranged(answer, piece.part, cut=cut)
        if piece.lock is not None and key is not None:
            content = await asyncio.to_thread(opened, content, piece.lock, key)
        content = _shown(content)
        return _Came(content, JoinedPiece(piece, _sha256(answer.body), _sha256(content)))

    async def _key(self, lock: Lock) -> bytes:
        """The key of a lock, asked for once; raises `RefusedError`, each time the same."""
        known = self._keys.get(lock.key_url)
        if known is None:
            try:
                known = await self._asked_key(lock.key_url)
            except RefusedError as refused:
                known = refused
            self._keys[lock.key_url] = known
        if isinstance(known, RefusedError):
            raise known
        return known

    async def _asked_key(self, url: str) -> bytes:
        if not self._may(url) or len(self._keys) >= MAX_KEYS:
            raise RefusedError("encrypted", "the stream's key is not in the site's scope")
        key = (await self._get(Piece(url), MAX_KEY_BYTES)).body
        if len(key) != KEY_BYTES:
            raise RefusedError("encrypted", "what lies in the place of the key is none")
        return key

    async def _get(self, piece: Piece, most_bytes: int) -> Fetched:
        self._requests += 1
        answer = await self._fetch(piece.url, piece.part, most_bytes)
        status = answer.status
        if status != 200 and not (status == 206 and piece.part is not None):
            raise RefusedError(
                "http_status",
                f"a piece of the stream was answered with status {status}",
                status=status,
                retry=status in RETRY_STATUSES,
            )
        return answer

    def _is_over(self) -> bool:
        return self._requests >= MAX_REQUESTS or time.monotonic() - self._began > MAX_STREAM_S


def _out_of_scope() -> RefusedError:
    return RefusedError("out_of_scope", "the stream's pieces are not in the site's scope")


def together(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """The same bytes in fewer requests: ranges of one file that touch become one, up to a size."""
    merged: list[Piece] = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if (
            last is not None
            and last.url == piece.url
            and last.part is not None
            and piece.part is not None
            and last.lock is None
            and piece.lock is None
            and last.part.last + 1 == piece.part.first
            and last.part.length_bytes + piece.part.length_bytes <= MAX_TOGETHER_BYTES
        ):
            merged[-1] = Piece(piece.url, ByteRange(last.part.first, piece.part.last))
        else:
            merged.append(piece)
    return tuple(merged)


def coarse_to_fine(count: int) -> list[int]:
    """All numbers below `count`: 0 first, then the middle, the quarters, the eighths, …"""
    steps = max(1, count).bit_length()
    # The more zeros a number ends in, the coarser the grid that it lies on.
    return sorted(range(count), key=lambda number: (-_zeros(number, steps), number))


def _zeros(number: int, most: int) -> int:
    return most if number == 0 else (number & -number).bit_length() - 1


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def opened(content: bytes, lock: Lock, key: bytes) -> bytes:
    """A locked piece in the clear (AES-128-CBC, padded). Raises `RefusedError`."""
    decryptor = Cipher(algorithms.AES(key), modes.CBC(lock.iv)).decryptor()
    unpadder = PKCS7(8 * KEY_BYTES).unpadder()
    try:
        padded = decryptor.update(content) + decryptor.finalize()
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError as error:
        raise RefusedError("encrypted", "a piece is not locked with the stream's key") from error


def _ranged(answer: Fetched, part: ByteRange | None, *, cut: bool) -> bytes:
    """The bytes of `part`, also where the server sent the whole file."""
    body = answer.body
    if part is None:
        return body
    if answer.status == 206:
        match = _CONTENT_RANGE.fullmatch(answer.content_range)
        right = match is not None and int(match[1]) == part.first and len(body) > 0
        if not right or (len(body) != part.length_bytes and not cut):
            raise RefusedError("truncated", "the server sent another range than was asked for")
        return body[: part.length_bytes]
    if len(body) <= part.last and not cut:
        raise RefusedError("truncated", "the file ends before the range that was asked for")
    return body[part.first : part.last + 1]


def _shown(content: bytes) -> bytes:
    """A transport stream without the picture that some sites put in front of it as a disguise."""
    if (media_type_of(content) or "").startswith("image/"):
        for at in range(min(len(content), _HIDDEN_BYTES)):
            marks = content[at : at + 3 * _TRANSPORT_PACKET_BYTES : _TRANSPORT_PACKET_BYTES]
            if marks == b"GGG":
                return content[at:]
    return content
