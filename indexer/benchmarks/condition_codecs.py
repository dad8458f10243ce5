"""Conditions that need a real encoder: saved again as JPEG, or a frame of a small video.

As those of `conditions.py`: a `Shot` in, a `Shot` out, the same for the same seed.
"""

from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction
from typing import Final

import av
import cv2
import numpy as np

from indexer.benchmarks.conditions import Chance, Shot
from indexer.errors import IndexerError
from indexer.media.picture import Pixels

_VIDEO_PX: Final = (426, 240)
_FRAMES: Final = 10
_FRAMES_A_SECOND: Final = 25
_SHAKE_PX: Final = 2
_QUALITY: Final = "32"
"""libx264's constant rate factor: about 100 kbit/s, as small videos are handed round."""


class EncodingFailedError(IndexerError):
    """A condition's picture could not be written or read back by the encoder."""

    code = "encoding_failed"


def saved_as_jpeg(shot: Shot, _: Chance, *, quality: int) -> Shot:
    """Written as JPEG and read again."""
    bgr = np.ascontiguousarray(shot.pixels[:, :, ::-1])
    done, written = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    read = cv2.imdecode(written, cv2.IMREAD_COLOR) if done else None
    if read is None:
        raise EncodingFailedError("a picture could not be written as JPEG and read again")
    return replace(shot, pixels=np.ascontiguousarray(read[:, :, ::-1]))


def frame_of_video(shot: Shot, chance: Chance) -> Shot:
    """A late frame of a 240p H.264 video of the picture, held by a shaking hand.

    The picture fills the frame's height; the face is where it was, but for the shake.
    """
    width, height = _VIDEO_PX
    full_height, full_width = shot.pixels.shape[:2]
    scale = min(width / full_width, height / full_height)
    size = (max(1, round(full_width * scale)), max(1, round(full_height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(shot.pixels, size, interpolation=how)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    frame = np.zeros((height, width, 3), np.uint8)
    frame[top : top + size[1], left : left + size[0]] = small
    shakes = [(0, 0)] + [
        (int(x), int(y)) for x, y in chance.integers(-_SHAKE_PX, _SHAKE_PX + 1, (_FRAMES - 1, 2))
    ]
    shown = _through_h264([np.roll(frame, shake, axis=(1, 0)) for shake in shakes])
    dx, dy = shakes[-1]
    fx, fy = size[0] / full_width, size[1] / full_height
    box = shot.box_px
    return Shot(
        shown,
        (box[0] * fx + left + dx, box[1] * fy + top + dy, box[2] * fx, box[3] * fy),
        (shot.marks_px * [fx, fy] + [left + dx, top + dy]).astype(np.float32),
    )


def _through_h264(frames: list[Pixels]) -> Pixels:
    """The last frame, as it comes out of an encoder and a decoder."""
    written = io.BytesIO()
    try:
        with av.open(written, "w", format="mp4") as container:
            stream = container.add_stream("libx264", rate=_FRAMES_A_SECOND)
            stream.width, stream.height = _VIDEO_PX
            stream.pix_fmt = "yuv420p"
            stream.time_base = Fraction(1, _FRAMES_A_SECOND)
            stream.options = {"crf": _QUALITY, "preset": "veryfast", "threads": "1"}
            for number, pixels in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
                frame.pts = number
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        written.seek(0)
        with av.open(written, "r") as container:
            last = None
            for frame in container.decode(video=0):
                last = frame
    except av.error.FFmpegError as error:
        raise EncodingFailedError(f"a small video could not be made: {error}") from error
    if last is None:
        raise EncodingFailedError("a small video held no frame")
    return np.ascontiguousarray(last.to_ndarray(format="rgb24"))
