"""HLS playlists, as RFC 8216 has them: a master that names forms, or a media one that names pieces.

Only pictures are of interest: forms that are only sound are passed over. An encrypted stream is
refused; where its key lies open beside it (AES-128 with the key as a plain file) whether that is a
measure of protection which the law forbids to go around is the operator's to decide (`open_keys`).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from indexer.crawl.streams import (
    GOES_ON,
    MAX_FORMS,
    MAX_LISTED_PIECES,
    MAX_LIVE_S,
    MAX_SECONDS,
    Form,
    Lock,
    Piece,
    StreamError,
    Track,
    checked_range,
    piece_address,
    seconds_of,
    whole_number,
)

_MAX_LINE_CHARS = 16_384
_ATTRIBUTE = re.compile(r'([A-Z0-9-]{1,64})=("[^"]{0,8192}"|[^",]{0,8192})(?:,|$)')
_RESOLUTION = re.compile(r"([0-9]{1,5})x([0-9]{1,5})")
_BYTE_RANGE = re.compile(r"([0-9]{1,16})(?:@([0-9]{1,16}))?")
_IV = re.compile(r"0[xX]([0-9a-fA-F]{1,32})")
_SOUND_CODECS = ("mp4a", "ac-3", "ec-3", "opus", "flac", "alac", "mp3")


class HlsForm(NamedTuple):
    """One entry of a master playlist."""

    url: str
    form: Form


def read_hls(text: str, url: str, *, open_keys: bool = False) -> tuple[HlsForm, ...] | Track:
    """What the playlist at `url` names: forms of the stream, or the pieces of one.

    With `open_keys` pieces that are locked by a key that lies open say so. Raises `StreamError`: it
    is broken, encrypted, or has no pictures.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines or not lines[0].startswith("#EXTM3U"):
        raise StreamError("bad_playlist", "the stream's playlist does not begin like one")
    if any(len(line) > _MAX_LINE_CHARS for line in lines):
        raise StreamError("bad_playlist", "the stream's playlist has a line without an end")
    if any(line.startswith("#EXT-X-STREAM-INF:") for line in lines):
        return _forms(lines, url)
    return _Media(url, open_keys).read(lines)


def _forms(lines: list[str], url: str) -> tuple[HlsForm, ...]:
    forms: dict[str, HlsForm] = {}
    attributes: dict[str, str] | None = None
    for line in lines:
        if line.startswith("#EXT-X-STREAM-INF:"):
            attributes = _attributes(line)
        elif not line.startswith("#") and attributes is not None:
            address = piece_address(url, line)
            if address is not None and not _is_sound(attributes) and len(forms) < MAX_FORMS:
                forms.setdefault(address, HlsForm(address, _form(attributes)))
            attributes = None
    if not forms:
        raise StreamError("not_media", "the stream's playlist names no form with pictures")
    return tuple(forms.values())


def _is_sound(attributes: dict[str, str]) -> bool:
    codecs = [codec.strip().lower() for codec in attributes.get("CODECS", "").split(",") if codec]
    sound = bool(codecs) and all(codec.startswith(_SOUND_CODECS) for codec in codecs)
    return sound and "RESOLUTION" not in attributes


def _form(attributes: dict[str, str]) -> Form:
    size = _RESOLUTION.fullmatch(attributes.get("RESOLUTION", ""))
    bits = attributes.get("AVERAGE-BANDWIDTH") or attributes.get("BANDWIDTH")
    side_px = min(int(size[1]), int(size[2])) if size is not None else None
    return Form(side_px, whole_number(bits))


def _attributes(line: str) -> dict[str, str]:
    values = line.partition(":")[2]
    return {match[1]: match[2].strip('"') for match in _ATTRIBUTE.finditer(values)}


