"""A face's place in a picture, as detectors find it."""

from __future__ import annotations

from dataclasses import dataclass

from indexer.faces.session import Floats


@dataclass(frozen=True, slots=True)
class FoundFace:
    """A face's place: box as (left, top, width, height), landmarks (5, 2) in pixels.

    Landmarks are, as seen in the picture: left eye, right eye, nose, left and right mouth corner.
    """

    box_px: tuple[float, float, float, float]
    landmarks_px: Floats
    score: float
