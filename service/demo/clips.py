"""The demo's clips, made at run time: a camera that wanders over photographs of things."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

import av
import numpy as np
from PIL import Image

_FRAMES_A_SECOND = 8
_SECONDS_A_PICTURE = 3
_MIME = {"mp4": "video/mp4", "avi": "video/x-msvideo"}


def wandering(
    pictures: Sequence[Image.Image], size_px: tuple[int, int], *, from_s: int = 0
) -> Iterator[Image.Image]:
    """Frames of a few seconds over each picture, without the first `from_s`."""
    length_s = _SECONDS_A_PICTURE * len(pictures)
    for number in range(from_s * _FRAMES_A_SECOND, length_s * _FRAMES_A_SECOND):
        at_s = number / _FRAMES_A_SECOND
        picture = pictures[int(at_s / _SECONDS_A_PICTURE)]
        width, height = picture.width * 0.7, picture.height * 0.7
        left = (picture.width - width) * (0.5 + 0.5 * math.sin(at_s / 2))
        top = (picture.height - height) * (0.5 + 0.5 * math.cos(at_s / 3))
        box = (left, top, left + width, top + height)
        yield picture.resize(size_px, Image.Resampling.BILINEAR, box=box)


def encoded(
    frames: Iterator[Image.Image], container: str, size_px: tuple[int, int], bits_a_second: int
) -> bytes:
    """The frames as a video file, by the one encoder that every build of FFmpeg has."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as video:
        stream = video.add_stream("mpeg4", rate=Fraction(_FRAMES_A_SECOND))
        stream.pix_fmt = "yuv420p"
        stream.width, stream.height = size_px
        stream.bit_rate = bits_a_second
        for frame in frames:
            video.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(frame))))
        video.mux(stream.encode())
    return out.getvalue()


def mime_type(container: str) -> str:
    """What a server says of such a file."""
    return _MIME[container]
