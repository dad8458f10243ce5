"""What an address looks like by its name: a picture or video, something else that is no page."""

from __future__ import annotations

from urllib.parse import urlsplit

# fmt: off
MEDIA_EXTENSIONS = frozenset({
    "jpg", "jpeg", "jpe", "jfif", "png", "gif", "webp", "avif", "heic", "heif", "bmp", "tif",
    "tiff", "jxl", "jp2", "apng", "mp4", "m4v", "webm", "mov", "qt", "mkv", "avi", "flv", "f4v",
    "wmv", "asf", "mpg", "mpeg", "m2v", "vob", "ts", "mts", "m2ts", "3gp", "3g2", "ogv",
    "m3u8", "mpd",
})
OTHER_EXTENSIONS = frozenset({
    "css", "js", "mjs", "json", "xml", "rss", "atom", "svg", "ico", "woff", "woff2", "ttf",
    "otf", "eot", "pdf", "zip", "rar", "7z", "gz", "tar", "exe", "dmg", "apk", "msi", "iso",
    "mp3", "ogg", "oga", "wav", "flac", "m4a", "aac", "doc", "docx", "xls", "xlsx", "ppt",
    "pptx", "csv", "txt", "torrent",
})
# fmt: on


def is_media_name(address: str) -> bool:
    """Whether the address ends like a picture, a video or a stream."""
    return extension_of(address) in MEDIA_EXTENSIONS


def extension_of(address: str) -> str:
    """The extension of the file that the address names, in lower case; empty without one."""
    try:
        name = urlsplit(address.strip()).path.rpartition("/")[2]
    except ValueError:
        return ""
    stem, dot, extension = name.rpartition(".")
    return extension.lower() if stem and dot else ""
