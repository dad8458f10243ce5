"""From differing pixels to changed regions: thick and compact, or set aside.

1. Strong and weak evidence at each pixel: colour beyond what is allowed, or structure that is gone.
2. Strong evidence, where it is dense, makes cores; cores that are strokes (text, watermarks, lines)
   are set aside.
3. Cores grow into the weak evidence around them, are closed, filled, smoothed; specks are dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from indexer.manipulation.alignment import Floats
from indexer.manipulation.overlay import Mask

_DENSITY_WINDOW_PX: Final = 7
_GONE_NCC: Final = 0.35  # structure that is certainly not there any more
_DOUBTFUL_NCC: Final = 0.6
_SAME_NCC: Final = 0.7  # from here on the structure is there: only its colour may have changed
_SAME_NCC_FULL: Final = 0.95
_RECOLOURING_FACTOR: Final = 1.5
_MIN_REGION_SHARE: Final = 0.01
# Measured on filters (gamma, contrast, vignette, saturation, local contrast), which replace
# nothing: regions that they leave keep their structure and differ by 2.4 thresholds at most.
_MIN_TEXTURED_SHARE: Final = 0.25
_REPLACED_NCC: Final = 0.6
_REPLACED_NCC_FLOOR: Final = 0.28  # the less colour differs, the more structure must be gone
_REPLACED_EXCESS: Final = 0.75
_RECOLOURED_EXCESS: Final = 3.0
_SPECK_SHARE: Final = 0.0005
# Shares of the longer side.
_STROKE_SHARE: Final = 0.02
_TEXT_STROKE_SHARE: Final = 0.05
_REACH_SHARE: Final = 0.05
_CLOSE_SHARE: Final = 0.015
_OPEN_SHARE: Final = 0.009
# Measured: lines of text cover at most .035 of a picture and are 2.3 to 10 times as long as high;
# painted-over regions are .036 of the side thick or more, and compact.
_TEXT_AREA_SHARE: Final = 0.05
_TEXT_RATIO: Final = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """`altered`: changed regions. `set_aside`: strokes. `scattered`: what else differs."""

    altered: Mask
    set_aside: Mask
    scattered: Mask


def find_regions(
    differing: Floats,
    ncc: Floats,
    textured: Mask,
    overlap: Mask,
    threshold: float,
) -> Regions:
    """Group the evidence. All arrays share one grid; `differing` is in Lab units."""
    side = max(overlap.shape)
    # Where the structure is all there, only a clear change of colour counts.
    same = np.where(textured, np.clip((ncc - _SAME_NCC) / (_SAME_NCC_FULL - _SAME_NCC), 0, 1), 0.0)
    needed = threshold * (1.0 + _RECOLOURING_FACTOR * same)
    gone = textured & (ncc < _GONE_NCC) & (differing > 0.35 * threshold)
    strong = overlap & ((differing > needed) | gone)
    weak = overlap & (
        (differing > 0.5 * needed)
        | (textured & (ncc < _DOUBTFUL_NCC) & (differing > 0.2 * threshold))
    )
    cores, strokes = _split_strokes(_dense(strong), differing, side)
    cores = opened(cores, max(2, round(_OPEN_SHARE * side / 2)))
    reachable = _connected(cores, _dense(weak) & grown(cores, _REACH_SHARE) & ~strokes)
    joined = _closed(cores | reachable, max(3, round(_CLOSE_SHARE * side)))
    smooth = opened(_filled(joined) & overlap, max(3, round(_OPEN_SHARE * side)))
    altered = _replaced(smooth, differing / threshold, ncc, textured, float(overlap.sum()))
    near = grown(altered, 0.02)
    return Regions(
        altered=altered,
        set_aside=strokes & ~near,
        scattered=strong & ~near & ~grown(strokes, 0.005),
    )


def opened(mask: Mask, radius_px: int) -> Mask:
    """Without everything thinner than twice the radius."""
    return _set(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, _disc(radius_px)))


def grown(mask: Mask, by_share: float) -> Mask:
    """Dilated by a share of the longer side."""
    radius = max(1, round(by_share * max(mask.shape)))
    return _set(cv2.dilate(mask.astype(np.uint8), _disc(radius)))


def largest_share(mask: Mask) -> float:
    """The largest connected part of a mask, as a share of the whole mask; 0 when it is empty."""
    total = int(mask.sum())
    if not total:
        return 0.0
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    return float(stats[1:, cv2.CC_STAT_AREA].max() / total)


def _split_strokes(dense: Mask, differing: Floats, side: int) -> tuple[Mask, Mask]:
    """Components of `dense` that are regions, and those that are strokes or lines of text.

    A line of text is small, long, and nowhere as thick as a region: measured at half its contrast,
    because smoothing and a low threshold make bold strokes of thin ones.
    """
    regions, strokes = np.zeros_like(dense), np.zeros_like(dense)
    for place, component in _components(_closed(dense, 2)):
        area = int(component.sum())
        target = strokes
        if area >= _SPECK_SHARE * dense.size:
            around = differing[place]
            half = 0.5 * float(np.percentile(around[component], 90))
            inked = np.pad((component & (around > half)).astype(np.uint8), 1)
            thickness = 2.0 * float(cv2.distanceTransform(inked, cv2.DIST_L2, 3).max()) / side
            line = (
                area <= _TEXT_AREA_SHARE * dense.size
                and thickness <= _TEXT_STROKE_SHARE
                and _elongation(component) >= _TEXT_RATIO
            )
            target = strokes if line or thickness <= _STROKE_SHARE else regions
        target[place] |= component
    return regions, strokes


def _components(mask: Mask) -> Iterator[tuple[tuple[slice, slice], Mask]]:
    """Each connected part as its bounding rectangle and its mask inside that."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    for label in range(1, count):
        left, top, width, height = (int(value) for value in stats[label, :4])
        place = (slice(top, top + height), slice(left, left + width))
        yield place, np.asarray(labels[place] == label)


