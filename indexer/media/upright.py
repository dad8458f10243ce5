"""A decoded frame of a video as the player shows it: with its shape, and turned upright."""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame

from indexer.media.picture import Pixels


def shape_of(frame: VideoFrame, pixel_shape: float) -> tuple[int, int]:
    """Width and height in square pixels, as it is stored. `pixel_shape` is width by height of one
    stored pixel.
    """
    return max(1, round(frame.width * pixel_shape)), frame.height


def upright(converted: VideoFrame, frame: VideoFrame) -> Pixels:
    """uint8, turned counter-clockwise by the right angle that the file says of the `frame`."""
    pixels = np.asarray(converted.to_ndarray(), dtype=np.uint8)
    return np.rot90(pixels, round(frame.rotation / 90) % 4)


def copy_into(pixels: Pixels, output: memoryview, offset_bytes: int) -> None:
    """Write them row after row into the shared memory."""
    target = np.frombuffer(output[offset_bytes : offset_bytes + pixels.nbytes], dtype=np.uint8)
    np.copyto(target.reshape(pixels.shape), pixels)
