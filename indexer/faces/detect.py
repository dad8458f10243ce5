"""Finds faces and their five landmarks in a picture, however the faces are turned.

1. The picture is made smaller so that its long side is `WORKING_SIDE_PX` at most, and looked at;
   then, half as large, from its three other sides in one look. Weak answers count: so there are
   some at faces in any direction, and at smaller ones than the network is sure of.
2. What overlaps is one place, seen best from one side.
3. Each place is settled in the full picture (`settle.py`): is it a face, and which way up.
4. Where nothing was found the picture is looked at once more, smaller and with a border around:
   a face that fills its picture is larger than the network ever learned.
5. Where a small face was found in a large picture, or still nothing, it is looked at in parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self

import cv2
import numpy as np

from indexer.faces.found import FoundFace, Seen, distinct, together
from indexer.faces.levels import WORKING_SIDE_PX, FullSize, Level, Levels, fitted
from indexer.faces.orientation import OrientationNetwork
from indexer.faces.settle import MAX_FACES, Demands, Places, places_of, settle
from indexer.faces.sides import as_it_was, beside_each_other
from indexer.media.picture import Picture, Pixels
from indexer.observations import Box

__all__ = ["CompleteDetector", "Detector", "FaceNetwork", "FoundFace", "face_box"]

BORDERED_SIDE_PX = 320
MIN_PLACE_SCORE = 0.2
"""What may be a face: a turned one scores low until it is turned upright."""
HINT_SIDE_PX = 24.0
"""What is this small in a picture that was made smaller counts at a very low score: faces of 16 to
32 pixels in a picture of 1600 answer like this, and are sure ones once looked at in full size."""
CROWD_FACE_PX = 14.0
CROWD_FROM_PX, CROWD_SIDE_PX = 960, 1280
"""Where one face is found that is so small in the first look there are often more, some without a
hint; and one of 24 pixels alone in a picture of 1600 leaves no hint in 12 of 100. Such a picture is
looked at once more in this size, part by part (one look at all of it takes half as long again)."""
PART_SIDE_PX, PARTS_OVERLAP_PX = 672, 64
MIN_FACE_SIDE_PX = 12
YUNET_DEMANDS = Demands(upright=0.6, again=0.75, turned=0.85, hint=0.02, turned_for_each_seen=3.0)
"""Of 150 turned faces 99 in 100 score .90 and more once upright, and a cup of coffee .82. That one
turned by 10, 20, 30 degrees shows 3, 6, 9 was measured on 60 people."""
_BATCH = 8
_GREY = (127, 127, 127)


def face_box(face: FoundFace, picture: Picture) -> Box:
    """A face's box cut to the picture, in whole pixels of the full-size picture."""
    scale = picture.scale
    left, top, width, height = (length / scale for length in face.box_px)
    x0, y0 = max(0, round(left)), max(0, round(top))
    x1 = min(picture.full_width_px, round(left + width))
    y1 = min(picture.full_height_px, round(top + height))
    return Box(left_px=x0, top_px=y0, width_px=max(0, x1 - x0), height_px=max(0, y1 - y0))


class Detector(Protocol):
    """Finds faces."""

    def detect(self, picture: Pixels, full_size: FullSize | None = None) -> tuple[FoundFace, ...]:
        """Faces of an RGB picture, best score first, in its pixels.

        `full_size` gives the same picture larger, where it came smaller: it is asked only when
        there may be faces that are too small to be seen in this one.
        """
        ...


class FaceNetwork(Protocol):
    """One look at pictures, by a network that learned upright faces."""

    def look(self, pictures: Sequence[Pixels], least_score: float) -> list[Seen]:
        """All cells that score enough, overlapping as they do, in RGB pictures of one size."""
        ...

    def another(self) -> Self:
        """One more over the same weights, for another thread."""
        ...