def _elongation(component: Mask) -> float:
    """Longer by shorter side of the smallest rectangle around it, turned as it may be."""
    rows, columns = np.nonzero(component)
    points = np.stack([columns, rows], axis=1).astype(np.float32)
    _, (width, height), _ = cv2.minAreaRect(points)
    return float(max(width, height) / max(1.0, min(width, height)))


def _dense(mask: Mask) -> Mask:
    window = (_DENSITY_WINDOW_PX, _DENSITY_WINDOW_PX)
    return np.asarray(cv2.blur(mask.astype(np.float32), window)) > 0.5


def _connected(cores: Mask, candidates: Mask) -> Mask:
    """The parts of `candidates` that touch a core."""
    count, labels = cv2.connectedComponents((candidates | cores).astype(np.uint8))
    touched = np.zeros(count, dtype=np.bool_)
    touched[np.unique(labels[cores])] = True
    touched[0] = False
    return np.asarray(touched[labels], dtype=np.bool_)


def _replaced(
    mask: Mask, excess: Floats, ncc: Floats, textured: Mask, overlap_area_px: float
) -> Mask:
    """The components in which something was replaced, not merely lit or graded otherwise.

    Either the structure is gone, or the colour is far from any that the expectation allows.
    """
    kept = np.zeros_like(mask)
    for place, component in _components(mask):
        share = float(component.sum()) / overlap_area_px
        structure = component & textured[place]
        median_excess = float(np.median(excess[place][component]))
        gone = (
            structure.sum() >= _MIN_TEXTURED_SHARE * component.sum()
            and median_excess >= _REPLACED_EXCESS
            and float(np.median(ncc[place][structure]))
            < min(_REPLACED_NCC, _REPLACED_NCC_FLOOR + 0.25 * median_excess)
        )
        if share >= _MIN_REGION_SHARE and (gone or median_excess >= _RECOLOURED_EXCESS):
            kept[place] |= component
    return kept


def _closed(mask: Mask, radius_px: int) -> Mask:
    return _set(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, _disc(radius_px)))


def _filled(mask: Mask) -> Mask:
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(mask.shape, dtype=np.uint8)
    cv2.drawContours(filled, outlines, -1, (1,), thickness=cv2.FILLED)
    return filled > 0


def _set(values: npt.ArrayLike) -> Mask:
    return np.asarray(values) > 0


def _disc(radius_px: int) -> npt.NDArray[np.uint8]:
    side = 2 * radius_px + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), dtype=np.uint8)
