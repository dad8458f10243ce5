from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.faces import find_pack
from indexer.faces.calibration import Calibration
from indexer.faces.calibration_file import (
    CalibrationFile,
    CurvePoint,
    HeldOut,
    read_calibration,
    shipped_calibration,
    write_calibration,
)
from indexer.faces.errors import CalibrationRefusedError
from indexer.faces.packs import BUILT_IN, DEFAULT_PACK, PROVISIONAL, stamp_of
from indexer.observations import ModelStamp

MEASURED = Calibration(
    measured_on="our set",
    measured=True,
    points=((0.363, 1e-3), (0.424, 1e-4), (0.491, 1e-5)),
    default_threshold=0.424,
    same_person_threshold=0.363,
    fnmr_points=((0.363, 0.01), (0.424, 0.02), (0.491, 0.06)),
    tail_slope=-10.0,
)
STAMP = ModelStamp(pack="ours", digest="a" * 64, preprocessing=3)


def make_file(**changed: object) -> CalibrationFile:
    made = CalibrationFile(
        format=1,
        pack="ours",
        model_digest=STAMP.digest,
        preprocessing=STAMP.preprocessing,
        runtime="openvino",
        made_on="2026-01-31",
        set_name="our set",
        people=100,
        pictures=300,
        pictures_without_face=1,
        people_with_several=80,
        pairs_of_people=4950,
        impostor_pairs=40_000,
        left_out_pairs_of_people=0,
        how="in words",
        held_out=HeldOut(0.3, 40, 780, "by name", (), "too few"),
        default_threshold_fmr=1e-4,
        same_person_threshold_fmr=1e-3,
        default_threshold=0.424,
        same_person_threshold=0.363,
        tail_slope=-10.0,
        lowest_stated_fmr=1e-7,
        points=(
            CurvePoint(0.363, 1e-3, 1e-3, 0.01),
            CurvePoint(0.424, 1e-4, 2e-4, 0.02),
            CurvePoint(0.491, 1e-5, 3e-5, 0.06),
        ),
    )
    return msgspec.structs.replace(made, **changed)


@pytest.mark.parametrize(("similarity", "rate"), [(0.363, 1e-3), (0.424, 1e-4), (0.491, 1e-5)])
def test_the_curve_goes_through_what_was_measured(similarity: float, rate: float) -> None:
    assert MEASURED.false_match_rate(similarity) == pytest.approx(rate)
    assert MEASURED.similarity_at(rate) == pytest.approx(similarity)
    assert not MEASURED.is_extrapolated(similarity)


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_closer_is_never_more_likely_by_chance_and_never_missed_less(
    one: float, other: float
) -> None:
    low, high = sorted((one, other))
    assert MEASURED.false_match_rate(high) <= MEASURED.false_match_rate(low)
    assert (MEASURED.fnmr_at(high) or 0) >= (MEASURED.fnmr_at(low) or 0)


@given(st.floats(-1, 1))
def test_a_rate_is_never_above_one_nor_below_what_any_set_can_show(similarity: float) -> None:
    assert 1e-7 <= MEASURED.false_match_rate(similarity) <= 1


@given(st.floats(1e-12, 1))
def test_a_threshold_is_never_extrapolated_unasked(rate: float) -> None:
    assert 0.363 <= MEASURED.similarity_at(rate) <= 0.491


def test_beyond_the_last_point_the_rate_follows_the_fitted_tail() -> None:
    assert MEASURED.false_match_rate(0.591) == pytest.approx(1e-6)
    assert MEASURED.similarity_at(1e-6, extrapolate=True) == pytest.approx(0.591)
    assert MEASURED.similarity_at(1e-12, extrapolate=True) == pytest.approx(0.691)
    assert MEASURED.false_match_rate(0.9) == 1e-7
    steep = dataclasses.replace(MEASURED, tail_slope=None)
    assert steep.false_match_rate(0.558) == pytest.approx(1e-6, rel=0.01)


@pytest.mark.parametrize("similarity", [0.3, 0.5, 0.9])
def test_beyond_the_measured_points_it_says_so(similarity: float) -> None:
    assert MEASURED.is_extrapolated(similarity)


