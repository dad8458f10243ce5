"""What some bytes are, by the bytes alone: what a server or a file name says is not asked.

Only the formats named here are ever handed to a codec, and only to the codec of that format.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from indexer.media.errors import NotAPictureError

_ISO_STILLS: Final = {
    b"avif": "AVIF",
    b"avis": "AVIF",
    b"heic": "HEIF",
    b"heix": "HEIF",
    b"heim": "HEIF",
    b"heis": "HEIF",
    b"hevc": "HEIF",
    b"hevx": "HEIF",
    b"mif1": "HEIF",
    b"msf1": "HEIF",
}

_MIME: Final = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
    "AVIF": "image/avif",
    "HEIF": "image/heif",
}


_VIDEO_MARKS: Final = (
    (b"\x1a\x45\xdf\xa3", "WebM/Matroska"),
    (b"\x00\x00\x01\xba", "MPEG"),
    (b"\x00\x00\x01\xb3", "MPEG video"),
    (b"FLV\x01", "FLV"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "ASF/WMV"),
    (b"OggS", "Ogg"),
)
# QuickTime files from before `ftyp` was there begin with one of these boxes.
_QUICKTIME_BOXES: Final = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_TRANSPORT_SYNC: Final = 0x47
# 188 bytes a packet as broadcast; 192 with a time in front, as on discs and in cameras.
_TRANSPORT_PACKETS: Final = ((0, 188), (4, 192))


@dataclass(frozen=True, slots=True)
class Sniffed:
    """`format_name` is the name of Pillow's codec for a picture, the container's for a video."""

    medium: Literal["picture", "video"]
    format_name: str

    @property
    def mime_type(self) -> str | None:
        """The media type of a picture; None for a video."""
        return _MIME.get(self.format_name)


def sniff(content: bytes) -> Sniffed | None:
    """Name the format by its first bytes; None when it is no picture or video that we know."""
    head = content[:64]
    picture = _still_format(head)
    if picture is not None:
        return Sniffed("picture", picture)
    if head[4:8] == b"ftyp":
        return _iso_media(head)
    video = _video_container(head) or _transport_stream(content)
    return Sniffed("video", video) if video is not None else None


def sniff_medium(content: bytes) -> Sniffed:
    """The same. Raises `NotAPictureError` when it is no picture or video that we know."""
    sniffed = sniff(content)
    if sniffed is None:
        raise NotAPictureError("these bytes are not a picture or video of a kind that we read")
    return sniffed


def _still_format(head: bytes) -> str | None:  # noqa: PLR0911 -- one line for each format
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if head.startswith((b"II*\x00", b"MM\x00*")):
        return "TIFF"
    # "BM" alone begins many texts: the reserved words and a known header size must fit as well.
    if head.startswith(b"BM") and head[6:10] == b"\0\0\0\0" and 12 <= head[14] <= 124:
        return "BMP"
    return None


def _iso_media(head: bytes) -> Sniffed:
    """ISO base media: the major brand decides, then the compatible ones (HEIF writers vary)."""
    box_end = min(max(int.from_bytes(head[:4], "big"), 16), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, box_end - 3, 4))]
    if b"avif" in brands or b"avis" in brands:
        return Sniffed("picture", "AVIF")
    major = _ISO_STILLS.get(brands[0])
    if major is not None:
        return Sniffed("picture", major)
    return Sniffed("video", "MP4/QuickTime")


def _video_container(head: bytes) -> str | None:
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return "AVI"
    # A box's size comes first; text begins with larger bytes than a size of up to 256 MB does.
    if head[4:8] in _QUICKTIME_BOXES and head[0] < 0x10:
        return "MP4/QuickTime"
    return next((name for mark, name in _VIDEO_MARKS if head.startswith(mark)), None)


def _transport_stream(content: bytes) -> str | None:
    """Three packets in a row begin with the same byte."""
    for first, packet_bytes in _TRANSPORT_PACKETS:
        marks = content[first : first + 3 * packet_bytes : packet_bytes]
        if marks == bytes([_TRANSPORT_SYNC]) * 3:
            return "MPEG-TS"
    return None
