"""Where the suspect is not what the reference lets one expect, and how well the rest agrees.

1. Colour difference in Lab, tolerant of a pixel of misplacement; local correlation (NCC).
2. A threshold from the noise where points agree; regions (`regions`).
3. Agreement and residual motion of what is left.
4. Whether a changed region's content has merely moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from indexer.manipulation.alignment import Floats
from indexer.manipulation.overlay import Mask, Overlay
from indexer.manipulation.regions import find_regions, grown, largest_share

_NCC_WINDOW_PX: Final = 11
_TEXTURE_STD: Final = 4.0  # grey levels; below it a correlation is one of noise
_FOLLOWED_STD: Final = 10.0
_MIN_FOLLOWED_PX: Final = 400
_THRESHOLD_RANGE: Final = (6.0, 20.0)  # Lab units: visible beside each other .. unmistakable
_NOISE_PERCENTILE: Final = 95
_NOISE_FACTOR: Final = 2.0
_MOVED_NCC: Final = 0.85
_COHERENT_PX: Final = 4.0
_MIN_MOVED_BLOCKS: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """What the comparison of an overlay showed. Shares are of the overlap, in [0, 1].

    `altered` is the mask of changed regions on the overlay's grid, `scattered_share` what differs
    outside of them, `set_aside_share` text and the like. `largest_share` is the largest region's
    part of all that changed. `agreement` is the 10th percentile of local correlation in the
    textured rest, `textured_share` how much of the rest has texture to judge by. `motion_px` is
    the 90th percentile of residual motion there. `moved_share` is the part of the changed regions
    whose content is found again nearby.
    """

    altered: Mask
    altered_share: float
    scattered_share: float
    set_aside_share: float
    largest_share: float
    agreement: float
    median_agreement: float
    textured_share: float
    motion_px: float
    moved_share: float
    threshold: float


def difference(overlay: Overlay) -> Difference:
    """Compare an overlay's suspect with what was expected."""
    overlap = overlay.overlap
    area = max(1, int(overlap.sum()))
    seen_lab = _lab(overlay.suspect)
    differing = _beyond_allowed(seen_lab, overlay.expectations)
    grey, expected = _grey(overlay.suspect), _grey(overlay.expectations[0])
    ncc, textured = _local_ncc(grey, expected)
    noise = float(np.percentile(differing[overlay.anchor], _NOISE_PERCENTILE))
    threshold = float(np.clip(_NOISE_FACTOR * noise, *_THRESHOLD_RANGE))
    regions = find_regions(differing, ncc, textured, overlap, threshold)
    rest = overlap & ~grown(regions.altered, 0.02) & ~grown(regions.set_aside, 0.015)
    judged = rest & textured
    agreement = ncc[judged] if int(judged.sum()) >= 100 else np.zeros(1, dtype=np.float32)
    return Difference(
        altered=regions.altered,
        altered_share=float(regions.altered.sum() / area),
        scattered_share=float(regions.scattered.sum() / area),
        set_aside_share=float(regions.set_aside.sum() / area),
        largest_share=largest_share(regions.altered),
        agreement=float(np.clip(np.percentile(agreement, 10), 0, 1)),
        median_agreement=float(np.clip(np.median(agreement), 0, 1)),
        textured_share=float(judged.sum() / max(1, rest.sum())),
        motion_px=_residual_motion(np.where(rest, grey, expected), expected, judged),
        moved_share=_moved_share(grey, expected, regions.altered),
        threshold=threshold,
    )


def _beyond_allowed(seen: Floats, expectations: tuple[Floats, ...]) -> Floats:
    """Distance in Lab beyond the range of the expectation's 3 by 3 neighbourhood.

    The best of the expectations counts at each pixel: changed is what none of them explains.
    """
    kernel = np.ones((3, 3), np.uint8)
    least = np.full(seen.shape[:2], np.inf, dtype=np.float32)
    for expectation in expectations:
        expected = _lab(expectation)
        above = np.maximum(0.0, seen - cv2.dilate(expected, kernel))
        below = np.maximum(0.0, cv2.erode(expected, kernel) - seen)
        least = np.minimum(least, _length(above + below))
    return np.asarray(cv2.GaussianBlur(least, (0, 0), 1.0), dtype=np.float32)


