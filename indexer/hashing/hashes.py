"""Hashes of a medium: SHA-256 of its bytes; PDQ and ImageHash's phash of its picture.

None of them says anything about a face. PDQ is computed on an area-averaged picture of at most 512
pixels a side, each side by itself, as the newer reference implementation does (within 2 bits of
it; the older one and the full-size hash are up to 16 bits away): eight times faster than the full
picture, and the steadiest of the ways tried when a picture comes again smaller and recompressed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import cv2
import imagehash
import numpy as np
import numpy.typing as npt
import pdqhash
from PIL import Image

from indexer.media.picture import Picture, Pixels
from indexer.observations import MediaHashes

PDQ_BITS: Final = 256
# Below this the specification itself calls a hash unusable: flat pictures all look alike.
MIN_PDQ_QUALITY: Final = 50
_MAX_SIDE_PX: Final = 512

# What pdqhash computes, in its order, as the turn that was applied to the medium; each is named
# here by the turn of the KNOWN picture that the medium would then be: the inverse. Degrees count
# counter-clockwise; "transposed" swaps rows and columns, "transversed" does it about the other
# diagonal.
ORIENTATIONS: Final = (
    "upright",
    "rotated_270",
    "rotated_180",
    "rotated_90",
    "flipped_vertically",
    "mirrored",
    "transposed",
    "transversed",
)


@dataclass(frozen=True, slots=True)
class PdqOrientations:
    """PDQ of a picture as it is, turned and mirrored, as (orientation, hex) in fixed order.

    An orientation names how the known picture was turned to become this medium. `quality` is that
    of all of them, 0 to 100.
    """

    hashes: tuple[tuple[str, str], ...]
    quality: int

    @property
    def upright(self) -> str:
        """The hash of the picture as it is."""
        return self.hashes[0][1]


def hash_medium(
    content: bytes, picture: Picture | None, orientations: PdqOrientations | None = None
) -> MediaHashes:
    """All hashes of one medium; only SHA-256 where there is no picture.

    `orientations`, when they were computed already, spare computing PDQ again.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    if picture is None:
        return MediaHashes(sha256=sha256)
    small = _small(picture.pixels)
    if orientations is None:
        bits, quality = pdqhash.compute(small)
        pdq, pdq_quality = _hex(bits), int(quality)
    else:
        pdq, pdq_quality = orientations.upright, orientations.quality
    return MediaHashes(
        sha256=sha256,
        pdq=pdq,
        pdq_quality=pdq_quality,
        phash=str(imagehash.phash(Image.fromarray(small))),
    )


def pdq_orientations(picture: Picture) -> PdqOrientations:
    """PDQ in all eight orientations for little more than the cost of one."""
    all_bits, quality = pdqhash.compute_dihedral(_small(picture.pixels))
    names = zip(ORIENTATIONS, all_bits, strict=True)
    return PdqOrientations(tuple((name, _hex(bits)) for name, bits in names), int(quality))


def _small(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    size = (min(width, _MAX_SIDE_PX), min(height, _MAX_SIDE_PX))
    if size == (width, height):
        return np.ascontiguousarray(pixels)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _hex(bits: npt.NDArray[np.integer]) -> str:
    """256 bits, most significant first, as PDQ's references write them."""
    return np.packbits(bits.astype(np.uint8)).tobytes().hex()
