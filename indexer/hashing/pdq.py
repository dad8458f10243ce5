"""PDQ, the perceptual hash of Meta's ThreatExchange, bit for bit as its library computes it.

1. Luminance of each pixel, (height, width) float32 of 0 to 255, two passes of box filters over it,
   sampled at 64 x 64 points. All of this is linear: a matrix for each side, made once for each
   length, does it.
2. The 16 x 16 lowest frequencies of the samples' cosine transform, without the constant ones: two
   more matrices, which are multiplied with the others beforehand.
3. Each bit says whether a frequency is above the median.

A picture of 512 x 512 pixels takes a tenth of the library's time, and each of its eight
orientations is as if the picture had been turned: the library derives them from one spectrum, which
is off by 14 to 20 bits in the median and by 34 at most (135 photographs), because its filter lies
off the middle where the window is even. What is hashed in step 2 may also be the 64 x 64 area means
of a part of a picture (see `parts`).
"""

from __future__ import annotations

from functools import lru_cache
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
_LENGTHS_KEPT: Final = 64
_ONE_THREAD: Final = 1 << 18
"""Multiplications up to which OpenBLAS starts no threads."""

_COSINES: Final = np.sqrt(2 / SAMPLES) * np.cos(
    np.pi
    / (2 * SAMPLES)
    * np.arange(1, _FREQUENCIES + 1)[:, None]
    * (2 * np.arange(SAMPLES)[None, :] + 1)
)
_DOWN: Final[Floats] = _COSINES.astype(np.float32)
_ACROSS: Final[Floats] = np.ascontiguousarray(_DOWN.T)

# Frequencies 1, 3, 5 ... change their sign when samples are mirrored along their direction.
_ODD: Final[Floats] = np.where(np.arange(_FREQUENCIES) % 2 == 0, -1, 1).astype(np.float32)

# For each of `ORIENTATIONS`: whether the picture is transposed, and then mirrored upside down and
# left to right.
TURNS: Final = (
    (False, False, False),
    (True, True, False),
    (False, True, True),
    (True, False, True),
    (False, True, False),
    (False, False, True),
    (True, False, False),
    (True, True, True),
)


def samples(light: Floats) -> Floats:
    """The 64 x 64 samples of a picture's luminance after PDQ's filter.

    A picture of fewer than five pixels a side has none to speak of: zeros, of quality 0.
    """
    if min(light.shape) < _SMALLEST_SIDE_PX:
        return np.zeros((SAMPLES, SAMPLES), dtype=np.float32)
    height, width = light.shape
    return _product(_sampling(height).T, _product(light, _sampling(width)))


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


def mirrored(spectra: Floats) -> Floats:
    """(n, 16, 16) frequencies of samples with left and right exchanged."""
    return spectra * _ODD[None, :]


def codes(spectra: Floats) -> Codes:
    """(n, 16, 16) frequencies to (n, 32) bytes, the last bit first as PDQ's references write it."""
    flat = spectra.reshape(len(spectra), PDQ_BITS)
    # the lower of the two middle values, as the reference's median is
    median = np.partition(flat, PDQ_BITS // 2 - 1, axis=1)[:, PDQ_BITS // 2 - 1]
    return np.packbits((flat > median[:, None])[:, ::-1], axis=1)


def turned_codes(light: Floats) -> Codes:
    """(8, 32) bytes: of the picture turned and mirrored as `ORIENTATIONS` says."""
    height, width = light.shape
    if min(height, width) < _SMALLEST_SIDE_PX:
        return codes(np.zeros((len(TURNS), _FREQUENCIES, _FREQUENCIES), dtype=np.float32))
    # Turned by turning the matrices, which are small: rows of these blocks are the picture as it
    # is and upside down, columns as it is and left to right.
    across, down = _filtering(width), _filtering(height)
    all_four = _product(
        np.hstack([down, down[::-1]]).T, _product(light, np.hstack([across, across[::-1]]))
    )
    blocks = all_four.reshape(2, _FREQUENCIES, 2, _FREQUENCIES)
    turned = []
    for transposed, rows, columns in TURNS:
        # mirroring after transposing is transposing after mirroring the other way
        if transposed:
            turned.append(blocks[int(columns), :, int(rows)].T)
        else:
            turned.append(blocks[int(rows), :, int(columns)])
    return codes(np.stack(turned))


def qualities(sampled: Floats) -> npt.NDArray[np.int64]:
    """(n, 64, 64) samples to (n,) qualities, 0 to 100: how much there is to tell pictures apart."""
    # in whole hundredths of the range, so that many tiny differences count for nothing
    hundredths = sampled * np.float32(100 / 255)
    down = np.abs(np.diff(hundredths, axis=1).astype(np.int16)).sum(axis=(1, 2), dtype=np.int64)
    across = np.abs(np.diff(hundredths, axis=2).astype(np.int16)).sum(axis=(1, 2), dtype=np.int64)
    return np.asarray(np.minimum(100, (down + across) // _STEPS_PER_QUALITY), dtype=np.int64)


def _product(one: Floats, other: Floats) -> Floats:
    """Of two matrices, in slices so small that OpenBLAS computes them on this thread: waking others
    takes milliseconds on a busy machine, the product a tenth of one.
    """
    count, inner = one.shape
    rows = max(1, _ONE_THREAD // (inner * other.shape[1]))
    if rows >= count:
        return np.asarray(one @ other, dtype=np.float32)
    whole = count // rows * rows
    sliced = np.ascontiguousarray(one[:whole]).reshape(-1, rows, inner) @ other
    return np.vstack([sliced.reshape(whole, -1), one[whole:] @ other])


@lru_cache(maxsize=_LENGTHS_KEPT)
def _sampling(length: int) -> Floats:
    """(length, 64): what each pixel of a line gives to each sample, after two passes of the filter.

    Each pass takes the mean of a window about each pixel; at the rims only of what is there.
    """
    # half of a 64th, rounded up: two passes make a filter of a whole 64th
    window = (length + 2 * SAMPLES - 1) // (2 * SAMPLES)
    ahead = (window + 2) // 2 - 1
    behind = window - 1 - ahead
    pixels = np.arange(length)
    covered = np.minimum(pixels + ahead, length - 1) - np.maximum(pixels - behind, 0) + 1
    places = ((np.arange(SAMPLES) + 0.5) * length / SAMPLES).astype(np.int64)
    given = np.zeros((length, SAMPLES))
    given[places, np.arange(SAMPLES)] = 1.0
    for _ in range(2):
        # each filtered pixel took equal shares from all that its window covers
        shares = given / covered[:, None]
        given = np.zeros_like(shares)
        for offset in range(-behind, ahead + 1):
            first, last = max(0, -offset), length - max(0, offset)
            given[first + offset : last + offset] += shares[first:last]
    return given.astype(np.float32)


@lru_cache(maxsize=_LENGTHS_KEPT)
def _filtering(length: int) -> Floats:
    """(length, 16): what each pixel of a line gives to each frequency."""
    return np.ascontiguousarray(_sampling(length) @ _ACROSS)
