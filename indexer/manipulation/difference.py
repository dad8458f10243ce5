"""Where the suspect is not what the reference lets one expect, and how well the rest agrees.

1. Colour difference in Lab, tolerant of half a pixel of misplacement; local correlation (NCC).
2. Thresholds from the noise where points agree (median absolute deviation).
3. Morphology: what is thick and compact is a changed region; thin strokes (text, watermarks, edges)
   are set aside and counted.
4. Agreement and residual motion of what is left; and whether a changed region's content has merely
   moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from indexer.manipulation.alignment import Floats
from indexer.manipulation.overlay import Mask, Overlay

_NCC_WINDOW_PX: Final = 11
_TEXTURE_STD: Final = 4.0  # grey levels; below it a correlation is one of noise
_LOW_NCC: Final = 0.35
_THRESHOLD_RANGE: Final = (7.0, 22.0)  # Lab units: just visible beside each other .. unmistakable
_NOISE_FACTOR: Final = 4.5
_MOVED_NCC: Final = 0.8
_MIN_REGION_SHARE: Final = 0.004


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """What the comparison of an overlay showed. Shares are of the overlap, in [0, 1].

    `altered` is the mask of changed regions on the overlay's grid. `scattered_share` is what
    differs outside of them. `largest_share` is the largest region's part of all that changed.
    `agreement` is the 10th percentile of local correlation in the textured rest, `median_agreement`
    its median; `motion_px` the 90th percentile of residual motion there. `moved_share` is the part
    of the changed regions whose content is found elsewhere nearby.
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
    exact, tolerant = _colour_difference(overlay)
    grey = _grey(overlay.suspect)
    expected = _grey(overlay.expectations[0])
    ncc, textured = _local_ncc(grey, expected)
    noise = 1.4826 * float(np.median(exact[overlay.anchor])) if overlay.anchor.any() else 5.0
    threshold = float(np.clip(_NOISE_FACTOR * noise, *_THRESHOLD_RANGE))
    hot = tolerant > threshold
    hot |= textured & (ncc < _LOW_NCC) & (tolerant > 0.35 * threshold)
    hot &= overlap
    altered = _regions(hot, overlap, area)
    rest = overlap & ~_grown(altered, 0.02)
    scattered = hot & rest
    thin = scattered & ~_opened(scattered, 2)
    judged = rest & textured
    agreement = ncc[judged & ~_grown(thin, 0.01)]
    if agreement.size < 100:
        agreement = np.zeros(1, dtype=np.float32)
    return Difference(
        altered=altered,
        altered_share=float(altered.sum() / area),
        scattered_share=float(scattered.sum() / area),
        set_aside_share=float(thin.sum() / area),
        largest_share=_largest_share(altered),
        agreement=float(np.clip(np.percentile(agreement, 10), 0, 1)),
        median_agreement=float(np.clip(np.median(agreement), 0, 1)),
        textured_share=float(judged.sum() / max(1, rest.sum())),
        motion_px=_residual_motion(grey, expected, judged),
        moved_share=_moved_share(grey, expected, altered),
        threshold=threshold,
    )


def _colour_difference(overlay: Overlay) -> tuple[Floats, Floats]:
    """Distance in Lab, as it is and beyond what the expectation's neighbourhood allows.

    The best of the expectations counts at each pixel: changed is what none of them explains.
    """
    seen = _lab(overlay.suspect)
    exact = np.full(overlay.overlap.shape, np.inf, dtype=np.float32)
    tolerant = exact.copy()
    kernel = np.ones((3, 3), np.uint8)
    for expectation in overlay.expectations:
        expected = _lab(expectation)
        exact = np.minimum(exact, np.linalg.norm(seen - expected, axis=2))
        above = np.maximum(0.0, seen - cv2.dilate(expected, kernel))
        below = np.maximum(0.0, cv2.erode(expected, kernel) - seen)
        tolerant = np.minimum(tolerant, np.linalg.norm(above + below, axis=2))
    smooth = cv2.GaussianBlur(tolerant, (0, 0), 1.0)
    return exact.astype(np.float32), np.asarray(smooth, dtype=np.float32)


def _lab(rgb: Floats) -> Floats:
    return np.asarray(cv2.cvtColor(rgb / 255.0, cv2.COLOR_RGB2LAB), dtype=np.float32)


def _grey(rgb: Floats) -> Floats:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), dtype=np.float32)