@dataclass(slots=True)
class _Media:
    """Reads a media playlist line by line."""

    url: str
    open_keys: bool
    pieces: list[tuple[Piece, Piece | None, float]] = field(default_factory=list)
    init: Piece | None = None
    seconds: float = 0.0
    range_text: str | None = None
    ends: dict[str, int] = field(default_factory=dict)
    beyond: int = 0
    unreachable: int = 0
    is_whole: bool = False
    grows: bool = False
    sequence: int = 0
    key_url: str | None = None
    iv: bytes | None = None

    def read(self, lines: list[str]) -> Track:
        for line in lines:
            if not line.startswith("#"):
                self._piece(line)
            else:
                self._tag(line)
        return self._track()

    def _tag(self, line: str) -> None:
        name, _, value = line.partition(":")
        if name == "#EXTINF":
            self.seconds = seconds_of(value.partition(",")[0])
        elif name == "#EXT-X-BYTERANGE":
            self.range_text = value
        elif name == "#EXT-X-MAP":
            attributes = _attributes(line)
            self.init = self._ranged(attributes.get("URI", ""), attributes.get("BYTERANGE"))
        elif name == "#EXT-X-KEY":
            self._key(_attributes(line))
        elif name == "#EXT-X-MEDIA-SEQUENCE":
            self.sequence = whole_number(value) or 0
        elif name == "#EXT-X-PLAYLIST-TYPE":
            self.grows = value.strip() == "EVENT"
        elif name == "#EXT-X-ENDLIST":
            self.is_whole = True

    def _key(self, attributes: dict[str, str]) -> None:
        """What locks the pieces that follow. Only a key that is a plain file can be open."""
        method = attributes.get("METHOD", "")
        self.key_url, self.iv = None, None
        if method == "NONE":
            return
        plain = attributes.get("KEYFORMAT", "identity") == "identity"
        url = piece_address(self.url, attributes.get("URI", ""))
        if method != "AES-128" or not plain or not attributes.get("URI") or url is None:
            raise StreamError("encrypted", "the stream is encrypted; it was not looked at")
        if not self.open_keys:
            raise StreamError(
                "encrypted",
                "the stream is encrypted; its key lies open, and the setting open_stream_keys "
                "would allow to use it",
            )
        iv = attributes.get("IV")
        match = _IV.fullmatch(iv.strip()) if iv is not None else None
        if iv is not None and match is None:
            raise StreamError("bad_playlist", "the playlist has an IV that is none")
        self.key_url = url
        self.iv = int(match[1], 16).to_bytes(16, "big") if match is not None else None

    def _lock(self) -> Lock | None:
        if self.key_url is None:
            return None
        # RFC 8216, 5.2: without an IV the piece's number in the stream is.
        return Lock(self.key_url, self.iv or self.sequence.to_bytes(16, "big"))

    def _piece(self, line: str) -> None:
        self._listed(line)
        self.sequence += 1

    def _listed(self, line: str) -> None:
        seconds, self.seconds = self.seconds, 0.0
        range_text, self.range_text = self.range_text, None
        if len(self.pieces) >= MAX_LISTED_PIECES:
            self.beyond += 1
            return
        piece = self._ranged(line, range_text)
        if piece is None:
            self.unreachable += 1
        else:
            self.pieces.append((piece, self.init, seconds))

    def _ranged(self, address: str, range_text: str | None) -> Piece | None:
        url = piece_address(self.url, address)
        if url is None or range_text is None:
            return None if url is None else Piece(url, lock=self._lock())
        match = _BYTE_RANGE.fullmatch(range_text.strip())
        if match is None:
            raise StreamError("bad_playlist", "the playlist has a byte range that is none")
        # Without a beginning it goes on where the last range of this file ended.
        first = int(match[2]) if match[2] is not None else self.ends.get(url, 0)
        part = checked_range(first, int(match[1]))
        self.ends[url] = part.last + 1
        return Piece(url, part, self._lock())

    def _track(self) -> Track:
        if not self.pieces:
            raise StreamError("bad_playlist", "the stream's playlist names nothing to fetch")
        # Pieces that need another beginning (an advertisement between them) cannot be joined.
        init = Counter(init for _, init, _ in self.pieces).most_common(1)[0][0]
        joined = [each for each in self.pieces if each[1] == init]
        left_out = []
        if self.beyond:
            left_out.append(f"{self.beyond} pieces beyond the first {MAX_LISTED_PIECES}")
        if self.unreachable:
            left_out.append(f"{self.unreachable} pieces without a web address")
        if len(joined) < len(self.pieces):
            left_out.append(f"{len(self.pieces) - len(joined)} pieces of another form")
        goes_on = not self.is_whole
        if goes_on:
            left_out.append(GOES_ON)
            if not self.grows:
                joined = _latest(joined)
        return Track(
            pieces=tuple(piece for piece, _, _ in joined),
            seconds=min(sum(seconds for _, _, seconds in joined), MAX_SECONDS),
            init=init,
            left_out=tuple(left_out),
            goes_on=goes_on,
        )


def _latest(
    pieces: list[tuple[Piece, Piece | None, float]],
) -> list[tuple[Piece, Piece | None, float]]:
    """The last `MAX_LIVE_S` of them: older ones go away while they are asked for."""
    seconds = 0.0
    for number in range(len(pieces) - 1, -1, -1):
        seconds += pieces[number][2]
        if seconds > MAX_LIVE_S:
            return pieces[number + 1 :] or pieces[-1:]
    return pieces
