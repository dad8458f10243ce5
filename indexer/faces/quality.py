"""How good a face is for a reference photo, and why one is refused.

The limits are for reference photos only: a face seen in scraped media is compared whatever its
quality, because a false alarm is stopped by people and a miss by nobody.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from indexer.faces.align import eye_distance_px
from indexer.faces.detect import FoundFace
from indexer.faces.errors import PhotoRefusedError
from indexer.media.picture import Pixels

MIN_EYE_DISTANCE_PX = 24.0
MIN_BRIGHTNESS = 40.0
MAX_BRIGHTNESS = 225.0
MIN_SHARPNESS = 20.0
MAX_YAW_DEGREES = 45.0
NOSE_DEPTH_IN_EYE_DISTANCES = 0.6
"""How far the tip of a nose stands before the eyes, in distances between the eyes (average)."""


@dataclass(frozen=True, slots=True)
class FaceQuality:
    """What was judged of one face. `sharpness` is the variance of the Laplacian of the aligned
    face, `brightness` its mean (0-255), `yaw_degrees` an estimate from the landmarks.
    """

    eye_distance_px: float
    sharpness: float
    brightness: float
    yaw_degrees: float
    detection_score: float


def judge(face: FoundFace, crop: Pixels) -> FaceQuality:
    """Quality of a found face and its aligned crop (112, 112, 3)."""
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    inner = grey[24:104, 20:92]
    return FaceQuality(
        eye_distance_px=eye_distance_px(face),
        sharpness=float(cv2.Laplacian(inner, cv2.CV_64F).var()),
        brightness=float(inner.mean()),
        yaw_degrees=yaw_degrees(face),
        detection_score=face.score,
    )


def yaw_degrees(face: FoundFace) -> float:
    """Turn of the head, from how far the nose is off the middle of the eyes, along their line."""
    left, right, nose = face.landmarks_px[0], face.landmarks_px[1], face.landmarks_px[2]
    across = right - left
    distance = float(np.linalg.norm(across))
    if distance < 1e-6:
        return 90.0
    off = float(np.dot(nose - (left + right) / 2, across)) / distance
    return math.degrees(math.atan2(off, NOSE_DEPTH_IN_EYE_DISTANCES * distance))


def refuse_if_poor(quality: FaceQuality) -> None:
    """Raise `PhotoRefusedError` with the first reason why this face makes no good reference."""
    if quality.eye_distance_px < MIN_EYE_DISTANCE_PX:
        raise PhotoRefusedError(
            "too_small",
            f"The face is too small: {quality.eye_distance_px:.0f} pixels between the eyes, "
            f"{MIN_EYE_DISTANCE_PX:.0f} are needed. Choose a photo in which it is larger.",
            quality,
        )
    if quality.brightness < MIN_BRIGHTNESS:
        raise PhotoRefusedError(
            "too_dark", "The face is too dark. Choose a photo with more light on it.", quality
        )
    if quality.brightness > MAX_BRIGHTNESS:
        raise PhotoRefusedError(
            "too_bright", "The face is overexposed. Choose a photo with softer light.", quality
        )
    if abs(quality.yaw_degrees) > MAX_YAW_DEGREES:
        raise PhotoRefusedError(
            "turned_away",
            "The face is turned far to the side. Choose a photo that looks into the camera.",
            quality,
        )
    if quality.sharpness < MIN_SHARPNESS:
        raise PhotoRefusedError("blurred", "The face is blurred. Choose a sharper photo.", quality)
