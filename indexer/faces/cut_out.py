"""Cuts a square about a place out of a picture, turned and scaled, without aliasing."""

from __future__ import annotations

import cv2
import numpy as np

from indexer.faces.found import Seen
from indexer.faces.session import Floats
from indexer.media.picture import Pixels


def cut_out(
    picture: Pixels, middle_px: Floats, side_px: float, degrees: float, size_px: int
) -> tuple[Pixels, Floats]:
    """The square of `side_px` about a place, turned by `degrees` against the clock.

    Gives (size_px, size_px, 3) uint8 with black where the picture ends, and (2, 3) float32 that
    leads from the picture to it. What shrinks by more than a half is reduced by area first.
    """
    scale = size_px / max(side_px, 1e-3)
    x, y = float(middle_px[0]), float(middle_px[1])
    transform = cv2.getRotationMatrix2D((x, y), degrees, scale)
    transform[:, 2] += size_px / 2 - np.array([x, y])
    step = int(1 / scale)
    if step < 2:
        cut = cv2.warpAffine(picture, transform, (size_px, size_px), flags=cv2.INTER_LINEAR)
        return np.asarray(cut, np.uint8), np.asarray(transform, np.float32)
    height, width = picture.shape[:2]
    reach = 0.75 * side_px
    left, top = max(0, int(x - reach)), max(0, int(y - reach))
    columns = (min(width, int(x + reach) + 1) - left) // step
    rows = (min(height, int(y + reach) + 1) - top) // step
    if columns < 1 or rows < 1:
        empty = np.zeros((size_px, size_px, picture.shape[2]), np.uint8)
        return empty, np.asarray(transform, np.float32)
    near = picture[top : top + rows * step, left : left + columns * step]
    near = cv2.resize(near, (columns, rows), interpolation=cv2.INTER_AREA)
    # A pixel of the reduced part is the middle of `step` pixels of the picture.
    from_near = np.array(
        [[step, 0, left + (step - 1) / 2], [0, step, top + (step - 1) / 2], [0, 0, 1]]
    )
    cut = cv2.warpAffine(near, transform @ from_near, (size_px, size_px), flags=cv2.INTER_LINEAR)
    return np.asarray(cut, np.uint8), np.asarray(transform, np.float32)


def in_picture(seen: Seen, to_cut_out: Floats) -> Seen:
    """What was seen in a cut-out, in pixels of the picture; boxes stay as wide and as high."""
    back = cv2.invertAffineTransform(to_cut_out).astype(np.float32)
    scale = np.float32(np.hypot(back[0, 0], back[1, 0]))
    sizes = seen.boxes_px[:, 2:]
    middles = (seen.boxes_px[:, :2] + sizes / 2) @ back[:, :2].T + back[:, 2]
    boxes = np.concatenate([middles - sizes * scale / 2, sizes * scale], axis=1)
    marks = seen.landmarks_px @ back[:, :2].T + back[:, 2]
    return Seen(boxes, marks, seen.scores)
