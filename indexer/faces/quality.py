"""What can be seen of how good a face is, and one figure for all of it.

1. `judge` takes the cheap signs from landmarks and aligned face: size, turn, sharpness, light.
2. The recogniser adds how long the face's vector was before it was normalised, which costs nothing
   and, measured, says more than all else together; for reference photos also how steady the vector
   is when the picture is changed a little, and whether a part of the face says nothing
   (`steadiness.py`).
3. `quality_figure.py` makes one figure of them, `refusals.py` a reason to refuse a reference photo.

A face seen in scraped media is compared whatever its figure is: measured, poor faces of strangers
match good templates less often than good ones do. Only what is no face at all is left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from indexer.faces.align import eye_distance_px
from indexer.faces.found import FoundFace
from indexer.faces.steadiness import Part, Steadiness
from indexer.media.picture import Pixels

NOSE_DEPTH_IN_EYE_DISTANCES = 0.6
"""How far the tip of a nose stands before the eyes, in distances between the eyes (average)."""


@dataclass(frozen=True, slots=True)
class FaceQuality:
    """What was judged of one face.

    `sharpness` is the variance of the Laplacian of the aligned face, `brightness` its mean (0-255),
    `yaw_degrees` an estimate from the landmarks. `vector_length` is that of the face's vector
    before it was normalised, and `steadiness` is known of reference photos only. `figure` is the
    share of genuine comparisons that a face like this one is expected to pass, in [0, 1], and
    `covered` the part that seems to be covered: 1 and None where nobody measured the pack.
    """

    eye_distance_px: float
    sharpness: float
    brightness: float
    yaw_degrees: float
    detection_score: float
    vector_length: float | None = None
    steadiness: Steadiness | None = None
    figure: float = 1.0
    covered: Part | None = None


def judge(
    face: FoundFace,
    crop: Pixels,
    *,
    vector_length: float | None = None,
    steadiness: Steadiness | None = None,
) -> FaceQuality:
    """Signs of a found face and its aligned crop (112, 112, 3); the figure is not made yet."""
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    inner = np.ascontiguousarray(grey[24:104, 20:92])
    edges = cv2.Laplacian(inner, cv2.CV_64F)
    quality = FaceQuality(
        eye_distance_px=eye_distance_px(face),
        sharpness=float(cv2.meanStdDev(edges)[1][0, 0]) ** 2,
        brightness=float(inner.mean()),
        yaw_degrees=yaw_degrees(face),
        detection_score=face.score,
        vector_length=vector_length,
        steadiness=steadiness,
    )
    # It may be a stranger's face (design rule 1).
    for part in (grey, inner, edges):
        part.fill(0)
    return quality


def yaw_degrees(face: FoundFace) -> float:
    """Turn of the head, from how far the nose is off the middle of the eyes, along their line."""
    left, right, nose = face.landmarks_px[0], face.landmarks_px[1], face.landmarks_px[2]
    across = right - left
    distance = float(np.linalg.norm(across))
    if distance < 1e-6:
        return 90.0
    off = float(np.dot(nose - (left + right) / 2, across)) / distance
    return math.degrees(math.atan2(off, NOSE_DEPTH_IN_EYE_DISTANCES * distance))
