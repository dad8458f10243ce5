"""The kinds of hashes that are compared: ours, as the examiner uses them, and others' libraries.

Each kind says of a picture what is kept when it is known and what is looked up when it is seen:
groups of codes; two pictures are as far apart as the closest two codes of the same group. Where a
picture is too plain to be hashed there are no codes, and it is never found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import imagehash
import numpy as np
import numpy.typing as npt
import pdqhash
from PIL import Image
from threatexchange.signal_type.pdq.signal import PdqSignal

from indexer.hashing import (
    MIN_PDQ_QUALITY,
    Shrunk,
    hash_medium,
    known_parts,
    medium_parts,
    pdq_codes,
    pdq_orientations,
    shrink,
)
from indexer.hashing.part_index import MAX_PART_DISTANCE
from indexer.media.picture import Picture, Pixels

Codes = npt.NDArray[np.uint8]
Groups = tuple[Codes, ...]

_PDQ_THRESHOLD: Final = 31
_CURVE_256: Final = (0, 7, 15, 23, 27, 31, 35, 39, 43, 47)
_CROP_RESISTANT_THRESHOLD: Final = 6
"""The library's own default of a quarter of the bits takes one picture in ten for a copy."""
_CURVE_64: Final = (0, 2, 4, 6, 8, 10, 12, 14, 16, 18)


@dataclass(frozen=True, eq=False)
class Shown:
    """One picture as everybody gets it: the file's bytes and its upright RGB pixels."""

    content: bytes
    pixels: Pixels

    @cached_property
    def shrunk(self) -> Shrunk:
        """Made once for all kinds of ours, except where cost is measured."""
        return shrink(Picture(self.pixels))

    @property
    def image(self) -> Image.Image:
        """For Pillow's friends."""
        return Image.fromarray(self.pixels)


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to hash. `threshold` is the largest distance that counts, in bits of `bits`.

    `seen` gives the codes that are looked up for a medium, `known` those that are kept of a known
    picture. `timed` computes the same as `seen` from the pixels alone, with nothing shared.
    `at_most` bounds how many pictures are tried where one takes long.
    """

    name: str
    bits: int
    threshold: int
    curve: tuple[int, ...]
    known: Callable[[Shown], Groups]
    seen: Callable[[Shown], Groups]
    timed: Callable[[Shown], object]
    at_most: int | None = None

    def distance(self, known: Groups, seen: Groups) -> int:
        """Bits between two pictures; one more than all bits where there is nothing to compare."""
        nearest = self.bits + 1
        for one, other in zip(known, seen, strict=True):
            if len(one) and len(other):
                apart = np.bitwise_count(one[:, np.newaxis] ^ other[np.newaxis]).sum(axis=2)
                nearest = min(nearest, int(apart.min()))
        return nearest


def all_kinds() -> tuple[Kind, ...]:
    """Those of the product, then the libraries'."""
    return (
        Kind("SHA-256", 256, 0, (0,), _sha256, _sha256, _sha256),
        _pdq("PDQ, upright", _pdq_upright, _pdq_upright, pdq_orientations),
        _pdq("PDQ, 8 orientations", _pdq_upright, _pdq_turned, pdq_orientations),
        _pdq("PDQ parts alone", _known_parts, _seen_parts, medium_parts),
        _pdq(
            "PDQ, 8 orientations and parts",
            lambda shown: (*_pdq_upright(shown), *_known_parts(shown)),
            lambda shown: (*_pdq_turned(shown), *_seen_parts(shown)),
            lambda small: (pdq_orientations(small), medium_parts(small)),
        ),
        Kind(
            "pdqhash, full picture",
            256,
            _PDQ_THRESHOLD,
            _CURVE_256,
            _pdqhash,
            _pdqhash,
            _pdqhash,
            at_most=20,
        ),
        Kind(
            "threatexchange PdqSignal",
            256,
            _PDQ_THRESHOLD,
            _CURVE_256,
            _threatexchange,
            _threatexchange,
            lambda shown: PdqSignal.hash_from_bytes(shown.content),
            at_most=20,
        ),
        _imagehash("ImageHash phash", _phash, threshold=10),
        _imagehash("ImageHash dhash", _dhash, threshold=10),
        _imagehash(
            "ImageHash crop_resistant",
            _crop_resistant,
            threshold=_CROP_RESISTANT_THRESHOLD,
            at_most=10,
        ),
    )


def all_hashes(shown: Shown) -> object:
    """All that the examiner computes of a still picture, as it does: shrunk once."""
    small = shrink(Picture(shown.pixels))
    orientations = pdq_orientations(small)
    return hash_medium(shown.content, small, orientations), medium_parts(small)


def _pdq(
    name: str,
    known: Callable[[Shown], Groups],
    seen: Callable[[Shown], Groups],
    computed: Callable[[Shrunk], object],
) -> Kind:
    return Kind(
        name,
        256,
        _PDQ_THRESHOLD if "parts" not in name else MAX_PART_DISTANCE,
        _CURVE_256,
        known,
        seen,
        lambda shown: computed(shrink(Picture(shown.pixels))),
    )


def _imagehash(
    name: str, codes: Callable[[Shown], Groups], *, threshold: int, at_most: int | None = None
) -> Kind:
    return Kind(name, 64, threshold, _CURVE_64, codes, codes, codes, at_most)


def _sha256(shown: Shown) -> Groups:
    return (np.frombuffer(hashlib.sha256(shown.content).digest(), dtype=np.uint8)[np.newaxis],)


def _pdq_upright(shown: Shown) -> Groups:
    return (_pdq_turned(shown)[0][:1],)


def _pdq_turned(shown: Shown) -> Groups:
    turned = pdq_orientations(shown.shrunk)
    if turned.quality < MIN_PDQ_QUALITY:
        return (_nothing(256),)
    return (pdq_codes([pdq for _, pdq in turned.hashes]),)


def _known_parts(shown: Shown) -> Groups:
    return (pdq_codes([part.pdq for part in known_parts(shown.shrunk)]),)


def _seen_parts(shown: Shown) -> Groups:
    codes = medium_parts(shown.shrunk).codes
    return (codes.reshape(-1, codes.shape[-1]),)


def _pdqhash(shown: Shown) -> Groups:
    bits, quality = pdqhash.compute(np.ascontiguousarray(shown.pixels))
    if quality < MIN_PDQ_QUALITY:
        return (_nothing(256),)
    return (np.packbits(np.asarray(bits, dtype=np.uint8))[np.newaxis],)


def _threatexchange(shown: Shown) -> Groups:
    try:
        value = PdqSignal.hash_from_bytes(shown.content)
    except (ValueError, TypeError, OSError):
        # it takes no palettes, for instance
        value = ""
    return (pdq_codes([value]) if value else _nothing(256),)


def _phash(shown: Shown) -> Groups:
    return (_packed([imagehash.phash(shown.image)]),)


def _dhash(shown: Shown) -> Groups:
    return (_packed([imagehash.dhash(shown.image)]),)


def _crop_resistant(shown: Shown) -> Groups:
    segments = imagehash.crop_resistant_hash(
        shown.image, min_segment_size=500, segmentation_image_size=300
    )
    return (_packed(segments.segment_hashes),)


def _packed(hashes: Sequence[imagehash.ImageHash]) -> Codes:
    bits = np.array([each.hash.reshape(-1) for each in hashes], dtype=np.uint8)
    return np.packbits(bits.reshape(len(hashes), -1), axis=1)


def _nothing(bits: int) -> Codes:
    return np.empty((0, bits // 8), dtype=np.uint8)
