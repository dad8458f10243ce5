"""Whether, and how, one picture lies on another: the same scene points found in both.

1. SIFT on both pictures at a bounded size, as RootSIFT; the suspect also mirrored.
2. Mutual nearest neighbours with ratio .8.
3. One homography by MAGSAC (2 pixels), which must be plausible: no extreme scale, mild perspective.
4. A number of false alarms (a-contrario, as in Moisan and Stival 2004): how many alignments this
   good chance would give. Below a millionth, the agreement is not chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from indexer.media.picture import Picture, Pixels

Floats = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]

WORKING_SIDE_PX: Final = 1024
_MAX_FEATURES: Final = 3000
_CONTRAST_THRESHOLD: Final = 0.02  # half of SIFT's own: small web pictures have few strong corners
_RATIO: Final = 0.8
_TOLERANCE_PX: Final = 2.0
_MIN_MATCHES: Final = 8
_MIN_INLIERS: Final = 12
_MAX_LOG10_NFA: Final = -6.0
_SCALE_RANGE: Final = (0.2, 5.0)
_BEYOND_DOUBT_INLIERS: Final = 80
_MAX_SCALE_SPREAD: Final = 2.0  # of the local scale over the picture: mild perspective only
_MAX_ANISOTROPY: Final = 1.6


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Points of one picture at working size, with unit-length RootSIFT rows.

    `points_px` is (n, 2) float32, `descriptors` (n, 128) float32, `scale` working pixels for each
    pixel that the picture holds.
    """

    points_px: Floats
    descriptors: Floats
    width_px: int
    height_px: int
    scale: float


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """The reference laid on the suspect.

    `to_suspect` maps reference pixels to pixels of the (mirrored, if so) suspect, both as held.
    `scale` is suspect pixels for each reference pixel at the overlap's centre. `inlier_points_px`
    is (n, 2) in suspect pixels. `matches` counts the tentative matches, inliers among them.
    """

    to_suspect: Matrix
    mirrored: bool
    inliers: int
    matches: int
    scale: float
    log10_nfa: float
    inlier_points_px: Floats


