"""Videos that a page hands to a player: settings as JSON in attributes and scripts; nothing is run.

1. Attributes that players read (`data-setup` of video.js, `data-plyr-config`, `data-item` of
   flowplayer, …) and JSON blocks are parsed; what a player would play is found by its key.
2. In other scripts (jwplayer, clappr, KVS, …) only `key: "address"` pairs are looked for, and only
   addresses that end like a video, a stream or a picture.
3. Pictures beside a video (poster, thumbnail, preview) are told as smaller forms of it.

The text is hostile and may be large: each part is bounded, and read once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple
from urllib.parse import urlsplit

from parsel import Selector

MAX_ATTRIBUTE_CHARS = 64 * 1024
MAX_SCRIPT_CHARS = 1024 * 1024
MAX_SCRIPTS = 200
MAX_NODES = 20_000
MAX_PLAYED = 500
_MAX_ADDRESS_CHARS = 4096

_SETTINGS = (
    "//@data-setup | //@data-plyr-config | //@data-item | //@data-player | //@data-player-config"
    " | //@data-video | //@data-jw-config | //@data-flowplayer | //@data-sources"
)
_SCRIPTS = "//script[not(@src)]"
_PLAYED = frozenset(
    {
        "file", "src", "source", "url", "hls", "hls_url", "hlsurl", "dash", "dash_url", "dashurl",
        "m3u8", "mpd", "mp4", "webm", "manifest", "manifesturl", "stream", "streamurl",
        "stream_url", "videourl", "video_url", "video_alt_url", "video_alt_url2", "contenturl",
        "content_url", "playlist", "mediaurl", "media_url", "video",
    }
)  # fmt: skip
_SHOWN_BEFORE = frozenset(
    {
        "poster", "posterurl", "poster_url", "image", "thumbnail", "thumbnailurl", "thumbnail_url",
        "thumb", "preview", "previewurl", "preview_url", "splash", "storyboard",
    }
)  # fmt: skip
VIDEOS = frozenset(
    {"m3u8", "mpd", "mp4", "m4v", "webm", "mov", "mkv", "flv", "f4v", "ogv", "avi", "wmv", "ts"}
)
PICTURES = frozenset({"jpg", "jpeg", "png", "webp", "avif", "gif"})
"""How the addresses of videos, and of pictures beside them, end."""
_PLAYED_TYPES = ("video/", "application/x-mpegurl", "application/vnd.apple", "application/dash")
_PAIR = re.compile(
    r"""(?<![\w$])["']?([A-Za-z][A-Za-z0-9_]{1,20})["']?\s{0,8}:\s{0,8}"""
    r"""(["'`])((?:[^"'`\\\s<>]|\\[/u&=?"'0-9a-fA-Fx-]){4,4096}?)\2"""
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))")
_KVS_PREFIX = re.compile(r"function/[0-9]{1,4}/(?=https?://)")


class Played(NamedTuple):
    """An address that a player shows: `full` is the video that this picture stands for, if any."""

    address: str
    is_page: bool = False
    full: str | None = None


def player_media(page: Selector) -> Iterator[Played]:
    """What the players of `page` are told to show, at most `MAX_PLAYED`."""
    return islice(_all(page), MAX_PLAYED)


def _all(page: Selector) -> Iterator[Played]:
    for text in page.xpath(_SETTINGS).getall()[:MAX_SCRIPTS]:
        if len(text) <= MAX_ATTRIBUTE_CHARS:
            yield from _of_json(text)
    for script in page.xpath(_SCRIPTS)[:MAX_SCRIPTS]:
        text = (script.xpath("string()").get() or "")[:MAX_SCRIPT_CHARS]
        kind = script.root.get("type", "").partition(";")[0].strip().lower()
        if kind.endswith("json"):
            yield from _of_json(text)
        elif kind in ("", "module") or kind.endswith("javascript"):
            yield from _of_script(text)


def _of_json(text: str) -> Iterator[Played]:
    if text.lstrip()[:1] not in ("{", "["):
        return
    try:
        waiting: list[object] = [json.loads(text)]
    except (ValueError, RecursionError):
        return
    seen = 0
    while waiting and seen < MAX_NODES:
        node = waiting.pop()
        seen += 1
        if isinstance(node, list):
            waiting.extend(each for each in node if isinstance(each, dict | list))
        elif isinstance(node, dict):
            waiting.extend(each for each in node.values() if isinstance(each, dict | list))
            yield from _of_object(node)


def _of_object(node: dict[str, object]) -> Iterator[Played]:
    """A video, and the pictures beside it in the same object or around its list of sources."""
    kind = node.get("type")
    is_played = isinstance(kind, str) and kind.lower().startswith(_PLAYED_TYPES)
    texts = [
        (name.lower(), value)
        for name, value in node.items()
        if isinstance(value, str) and len(value) <= _MAX_ADDRESS_CHARS
    ]
    videos = [
        value
        for name, value in texts
        if name in _PLAYED and (ending_of(value) in VIDEOS or (is_played and name != "video"))
    ]
    for address in videos:
        yield Played(address)
    full = next(iter(videos), None) or _first_source(node)
    for name, value in texts:
        if name in _SHOWN_BEFORE and ending_of(value) in PICTURES:
            yield Played(value, full=full)
        elif name == "embedurl" and node.get("@type") == "VideoObject":
            yield Played(value, is_page=True)


def _first_source(node: dict[str, object]) -> str | None:
    for name in ("sources", "source", "clip", "playlist"):
        listed = node.get(name)
        first = listed[0] if isinstance(listed, list) and listed else listed
        if isinstance(first, dict):
            for key in ("file", "src"):
                value = first.get(key)
                if isinstance(value, str) and ending_of(value) in VIDEOS:
                    return value
    return None


def _of_script(text: str) -> Iterator[Played]:
    video: str | None = None
    for match in _PAIR.finditer(text):
        name, address = match[1].lower(), _plain(match[3])
        if name in _PLAYED and ending_of(address) in VIDEOS:
            video = address
            yield Played(address)
        elif name in _SHOWN_BEFORE and ending_of(address) in PICTURES:
            # Settings stand close together: a picture belongs to the video before it.
            yield Played(address, full=video)


def _plain(text: str) -> str:
    """A string of a script without its escapes; nothing else of the language is read."""

    def character(match: re.Match[str]) -> str:
        code = match[1] or match[2]
        return chr(int(code, 16)) if code else match[3]

    return _KVS_PREFIX.sub("", _ESCAPE.sub(character, text), count=1)


def ending_of(address: str) -> str:
    """The extension of the last part of the path that has a name; "" for none."""
    try:
        path = urlsplit(address.strip()).path
    except ValueError:
        return ""
    if "{" in path:
        return ""  # a script fills this in
    stem, dot, extension = path.rstrip("/").rpartition("/")[2].rpartition(".")
    return extension.lower() if stem and dot else ""
