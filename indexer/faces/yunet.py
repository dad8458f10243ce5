"""One look of YuNet 2023mar at a picture: boxes, landmarks and scores of its three strides.

It learned faces that are upright within about 30 degrees; what it says of others is a hint.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np

from indexer.faces.found import Seen
from indexer.faces.session import Floats, InferenceSession
from indexer.faces.yunet_network import BOX, CLASS, LANDMARKS, OBJECT, STRIDES
from indexer.media.picture import Pixels

_LARGEST_EXPONENT: Final = np.float32(10.0)


class YuNet:
    """The network as `yunet_network.py` writes it."""

    def __init__(self, session: InferenceSession) -> None:
        self._session = session
        self._memory: Pixels = np.zeros(0, np.uint8)

    def another(self) -> YuNet:
        """See `FaceNetwork.another`."""
        return YuNet(self._session.another())

    def look(self, pictures: Sequence[Pixels], least_score: float) -> list[Seen]:
        """See `FaceNetwork.look`."""
        height, width = pictures[0].shape[:2]
        # Few batch sizes: runtimes prepare each new one anew.
        count = 1 << (len(pictures) - 1).bit_length()
        shape = (count, padded(height), padded(width), 3)
        if count == 1 and shape[1:] == pictures[0].shape:
            return self._look_at(pictures[0][None], least_score)
        canvases = self._canvases(shape)
        try:
            for canvas, picture in zip(canvases, pictures, strict=False):
                canvas[:height, :width] = picture
            return self._look_at(canvases, least_score)[: len(pictures)]
        finally:
            canvases.fill(0)

    def _canvases(self, shape: tuple[int, ...]) -> Pixels:
        """Black ones of this shape.

        Memory that is taken anew for each look is given page by page, which takes as long as
        filling it; so it is kept, overwritten.
        """
        size = math.prod(shape)
        if self._memory.size < size:
            self._memory = np.zeros(size, np.uint8)
        return self._memory[:size].reshape(shape)

    def _look_at(self, canvases: Pixels, least_score: float) -> list[Seen]:
        """What is seen in each of (n, height, width, 3) uint8 RGB; sides divide by 32."""
        (of_all,) = self._session.run(canvases)
        origin, strides = _cells(canvases.shape[1], canvases.shape[2])
        return [_seen(of_one, origin, strides, least_score) for of_one in of_all]


def _seen(of_all: Floats, origin: Floats, strides: Floats, least_score: float) -> Seen:
    """What the cells (n, `NUMBERS`) of one picture say. The score is the root of the product of
    two shares; both are below 1, so neither is below the square of the least score.
    """
    least = least_score * least_score
    odds = np.log(least / (1 - least))
    likely = np.flatnonzero((of_all[:, CLASS] >= odds) & (of_all[:, OBJECT] >= odds))
    shares = 1 / (1 + np.exp(-of_all[likely][:, [CLASS, OBJECT]]))
    product = shares[:, 0] * shares[:, 1]
    enough = product >= least
    cells = likely[enough]
    stride, at, of_cells = strides[cells, None], origin[cells], of_all[cells]
    raw = of_cells[:, BOX]
    sizes = np.exp(np.minimum(raw[:, 2:], _LARGEST_EXPONENT)) * stride
    centres = (at + raw[:, :2]) * stride
    landmarks = of_cells[:, LANDMARKS].reshape(-1, 5, 2)
    return Seen(
        np.concatenate([centres - sizes / 2, sizes], axis=1),
        (landmarks + at[:, None]) * stride[:, None],
        np.sqrt(product[enough]),
    )


@lru_cache(maxsize=64)
def _cells(height_px: int, width_px: int) -> tuple[Floats, Floats]:
    """Of all cells, those of the smallest stride first: column and row (n, 2), and stride (n,)."""
    origins: list[Floats] = []
    strides: list[Floats] = []
    for stride in STRIDES:
        rows, columns = np.mgrid[: height_px // stride, : width_px // stride]
        origins.append(np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.float32))
        strides.append(np.full(rows.size, stride, np.float32))
    return np.concatenate(origins), np.concatenate(strides)


def padded(side_px: int) -> int:
    """The next multiple of the largest stride, which the sides of what a network sees must be."""
    return -(-side_px // 32) * 32
