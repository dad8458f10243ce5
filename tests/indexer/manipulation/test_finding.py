"""The band and its words: only comparisons move it, and nothing is ever called authentic."""

from __future__ import annotations

import pytest

from indexer.manipulation import PARTS_LOOKED_AT, PARTS_NOT_LOOKED_AT, assess
from indexer.observations import ComparisonVerdict, DeclaredFact, ReferenceComparison

GENERATED = DeclaredFact(
    kind="c2pa", name="digital source type", value="trainedAlgorithmicMedia", says_generated=True
)
CAMERA = DeclaredFact(kind="exif", name="Make", value="Canon", says_generated=False)


def comparison(
    verdict: ComparisonVerdict, *, inliers: int = 300, agreement: float = 0.95
) -> ReferenceComparison:
    return ReferenceComparison(
        reference_ref="r",
        verdict=verdict,
        inliers=inliers,
        overlap_share=0.9,
        altered_share=0.2 if verdict == "altered" else 0.0,
        altered_in_face_share=0.0,
        agreement_outside=agreement,
        mirrored=False,
        scale=1.0,
        reasons=(f"because of {verdict}",),
    )


@pytest.mark.parametrize(
    ("verdicts", "band"),
    [
        (["altered"], "strong_signs"),
        (["unrelated", "altered"], "strong_signs"),
        (["same_photo", "altered"], "strong_signs"),
        (["same_photo"], "no_trace_found"),
        (["same_photo", "unrelated"], "no_trace_found"),
        (["unrelated"], "inconclusive"),
        (["same_occasion", "unrelated"], "inconclusive"),
        (["not_decidable", "unrelated"], "inconclusive"),
        (["not_decidable"], "not_assessable"),
        ([], "not_assessable"),
    ],
)
def test_the_band_follows_the_comparisons(verdicts: list[ComparisonVerdict], band: str) -> None:
    finding = assess((), [comparison(verdict) for verdict in verdicts])
    assert finding.band == band
    assert finding.reasons


def test_an_alteration_with_little_support_is_moderate() -> None:
    assert assess((), [comparison("altered", inliers=25)]).band == "moderate_signs"
    assert assess((), [comparison("altered", agreement=0.86)]).band == "moderate_signs"


@pytest.mark.parametrize("verdicts", [[], ["same_photo"], ["unrelated"], ["altered"]])
def test_what_a_file_declares_never_moves_the_band(verdicts: list[ComparisonVerdict]) -> None:
    comparisons = [comparison(verdict) for verdict in verdicts]
    plain = assess((), comparisons)
    for facts in ([GENERATED], [CAMERA], [GENERATED, CAMERA]):
        told = assess(facts, comparisons)
        assert told.band == plain.band
        assert told.declared == tuple(facts)


def test_a_file_that_says_generated_is_quoted_as_saying_so() -> None:
    reasons = assess([GENERATED], []).reasons
    assert any("the file itself says" in reason and "not weighed" in reason for reason in reasons)
    assert not any("itself says" in reason for reason in assess([CAMERA], []).reasons)


def test_no_trace_found_is_never_authentic() -> None:
    finding = assess([CAMERA], [comparison("same_photo")])
    words = " ".join(finding.reasons)
    assert "does not say that either of them is authentic" in words


def test_the_finding_names_what_was_and_what_was_not_looked_at() -> None:
    with_reference = assess((), [comparison("unrelated")])
    assert with_reference.parts_looked_at == PARTS_LOOKED_AT
    assert with_reference.parts_not_looked_at == PARTS_NOT_LOOKED_AT
    without = assess((), ())
    assert PARTS_LOOKED_AT[1] in without.parts_not_looked_at
    assert PARTS_LOOKED_AT[1] not in without.parts_looked_at
