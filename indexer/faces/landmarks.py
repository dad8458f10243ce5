"""What five landmarks say: how far a face is turned, and how far they are from any face's."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexer.faces.session import Floats

TEMPLATE_112: Final = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655],
     [70.7299, 92.2041]],
    np.float32,
)  # fmt: skip
"""Where an aligned face of 112 pixels has them (InsightFace's `arcface_dst`)."""
_CENTRED: Final = TEMPLATE_112 - TEMPLATE_112.mean(axis=0)
_WEIGHT: Final = float((_CENTRED**2).sum())


def roll_degrees(landmarks_px: Floats) -> float:
    """How far five landmarks are turned against an upright face: positive is clockwise."""
    cosine, sine, _ = _turn(landmarks_px)
    return float(np.degrees(np.arctan2(sine, cosine)))


def misfit(landmarks_px: Floats) -> float:
    """How far five landmarks are from a face's, after the best turn, move and scale.

    Root mean square, in pixels of an aligned face of 112 pixels.
    """
    cosine, sine, marks = _turn(landmarks_px)
    fitted = _CENTRED @ np.array([[cosine, sine], [-sine, cosine]], np.float32)
    scale = max(float(np.hypot(cosine, sine)), 1e-6)
    return float(np.sqrt(((fitted - marks) ** 2).sum(axis=1).mean())) / scale


def similarity_to_template(landmarks_px: Floats) -> NDArray[np.float64]:
    """(2, 3) float64: from the picture to the aligned face, by least squares.

    Umeyama's solution (1991) for turn, scale and move in the plane, in closed form.
    """
    marks = np.asarray(landmarks_px, np.float64)
    middle = marks.mean(axis=0)
    centred = marks - middle
    spread = max(float((centred**2).sum()), 1e-12)
    target = TEMPLATE_112.astype(np.float64)
    target_middle = target.mean(axis=0)
    aim = target - target_middle
    cosine = float((centred * aim).sum()) / spread
    sine = float((centred[:, 0] * aim[:, 1] - centred[:, 1] * aim[:, 0]).sum()) / spread
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.concatenate([turn, (target_middle - turn @ middle)[:, None]], axis=1)


def _turn(landmarks_px: Floats) -> tuple[float, float, Floats]:
    """Scaled cosine and sine that turn the template best onto the landmarks, and those centred."""
    marks = landmarks_px - landmarks_px.mean(axis=0)
    cosine = float((_CENTRED * marks).sum()) / _WEIGHT
    sine = float((_CENTRED[:, 0] * marks[:, 1] - _CENTRED[:, 1] * marks[:, 0]).sum()) / _WEIGHT
    return cosine, sine, marks
