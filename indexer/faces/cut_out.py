"""Cuts a square about a place out of a picture, turned and scaled, without aliasing."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from indexer.faces.found import Seen
from indexer.faces.session import Floats
from indexer.media.picture import Pixels


def cut_out(
    picture: Pixels, middle_px: Floats, side_px: float, degrees: float, size_px: int
) -> tuple[Pixels, Floats]:
    """The square of `side_px` about a place, turned by `degrees` against the clock.

    Gives (size_px, size_px, 3) uint8, and (2, 3) float32 that leads from the picture to it.
    """
    transform = toward_cut_out(middle_px, side_px, degrees, size_px)
    return warped(picture, transform, size_px), np.asarray(transform, np.float32)


def toward_cut_out(
    middle_px: Floats, side_px: float, degrees: float, size_px: int
) -> NDArray[np.float64]:
    """(2, 3): what leads from a picture to the square of `side_px` about a place."""
    x, y = float(middle_px[0]), float(middle_px[1])
    transform = cv2.getRotationMatrix2D((x, y), degrees, size_px / max(side_px, 1e-3))
    transform[:, 2] += size_px / 2 - np.array([x, y])
    return np.asarray(transform, np.float64)


def warped(picture: Pixels, transform: NDArray[np.float64], size_px: int) -> Pixels:
    """(size_px, size_px, 3) uint8 where `transform` (2, 3), a similarity, leads from the picture.

    It is black where the picture ends. What shrinks by more than a half is reduced by area before,
    because single points are sampled; only the part that is needed is touched.
    """
    size = (size_px, size_px)
    step = int(1 / max(float(np.hypot(transform[0, 0], transform[1, 0])), 1e-9))
    if step < 2:
        return np.asarray(cv2.warpAffine(picture, transform, size), np.uint8)
    height, width = picture.shape[:2]
    back = cv2.invertAffineTransform(transform)
    square = np.array([[0, 0], [size_px, 0], [0, size_px], [size_px, size_px]], np.float64)
    corners = square @ back[:, :2].T + back[:, 2]
    left, top = np.clip(corners.min(axis=0) - step, 0, (width, height)).astype(int)
    right, bottom = np.clip(corners.max(axis=0) + step, 0, (width, height)).astype(int)
    columns, rows = (right - left) // step, (bottom - top) // step
    if columns < 1 or rows < 1:
        return np.zeros((size_px, size_px, picture.shape[2]), np.uint8)
    near = picture[top : top + rows * step, left : left + columns * step]
    near = cv2.resize(near, (int(columns), int(rows)), interpolation=cv2.INTER_AREA)
    # A pixel of the reduced part is the middle of `step` pixels of the picture.
    from_near = np.array(
        [[step, 0, left + (step - 1) / 2], [0, step, top + (step - 1) / 2], [0, 0, 1]]
    )
    return np.asarray(cv2.warpAffine(near, transform @ from_near, size), np.uint8)


def in_picture(seen: Seen, to_cut_out: Floats) -> Seen:
    """What was seen in a cut-out, in pixels of the picture; boxes stay as wide and as high."""
    back = cv2.invertAffineTransform(to_cut_out).astype(np.float32)
    scale = np.float32(np.hypot(back[0, 0], back[1, 0]))
    sizes = seen.boxes_px[:, 2:]
    middles = (seen.boxes_px[:, :2] + sizes / 2) @ back[:, :2].T + back[:, 2]
    boxes = np.concatenate([middles - sizes * scale / 2, sizes * scale], axis=1)
    marks = seen.landmarks_px @ back[:, :2].T + back[:, 2]
    return Seen(boxes, marks, seen.scores)
