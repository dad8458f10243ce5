"""Turns a found face into the 112x112 picture that recognisers learned from.

InsightFace's five-point similarity transform does it. Only the surroundings of the face are
touched, and a face much larger than 112 pixels is first reduced by area, because the transform
samples single points and would alias.
"""

from __future__ import annotations

import warnings

import cv2
import numpy as np

from indexer.faces.found import FoundFace
from indexer.media.picture import Pixels

ALIGNED_SIDE_PX = 112
LARGEST_EYE_DISTANCE_PX = 70.0
"""Twice the distance that the eyes have in the aligned picture."""


def eye_distance_px(face: FoundFace) -> float:
    """Distance between the two eye landmarks."""
    return float(np.linalg.norm(face.landmarks_px[1] - face.landmarks_px[0]))


def aligned_face(picture: Pixels, face: FoundFace) -> Pixels:
    """The aligned face, (112, 112, 3) uint8 RGB. The caller overwrites it when done."""
    from insightface.utils import face_align  # noqa: PLC0415 - it loads ONNX Runtime and SciPy

    x0, y0, x1, y1 = _surroundings(picture, face)
    near = picture[y0:y1, x0:x1]
    landmarks = face.landmarks_px - np.array([x0, y0], np.float32)
    shrink = LARGEST_EYE_DISTANCE_PX / max(eye_distance_px(face), 1e-6)
    if shrink < 1:
        size = (max(1, round(near.shape[1] * shrink)), max(1, round(near.shape[0] * shrink)))
        factors = np.array([size[0] / near.shape[1], size[1] / near.shape[0]], np.float32)
        near = cv2.resize(near, size, interpolation=cv2.INTER_AREA)
        landmarks = landmarks * factors
    with warnings.catch_warnings():
        # InsightFace 2.1 calls a function that scikit-image announces to remove in 2.2.
        warnings.simplefilter("ignore", FutureWarning)
        crop: Pixels = face_align.norm_crop(
            np.ascontiguousarray(near), landmark=landmarks, image_size=ALIGNED_SIDE_PX
        )
    return crop


def grey_png(crop: Pixels) -> bytes:
    """The greyscale PNG of an aligned crop: what reviewers see of a matched face."""
    done, encoded = cv2.imencode(".png", cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY))
    if not done:
        raise ValueError("the aligned face could not be written as PNG")
    return bytes(encoded)


def _surroundings(picture: Pixels, face: FoundFace) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of the part that the transform can reach, at least one pixel."""
    height, width = picture.shape[:2]
    marks = np.concatenate(
        [
            face.landmarks_px,
            [face.box_px[:2]],
            [(face.box_px[0] + face.box_px[2], face.box_px[1] + face.box_px[3])],
        ]
    )
    reach = max(float(np.ptp(marks[:, 0])), float(np.ptp(marks[:, 1])))
    left = int(np.clip(marks[:, 0].min() - reach, 0, width - 1))
    top = int(np.clip(marks[:, 1].min() - reach, 0, height - 1))
    right = int(np.clip(marks[:, 0].max() + reach, left + 1, width))
    bottom = int(np.clip(marks[:, 1].max() + reach, top + 1, height))
    return left, top, right, bottom
