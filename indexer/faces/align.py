"""Turns a found face into the 112x112 picture that recognisers learned from.

The similarity transform onto InsightFace's five points does it, as its `face_align.norm_crop` does
(the same result, in a fifth of the time); a face much larger than 112 pixels is first reduced by
area, because the transform samples single points and would alias.
"""

from __future__ import annotations

import cv2
import numpy as np

from indexer.faces.cut_out import warped
from indexer.faces.found import FoundFace
from indexer.faces.landmarks import similarity_to_template
from indexer.media.picture import Pixels

ALIGNED_SIDE_PX = 112


def eye_distance_px(face: FoundFace) -> float:
    """Distance between the two eye landmarks."""
    return float(np.linalg.norm(face.landmarks_px[1] - face.landmarks_px[0]))


def aligned_face(picture: Pixels, face: FoundFace) -> Pixels:
    """The aligned face, (112, 112, 3) uint8 RGB. The caller overwrites it when done."""
    return warped(picture, similarity_to_template(face.landmarks_px), ALIGNED_SIDE_PX)


def grey_png(crop: Pixels) -> bytes:
    """The greyscale PNG of an aligned crop: what reviewers see of a matched face."""
    done, encoded = cv2.imencode(".png", cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY))
    if not done:
        raise ValueError("the aligned face could not be written as PNG")
    return bytes(encoded)