def test_what_is_missed_is_read_between_the_points_and_held_at_the_ends() -> None:
    assert MEASURED.fnmr_at(0.3935) == pytest.approx(0.015)
    assert MEASURED.fnmr_at(0.0) == 0.01
    assert MEASURED.fnmr_at(0.9) == 0.06
    assert dataclasses.replace(MEASURED, fnmr_points=()).fnmr_at(0.4) is None


def test_a_pack_that_nobody_measured_always_says_so() -> None:
    calibration = find_pack("buffalo_l").calibration
    assert calibration.is_extrapolated(0.5)
    assert "not measured" in calibration.words


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    write_calibration(make_file(), tmp_path / "made.json")
    read = read_calibration((tmp_path / "made.json").read_bytes(), STAMP, "made.json")
    assert read == make_file()
    calibration = read.calibration()
    assert calibration.points == MEASURED.points
    assert calibration.fnmr_at(0.424) == 0.02
    assert calibration.tail_slope == -10.0
    assert calibration.shown_fmr == 1e-5
    for said in ("our set", "100 people", "4,950 pairs", "40 other people", "extrapolated"):
        assert said in calibration.words


@pytest.mark.parametrize(
    "stamp",
    [
        ModelStamp("ours", "b" * 64, 3),
        ModelStamp("ours", "a" * 64, 4),
    ],
)
def test_a_calibration_of_another_model_is_refused(stamp: ModelStamp) -> None:
    with pytest.raises(CalibrationRefusedError, match="another model"):
        read_calibration(msgspec.json.encode(make_file()), stamp, "made.json")


@pytest.mark.parametrize(
    "changed",
    [
        {"format": 2},
        {"points": (CurvePoint(0.363, 1e-3, 1e-3, 0.01),)},
        {"points": tuple(reversed(make_file().points))},
        {"points": (CurvePoint(0.363, 1e-3, 1e-3, 0.05), CurvePoint(0.5, 1e-4, 1e-4, 0.01))},
        {"points": (CurvePoint(0.363, 1e-3, 1e-3, 0.01), CurvePoint(0.5, 0.0, 0.0, 0.02))},
        {"points": (CurvePoint(0.363, 1e-3, 1e-3, 0.01), CurvePoint(1.5, 1e-4, 1e-4, 0.02))},
        {"tail_slope": 0.5},
        {"lowest_stated_fmr": 1e-4},
        {"default_threshold": 0.9},
        {"same_person_threshold": 0.45},
        {"model_digest": "short"},
    ],
)
def test_a_file_that_contradicts_itself_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(CalibrationRefusedError, match="contradicts itself"):
        read_calibration(msgspec.json.encode(make_file(**changed)), STAMP, "made.json")


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b'{"format": 1, "extra": 2}'])
def test_a_file_that_is_no_calibration_is_refused(content: bytes) -> None:
    with pytest.raises(CalibrationRefusedError, match="no calibration"):
        read_calibration(content, STAMP, "made.json")


def test_the_default_pack_is_shipped_with_a_calibration_of_exactly_this_model() -> None:
    """Fails after a change of preprocessing: then calibrate anew, do not correct the stamp."""
    pack = find_pack(DEFAULT_PACK)
    calibration = shipped_calibration(stamp_of(pack))
    assert calibration is not None
    assert pack.calibration == calibration
    assert calibration.measured
    assert calibration.shown_fmr <= 1e-5
    assert calibration.same_person_threshold < calibration.default_threshold
    assert calibration.false_match_rate(calibration.default_threshold) == pytest.approx(
        1e-4, rel=0.05
    )
    missed = calibration.fnmr_at(calibration.default_threshold)
    assert missed is not None
    assert missed < 0.05


def test_after_a_change_of_preprocessing_the_old_thresholds_are_not_used() -> None:
    stamp = stamp_of(find_pack(DEFAULT_PACK))
    assert shipped_calibration(ModelStamp(stamp.pack, stamp.digest, 10_000)) is None
    assert not PROVISIONAL.measured
    # Who was not measured is judged more strictly.
    assert PROVISIONAL.default_threshold > find_pack(DEFAULT_PACK).calibration.default_threshold


def test_packs_without_a_shipped_calibration_are_provisional() -> None:
    for pack in BUILT_IN:
        if pack.name != DEFAULT_PACK:
            assert pack.calibration == PROVISIONAL
