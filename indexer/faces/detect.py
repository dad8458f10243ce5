"""Finds faces and their five landmarks in an upright picture.

1. The picture is scaled so that its long side is `WORKING_SIDE_PX` at most, padded to one of few
   sizes, and looked at; a large picture once more at twice that size, for small faces.
2. Outputs of the three strides are decoded into boxes, landmarks and scores.
3. What overlaps is one face: the better score stays.
4. Where nothing was found the picture is looked at once more, smaller and with a border around:
   a face that fills its picture is larger than the network ever learned.
"""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np

from indexer.faces.found import FoundFace
from indexer.faces.session import Floats, InferenceSession
from indexer.media.picture import Picture, Pixels
from indexer.observations import Box

__all__ = ["Detector", "FoundFace", "YuNetDetector", "face_box", "merge"]

STRIDES = (8, 16, 32)
WORKING_SIDE_PX = 640
SECOND_LOOK_FROM_PX = 960
MIN_SCORE = 0.6
MAX_OVERLAP = 0.3
MIN_FACE_SIDE_PX = 12
MAX_FACES = 256
"""A picture with more is a crowd or a trick; the best ones are kept."""


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

    def detect(self, picture: Pixels) -> tuple[FoundFace, ...]:
        """Faces of an RGB picture, best score first."""
        ...


class YuNetDetector:
    """YuNet 2023mar (12 outputs: class, object, box, landmarks at three strides)."""

    def __init__(self, session: InferenceSession) -> None:
        self._session = session
        self._place = {name: place for place, name in enumerate(session.output_names)}

    def detect(self, picture: Pixels) -> tuple[FoundFace, ...]:
        """Faces of an RGB picture, best score first."""
        long_side = max(picture.shape[:2])
        found = self._look(picture, min(1.0, WORKING_SIDE_PX / long_side))
        if long_side >= SECOND_LOOK_FROM_PX:
            found += self._look(picture, min(1.0, 2 * WORKING_SIDE_PX / long_side))
        if not found:
            found = self._look_with_border(picture)
        return merge(found)

    def _look_with_border(self, picture: Pixels) -> list[FoundFace]:
        height, width = picture.shape[:2]
        border = max(height, width) // 2
        scale = min(1.0, WORKING_SIDE_PX / 2 / max(height, width))
        grown = cv2.copyMakeBorder(
            picture, border, border, border, border, cv2.BORDER_CONSTANT, value=(127, 127, 127)
        )
        return [
            FoundFace(
                (face.box_px[0] - border, face.box_px[1] - border, *face.box_px[2:]),
                face.landmarks_px - np.float32(border),
                face.score,
            )
            for face in self._look(grown, scale)
        ]

    def _look(self, picture: Pixels, scale: float) -> list[FoundFace]:
        height, width = picture.shape[:2]
        inner = (max(1, round(width * scale)), max(1, round(height * scale)))
        scaled = (
            picture
            if inner == (width, height)
            else cv2.resize(picture, inner, interpolation=cv2.INTER_AREA)
        )
        padded_width, padded_height = (_padded(side) for side in inner)
        canvas = np.zeros((1, 3, padded_height, padded_width), np.float32)
        # The network learned BGR, 0-255.
        canvas[0, :, : inner[1], : inner[0]] = scaled[:, :, ::-1].transpose(2, 0, 1)
        outputs = self._session.run(canvas)
        found: list[FoundFace] = []
        for stride in STRIDES:
            found += self._decode(outputs, stride, padded_width // stride, width / inner[0])
        return [face for face in found if min(face.box_px[2:]) >= MIN_FACE_SIDE_PX]

    def _decode(
        self, outputs: list[Floats], stride: int, columns: int, to_picture: float
    ) -> list[FoundFace]:
        """Priors are the cells of the stride's grid; sizes are exponents, offsets linear."""
        scores = np.sqrt(
            np.clip(outputs[self._place[f"cls_{stride}"]][0, :, 0], 0, 1)
            * np.clip(outputs[self._place[f"obj_{stride}"]][0, :, 0], 0, 1)
        )
        cells = np.flatnonzero(scores >= MIN_SCORE)
        origin = np.stack([cells % columns, cells // columns], axis=1).astype(np.float32)
        boxes = outputs[self._place[f"bbox_{stride}"]][0, cells]
        points = outputs[self._place[f"kps_{stride}"]][0, cells].reshape(-1, 5, 2)
        centres = (origin + boxes[:, :2]) * stride * to_picture
        sizes = np.exp(np.minimum(boxes[:, 2:], 10.0)) * stride * to_picture
        landmarks = (points + origin[:, None, :]) * np.float32(stride * to_picture)
        corners = centres - sizes / 2
        return [
            FoundFace(
                (float(corner[0]), float(corner[1]), float(size[0]), float(size[1])),
                np.asarray(marks, np.float32),
                float(scores[cell]),
            )
            for cell, corner, size, marks in zip(cells, corners, sizes, landmarks, strict=True)
        ]


def _padded(side_px: int) -> int:
    """The next of few sizes (multiples of 32): runtimes prepare each new size anew."""
    step = 64 if side_px <= WORKING_SIDE_PX else 128
    return -(-side_px // step) * step


def merge(found: list[FoundFace]) -> tuple[FoundFace, ...]:
    """Non-maximum suppression, best score first, at most `MAX_FACES`."""
    left = sorted(found, key=lambda face: face.score, reverse=True)
    kept: list[FoundFace] = []
    while left and len(kept) < MAX_FACES:
        best = left.pop(0)
        kept.append(best)
        left = [face for face in left if _overlap(best, face) <= MAX_OVERLAP]
    return tuple(kept)


def _overlap(one: FoundFace, other: FoundFace) -> float:
    """Intersection over union of two boxes."""
    x0, y0, w0, h0 = one.box_px
    x1, y1, w1, h1 = other.box_px
    across = min(x0 + w0, x1 + w1) - max(x0, x1)
    down = min(y0 + h0, y1 + h1) - max(y0, y1)
    if across <= 0 or down <= 0:
        return 0.0
    both = across * down
    return both / (w0 * h0 + w1 * h1 - both)
