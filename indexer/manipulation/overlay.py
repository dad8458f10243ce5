"""The reference as it would look in the suspect, had nothing been changed.

1. Both at one comparison size, the coarser of the two; the reference warped onto the suspect.
2. The sharper one is blurred to the other's sharpness.
3. Colours: one smooth robust mapping from reference to suspect, anchored where points agree, so
   that filters and greyscale are explained, and a changed region is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from indexer.manipulation.alignment import Alignment, Floats, Matrix
from indexer.media.picture import Picture, Pixels

Mask = npt.NDArray[np.bool_]

COMPARISON_SIDE_PX: Final = 640
_ANCHOR_RADIUS_SHARE: Final = 0.02
_FIT_ROUNDS: Final = 6
_MIN_OVERLAP_PX: Final = 48 * 48
_MIN_ANCHOR_PX: Final = 200
_MAX_FIT_SAMPLES: Final = 20_000
_BLUR_SIGMAS_PX: Final = (0.0, 0.5, 0.8, 1.2, 1.8, 2.6)


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """Suspect and expectation on one grid, (h, w, 3) float32 RGB 0-255.

    `overlap` is where the reference has pixels, `anchor` where points were found to agree.
    `expectations` holds one or more explanations of the colours; the best one counts at each pixel.
    `to_full` is suspect full-size pixels for each grid pixel, `held_per_grid` those that the
    suspect holds; the grid is mirrored back already.
    """

    suspect: Floats
    expectations: tuple[Floats, ...]
    overlap: Mask
    anchor: Mask
    to_full: float
    held_per_grid: float


def lay_over(suspect: Picture, reference: Picture, alignment: Alignment) -> Overlay | None:
    """Bring both onto one grid; None when their overlap is too small to be compared."""
    shrink = min(
        1.0,
        1.0 / alignment.scale,
        COMPARISON_SIDE_PX / max(suspect.width_px, suspect.height_px),
    )
    width = max(1, round(suspect.width_px * shrink))
    height = max(1, round(suspect.height_px * shrink))
    pixels = suspect.pixels[:, ::-1] if alignment.mirrored else suspect.pixels
    seen = _resized(np.ascontiguousarray(pixels), (width, height))
    warped, overlap = _warped(reference.pixels, alignment, shrink, (width, height))
    if int(overlap.sum()) < _MIN_OVERLAP_PX:
        return None
    anchor = _anchor(alignment.inlier_points_px * shrink, overlap)
    if int(anchor.sum()) < _MIN_ANCHOR_PX:
        return None
    seen_smooth, warped_smooth = _same_sharpness(seen, warped, anchor)
    plain, rich = (
        _recoloured(seen_smooth, warped_smooth, anchor, overlap, terms) for terms in (_plain, _rich)
    )
    expectations = (plain, rich, _relit(seen_smooth, rich, anchor))
    # Back from the mirror, so that a place in the overlay is a place in the medium.
    step = -1 if alignment.mirrored else 1
    return Overlay(
        suspect=np.ascontiguousarray(seen_smooth[:, ::step]),
        expectations=tuple(np.ascontiguousarray(each[:, ::step]) for each in expectations),
        overlap=np.ascontiguousarray(overlap[:, ::step]),
        anchor=np.ascontiguousarray(anchor[:, ::step]),
        to_full=suspect.full_width_px / width,
        held_per_grid=suspect.width_px / width,
    )


def _resized(pixels: Pixels, size: tuple[int, int]) -> Floats:
    resized = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return np.asarray(resized, dtype=np.float32)


def _warped(
    pixels: Pixels, alignment: Alignment, shrink: float, size: tuple[int, int]
) -> tuple[Floats, Mask]:
    height, width = pixels.shape[:2]
    # Shrink by area first: warping alone would alias.
    before = min(1.0, alignment.scale * shrink)
    small = _resized(pixels, (max(1, round(width * before)), max(1, round(height * before))))
    from_small = np.diag([width / small.shape[1], height / small.shape[0], 1.0])
    # Pixel centres lie at half pixels: resizing by area keeps corners, not centres.
    to_grid: Matrix = (
        _centre_shift(-0.5)
        @ np.diag([shrink, shrink, 1.0])
        @ _centre_shift(0.5)
        @ alignment.to_suspect
        @ _centre_shift(-0.5)
        @ from_small
        @ _centre_shift(0.5)
    )
    warped = cv2.warpPerspective(
        small, to_grid, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    inside = cv2.warpPerspective(
        np.full(small.shape[:2], 255, dtype=np.uint8), to_grid, size, flags=cv2.INTER_NEAREST
    )
    # The outermost pixels mix with what lies outside the reference.
    overlap = cv2.erode(inside, np.ones((5, 5), np.uint8), borderValue=255) > 0
    return np.clip(warped, 0, 255).astype(np.float32), overlap


def _centre_shift(by_px: float) -> Matrix:
    shift = np.eye(3)
    shift[0, 2] = shift[1, 2] = by_px
    return shift


def _anchor(points_px: Floats, overlap: Mask) -> Mask:
    """Discs around agreeing points: what lies there is certainly the same content."""
    height, width = overlap.shape
    seeds = np.zeros((height, width), dtype=np.uint8)
    radius = max(3, round(_ANCHOR_RADIUS_SHARE * max(height, width)))
    for x, y in np.round(points_px).astype(int):
        cv2.circle(seeds, (int(x), int(y)), radius, 255, -1)
    return (seeds > 0) & overlap


def _same_sharpness(seen: Floats, warped: Floats, anchor: Mask) -> tuple[Floats, Floats]:
    """Blur the sharper picture until fine detail at the anchors has the other's strength.

    Both are first smoothed a little, which takes out the codec's noise.
    """
    seen, warped = _blurred(seen, 0.7), _blurred(warped, 0.7)
    fine_seen, fine_warped = _fine_detail(seen, anchor), _fine_detail(warped, anchor)
    sharper, target = (warped, fine_seen) if fine_warped > fine_seen else (seen, fine_warped)
    options = [_blurred(sharper, sigma) for sigma in _BLUR_SIGMAS_PX]
    best = min(options, key=lambda each: abs(_fine_detail(each, anchor) - target))
    return (seen, best) if fine_warped > fine_seen else (best, warped)


def _fine_detail(pixels: Floats, anchor: Mask) -> float:
    """Detail finer than 1.5 pixels relative to coarser detail: contrast cancels out."""
    grey = channel_mean(pixels)
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.5)
    fine = np.abs(grey - smooth)[anchor].mean()
    coarse = np.abs(smooth - cv2.GaussianBlur(grey, (0, 0), 6.0))
    return float(fine / (coarse[anchor].mean() + 0.5))


def channel_mean(values: Floats) -> Floats:
    """The mean over the last axis, which holds three channels; NumPy's own takes ten times longer
    over so short an axis."""
    total = values[..., 0] + values[..., 1]
    total += values[..., 2]
    total /= np.float32(3)
    return total


def _blurred(pixels: Floats, sigma_px: float) -> Floats:
    if sigma_px == 0.0:
        return pixels
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma_px), dtype=np.float32)


def _recoloured(
    seen: Floats, warped: Floats, anchor: Mask, overlap: Mask, terms: Callable[[Floats], Floats]
) -> Floats:
    """`warped` in the suspect's colours by trimmed least squares over the anchors.

    Rounds after the first take every pixel of the overlap that already fits, so that large flat
    areas, which have no points, have their say.
    """
    height, width = overlap.shape
    target = seen.reshape(-1, 3)
    basis = terms(warped.reshape(-1, 3) / 255.0)
    predicted = target
    chosen = np.flatnonzero(anchor)
    for round_number in range(_FIT_ROUNDS):
        step = max(1, len(chosen) // _MAX_FIT_SAMPLES)
        sample = chosen[::step]
        rows = basis[sample]
        # A little pull towards "unchanged": an all-grey anchor leaves colour terms undetermined.
        pull = 1e-4 * len(sample)
        unchanged = 255.0 * np.eye(basis.shape[1], 3, dtype=np.float32)
        gram = rows.T @ rows + pull * np.eye(basis.shape[1], dtype=np.float32)
        mapping = np.linalg.solve(gram, rows.T @ target[sample] + pull * unchanged)
        predicted = np.clip(basis @ mapping, 0, 255)
        error = channel_mean(np.abs(predicted - target))
        limit = max(4.0, 2.5 * 1.4826 * float(np.median(error[sample])))
        pool = np.flatnonzero(anchor if round_number < 2 else overlap)
        fitting = pool[error[pool] <= limit]
        if len(fitting) < 200:
            break
        chosen = fitting
    return predicted.reshape(height, width, 3).astype(np.float32)


def _relit(seen: Floats, expected: Floats, anchor: Mask) -> Floats:
    """`expected` under a light that changes slowly over the picture: vignettes, gradients.

    One gain for each channel, of second degree in x and y, fitted at the anchors alone: a changed
    region, which has none, cannot explain itself.
    """
    height, width = anchor.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    surface = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6)
    chosen = np.flatnonzero(anchor)
    chosen = chosen[:: max(1, len(chosen) // _MAX_FIT_SAMPLES)]
    # A gain of one everywhere, unless the anchors say otherwise.
    pull = 1e-3 * len(chosen) * np.eye(6, dtype=np.float32)
    relit = np.empty_like(expected)
    for channel in range(3):
        was = expected[..., channel].reshape(-1) / 255.0
        now = seen[..., channel].reshape(-1) / 255.0
        rows = surface[chosen] * was[chosen, None]
        gain = np.linalg.solve(rows.T @ rows + pull, rows.T @ now[chosen] + pull[:, 0])
        relit[..., channel] = (255.0 * was * (surface @ gain)).reshape(height, width)
    return np.clip(relit, 0, 255).astype(np.float32)


def _plain(rgb: Floats) -> Floats:
    """A gain for each pair of channels and an offset: brightness, tint, saturation, greyscale."""
    return np.concatenate([rgb, np.ones_like(rgb[:, :1])], axis=1)


def _rich(rgb: Floats) -> Floats:
    """The same with squares: contrast curves."""
    return np.concatenate([rgb, rgb * rgb, np.ones_like(rgb[:, :1])], axis=1)
