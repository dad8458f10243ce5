"""A picture's three other sides beside each other, so that one look sees all of them."""

from __future__ import annotations

import cv2
import numpy as np

from indexer.faces.found import Seen
from indexer.faces.yunet import padded
from indexer.media.picture import Pixels

_TURNS = (cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)
GAP_PX = 16
"""Between two sides: a face at the edge of one is not continued by the next."""


def beside_each_other(picture: Pixels) -> Pixels:
    """The picture turned by one, two and three quarters against the clock, in one picture."""
    height, width = picture.shape[:2]
    canvas_height, canvas_width, corners = _layout(width, height)
    # As networks want it: otherwise it would be copied once more.
    canvas = np.zeros((padded(canvas_height), padded(canvas_width), 3), np.uint8)
    for quarters, (left, top) in enumerate(corners, start=1):
        side = cv2.rotate(picture, _TURNS[quarters - 1])
        canvas[top : top + side.shape[0], left : left + side.shape[1]] = side
    return canvas


def as_it_was(seen: Seen, width_px: int, height_px: int) -> list[Seen]:
    """What was seen from each of the three sides, in the picture as it is (of this size)."""
    _, _, corners = _layout(width_px, height_px)
    middles = seen.boxes_px[:, :2] + seen.boxes_px[:, 2:] / 2
    of_sides: list[Seen] = []
    for quarters, (left, top) in enumerate(corners, start=1):
        size = (height_px, width_px) if quarters % 2 else (width_px, height_px)
        there = (middles >= (left, top)) & (middles < (left + size[0], top + size[1]))
        of_side = seen.only(np.asarray(there[:, 0] & there[:, 1], np.bool_)).moved(-left, -top)
        of_sides.append(of_side.turned_back(quarters, *size))
    return of_sides


def _layout(width: int, height: int) -> tuple[int, int, tuple[tuple[int, int], ...]]:
    """Height and width of the whole, and (left, top) of each side: in a row if the picture is wide,
    else in a column, so that little is empty.
    """
    step = height + GAP_PX if width >= height else width + GAP_PX
    if width >= height:
        return width, 2 * step + width, ((0, 0), (step, 0), (step + width + GAP_PX, 0))
    return 2 * step + height, height, ((0, 0), (0, step), (0, step + height + GAP_PX))
