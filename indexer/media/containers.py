"""Opens a video's container from memory, and nothing else.

1. The container's reader is the one that the first bytes name; FFmpeg does not guess.
2. No protocol is allowed and every request to open something further is refused: a playlist, a
   reference to another file or an address in a file opens nothing.
3. Only the listed decoders run, and only on the one stream of pictures that is looked at; sound,
   subtitles, attachments and cover pictures are never decoded.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import av
import av.error
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from indexer.media.errors import NoPicturesInVideoError, UnreadableError

DEMUXERS: Final = {
    "MP4/QuickTime": "mov",
    "WebM/Matroska": "matroska",
    "AVI": "avi",
    "MPEG": "mpeg",
    "MPEG video": "mpegvideo",
    "MPEG-TS": "mpegts",
    "FLV": "flv",
    "ASF/WMV": "asf",
    "Ogg": "ogg",
}
"""By the name that `sniff` gives a container."""

# What sites serve and phones record, and what older files of these containers hold.
DECODERS: Final = (
    "h264,hevc,libdav1d,vp8,vp9,libvpx,libvpx-vp9,vvc,"
    "mpeg4,mpeg1video,mpeg2video,mpegvideo,h263,h263p,h263i,flv,"
    "msmpeg4v1,msmpeg4v2,msmpeg4,wmv1,wmv2,wmv3,vc1,"
    "vp6,vp6f,vp6a,theora,mjpeg,mjpegb,svq1,svq3,cinepak,prores,dvvideo"
)
MAX_STREAMS: Final = 64
"""A film with every language has fewer; each costs memory before a byte of it is read."""
_PROBE_BYTES: Final = 4 * 1024 * 1024
_NOT_SHOWN: Final = (
    Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
)

BROKEN: Final = (
    av.error.FFmpegError,
    ValueError,
    IndexError,
    OverflowError,
    ZeroDivisionError,
    RuntimeError,
)
"""What PyAV raises on broken input; anything else is a defect and ends the process."""


def _refuse(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    """FFmpeg wants to open something that is not these bytes."""
    del url, flags, options
    raise PermissionError("a video opens nothing but itself")


@contextmanager
def opened(content: bytes, container_name: str, *, max_pixels: int) -> Iterator[InputContainer]:
    """The container over the bytes in memory.

    Raises `UnreadableError` when its beginning cannot be read, and FFmpeg's errors (`BROKEN`) for
    what goes wrong later.
    """
    demuxer = DEMUXERS[container_name]
    options = {
        "protocol_whitelist": "none",
        "codec_whitelist": DECODERS,
        "max_streams": str(MAX_STREAMS),
        "probesize": str(_PROBE_BYTES),
        "max_pixels": str(max_pixels),
    }
    try:
        container = av.open(
            io.BytesIO(content),
            mode="r",
            format=demuxer,
            options=options,
            metadata_errors="replace",
            io_open=_refuse,
        )
    except MemoryError:
        raise
    except BROKEN as error:
        raise UnreadableError(
            f"it begins like a {container_name} video, but cannot be read: it is damaged, or its "
            "end, where this kind of file may keep its table of contents, is missing"
        ) from error
    with container:
        yield container


def picture_stream(container: InputContainer, container_name: str) -> tuple[VideoStream, int]:
    """The stream of pictures that a player shows, and how many others there are.

    Raises `NoPicturesInVideoError` where there is only sound, and `UnreadableError` where no
    allowed decoder reads the pictures.
    """
    shown = [
        stream
        for stream in container.streams.video
        if not stream.disposition & _NOT_SHOWN and stream.codec_context is not None
    ]
    if not shown:
        raise NoPicturesInVideoError(
            f"this {container_name} file has no moving pictures in it: only sound, or a cover"
        )
    allowed = [stream for stream in shown if stream.codec_context.codec.name in _ALLOWED]
    if not allowed:
        raise UnreadableError(
            f"no decoder of ours reads the pictures of this {container_name} video"
        )
    chosen = next(
        (stream for stream in allowed if stream.disposition & Disposition.default), allowed[0]
    )
    for stream in container.streams:
        if stream.index != chosen.index:
            stream.discard = Discard.all
    chosen.thread_count = 1
    chosen.thread_type = "NONE"
    return chosen, len(shown) - 1


_ALLOWED: Final = frozenset(DECODERS.split(","))
