"""How steady a face's vector is: the face changed a little, and with one part of it greyed out.

1. `changed` makes seven pictures of an aligned face: mirrored, moved in two ways, and without its
   upper, lower, left and right part.
2. The recogniser makes a vector of each.
3. `steadiness` says how similar they are to the face's own: small changes should change little, and
   every part should matter. A part whose loss changes nothing is covered already.

Seven more vectors a face: for reference photos only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np

from indexer.faces.session import Floats
from indexer.media.picture import Pixels

Part = Literal["upper", "lower", "side"]

CHANGES: Final = 7
_GREY: Final = 127
_UPPER_TO_PX: Final = 64
_LOWER_FROM_PX: Final = 72
_MIDDLE_PX: Final = 56
_CENTRE_PX: Final = (56.0, 72.0)


@dataclass(frozen=True, slots=True)
class Steadiness:
    """Cosines with the face's own vector.

    `small_changes` is the mean over mirrored and moved; the others are of the face without that
    part, left and right as seen in the picture.
    """

    small_changes: float
    without_upper: float
    without_lower: float
    without_left: float
    without_right: float


@dataclass(frozen=True, slots=True)
class CoveredLimits:
    """From which differences of those cosines on a part is covered, for one network."""

    upper: float
    lower: float
    side: float

    def part(self, steady: Steadiness) -> Part | None:
        """Which part of the face says nothing of who it is, if one does."""
        if steady.without_upper - steady.without_lower > self.upper:
            return "upper"
        if steady.without_lower - steady.without_upper > self.lower:
            return "lower"
        if abs(steady.without_left - steady.without_right) > self.side:
            return "side"
        return None


def changed(crop: Pixels) -> list[Pixels]:
    """`CHANGES` pictures of an aligned face (112, 112, 3), in the order that `steadiness` takes."""
    upper, lower, left, right = (crop.copy() for _ in range(4))
    upper[:_UPPER_TO_PX] = _GREY
    lower[_LOWER_FROM_PX:] = _GREY
    left[:, :_MIDDLE_PX] = _GREY
    right[:, _MIDDLE_PX:] = _GREY
    mirrored = np.ascontiguousarray(crop[:, ::-1])
    return [
        mirrored,
        _moved(crop, degrees=5, by_px=2, scale=1.04),
        _moved(crop, degrees=-5, by_px=-2, scale=0.96),
        upper,
        lower,
        left,
        right,
    ]


def steadiness(own: Floats, others: Floats) -> Steadiness:
    """From a face's vector (dimension,) and those of `changed` (7, dimension), of unit length."""
    if others.shape[0] != CHANGES:
        raise ValueError(f"steadiness takes the vectors of {CHANGES} changed pictures")
    cosines = [float(cosine) for cosine in others @ own]
    return Steadiness(sum(cosines[:3]) / 3, *cosines[3:])


def _moved(crop: Pixels, *, degrees: float, by_px: float, scale: float) -> Pixels:
    turn = cv2.getRotationMatrix2D(_CENTRE_PX, degrees, scale)
    turn[:, 2] += by_px
    size = (crop.shape[1], crop.shape[0])
    moved: Pixels = cv2.warpAffine(
        crop, turn, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return moved
