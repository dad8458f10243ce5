"""One medium beside one reference photo of the same person: was it made from that photo, and where
was it changed? (whole-picture comparison)

1. Lay the reference on the medium (`alignment`); if it does not fit, they are unrelated.
2. Build what one would see had nothing been changed (`overlay`); find what differs (`difference`).
3. Judge, carefully: the same scene is not the same photo. "Altered" needs agreement of all that was
   left alone, no residual motion, a compact region whose content did not merely move.

It says that two pictures differ and where; which of them was first, it does not say.
"""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np

from indexer.manipulation.alignment import Alignment, Comparable, align
from indexer.manipulation.difference import difference
from indexer.manipulation.overlay import Mask, Overlay, lay_over
from indexer.manipulation.verdict import judge
from indexer.media.picture import Picture
from indexer.observations import Box, ComparisonVerdict, ReferenceComparison

_MIN_SIDE_PX: Final = 96
_MAP_SIDE_PX: Final = 256
_MIN_POINTS: Final = 40
_ALTERED: Final = 255
_FACE_UNTOUCHED_SHARE: Final = 0.05


def compare_with_reference(
    suspect: Picture | Comparable,
    reference: Picture | Comparable,
    *,
    face_box: Box | None = None,
    reference_ref: str,
) -> ReferenceComparison:
    """Compare a medium's frame with one reference photo.

    `face_box` is the person's face in full-size pixels of `suspect`, if known: the altered share
    inside it is told apart. Who compares a picture more than once gives it as one `Comparable`.
    Never raises on a picture that decoded.
    """
    of_suspect, of_reference = _comparable(suspect), _comparable(reference)
    suspect, reference = of_suspect.picture, of_reference.picture
    if min(suspect.width_px, suspect.height_px, reference.width_px, reference.height_px) < (
        _MIN_SIDE_PX
    ):
        return _without_overlay(
            reference_ref,
            "not_decidable",
            f"one of the two pictures is smaller than {_MIN_SIDE_PX} pixels",
        )
    points = (of_reference.features.points_px, of_suspect.features.points_px)
    if min(map(len, points)) < _MIN_POINTS:
        return _without_overlay(
            reference_ref,
            "not_decidable",
            "one of the two pictures is too plain: it has hardly a point to compare by",
        )
    alignment = align(of_suspect, of_reference)
    if alignment is None:
        return _without_overlay(
            reference_ref,
            "unrelated",
            "the two pictures share no set of points that fit together: "
            "this medium was not made from this reference photo as a whole picture",
        )
    overlay = lay_over(suspect, reference, alignment)
    if overlay is None:
        return _without_overlay(
            reference_ref,
            "not_decidable",
            "the part that both pictures show is too small to be compared",
            alignment,
        )
    found = difference(overlay)
    judgement = judge(alignment, overlay, found)
    altered = judgement.verdict == "altered"
    in_face = _share_in_face(found.altered, overlay, face_box) if altered else 0.0
    return ReferenceComparison(
        reference_ref=reference_ref,
        verdict=judgement.verdict,
        inliers=alignment.inliers,
        overlap_share=float(overlay.overlap.mean()),
        altered_share=found.altered_share if altered else 0.0,
        altered_in_face_share=in_face,
        agreement_outside=found.agreement,
        mirrored=alignment.mirrored,
        scale=alignment.scale,
        reasons=(*judgement.reasons, *_face_reason(altered, in_face, face_box)),
        map_png=_map_png(found.altered) if altered else None,
    )


def _comparable(picture: Picture | Comparable) -> Comparable:
    return picture if isinstance(picture, Comparable) else Comparable(picture)


def _share_in_face(altered: Mask, overlay: Overlay, face_box: Box | None) -> float:
    if face_box is None:
        return 0.0
    left, top = face_box.left_px / overlay.to_full, face_box.top_px / overlay.to_full
    right = (face_box.left_px + face_box.width_px) / overlay.to_full
    bottom = (face_box.top_px + face_box.height_px) / overlay.to_full
    rows = slice(max(0, math.floor(top)), max(0, math.ceil(bottom)))
    columns = slice(max(0, math.floor(left)), max(0, math.ceil(right)))
    compared = overlay.overlap[rows, columns]
    if not compared.any():
        return 0.0
    return float((altered[rows, columns] & compared).sum() / compared.sum())


def _face_reason(altered: bool, in_face: float, face_box: Box | None) -> tuple[str, ...]:
    if not altered or face_box is None:
        return ()
    if in_face < _FACE_UNTOUCHED_SHARE:
        return ("the face itself is as in the reference photo",)
    return (f"{round(100 * in_face)} % of the face is changed",)


def _map_png(altered: Mask) -> bytes:
    shrink = min(1.0, _MAP_SIDE_PX / max(altered.shape))
    size = (max(1, round(altered.shape[1] * shrink)), max(1, round(altered.shape[0] * shrink)))
    grey = np.where(altered, _ALTERED, 0).astype(np.uint8)
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    _, png = cv2.imencode(".png", small)
    return bytes(png.tobytes())


def _without_overlay(
    reference_ref: str,
    verdict: ComparisonVerdict,
    reason: str,
    alignment: Alignment | None = None,
) -> ReferenceComparison:
    return ReferenceComparison(
        reference_ref=reference_ref,
        verdict=verdict,
        inliers=alignment.inliers if alignment is not None else 0,
        overlap_share=0.0,
        altered_share=0.0,
        altered_in_face_share=0.0,
        agreement_outside=0.0,
        mirrored=alignment is not None and alignment.mirrored,
        scale=alignment.scale if alignment is not None else 0.0,
        reasons=(reason,),
    )
