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
_TRANSPORT_PACKET_BYTES = 188


def media_type_of(content: bytes) -> str | None:
    """The media type that the first bytes show; None when they show no picture and no video."""
    for magic, media_type in _PLAIN:
        if content.startswith(magic):
            return media_type
    if content[:4] == b"RIFF":
        return _RIFF.get(content[8:12])
    if content[4:8] == b"ftyp":
        return _STILL_BRANDS.get(content[8:12], "video/mp4")
    if content[:2] == b"BM" and len(content) >= 26 and content[6:10] == b"\x00\x00\x00\x00":
        return "image/bmp"
    packets = content[: 3 * _TRANSPORT_PACKET_BYTES : _TRANSPORT_PACKET_BYTES]
    if packets == b"GGG":
        return "video/mp2t"
    return None


def looks_like_html(content: bytes) -> bool:
    """Whether the body begins like a web page."""
    head = content[:1024].lstrip(b"\xef\xbb\xbf\x00 \t\r\n").lower()
    return head.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<!--", b"<title"))
