"""Our own small network that says of a place in a picture: is it a face, how is it rolled, where.

Detectors learned upright faces. They propose faces in any direction, at low scores, and cannot say
which way up. This network looks at all proposals of a picture at once, in a few hundredths of a
millisecond each. docs/orientation-network.md says what it learned from and how well it does.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from indexer.faces.errors import ModelUnusableError
from indexer.faces.levels import Levels
from indexer.faces.runtimes import usable_runtimes
from indexer.faces.session import Floats, InferenceSession, RuntimeName, open_session

WEIGHTS: Final = Path(__file__).with_name("orientation.onnx")
WEIGHTS_SHA256: Final = "990ca7ae3db13991f679695a80a32f31b2988d41d138f4261e9b001a5cd37e32"
"""Other weights make other templates: who changes this raises `packs.PREPROCESSING_VERSION`."""
SIDE_PX: Final = 48
SHARE: Final = 1.5
"""A cut-out's side, in longer sides of the box."""
BINS: Final = 24
BATCH: Final = 16
_LEAST_SPREAD: Final = 4.0
"""Of grey values: what is flatter shows nothing, and its noise is not made larger."""
_RUNTIMES: Final[tuple[RuntimeName, ...]] = ("openvino", "onnxruntime")


@dataclass(frozen=True, slots=True)
class Orientations:
    """What is thought of n places.

    `faces` (n,): log odds that it is a face. `roll_degrees` (n,): clockwise, -180 to 180; `other_`:
    the next likely one that is at least 45 degrees away. `sureness` (n,): how much of all
    directions lies about the first. `middles_px` (n, 2), `sides_px` (n,): where the face is.
    """

    faces: Floats
    roll_degrees: Floats
    other_roll_degrees: Floats
    sureness: Floats
    middles_px: Floats
    sides_px: Floats


class OrientationNetwork:
    """The loaded network. Used by one thread at a time."""

    def __init__(self, session: InferenceSession) -> None:
        self._session = session

    @classmethod
    def open(cls) -> OrientationNetwork:
        """Load it on one thread of the processor, in float32: it is too small for more.

        Raises `ModelUnusableError` when the file of this installation is not the one it should be.
        """
        try:
            digest = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
        except OSError as error:
            raise ModelUnusableError(
                f"{WEIGHTS.name}, a part of this package, is missing: install it again"
            ) from error
        if digest != WEIGHTS_SHA256:
            raise ModelUnusableError(
                f"{WEIGHTS.name}, a part of this package, was changed: install it again"
            )
        runtime = usable_runtimes(among=_RUNTIMES)[0]
        return cls(open_session(WEIGHTS, runtime, 1, of_many_shapes=True))

    def another(self) -> OrientationNetwork:
        """One more over the same weights, for another thread."""
        return OrientationNetwork(self._session.another())

    def look(self, picture: Levels, boxes_px: Floats) -> Orientations:
        """What each box (n, 4) of a picture shows."""
        middles = np.asarray(boxes_px[:, :2] + boxes_px[:, 2:] / 2, np.float32)
        sides = boxes_px[:, 2:].max(axis=1, initial=0)
        answers = [
            self._answers(picture, middles[at : at + BATCH], sides[at : at + BATCH])
            for at in range(0, len(boxes_px), BATCH)
        ]
        out = np.concatenate(answers) if answers else np.empty((0, 4 + BINS), np.float32)
        roll, other, sureness = _directions(out[:, 4:])
        return Orientations(
            faces=out[:, 0],
            roll_degrees=roll,
            other_roll_degrees=other,
            sureness=sureness,
            middles_px=np.asarray(middles + out[:, 1:3] * sides[:, None], np.float32),
            sides_px=sides * np.exp(np.clip(out[:, 3], -1, 1)),
        )

    def _answers(self, picture: Levels, middles: Floats, sides: Floats) -> Floats:
        # Few batch sizes: runtimes prepare each new one anew.
        batch = np.zeros((1 << (len(sides) - 1).bit_length(), 1, SIDE_PX, SIDE_PX), np.float32)
        for row, (middle, side) in enumerate(zip(middles, sides, strict=True)):
            cut, _ = picture.cut_out(middle, SHARE * float(side), 0.0, SIDE_PX)
            grey = cv2.cvtColor(cut, cv2.COLOR_RGB2GRAY).astype(np.float32)
            spread = max(float(grey.std()), _LEAST_SPREAD)
            batch[row, 0] = (grey - grey.mean()) / spread
        (answers,) = self._session.run(batch)
        batch.fill(0)
        return answers[: len(sides)]


def _directions(raw: Floats) -> tuple[Floats, Floats, Floats]:
    """(n, BINS) -> roll, the other roll that it may be, and how sure the first is."""
    shares = np.exp(raw - raw.max(axis=1, keepdims=True, initial=-np.inf))
    shares /= shares.sum(axis=1, keepdims=True)
    three = shares + np.roll(shares, 1, axis=1) + np.roll(shares, -1, axis=1)
    best = shares.argmax(axis=1)
    at = np.arange(len(raw))
    apart = (np.arange(BINS) - best[:, None] + BINS // 2) % BINS - BINS // 2
    far = np.where(np.abs(apart) * 360 / BINS >= 45, three, -1.0)
    second = far.argmax(axis=1)
    return _about(shares, best), _about(shares, second), np.asarray(three[at, best], np.float32)


def _about(shares: Floats, bins: NDArray[np.intp]) -> Floats:
    """Degrees of the middle of three bins, by their shares."""
    steps = np.arange(-1, 2)
    of_three = np.take_along_axis(shares, (bins[:, None] + steps) % BINS, axis=1)
    middle = (of_three * steps).sum(axis=1) / np.maximum(of_three.sum(axis=1), 1e-9)
    degrees = (bins + middle) * (360 / BINS)
    return np.asarray((degrees + 180) % 360 - 180, np.float32)
