"""PDQ, the perceptual hash of Meta's ThreatExchange, bit for bit as its library computes it.

1. Luminance of each pixel, (height, width) float32 of 0 to 255, two passes of box filters over it,
   sampled at 64 x 64 points: `samples`.
2. The 16 x 16 lowest frequencies of the samples' cosine transform, without the constant ones.
3. Each bit says whether a frequency is above the median. Turning or mirroring the picture
   transposes the frequencies or changes signs, so all eight hashes cost little more than one.

The filters are OpenCV's: on a picture of 512 x 512 pixels all eight take 2 ms instead of 5. What
is hashed in step 2 may also be the 64 x 64 area means of a part of a picture (see `parts`).
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint8]

PDQ_BITS: Final = 256
SAMPLES: Final = 64
_FREQUENCIES: Final = 16
_SMALLEST_SIDE_PX: Final = 5
_STEPS_PER_QUALITY: Final = 90

_COSINES: Final = np.sqrt(2 / SAMPLES, dtype=np.float64) * np.cos(
    np.pi
    / (2 * SAMPLES)
    * np.arange(1, _FREQUENCIES + 1)[:, None]
    * (2 * np.arange(SAMPLES)[None, :] + 1)
)
_DOWN: Final[Floats] = _COSINES.astype(np.float32)
_ACROSS: Final[Floats] = np.ascontiguousarray(_DOWN.T)

# Frequencies 1, 3, 5 ... change their sign when the picture is mirrored along their direction.
_ODD: Final[Floats] = np.where(np.arange(_FREQUENCIES) % 2 == 0, -1, 1).astype(np.float32)

# For each of `ORIENTATIONS`, what happens to the frequencies: transposed, and then a change of
# sign of the odd rows (mirrored upside down) and of the odd columns.
_TURNS: Final = (
    (False, False, False),
    (True, True, False),
    (False, True, True),
    (True, False, True),
    (False, True, False),
    (False, False, True),
    (True, False, False),
    (True, True, True),
)
TURNS: Final = len(_TURNS)


def samples(light: Floats) -> Floats:
    """The 64 x 64 samples of a picture's luminance after PDQ's filter.

    A picture of fewer than five pixels a side has none to speak of: zeros, of quality 0.
    """
    height, width = light.shape
    if min(height, width) < _SMALLEST_SIDE_PX:
        return np.zeros((SAMPLES, SAMPLES), dtype=np.float32)
    blurred = _filtered(_filtered(light))
    return blurred[np.ix_(_sampled_places(height), _sampled_places(width))]


def area_samples(light: Floats) -> Floats:
    """64 x 64 area means of a picture (a part of one): 10 bits from PDQ's own, much cheaper."""
    small = min(light.shape) < SAMPLES
    means = cv2.resize(
        light,
        (SAMPLES, SAMPLES),
        interpolation=cv2.INTER_LINEAR if small else cv2.INTER_AREA,
    )
    return np.asarray(means, dtype=np.float32)


def frequencies(sampled: Floats) -> Floats:
    """(n, 64, 64) samples to (n, 16, 16): rows are frequencies down, columns across."""
    return np.asarray(_DOWN @ sampled @ _ACROSS, dtype=np.float32)


def codes(spectra: Floats) -> Codes:
    """(n, 16, 16) frequencies to (n, 32) bytes, the last bit first as PDQ's references write it."""
    flat = spectra.reshape(len(spectra), PDQ_BITS)
    # the lower of the two middle values, as the reference's median is
    median = np.partition(flat, PDQ_BITS // 2 - 1, axis=1)[:, PDQ_BITS // 2 - 1]
    return np.packbits((flat > median[:, None])[:, ::-1], axis=1)


def all_codes(spectra: Floats) -> npt.NDArray[np.uint8]:
    """(n, 16, 16) frequencies to (n, 8, 32) bytes: turned and mirrored as `ORIENTATIONS` says."""
    turned = np.empty((TURNS, *spectra.shape), dtype=np.float32)
    for place, (transposed, rows, columns) in enumerate(_TURNS):
        each = spectra.transpose(0, 2, 1) if transposed else spectra
        if rows:
            each = each * _ODD[:, None]
        if columns:
            each = each * _ODD[None, :]
        turned[place] = each
    every = codes(turned.reshape(-1, _FREQUENCIES, _FREQUENCIES))
    return every.reshape(TURNS, len(spectra), -1).transpose(1, 0, 2)


def mirrored(spectra: Floats) -> Floats:
    """(n, 16, 16) frequencies of the pictures with left and right exchanged."""
    return spectra * _ODD[None, :]


def qualities(sampled: Floats) -> npt.NDArray[np.int64]:
    """(n, 64, 64) samples to (n,) qualities, 0 to 100: how much there is to tell pictures apart."""
    # in whole hundredths of the range, so that many tiny differences count for nothing
    hundredths = sampled * np.float32(100 / 255)
    down = np.abs(np.diff(hundredths, axis=1).astype(np.int16)).sum(axis=(1, 2), dtype=np.int64)
    across = np.abs(np.diff(hundredths, axis=2).astype(np.int16)).sum(axis=(1, 2), dtype=np.int64)
    return np.asarray(np.minimum(100, (down + across) // _STEPS_PER_QUALITY), dtype=np.int64)


def _filtered(light: Floats) -> Floats:
    """One pass: the mean of the window about each pixel; at the rims only of what is there."""
    height, width = light.shape
    behind_x, across = _window(width)
    behind_y, down = _window(height)
    sums = cv2.boxFilter(
        light,
        -1,
        (_window_px(width), _window_px(height)),
        anchor=(behind_x, behind_y),
        normalize=False,
        borderType=cv2.BORDER_CONSTANT,
    )
    sums *= across[None, :]
    sums *= down[:, None]
    return np.asarray(sums, dtype=np.float32)


def _window(length: int) -> tuple[int, Floats]:
    """How far a window reaches back, and one over how many pixels it covers at each place."""
    window = _window_px(length)
    ahead = (window + 2) // 2 - 1
    behind = window - 1 - ahead
    places = np.arange(length)
    covered = np.minimum(places + ahead, length - 1) - np.maximum(places - behind, 0) + 1
    return behind, (1 / covered).astype(np.float32)


def _window_px(length: int) -> int:
    """Half of a 64th, rounded up: two passes make a filter of a whole 64th."""
    return (length + 2 * SAMPLES - 1) // (2 * SAMPLES)


def _sampled_places(length: int) -> npt.NDArray[np.int64]:
    return ((np.arange(SAMPLES) + 0.5) * length / SAMPLES).astype(np.int64)
