"""How a match by parts is put into words."""

from __future__ import annotations

import pytest

from indexer.observations import HashMatch, Part
from service.candidates.words import copy_words


def words(part: Part, *, orientation: str = "upright") -> str:
    return copy_words(
        HashMatch(
            person_ref="p",
            known_ref="k",
            kind="pdq_part",
            distance=12,
            orientation=orientation,
            band="moderate",
            part=part,
            known_share=0.63,
            medium_share=0.25,
        )
    )


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("cut_out", "a cut-out of a picture known to show the person, about 63 of 100 of its area"),
        ("inside_border", "inside a frame or between bars, where it fills about 25 of 100"),
        ("panel", "as part of a larger picture (a collage, a screenshot, text beside it), where"),
        ("whole", "that was changed, or had something put over it"),
    ],
)
def test_it_is_said_how_the_known_picture_lies_in_the_medium(part: Part, said: str) -> None:
    assert said in words(part)
    assert "12 of 256 bits differ" in words(part)
    assert "%" not in words(part)


def test_a_mirrored_cut_out_is_said_to_be_mirrored() -> None:
    assert "(mirrored)" in words("cut_out", orientation="mirrored")
    assert "mirrored" not in words("cut_out")
