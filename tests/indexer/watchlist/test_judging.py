"""Thresholds rise with faces and templates; figures never promise more than was measured."""

from __future__ import annotations

import msgspec
import pytest

from indexer.faces.calibration import Calibration
from indexer.observations import Box, Caution, FaceMatch
from indexer.watchlist.judging import CHANCE_MATCHES_PER_FACE, Judging
from indexer.watchlist.lookalikes import is_another_close, lowered, with_cautions

MEASURED = Calibration(
    measured_on="a set of a test",
    measured=True,
    points=((0.40, 1e-4), (0.50, 1e-6)),
    default_threshold=0.40,
    same_person_threshold=0.30,
)
GUESSED = Calibration(
    measured_on="nothing",
    measured=False,
    points=MEASURED.points,
    default_threshold=0.40,
    same_person_threshold=0.30,
)


def match(
    similarity: float, person: str = "ada", frame: int = 0, cautions: tuple[Caution, ...] = ()
) -> FaceMatch:
    return FaceMatch(
        person_ref=person,
        similarity=similarity,
        threshold=0.4,
        expected_chance_matches=1.0,
        band="weak",
        box=Box(0, 0, 9, 9),
        frame_index=frame,
        face_crop_png=b"",
        cautions=cautions,
    )


class TestTheThreshold:
    @pytest.mark.parametrize(
        ("templates", "per_face", "threshold"),
        [
            (1, CHANCE_MATCHES_PER_FACE, 0.40),
            (10, 1e-3, 0.40),
            (100, 1e-3, 0.45),
            (100, 1e-4, 0.50),
            (1, 1e-5, 0.45),
            (1_000_000, 1e-9, 0.50),
        ],
    )
    def test_it_rises_with_templates_and_faces_within_what_was_measured(
        self, templates: int, per_face: float, threshold: float
    ) -> None:
        assert Judging(MEASURED, templates, per_face).threshold == pytest.approx(threshold)

    def test_at_the_threshold_no_more_is_expected_than_is_borne(self) -> None:
        for templates in (20, 300, 900):
            judging = Judging(MEASURED, templates, 1e-3)
            expected = judging.expected_chance_matches(judging.threshold, faces=1)
            assert expected == pytest.approx(1e-3)

    def test_where_it_cannot_rise_any_more_the_figure_says_how_much_comes(self) -> None:
        judging = Judging(MEASURED, 100_000, 1e-3)
        assert judging.expected_chance_matches(judging.threshold, 1) == pytest.approx(0.1)

    def test_without_a_model_nothing_is_a_match(self) -> None:
        assert Judging(None, 0).threshold == 1.0
        assert Judging(None, 0).restated([match(0.9)], 1) == ()


class TestFigures:
    def test_beyond_what_was_measured_the_figure_is_the_most_that_there_may_be(self) -> None:
        near, far = Judging(MEASURED, 10).restated([match(0.45), match(0.9, frame=1)], 4)
        assert near.expected_chance_matches == pytest.approx(4e-4)
        assert far.expected_chance_matches == pytest.approx(4e-5)
        assert (near.chance_is_extrapolated, far.chance_is_extrapolated) == (False, True)
        assert far.band == "strong"

    def test_a_guess_is_marked_as_one(self) -> None:
        (guessed,) = Judging(GUESSED, 10).restated([match(0.45)], 1)
        assert guessed.chance_is_provisional
        assert not Judging(GUESSED, 10).is_measured

    def test_judging_twice_is_judging_once(self) -> None:
        judging = Judging(MEASURED, 10)
        once = judging.restated([match(0.45), match(0.47), match(0.6, "bea")], 3)
        assert judging.restated(once, 3) == once


class TestLookAlikes:
    def test_another_person_close_behind_or_before_is_noticed(self) -> None:
        near = {"ada": 0.60, "bea": 0.51, "cleo": 0.40}
        assert is_another_close("ada", near)
        assert is_another_close("bea", near)
        assert is_another_close("cleo", near)
        assert not is_another_close("ada", {"ada": 0.60, "bea": 0.49})
        assert not is_another_close("ada", {"ada": 0.60})

    def test_two_faces_of_one_picture_are_both_marked_and_their_bands_lowered(self) -> None:
        judged = Judging(MEASURED, 1).restated([match(0.55), match(0.6)], 2)
        assert [each.cautions for each in judged] == [("two_faces_match",)] * 2
        assert [each.band for each in judged] == ["moderate"] * 2

    def test_one_face_in_several_frames_is_one_person(self) -> None:
        judged = Judging(MEASURED, 1).restated([match(0.55), match(0.6, frame=40)], 2)
        assert [each.cautions for each in judged] == [(), ()]

    def test_a_second_face_that_is_masked_meanwhile_is_none(self) -> None:
        marked = with_cautions([match(0.55), match(0.6)])
        (alone,) = with_cautions(marked[:1])
        assert alone.cautions == ()

    def test_a_band_is_lowered_once_and_never_below_the_weakest(self) -> None:
        both: tuple[Caution, ...] = ("another_person_close", "two_faces_match")
        assert lowered("strong", ()) == "strong"
        assert lowered("strong", both) == "moderate"
        assert lowered("moderate", both[:1]) == "weak"
        assert lowered("weak", both) == "weak"

    def test_what_the_search_noticed_stays(self) -> None:
        (judged,) = Judging(MEASURED, 1).restated(
            [match(0.6, cautions=("another_person_close",))], 1
        )
        assert judged.cautions == ("another_person_close",)
        assert judged.band == "moderate"
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(judged), type=FaceMatch) == judged
