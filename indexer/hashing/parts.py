"""Parts of a picture that its copies still hold when they are cropped, framed or in a collage.

1. A small grey map of the picture is cut at twelve levels of grey. Every area that hangs together,
   brighter or darker than the level, is a region: a face, a shirt, a window. Wherever the area
   stays whole, its bounding box is found again, whatever was cut away or put around it.
2. Boxes that are small, long or nearly the whole picture are dropped. What is inside of bars, and
   the panels of a collage (`panels.py`), join them.
3. Each box is hashed by itself, as PDQ hashes pictures; and so is the whole, to be found inside a
   frame. Flat boxes, and those with detail in a few places only (one edge across a plain field
   looks like any other), are dropped: they match strangers.
4. Known pictures are cut at two sizes of the map, since a crop shows what is left of them larger.
   Media that are looked at are hashed as they are and mirrored.

ImageHash's `crop_resistant_hash` had the idea (one level, a hundred milliseconds and more). Fixed
windows of known pictures, a hundred for each, find the crops that somebody thought of and no
others. The figures are in docs/hashing-figures.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from indexer.hashing import pdq
from indexer.hashing.hashes import MIN_PDQ_QUALITY, Shrunk, shrink
from indexer.hashing.panels import panels_of
from indexer.media.picture import Picture, Pixels
from indexer.observations import PartHash

Boxes = npt.NDArray[np.float32]
Shares = tuple[float, float, float, float]

PART_ORIENTATIONS: Final = ("upright", "mirrored")
"""Crops are mirrored often and turned seldom; eight would cost four times the look-ups."""
MAX_KNOWN_PARTS: Final = 64
MAX_MEDIUM_PARTS: Final = 40
"""The largest ones. Photographs have 23 in the median, known ones, at two sizes, 43."""

_LEVELS: Final = range(36, 228, 16)
_MEDIUM_MAP_PX: Final = 160
_KNOWN_MAPS_PX: Final = (160, 224)
_SMOOTHING_PX: Final = 3
_FEWEST_CORNERS: Final = 4
_MIN_SIDE: Final = 0.15
_MAX_SIDE: Final = 0.95
_MAX_ELONGATION: Final = 3.0
_MIN_DETAILED: Final = 0.6
_DETAIL: Final = 4.0
"""Standard deviation, in levels of grey, of an 8 x 8 block of samples that is not plain."""
_BLOCKS: Final = 8
_BLOCK_MEANS: Final = np.kron(
    np.eye(_BLOCKS), np.full((1, pdq.SAMPLES // _BLOCKS), _BLOCKS / pdq.SAMPLES)
).astype(np.float32)
_THOUSANDTHS: Final = 1000
_MOST: Final = 0.6
_WHOLE: Final = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class MediumParts:
    """Parts of a medium that is looked at; they are compared and forgotten.

    `boxes` is (n, 4) float32: left, top, right, bottom as shares of the picture; `codes` is
    (n, 2, 32) uint8, PDQ in the order of `PART_ORIENTATIONS`.
    """

    boxes: Boxes
    codes: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.boxes)


def known_parts(picture: Picture | Shrunk) -> tuple[PartHash, ...]:
    """Parts to recognise a known picture by, the largest first; none where it is too plain."""
    grey = _grey(picture)
    maps = [_map(grey, side_px) for side_px in _KNOWN_MAPS_PX]
    boxes = {box for small in maps for box in _regions(small)}
    boxes |= _shares(panels_of(maps[0]), maps[0])
    kept, sampled, qualities = _worth_hashing(grey, boxes, MAX_KNOWN_PARTS)
    codes = pdq.codes(pdq.frequencies(sampled))
    thousandths = np.rint(kept * _THOUSANDTHS).astype(int).tolist()
    return tuple(
        PartHash(code.tobytes().hex(), int(quality), *box)
        for code, quality, box in zip(codes, qualities, thousandths, strict=True)
    )


def large_parts(parts: Iterable[PartHash]) -> tuple[PartHash, ...]:
    """Those that are most of a picture.

    All that is known of a picture that was found somewhere: its small parts may be a site's sign,
    or another person's picture in the same collage.
    """
    return tuple(
        part
        for part in parts
        if (part.right - part.left) * (part.bottom - part.top) >= _MOST * _THOUSANDTHS**2
    )


def medium_parts(picture: Picture | Shrunk) -> MediumParts:
    """Parts of a medium to look up among those of known pictures, the largest first."""
    grey = _grey(picture)
    small = _map(grey, _MEDIUM_MAP_PX)
    boxes = _regions(small) | _shares(panels_of(small), small)
    kept, sampled, _ = _worth_hashing(grey, boxes, MAX_MEDIUM_PARTS)
    spectra = pdq.frequencies(sampled)
    codes = np.stack([pdq.codes(spectra), pdq.codes(pdq.mirrored(spectra))], axis=1)
    return MediumParts(kept, codes)


def _grey(picture: Picture | Shrunk) -> Pixels:
    return picture.grey if isinstance(picture, Shrunk) else shrink(picture).grey


def _map(grey: Pixels, side_px: int) -> Pixels:
    """The picture with `side_px` pixels on its longer side."""
    height, width = grey.shape
    scale = side_px / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, size, interpolation=how), dtype=np.uint8)


def _regions(small: Pixels) -> set[Shares]:
    """Boxes about areas that are brighter or darker than one of the levels."""
    height, width = small.shape
    smooth = cv2.blur(small, (_SMOOTHING_PX, _SMOOTHING_PX))
    boxes: set[tuple[int, int, int, int]] = set()
    for level in _LEVELS:
        brighter = (smooth > level).view(np.uint8)
        for mask in (brighter, 1 - brighter):
            contours, parents = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
            if not contours:
                continue
            for contour, parent in zip(contours, parents[0, :, 3].tolist(), strict=True):
                # with a parent it runs about a hole; most are specks of a few pixels
                if parent >= 0 or len(contour) < _FEWEST_CORNERS:
                    continue
                left, top, box_px, tall_px = cv2.boundingRect(contour)
                if _is_usable(box_px / width, tall_px / height, box_px / tall_px):
                    boxes.add((left, top, left + box_px, top + tall_px))
    return _shares(boxes, small)


def _shares(boxes: Iterable[tuple[int, int, int, int]], small: Pixels) -> set[Shares]:
    """Left, top, right and bottom in pixels of the map as shares of the picture."""
    height, width = small.shape
    return {(x / width, y / height, r / width, b / height) for x, y, r, b in boxes}


def _is_usable(width: float, height: float, ratio: float) -> bool:
    return (
        min(width, height) >= _MIN_SIDE
        and (width < _MAX_SIDE or height < _MAX_SIDE)
        and 1 / _MAX_ELONGATION <= ratio <= _MAX_ELONGATION
    )


def _worth_hashing(
    grey: Pixels, boxes: set[Shares], at_most: int
) -> tuple[Boxes, pdq.Floats, npt.NDArray[np.int64]]:
    """The whole and the largest boxes with detail all over: shares, samples and qualities."""
    ordered = np.array([_WHOLE, *sorted(boxes, key=_by_size)[: at_most - 1]], dtype=np.float32)
    sampled = _sampled(grey, ordered)
    qualities = pdq.qualities(sampled)
    kept = (qualities >= MIN_PDQ_QUALITY) & (_detailed(sampled) >= _MIN_DETAILED)
    return ordered[kept], sampled[kept], qualities[kept]


def _by_size(box: Shares) -> tuple[float, ...]:
    """The largest first, always in the same order."""
    left, top, right, bottom = box
    return (-(right - left) * (bottom - top), *box)


def _sampled(grey: Pixels, boxes: Boxes) -> pdq.Floats:
    """(n, 64, 64) float32: area means of each box."""
    full = grey.astype(np.float32)
    halved = _halved(full)
    sampled = np.empty((len(boxes), pdq.SAMPLES, pdq.SAMPLES), dtype=np.float32)
    edges = zip(_edges_px(full, boxes), _edges_px(halved, boxes), strict=True)
    for place, (in_full, in_half) in enumerate(edges):
        # half as large a big part still has two pixels a sample, in a fifth of the time
        is_big = min(in_full[2] - in_full[0], in_full[3] - in_full[1]) >= 2 * pdq.SAMPLES
        light = halved if is_big else full
        left, top, right, bottom = in_half if is_big else in_full
        part = light[top : max(bottom, top + 1), left : max(right, left + 1)]
        sampled[place] = pdq.area_samples(part)
    return sampled


def _halved(light: pdq.Floats) -> pdq.Floats:
    height, width = light.shape
    size = ((width + 1) // 2, (height + 1) // 2)
    return np.asarray(cv2.resize(light, size, interpolation=cv2.INTER_AREA), dtype=np.float32)


def _edges_px(light: pdq.Floats, boxes: Boxes) -> list[list[int]]:
    height, width = light.shape
    edges: list[list[int]] = np.rint(boxes * (width, height, width, height)).astype(int).tolist()
    return edges


def _detailed(sampled: pdq.Floats) -> pdq.Floats:
    """(n,) shares of each part's blocks that are not plain."""
    means = _BLOCK_MEANS @ sampled @ _BLOCK_MEANS.T
    squares = _BLOCK_MEANS @ (sampled * sampled) @ _BLOCK_MEANS.T
    detailed = squares - means * means > _DETAIL * _DETAIL
    return np.asarray(detailed.mean(axis=(1, 2)), dtype=np.float32)