def _local_ncc(seen: Floats, expected: Floats) -> tuple[Floats, Mask]:
    """Highest local correlation over shifts of at most one pixel, and where it means something."""
    mean_seen, std_seen = _moments(seen)
    best = np.full(seen.shape, -1.0, dtype=np.float32)
    std_expected = std_seen
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            moved = np.roll(expected, (dy, dx), axis=(0, 1))
            mean_moved, std_moved = _moments(moved)
            if not dx and not dy:
                std_expected = std_moved
            product = _box(seen * moved) - mean_seen * mean_moved
            best = np.maximum(best, product / (std_seen * std_moved + 1.0))
    return best, np.maximum(std_seen, std_expected) > _TEXTURE_STD


def _moments(grey: Floats) -> tuple[Floats, Floats]:
    mean = _box(grey)
    return mean, np.sqrt(np.maximum(0.0, _box(grey * grey) - mean * mean))


def _box(values: Floats) -> Floats:
    size = (_NCC_WINDOW_PX, _NCC_WINDOW_PX)
    return np.asarray(cv2.blur(values, size), dtype=np.float32)


def _regions(hot: Mask, overlap: Mask, area: int) -> Mask:
    """Thick, compact regions of what differs: filled, smoothed, without specks and strokes."""
    side = max(hot.shape)
    dense = cv2.blur(hot.astype(np.float32), (7, 7)) > 0.5
    # Strokes first: a watermark's letters must not be closed into a block.
    core = _opened(dense, max(2, round(0.006 * side)))
    joined = _closed(core | (dense & _grown(core, 0.012)), max(3, round(0.015 * side)))
    filled = _filled(joined) & overlap
    opened = _opened(filled, max(3, round(0.009 * side)))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened.astype(np.uint8))
    kept = np.zeros_like(opened)
    for label in range(1, count):
        if stats[label, cv2.CC_STAT_AREA] >= _MIN_REGION_SHARE * area:
            kept |= labels == label
    return kept


def _opened(mask: Mask, radius_px: int) -> Mask:
    return _set(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, _disc(radius_px)))


def _closed(mask: Mask, radius_px: int) -> Mask:
    return _set(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, _disc(radius_px)))


def _grown(mask: Mask, by_share: float) -> Mask:
    radius = max(1, round(by_share * max(mask.shape)))
    return _set(cv2.dilate(mask.astype(np.uint8), _disc(radius)))


def _set(values: npt.ArrayLike) -> Mask:
    return np.asarray(values) > 0


def _disc(radius_px: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    side = 2 * radius_px + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), dtype=np.uint8)


def _filled(mask: Mask) -> Mask:
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(mask.shape, dtype=np.uint8)
    cv2.drawContours(filled, outlines, -1, 1, thickness=cv2.FILLED)
    return filled > 0


def _largest_share(altered: Mask) -> float:
    total = int(altered.sum())
    if not total:
        return 0.0
    _, _, stats, _ = cv2.connectedComponentsWithStats(altered.astype(np.uint8))
    return float(stats[1:, cv2.CC_STAT_AREA].max() / total)


def _residual_motion(seen: Floats, expected: Floats, judged: Mask) -> float:
    """90th percentile, in pixels, of dense optical flow where there is texture to follow."""
    if int(judged.sum()) < 100:
        return 0.0
    flow_of = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flow = flow_of.calc(_eight_bit(expected), _eight_bit(seen), None)
    return float(np.percentile(np.linalg.norm(flow, axis=2)[judged], 90))


def _moved_share(seen: Floats, expected: Floats, altered: Mask) -> float:
    """Part of the changed regions whose blocks are found in the expectation, a little away.

    A limb that moved between two frames is found again; what was painted over is not.
    """
    block = max(12, round(0.035 * max(seen.shape)))
    reach = 2 * block
    height, width = seen.shape
    found = tried = 0
    for top in range(0, height - block, block):
        for left in range(0, width - block, block):
            place = np.s_[top : top + block, left : left + block]
            if altered[place].mean() < 0.7 or seen[place].std() < 2 * _TEXTURE_STD:
                continue
            tried += 1
            around = expected[
                max(0, top - reach) : top + block + reach,
                max(0, left - reach) : left + block + reach,
            ]
            scores = cv2.matchTemplate(around, seen[place], cv2.TM_CCOEFF_NORMED)
            found += float(scores.max()) >= _MOVED_NCC
    return found / tried if tried else 0.0


def _eight_bit(grey: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.clip(grey, 0, 255).astype(np.uint8)
