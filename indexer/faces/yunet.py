"""One look of YuNet 2023mar at a picture: boxes, landmarks and scores of its three strides.

It learned faces that are upright within about 30 degrees; what it says of others is a hint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from indexer.faces.found import Seen, together
from indexer.faces.session import Floats, InferenceSession
from indexer.media.picture import Pixels

STRIDES: Final = (8, 16, 32)
_LARGEST_EXPONENT: Final = 10.0


class YuNet:
    """The network (12 outputs: class, object, box, landmarks at three strides)."""

    def __init__(self, session: InferenceSession) -> None:
        self._session = session
        self._place = {name: place for place, name in enumerate(session.output_names)}

    def look(self, pictures: Sequence[Pixels], least_score: float) -> list[Seen]:
        """All cells that score enough, overlapping as they do, in RGB pictures of one size."""
        height, width = pictures[0].shape[:2]
        canvases = np.zeros((len(pictures), 3, _padded(height), _padded(width)), np.float32)
        for canvas, picture in zip(canvases, pictures, strict=True):
            fill_canvas(canvas, picture)
        return self.look_at_canvases(canvases, least_score)

    def look_at_canvases(self, canvases: Floats, least_score: float) -> list[Seen]:
        """What is seen in each of (n, 3, height, width) float32 BGR 0-255; sides divide by 32."""
        outputs = self._session.run(canvases)
        columns = canvases.shape[3]
        return [
            together(
                [
                    self._decoded(outputs, row, stride, columns // stride, least_score)
                    for stride in STRIDES
                ]
            )
            for row in range(len(canvases))
        ]

    def _decoded(
        self, outputs: list[Floats], row: int, stride: int, columns: int, least_score: float
    ) -> Seen:
        """Priors are the cells of the stride's grid; sizes are exponents, offsets linear."""
        of_class = outputs[self._place[f"cls_{stride}"]][row, :, 0]
        of_object = outputs[self._place[f"obj_{stride}"]][row, :, 0]
        scores = np.sqrt(np.clip(of_class, 0, 1) * np.clip(of_object, 0, 1))
        cells = np.flatnonzero(scores >= least_score)
        origin = np.stack([cells % columns, cells // columns], axis=1).astype(np.float32)
        raw_boxes = outputs[self._place[f"bbox_{stride}"]][row, cells]
        points = outputs[self._place[f"kps_{stride}"]][row, cells].reshape(-1, 5, 2)
        sizes = np.exp(np.minimum(raw_boxes[:, 2:], _LARGEST_EXPONENT)) * np.float32(stride)
        centres = (origin + raw_boxes[:, :2]) * np.float32(stride)
        boxes = np.concatenate([centres - sizes / 2, sizes], axis=1)
        return Seen(boxes, (points + origin[:, None]) * np.float32(stride), scores[cells])


def fill_canvas(canvas: Floats, picture: Pixels) -> None:
    """Write an RGB picture into the upper left of a canvas (3, height, width): BGR, 0-255."""
    height, width = picture.shape[:2]
    for place, plane in enumerate(cv2.split(picture)):
        canvas[2 - place, :height, :width] = plane


def _padded(side_px: int) -> int:
    """The next of few sizes (multiples of 32): runtimes prepare each new size anew."""
    step = 64 if side_px <= 640 else 128
    return -(-side_px // step) * step