class CompleteDetector:
    """A network's looks, made complete in rotation. Used by one thread at a time."""

    def __init__(
        self,
        network: FaceNetwork,
        demands: Demands,
        orientation: OrientationNetwork | None = None,
    ) -> None:
        """`orientation` is used by this detector alone; without it one is opened."""
        self._network = network
        self._demands = demands
        self._orientation = orientation or OrientationNetwork.open()

    def another(self) -> CompleteDetector:
        """One more over the same weights, for another thread."""
        return CompleteDetector(self._network.another(), self._demands, self._orientation.another())

    def detect(self, picture: Pixels, full_size: FullSize | None = None) -> tuple[FoundFace, ...]:
        """See `Detector.detect`."""
        levels = Levels(picture, full_size)
        found = self._settled(levels, self._places(levels))
        if not len(found):
            found = self._settled(levels, self._places_with_border(picture))
        if not len(found) or _has_a_small_one(levels, found):
            found = self._with_small_ones(levels, found)
        return tuple(found.faces())

    def look_once(self, picture: Pixels) -> tuple[FoundFace, ...]:
        """Only upright faces, of one look at the picture as it is: what peers do, to compare with
        them. Everything else asks `detect`.
        """
        working, factor = fitted(picture, WORKING_SIDE_PX)
        (seen,) = self._network.look([working], self._demands.upright)
        return tuple(large_enough(distinct(seen.scaled(factor), MAX_FACES)).faces())

    def _with_small_ones(self, picture: Levels, found: Seen) -> Seen:
        """Those found, and the small ones among them, by looks at parts of a large picture."""
        if max(picture.whole.pixels.shape[:2]) < CROWD_FROM_PX:
            return found
        larger, to_whole = fitted(picture.whole.pixels, CROWD_SIDE_PX)
        to_picture = to_whole * picture.whole.factor
        height, width = larger.shape[:2]
        seen: list[Seen] = []
        for top in _starts(height):
            for left in _starts(width):
                part = larger[top : top + PART_SIDE_PX, left : left + PART_SIDE_PX]
                (look,) = self._network.look([np.ascontiguousarray(part)], MIN_PLACE_SCORE)
                seen.append(look.moved(left, top))
        small = together(seen)
        small = small.only(small.boxes_px[:, 2:].max(axis=1, initial=0) <= PARTS_OVERLAP_PX)
        places = places_of([large_enough(small.scaled(to_picture))], self._demands)
        more = self._settled(picture, places.beside(found.boxes_px))
        both = together([found, more])
        return both.only(np.argsort(-both.scores, kind="stable")[:MAX_FACES])

    def _settled(self, picture: Levels, places: Places) -> Seen:
        return settle(picture, places, self._orientation, self._look_at_cut_outs, self._demands)

    def _places(self, picture: Levels) -> Places:
        smaller = picture.smaller.pixels
        (beside,) = self._network.look([beside_each_other(smaller)], MIN_PLACE_SCORE)
        others = as_it_was(beside, smaller.shape[1], smaller.shape[0])
        from_sides = [
            self._look_as_it_is(picture.working),
            *(seen.scaled(picture.smaller.factor) for seen in others),
        ]
        return places_of([large_enough(seen) for seen in from_sides], self._demands)

    def _look_as_it_is(self, working: Level) -> Seen:
        if working.factor == 1:
            return self._network.look([working.pixels], MIN_PLACE_SCORE)[0]
        (seen,) = self._network.look([working.pixels], self._demands.hint)
        small = seen.boxes_px[:, 2:].max(axis=1, initial=0) <= HINT_SIDE_PX
        return seen.only((seen.scores >= MIN_PLACE_SCORE) | small).scaled(working.factor)

    def _places_with_border(self, picture: Pixels) -> Places:
        inner, to_picture = fitted(picture, BORDERED_SIDE_PX // 2)
        border = max(inner.shape[:2]) // 2
        grown = cv2.copyMakeBorder(
            inner, border, border, border, border, cv2.BORDER_CONSTANT, value=_GREY
        )
        (seen,) = self._network.look([np.asarray(grown, np.uint8)], MIN_PLACE_SCORE)
        return places_of(
            [large_enough(seen.moved(-border, -border).scaled(to_picture))], self._demands
        )

    def _look_at_cut_outs(self, cut_outs: Sequence[Pixels]) -> list[Seen]:
        seen: list[Seen] = []
        for at in range(0, len(cut_outs), _BATCH):
            seen += self._network.look(cut_outs[at : at + _BATCH], MIN_PLACE_SCORE)
        return seen


def _has_a_small_one(picture: Levels, found: Seen) -> bool:
    """Whether there is a face so small that there may be others in a larger look."""
    longest = max(picture.given.pixels.shape[:2])
    smallest = float(found.boxes_px[:, 2:].max(axis=1).min())
    return bool(smallest * WORKING_SIDE_PX <= CROWD_FACE_PX * longest)


def _starts(length_px: int) -> list[int]:
    """Where parts of `PART_SIDE_PX` begin that overlap by `PARTS_OVERLAP_PX` at least."""
    parts = max(1, -(-(length_px - PARTS_OVERLAP_PX) // (PART_SIDE_PX - PARTS_OVERLAP_PX)))
    last = max(0, length_px - PART_SIDE_PX)
    return [round(last * part / max(1, parts - 1)) for part in range(parts)]


def large_enough(seen: Seen) -> Seen:
    """Those whose sides are no shorter than anybody can be recognised by."""
    return seen.only(seen.boxes_px[:, 2:].min(axis=1, initial=np.inf) >= MIN_FACE_SIDE_PX)
