"""From facts to words: the one `ManipulationFinding` of a medium and a person.

It gates nothing. What a file declares is reported as declared and never moves the band: a fake can
carry a camera's name, and a genuine photo a generator's. Only a comparison with a reference photo
moves it, and "no trace found" is never "authentic".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from indexer.observations import (
    DeclaredFact,
    ManipulationBand,
    ManipulationFinding,
    ReferenceComparison,
)

PARTS_LOOKED_AT: Final = (
    "what the file declares of itself",
    "comparison with reference photos",
)
PARTS_NOT_LOOKED_AT: Final = (
    "the face by itself (a trained network)",
    "traces of compression and sensor noise",
    "a face cut out of a reference photo",
    "video: change over time",
)
# From here on chance and ordinary editing are no explanation that was met in testing.
_STRONG_INLIERS: Final = 60
_STRONG_AGREEMENT: Final = 0.9
_SAME_PHOTO: Final = (
    "it is a reference photo again, with no change found beside it; "
    "that does not say that either of them is authentic"
)
_OTHER_PHOTO: Final = (
    "it was not made from any of the reference photos that it was compared with; "
    "that says nothing about whether it was manipulated"
)


def assess(
    declared: Sequence[DeclaredFact], comparisons: Sequence[ReferenceComparison]
) -> ManipulationFinding:
    """Choose the band from the comparisons; report the declared facts beside it."""
    band, reasons = _band(comparisons)
    generated = [fact for fact in declared if fact.says_generated]
    if generated:
        said = f"{generated[0].name}: {generated[0].value}"
        reasons += (
            f"the file itself says that it was generated ({said}); this is reported, not weighed",
        )
    return ManipulationFinding(
        band=band,
        reasons=reasons,
        declared=tuple(declared),
        comparisons=tuple(comparisons),
        parts_looked_at=PARTS_LOOKED_AT if comparisons else PARTS_LOOKED_AT[:1],
        parts_not_looked_at=PARTS_NOT_LOOKED_AT
        if comparisons
        else (PARTS_LOOKED_AT[1], *PARTS_NOT_LOOKED_AT),
    )


def _band(
    comparisons: Sequence[ReferenceComparison],
) -> tuple[ManipulationBand, tuple[str, ...]]:
    by_verdict = {each.verdict: each for each in reversed(comparisons)}
    altered = [each for each in comparisons if each.verdict == "altered"]
    if altered:
        best = max(altered, key=lambda each: (each.agreement_outside, each.inliers))
        strong = best.inliers >= _STRONG_INLIERS and best.agreement_outside >= _STRONG_AGREEMENT
        return ("strong_signs" if strong else "moderate_signs"), best.reasons
    if "same_photo" in by_verdict:
        return "no_trace_found", (_SAME_PHOTO, *by_verdict["same_photo"].reasons)
    if not comparisons:
        return "not_assessable", ("there was no reference photo to compare it with",)
    if {each.verdict for each in comparisons} == {"not_decidable"}:
        return "not_assessable", comparisons[0].reasons
    if "same_occasion" in by_verdict:
        return "inconclusive", by_verdict["same_occasion"].reasons
    return "inconclusive", (_OTHER_PHOTO,)
