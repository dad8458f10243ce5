"""What a comparison amounts to, in a verdict and plain words.

The same scene is not the same photo: frames a second apart share hundreds of points. "Altered" is
said only if all that was left alone agrees closely and does not move, what changed is one compact
region, and its content did not merely go elsewhere. Anything less is called what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2

from indexer.manipulation.alignment import Alignment
from indexer.manipulation.difference import Difference
from indexer.manipulation.overlay import Overlay
from indexer.observations import ComparisonVerdict

# Measured on 1,200 pairs of different photos of one person (LFW), of which 57 share points: no
# agreement above .80, no residual motion below 2.3 px, no match ratio above .83. Copies altered
# and saved again (down to .45 of the size, quality 55): agreement .85 and more, motion mostly
# below 1 px, match ratio .83 and more.
_MIN_AGREEMENT: Final = 0.85
_MAX_MOTION_PX: Final = 1.5
_MIN_MATCH_RATIO: Final = 0.5
_MIN_INLIERS: Final = 20
_MIN_SPREAD_SHARE: Final = 0.12
_MIN_TEXTURED_SHARE: Final = 0.12
_MAX_ALTERED_SHARE: Final = 0.6
_MIN_LARGEST_SHARE: Final = 0.5
_MAX_SCATTERED_SHARE: Final = 0.02
# Content that moved before a still camera is found again by .61 and more, replaced content by .38.
_MAX_MOVED_SHARE: Final = 0.45
# A copy may be noisy, if nothing moves in it; it may be stretched a little, and may carry text.
_MIN_COPY_AGREEMENT: Final = 0.7
_MAX_NOISY_COPY_MOTION_PX: Final = 1.0
_MAX_COPY_MOTION_PX: Final = 2.5
_STILL_MATCH_RATIO: Final = 0.97
_MIN_NOISY_COPY_MATCH_RATIO: Final = 0.8
_MAX_COPY_STROKES_SHARE: Final = 0.04
# Sharing a scene takes more than a handful of points: a collar, a flag, a studio's wall.
_MIN_SCENE_INLIERS: Final = 25
_MIN_SCENE_AGREEMENT: Final = 0.8
_MIN_SCENE_REST_SHARE: Final = 0.3
_MENTIONED_STROKES_SHARE: Final = 0.002


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and its reasons."""

    verdict: ComparisonVerdict
    reasons: tuple[str, ...]


def judge(alignment: Alignment, overlay: Overlay, found: Difference) -> Judgement:
    """Weigh what was found. The order is from "too little" to "clear"."""
    spread = _spread_share(alignment, overlay)
    points = f"{alignment.inliers} of {alignment.matches} matched points fit on one another" + (
        ", with the medium mirrored" if alignment.mirrored else ""
    )
    rest_share = 1.0 - found.altered_share
    if not _shares_a_scene(alignment, found, rest_share):
        return Judgement(
            "unrelated",
            (points, "what lies around them does not agree: they are not one picture"),
        )
    doubts = _doubts(alignment, found, spread)
    if found.altered_share == 0.0:
        return _judge_unchanged(points, alignment, found, doubts)
    if found.altered_share > _MAX_ALTERED_SHARE and not doubts:
        part = (
            f"{_percent(found.altered_share)} of the common area differs: only a part is from "
            "this photo (a shared background, a logo, or a part that was cut out)"
        )
        return Judgement("not_decidable", (points, part))
    motion = _motion_doubts(found)
    if doubts or motion or found.altered_share > _MAX_ALTERED_SHARE:
        return Judgement("same_occasion", (points, *doubts, *motion, _SAME_OCCASION))
    return Judgement("altered", (points, *_altered_reasons(found)))


_SAME_OCCASION: Final = (
    "this looks like another photo of the same moment or place, which is no sign of a change"
)


def _shares_a_scene(alignment: Alignment, found: Difference, rest_share: float) -> bool:
    if found.agreement >= _MIN_AGREEMENT and rest_share >= _MIN_SCENE_REST_SHARE:
        return True
    return (
        alignment.inliers >= _MIN_SCENE_INLIERS
        and rest_share >= _MIN_SCENE_REST_SHARE
        and found.median_agreement >= _MIN_SCENE_AGREEMENT
    )


