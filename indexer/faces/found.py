"""Where faces are in a picture: one face, and all that a detector saw in one look.

A detector answers in many neighbouring cells about one face. `distinct` makes one of them: the
surest cell says the score, and the cells about as sure agree on box and landmarks, so that the last
digit of a score (which differs between runtimes) moves nothing by more than a fraction of a pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.faces.session import Floats

MAX_OVERLAP = 0.3
_SURER = 24
"""Power of a score's share of the best one: a cell at 0.97 of it counts half as much."""
_SAME_PLACE = 0.5
"""Least overlap of cells that speak of one face with enough precision to be averaged."""


@dataclass(frozen=True, slots=True)
class FoundFace:
    """A face's place: box as (left, top, width, height), landmarks (5, 2) in pixels.

    Landmarks are, as seen in the picture: left eye, right eye, nose, left and right mouth corner;
    of a turned face, as they would be seen once it is turned upright.
    """

    box_px: tuple[float, float, float, float]
    landmarks_px: Floats
    score: float

    def scaled(self, across: float, down: float) -> FoundFace:
        """The same in a picture that is so many times as wide and as high."""
        left, top, width, height = self.box_px
        return FoundFace(
            (left * across, top * down, width * across, height * down),
            self.landmarks_px * np.array([across, down], np.float32),
            self.score,
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at a picture gave, in its pixels.

    `boxes_px` (n, 4) float32: left, top, width, height; `landmarks_px` (n, 5, 2) float32;
    `scores` (n,) float32.
    """

    boxes_px: Floats
    landmarks_px: Floats
    scores: Floats

    def __len__(self) -> int:
        return len(self.scores)

    def only(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> Seen:
        """Those with these numbers, or for which it holds."""
        return Seen(self.boxes_px[which], self.landmarks_px[which], self.scores[which])

    def moved(self, right_px: float, down_px: float) -> Seen:
        """All moved by so many pixels."""
        by = np.array([right_px, down_px], np.float32)
        boxes = self.boxes_px.copy()
        boxes[:, :2] += by
        return Seen(boxes, self.landmarks_px + by, self.scores)

    def scaled(self, factor: float) -> Seen:
        """All in a picture that is larger by this factor."""
        by = np.float32(factor)
        return Seen(self.boxes_px * by, self.landmarks_px * by, self.scores)

    def turned_back(self, quarters: int, width_px: int, height_px: int) -> Seen:
        """Seen in a picture of this size turned by so many quarters against the clock; in the
        picture as it was. The landmarks stay those of a face upright in the turned picture.
        """
        left, top, width, height = self.boxes_px.T
        x, y = self.landmarks_px[:, :, 0], self.landmarks_px[:, :, 1]
        for _ in range(quarters % 4):
            # Turning back by one quarter: the picture it leads to is as wide as this is high.
            width_px, height_px = height_px, width_px
            left, top, width, height = width_px - top - height, left, height, width
            x, y = width_px - y, x
        return Seen(
            np.stack([left, top, width, height], axis=1), np.stack([x, y], axis=2), self.scores
        )

    def faces(self) -> list[FoundFace]:
        """One by one."""
        return [
            FoundFace((float(box[0]), float(box[1]), float(box[2]), float(box[3])), marks, score)
            for box, marks, score in zip(
                self.boxes_px, self.landmarks_px, self.scores.tolist(), strict=True
            )
        ]


def nothing() -> Seen:
    """No face."""
    return Seen(np.empty((0, 4), np.float32), np.empty((0, 5, 2), np.float32), np.empty(0, "f4"))


def together(looks: Sequence[Seen]) -> Seen:
    """All that several looks gave."""
    if not looks:
        return nothing()
    return Seen(
        np.concatenate([look.boxes_px for look in looks]),
        np.concatenate([look.landmarks_px for look in looks]),
        np.concatenate([look.scores for look in looks]),
    )


def distinct(seen: Seen, at_most: int) -> Seen:
    """One for each face, best score first (see the module's text)."""
    left = np.argsort(-seen.scores, kind="stable")
    # Box, landmarks and score of a cell in one row: one sum for all of them.
    rows = np.concatenate(
        [seen.boxes_px, seen.landmarks_px.reshape(-1, 10), seen.scores[:, None]], axis=1
    )
    found: list[Floats] = []
    while len(left) and len(found) < at_most:
        overlap = overlaps(seen.boxes_px[left[0]], seen.boxes_px[left])
        # A box without any extent overlaps nothing, not even itself.
        overlap[0] = 1.0
        agreeing = rows[left[overlap >= _SAME_PLACE]]
        face = agreeing[0]
        if len(agreeing) > 1:
            weights = (agreeing[:, -1] / agreeing[0, -1]) ** _SURER
            face = (weights / weights.sum()) @ agreeing
            face[-1] = agreeing[0, -1]
        found.append(face)
        left = left[overlap <= MAX_OVERLAP]
    if not found:
        return nothing()
    all_found = np.stack(found)
    return Seen(all_found[:, :4], all_found[:, 4:-1].reshape(-1, 5, 2), all_found[:, -1])


def apart(boxes_px: Floats, order: NDArray[np.intp], at_most: int) -> NDArray[np.intp]:
    """Numbers of boxes (n, 4) that do not overlap; one that is earlier in `order` goes first."""
    left = order
    kept: list[int] = []
    while len(left) and len(kept) < at_most:
        kept.append(int(left[0]))
        overlap = overlaps(boxes_px[left[0]], boxes_px[left])
        # A box without any extent overlaps nothing, not even itself.
        overlap[0] = 1.0
        left = left[overlap <= MAX_OVERLAP]
    return np.array(kept, np.intp)


def overlaps(box_px: Floats, boxes_px: Floats) -> Floats:
    """Intersection over union of one box (4,) with each of `boxes_px` (n, 4)."""
    corner = np.maximum(box_px[:2], boxes_px[:, :2])
    opposite = np.minimum(box_px[:2] + box_px[2:], boxes_px[:, :2] + boxes_px[:, 2:])
    sides = np.maximum(opposite - corner, 0)
    both = sides[:, 0] * sides[:, 1]
    either = box_px[2] * box_px[3] + boxes_px[:, 2] * boxes_px[:, 3] - both
    return np.asarray(both / np.maximum(either, 1e-12), np.float32)