class Comparable:
    """A picture and its points: found when first needed, kept as long as this is."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture

    @cached_property
    def features(self) -> Features:
        """Its points."""
        return find_features(self.picture.pixels)

    @cached_property
    def mirrored_features(self) -> Features:
        """The points of its mirror image."""
        return find_features(np.ascontiguousarray(self.picture.pixels[:, ::-1]))


def find_features(pixels: Pixels) -> Features:
    """RootSIFT of one picture (Arandjelovic and Zisserman 2012)."""
    height, width = pixels.shape[:2]
    scale = min(1.0, WORKING_SIDE_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    if scale < 1.0:
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    sift = cv2.SIFT.create(nfeatures=_MAX_FEATURES, contrastThreshold=_CONTRAST_THRESHOLD)
    keypoints, descriptors = sift.detectAndCompute(grey, None)
    if descriptors is None or not len(keypoints):
        empty = np.zeros((0, 128), dtype=np.float32)
        return Features(np.zeros((0, 2), dtype=np.float32), empty, *size, scale)
    root = np.sqrt(descriptors / (descriptors.sum(axis=1, keepdims=True) + 1e-7))
    points = np.array([keypoint.pt for keypoint in keypoints], dtype=np.float32)
    return Features(points, root.astype(np.float32), *size, scale)


def align(suspect: Comparable, reference: Comparable) -> Alignment | None:
    """Lay the reference on the suspect, mirrored if that fits better; None when it does not fit.

    The mirrored suspect is tried only where the upright one does not fit beyond doubt.
    """
    upright = _align(suspect.features, reference.features, mirrored=False)
    if upright is not None and upright.inliers >= _BEYOND_DOUBT_INLIERS:
        return upright
    mirrored = _align(suspect.mirrored_features, reference.features, mirrored=True)
    found = [each for each in (upright, mirrored) if each is not None]
    return max(found, key=lambda each: each.inliers, default=None)


def _align(suspect: Features, reference: Features, *, mirrored: bool) -> Alignment | None:
    pairs = _match(reference.descriptors, suspect.descriptors)
    if len(pairs) < _MIN_MATCHES:
        return None
    of_reference = reference.points_px[pairs[:, 0]]
    of_suspect = suspect.points_px[pairs[:, 1]]
    found, inlier_mask = cv2.findHomography(
        of_reference,
        of_suspect,
        cv2.USAC_MAGSAC,
        _TOLERANCE_PX,
        maxIters=5000,
        confidence=0.9999,
    )
    if found is None or inlier_mask is None or not np.isfinite(found).all():
        return None
    projected = cv2.perspectiveTransform(of_reference[None], found)[0]
    distances = np.linalg.norm(projected - of_suspect, axis=1)
    inlying = distances <= _TOLERANCE_PX
    inliers = _distinct(of_reference[inlying], of_suspect[inlying])
    matches = max(_distinct(of_reference, of_suspect), inliers)
    log10_nfa = _log10_false_alarms(matches, inliers, suspect.width_px * suspect.height_px)
    if inliers < _MIN_INLIERS or log10_nfa > _MAX_LOG10_NFA:
        return None
    scale = _plausible_scale(found, of_reference[inlying])
    if scale is None:
        return None
    to_held = np.diag([1 / suspect.scale, 1 / suspect.scale, 1.0])
    from_held = np.diag([reference.scale, reference.scale, 1.0])
    return Alignment(
        to_suspect=to_held @ found @ from_held,
        mirrored=mirrored,
        inliers=inliers,
        matches=matches,
        scale=scale * reference.scale / suspect.scale,
        log10_nfa=log10_nfa,
        inlier_points_px=(of_suspect[inlying] / suspect.scale).astype(np.float32),
    )


def _match(of_reference: Floats, of_suspect: Floats) -> npt.NDArray[np.int64]:
    """(n, 2) indices of mutual nearest neighbours whose second best is clearly further away."""
    if len(of_reference) < 2 or len(of_suspect) < 2:
        return np.zeros((0, 2), dtype=np.int64)
    similarity = of_reference @ of_suspect.T
    best_reference = similarity.argmax(axis=0)
    rows = np.arange(len(of_reference))
    best = similarity.argmax(axis=1)
    best_value = similarity[rows, best]
    similarity[rows, best] = -1.0
    second_value = similarity.max(axis=1)
    # Unit vectors: the squared distance is 2 - 2 * similarity.
    near = np.sqrt(np.maximum(0.0, 2 - 2 * best_value))
    far = np.sqrt(np.maximum(1e-12, 2 - 2 * second_value))
    kept = (near < _RATIO * far) & (best_reference[best] == rows)
    return np.stack([rows[kept], best[kept]], axis=1)


def _distinct(of_reference: Floats, of_suspect: Floats) -> int:
    """Matches at different places: SIFT gives one place several orientations."""
    places = np.concatenate([of_reference, of_suspect], axis=1)
    return len(np.unique(np.round(places).astype(np.int32), axis=0))


def _log10_false_alarms(matches: int, inliers: int, area_px: int) -> float:
    """Expected number, over all choices of 4 matches, of alignments this good by chance."""
    if inliers <= 4:
        return math.inf
    chance = min(1.0, math.pi * _TOLERANCE_PX**2 / area_px)
    log_nfa = (
        math.log(max(1, matches - 4))
        + _log_choose(matches, inliers)
        + _log_choose(inliers, 4)
        + (inliers - 4) * math.log(chance)
    )
    return log_nfa / math.log(10)


def _log_choose(of: int, choose: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(choose + 1) - math.lgamma(of - choose + 1)


def _plausible_scale(found: Matrix, points: Floats) -> float | None:
    """Local scale at the inliers' centre; None when the homography bends the picture too much."""
    low, high = points.min(axis=0), points.max(axis=0)
    centre = (low + high) / 2
    corners = [centre, low, high, np.array([low[0], high[1]]), np.array([high[0], low[1]])]
    scales = []
    for x, y in corners:
        jacobian = _jacobian(found, float(x), float(y))
        if jacobian is None or np.linalg.det(jacobian) <= 0:
            return None
        stretched, squeezed = np.linalg.svd(jacobian, compute_uv=False)
        if stretched > _MAX_ANISOTROPY * squeezed:
            return None
        scales.append(math.sqrt(stretched * squeezed))
    if not _SCALE_RANGE[0] <= scales[0] <= _SCALE_RANGE[1]:
        return None
    return scales[0] if max(scales) <= _MAX_SCALE_SPREAD * min(scales) else None


def _jacobian(found: Matrix, x: float, y: float) -> Matrix | None:
    u, v, w = found @ np.array([x, y, 1.0])
    if w <= 1e-9:
        return None
    jacobian: Matrix = np.array(
        [
            [found[0, 0] * w - found[2, 0] * u, found[0, 1] * w - found[2, 1] * u],
            [found[1, 0] * w - found[2, 0] * v, found[1, 1] * w - found[2, 1] * v],
        ]
    ) / (w * w)
    return jacobian