def _doubts(alignment: Alignment, found: Difference, spread: float) -> tuple[str, ...]:
    """Why the unchanged part may not be one and the same photo."""
    ratio = _match_ratio(alignment)
    doubts = []
    if found.agreement < _MIN_AGREEMENT:
        doubts.append(
            f"what looks unchanged agrees only loosely ({found.agreement:.2f} at the weakest "
            f"tenth; {_MIN_AGREEMENT:.2f} is asked)"
        )
    if ratio < _MIN_MATCH_RATIO:
        doubts.append(f"many matched points ({_percent(1 - ratio)}) moved against the others")
    if alignment.inliers < _MIN_INLIERS or spread < _MIN_SPREAD_SHARE:
        doubts.append("the points that fit are too few or too close together")
    return tuple(doubts)


def _motion_doubts(found: Difference) -> tuple[str, ...]:
    """Why a changed region may be something that moved."""
    doubts = []
    if found.motion_px > _MAX_MOTION_PX:
        doubts.append(f"what looks unchanged is shifted by up to {found.motion_px:.1f} pixels")
    if found.moved_share > _MAX_MOVED_SHARE:
        doubts.append("what differs is found again close by: it moved")
    if found.scattered_share > _MAX_SCATTERED_SHARE or found.largest_share < _MIN_LARGEST_SHARE:
        doubts.append("what differs is scattered, not one region")
    if found.textured_share < _MIN_TEXTURED_SHARE:
        doubts.append("the rest is too plain to show that it is the same")
    return tuple(doubts)


def _judge_unchanged(
    points: str, alignment: Alignment, found: Difference, doubts: tuple[str, ...]
) -> Judgement:
    stray = found.set_aside_share + found.scattered_share
    ratio = _match_ratio(alignment)
    moving = found.motion_px > _MAX_COPY_MOTION_PX and ratio < _STILL_MATCH_RATIO
    noisy_copy = (
        found.agreement >= _MIN_COPY_AGREEMENT
        and found.motion_px <= _MAX_NOISY_COPY_MOTION_PX
        and ratio >= _MIN_NOISY_COPY_MATCH_RATIO
    )
    if moving or (doubts and not noisy_copy):
        return Judgement("same_occasion", (points, *doubts, _SAME_OCCASION))
    if stray > _MAX_COPY_STROKES_SHARE:
        strays = (
            f"{_percent(stray)} of the common area differs in thin or scattered places: "
            "writing over the picture, or things that moved"
        )
        return Judgement("not_decidable", (points, strays))
    return Judgement(
        "same_photo",
        (points, _agreement(found), "no changed region was found", *_strokes(found)),
    )


def _altered_reasons(found: Difference) -> tuple[str, ...]:
    region = (
        f"a region of {_percent(found.altered_share)} of the common area is not what the "
        "reference photo shows there"
    )
    return (
        _agreement(found),
        region,
        "which of the two pictures was first, the comparison does not say",
        *_strokes(found),
    )


def _agreement(found: Difference) -> str:
    return (
        f"what was left alone agrees closely ({found.agreement:.2f} at its weakest tenth) "
        "and does not move"
    )


def _strokes(found: Difference) -> tuple[str, ...]:
    if found.set_aside_share < _MENTIONED_STROKES_SHARE:
        return ()
    return ("thin strokes, such as text or a watermark, were set aside",)


def _spread_share(alignment: Alignment, overlay: Overlay) -> float:
    """Area that the fitting points span, as a share of the common area."""
    hull = cv2.convexHull(alignment.inlier_points_px)
    spanned_px = float(cv2.contourArea(hull)) / (overlay.held_per_grid**2)
    return spanned_px / max(1.0, float(overlay.overlap.sum()))


def _match_ratio(alignment: Alignment) -> float:
    return alignment.inliers / max(1, alignment.matches)


def _percent(share: float) -> str:
    return f"{round(100 * share)} %"
