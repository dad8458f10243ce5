"""What an extractor of yt-dlp found, as media and pages: addresses only, nothing about anybody.

1. A video's forms: those with pictures that are served as one file or as HLS or DASH. One is
   taken, the one that is enough for faces; its thumbnails stand for it.
2. A list's entries: videos as above, addresses of further pages. Both are bounded, since a list
   may be made to have no end.

The dictionaries come from third-party code that read hostile text: every value is checked.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from yt_dlp.utils import PagedList

from indexer.crawl.extractor_messages import Extracted, PlayedMedium
from indexer.crawl.players import VIDEOS, ending_of
from indexer.crawl.streams import LEAST_SIDE_PX, MAX_SECONDS, Form, chosen_form

_log = logging.getLogger(__name__)

MAX_ENTRIES = 200
MAX_FORMS = 500
MAX_SMALL_FORMS = 5
MAX_NESTED = 2
_MAX_ADDRESS_CHARS = 4096
_FILES = frozenset({"http", "https"})
_STREAMS = frozenset({"m3u8", "m3u8_native", "http_dash_segments", "dash"})
_NO_PICTURES = frozenset({"none"})
_STILLS = frozenset({"mhtml", "jpg", "jpeg", "png", "webp", "vtt", "srt"})

Found = Mapping[str, Any]


class _Offered(NamedTuple):
    url: str
    form: Form
    is_stream: bool
    content_bytes: float


def extracted_of(result: Found, budget_bytes: int) -> Extracted:
    """What an extractor's `result` names. Raises what a lazy list's next entry raises only when
    nothing came before it.
    """
    media: dict[str, PlayedMedium] = {}
    pages: dict[str, None] = {}
    encrypted = False
    for entry in islice(_entries(result, 0), MAX_ENTRIES):
        kind = entry.get("_type") or "video"
        if kind in ("url", "url_transparent"):
            url = _address(entry.get("url"))
            if url is not None and ending_of(url) in VIDEOS:
                media.setdefault(url, PlayedMedium(url))
            elif url is not None:
                pages[url] = None
        elif kind == "video":
            played = _played(entry, budget_bytes)
            if played is not None:
                media.setdefault(played.url, played)
            else:
                encrypted = encrypted or _is_encrypted(entry)
    code = ""
    if not media and not pages:
        code = "encrypted" if encrypted else "extractor"
    return Extracted(True, tuple(media.values()), tuple(pages), code)


def _entries(result: Found, depth: int) -> Iterator[Found]:
    if result.get("_type") not in ("playlist", "multi_video", "compat_list"):
        yield result
        return
    listed = result.get("entries")
    # A list of pages has no iterator of its own: Python asks it for one entry after the other.
    if depth >= MAX_NESTED or not isinstance(listed, PagedList | Iterable):
        return
    given = 0
    waiting = iter(listed)
    while True:
        try:
            entry = next(waiting)
        except StopIteration:
            return
        except Exception as error:
            if not given:
                raise
            # The page of a list that may not be asked any more, or is broken: what came counts.
            _log.warning("a player's list ended early: %s", type(error).__name__)
            return
        if isinstance(entry, Mapping):
            given += 1
            yield from _entries(entry, depth + 1)


def _played(video: Found, budget_bytes: int) -> PlayedMedium | None:
    seconds = _number(video.get("duration")) or 0.0
    listed = video.get("formats")
    # An extractor with one form alone gives it as the video itself.
    forms = listed if isinstance(listed, list) and listed else [video]
    offered = [
        each
        for form in forms[:MAX_FORMS]
        if isinstance(form, Mapping)
        for each in _offered(form, min(seconds, MAX_SECONDS))
    ]
    if not offered:
        return None
    return PlayedMedium(_chosen(offered, seconds, budget_bytes).url, tuple(_small_forms(video)))


def _offered(form: Found, seconds: float) -> Iterator[_Offered]:
    if form.get("has_drm") or form.get("vcodec") in _NO_PICTURES or form.get("ext") in _STILLS:
        return
    url = _address(form.get("url"))
    manifest = _address(form.get("manifest_url"))
    protocol = form.get("protocol") or (url or manifest or "").partition(":")[0]
    if protocol not in _FILES and protocol not in _STREAMS:
        return
    is_stream = protocol in _STREAMS or ending_of(url or "") in ("m3u8", "mpd")
    address = (manifest or url) if is_stream else url
    if address is None:
        return
    sides = [side for name in ("width", "height") if (side := _number(form.get(name)))]
    kilobits_per_s = _number(form.get("tbr")) or _number(form.get("vbr"))
    bits_per_s = int(kilobits_per_s * 1000) if kilobits_per_s else None
    shape = Form(int(min(sides)) if sides else None, bits_per_s)
    said = _number(form.get("filesize")) or _number(form.get("filesize_approx"))
    yield _Offered(address, shape, is_stream, said or shape.bytes_of(seconds))


def _chosen(offered: list[_Offered], seconds: float, budget_bytes: int) -> _Offered:
    """A whole file that fits and shows faces, else a stream: of that parts can be fetched."""
    streams = [each for each in offered if each.is_stream]
    files = [each for each in offered if not each.is_stream]
    fitting = [each for each in files if each.content_bytes <= budget_bytes]
    if fitting:
        best = fitting[chosen_form([each.form for each in fitting], seconds, budget_bytes)]
        if not streams or (best.form.side_px or LEAST_SIDE_PX) >= LEAST_SIDE_PX:
            return best
    if streams:
        return streams[chosen_form([each.form for each in streams], seconds, budget_bytes)]
    return min(files, key=lambda each: each.content_bytes)


def _small_forms(video: Found) -> Iterator[str]:
    named = [video.get("thumbnail")]
    listed = video.get("thumbnails")
    if isinstance(listed, list):
        named += [each.get("url") for each in listed[-50:] if isinstance(each, Mapping)]
    addresses = (url for value in named if (url := _address(value)) is not None)
    yield from islice(dict.fromkeys(addresses), MAX_SMALL_FORMS)


def _is_encrypted(video: Found) -> bool:
    listed = video.get("formats")
    forms = listed if isinstance(listed, list) else [video]
    return any(isinstance(form, Mapping) and bool(form.get("has_drm")) for form in forms)


def _address(value: object) -> str | None:
    if not isinstance(value, str) or len(value) > _MAX_ADDRESS_CHARS:
        return None
    return value if value.lower().startswith(("http://", "https://")) else None


def _number(value: object) -> float | None:
    """A size, length or rate that can be one; None for all else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value < 2**53 else None
