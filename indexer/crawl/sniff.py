"""What a body is by its first bytes, whatever the server says of it.

Only raster pictures and videos are media here: SVG is text that can carry scripts, and sound
shows nobody.
"""

from __future__ import annotations

_PLAIN: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"\xff\x0a", "image/jxl"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"FLV\x01", "video/x-flv"),
    (b"\x00\x00\x01\xba", "video/mpeg"),
    (b"\x00\x00\x01\xb3", "video/mpeg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
)
_QUICKTIME_BOXES = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_OGG_VIDEO = (b"\x80theora", b"\x01video\x00\x00\x00")
"""How a stream of pictures begins in an Ogg file; sound has the same container."""
_OGG_HEADERS_BYTES = 4096
_RIFF = {b"WEBP": "image/webp", b"AVI ": "video/x-msvideo"}
_STILL_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"hevc": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
}
_TRANSPORT_PACKETS = ((0, 188), (4, 192))
"""As broadcast, and with a time in front of each packet, as on discs and in cameras."""


def media_type_of(content: bytes) -> str | None:
    """The media type that the first bytes show; None when they show no picture and no video."""
    for magic, media_type in _PLAIN:
        if content.startswith(magic):
            return media_type
    if content[:4] == b"RIFF":
        return _RIFF.get(content[8:12])
    if content[:2] == b"BM" and len(content) >= 26 and content[6:10] == b"\x00\x00\x00\x00":
        return "image/bmp"
    return _video_type_of(content)


def _video_type_of(content: bytes) -> str | None:
    if content[4:8] == b"ftyp":
        return _STILL_BRANDS.get(content[8:12], "video/mp4")
    # A box's size comes first; text begins with larger bytes than a size of up to 256 MB does.
    if content[4:8] in _QUICKTIME_BOXES and content[0] < 0x10:
        return "video/quicktime"
    if content[:4] == b"OggS":
        shows = any(mark in content[:_OGG_HEADERS_BYTES] for mark in _OGG_VIDEO)
        return "video/ogg" if shows else None
    for first, packet_bytes in _TRANSPORT_PACKETS:
        if content[first : first + 3 * packet_bytes : packet_bytes] == b"GGG":
            return "video/mp2t"
    return None


def looks_like_html(content: bytes) -> bool:
    """Whether the body begins like a web page."""
    head = content[:1024].lstrip(b"\xef\xbb\xbf\x00 \t\r\n").lower()
    return head.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<!--", b"<title"))
