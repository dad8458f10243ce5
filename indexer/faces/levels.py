"""A picture in its own size and in smaller ones, so that cutting out of it costs little."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from indexer.faces.cut_out import toward_cut_out, warped
from indexer.faces.session import Floats
from indexer.media.picture import Pixels

WORKING_SIDE_PX = 640
SMALLER_SIDE_PX = 288
"""For looks from the three other sides. With 320, 95 in 100 faces of 33 pixels in the working size
are seen at each roll, and all of 66 pixels; larger looks see no more (60 people)."""


@dataclass(frozen=True, slots=True)
class Level:
    """The picture made smaller; a pixel of it stands for `factor` of the picture's, each way."""

    pixels: Pixels
    factor: float


FullSize = Callable[[], Pixels]
"""Gives the same picture in its full size, where it came smaller: that costs decoding it again."""


class Levels:
    """A picture as it came, with its long side `WORKING_SIDE_PX` at most, and `SMALLER_SIDE_PX`.

    Everything is in pixels of the picture as it came. Where it came smaller than it is, its full
    size is asked for only when something small is to be seen better.
    """

    def __init__(self, picture: Pixels, full_size: FullSize | None = None) -> None:
        """`picture` is RGB."""
        working, by = fitted(picture, WORKING_SIDE_PX)
        smaller, further_by = fitted(working, SMALLER_SIDE_PX)
        self.given = Level(picture, 1.0)
        self.working = Level(working, by)
        self.smaller = Level(smaller, by * further_by)
        self._full_size = full_size
        self._whole: Level | None = self.given if full_size is None else None

    @property
    def whole(self) -> Level:
        """The picture in full size; its factor is below 1 where it came smaller."""
        if self._whole is None:
            pixels = self._full_size() if self._full_size is not None else self.given.pixels
            self._whole = Level(pixels, self.given.pixels.shape[1] / pixels.shape[1])
        return self._whole

    def cut_out(
        self,
        middle_px: Floats,
        side_px: float,
        degrees: float,
        size_px: int,
        *,
        in_full_size: bool = False,
    ) -> tuple[Pixels, Floats]:
        """As `cut_out.cut_out`, from the smallest level that still has all the pixels for it.

        The full size is used for what is larger in it only when `in_full_size` asks for it.
        """
        transform = toward_cut_out(middle_px, side_px, degrees, size_px)
        most = max(side_px, 1e-3) / size_px
        having = (each for each in (self.smaller, self.working, self.given) if each.factor <= most)
        level = next(having, None) or (self.whole if in_full_size else self.given)
        by = level.factor
        # The middle of the first pixel of a level lies between those that it stands for.
        from_level = np.array([[by, 0, (by - 1) / 2], [0, by, (by - 1) / 2], [0, 0, 1]])
        cut = warped(level.pixels, transform @ from_level, size_px)
        return cut, np.asarray(transform, np.float32)


def fitted(picture: Pixels, side_px: int) -> tuple[Pixels, float]:
    """The picture so that its long side is `side_px` at most, and how much larger it was.

    By whole steps of area first and the rest linearly: as smooth as one step of area for what
    detectors see, and eight times as fast.
    """
    height, width = picture.shape[:2]
    longest = max(height, width)
    if longest <= side_px:
        return picture, 1.0
    size = (max(1, round(width * side_px / longest)), max(1, round(height * side_px / longest)))
    steps = longest // side_px
    if steps >= 2 and min(height, width) >= steps:
        whole = picture[: height // steps * steps, : width // steps * steps]
        picture = np.asarray(
            cv2.resize(whole, (width // steps, height // steps), interpolation=cv2.INTER_AREA),
            np.uint8,
        )
    linear = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(linear, np.uint8), longest / side_px