def _length(vectors: Floats) -> Floats:
    """Euclidean length over the last axis; NumPy's own takes ten times longer over a short one."""
    squares = vectors * vectors
    total = squares[..., 0] + squares[..., 1]
    for channel in range(2, vectors.shape[-1]):
        total += squares[..., channel]
    return np.asarray(np.sqrt(total, out=total), dtype=np.float32)


def _lab(rgb: Floats) -> Floats:
    return np.asarray(cv2.cvtColor(rgb / 255.0, cv2.COLOR_RGB2LAB), dtype=np.float32)


def _grey(rgb: Floats) -> Floats:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), dtype=np.float32)


def _local_ncc(seen: Floats, expected: Floats) -> tuple[Floats, Mask]:
    """Highest local correlation over shifts of at most one pixel, and where it means something."""
    mean_seen, std_seen = _moments(seen)
    _, std_expected = _moments(expected)
    best = np.full(seen.shape, -1.0, dtype=np.float32)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            moved = np.roll(expected, (dy, dx), axis=(0, 1))
            mean_moved, std_moved = _moments(moved)
            product = _box(seen * moved) - mean_seen * mean_moved
            best = np.maximum(best, product / (std_seen * std_moved + 1.0))
    return best, np.maximum(std_seen, std_expected) > _TEXTURE_STD


def _moments(grey: Floats) -> tuple[Floats, Floats]:
    mean = _box(grey)
    return mean, np.sqrt(np.maximum(0.0, _box(grey * grey) - mean * mean))


def _box(values: Floats) -> Floats:
    size = (_NCC_WINDOW_PX, _NCC_WINDOW_PX)
    return np.asarray(cv2.blur(values, size), dtype=np.float32)


def _residual_motion(seen: Floats, expected: Floats, judged: Mask) -> float:
    """90th percentile, in pixels, of dense optical flow where there is texture to follow."""
    # Flow in faint texture is noise.
    _, contrast = _moments(expected)
    followed = judged & (contrast > _FOLLOWED_STD)
    if int(followed.sum()) < _MIN_FOLLOWED_PX:
        return 0.0
    flow_of = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flow = flow_of.calc(_eight_bit(expected), _eight_bit(seen), np.zeros((0, 0), np.float32))
    return float(np.percentile(_length(flow)[followed], 90))


def _moved_share(seen: Floats, expected: Floats, altered: Mask) -> float:
    """Part of the changed regions whose blocks are found in the expectation, moved together.

    A limb that moved between two frames is found again, neighbouring blocks by about the same
    step; what was painted over is not, or each block somewhere else.
    """
    if not altered.any():
        return 0.0
    block = max(12, round(0.04 * max(seen.shape)))
    reach = 2 * block
    height, width = seen.shape
    steps: dict[tuple[int, int], tuple[float, float] | None] = {}
    for row, top in enumerate(range(0, height - block, block)):
        for column, left in enumerate(range(0, width - block, block)):
            place = np.s_[top : top + block, left : left + block]
            if (
                np.count_nonzero(altered[place]) < 0.7 * block * block
                or seen[place].std() < 2 * _TEXTURE_STD
            ):
                continue
            around_top, around_left = max(0, top - reach), max(0, left - reach)
            around = expected[around_top : top + block + reach, around_left : left + block + reach]
            scores = cv2.matchTemplate(around, seen[place], cv2.TM_CCOEFF_NORMED)
            _, best, _, (x, y) = cv2.minMaxLoc(scores)
            step = (around_top + y - top, around_left + x - left)
            steps[row, column] = step if best >= _MOVED_NCC else None
    if len(steps) < _MIN_MOVED_BLOCKS:
        return 0.0
    return sum(_moves_with_a_neighbour(steps, place) for place in steps) / len(steps)


def _moves_with_a_neighbour(
    steps: dict[tuple[int, int], tuple[float, float] | None], place: tuple[int, int]
) -> bool:
    own = steps[place]
    if own is None:
        return False
    row, column = place
    for beside in ((row, column + 1), (row, column - 1), (row + 1, column), (row - 1, column)):
        other = steps.get(beside)
        if other is not None and max(abs(own[0] - other[0]), abs(own[1] - other[1])) <= (
            _COHERENT_PX
        ):
            return True
    return False


def _eight_bit(grey: Floats) -> npt.NDArray[np.uint8]:
    return np.clip(grey, 0, 255).astype(np.uint8)
