from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.faces import find_pack
from indexer.faces.packs import DEFAULT_PACK

CALIBRATION = find_pack(DEFAULT_PACK).calibration


@pytest.mark.parametrize(("similarity", "rate"), [(0.363, 1e-3), (0.424, 1e-4), (0.491, 1e-5)])
def test_the_curve_goes_through_what_was_measured(similarity: float, rate: float) -> None:
    assert CALIBRATION.false_match_rate(similarity) == pytest.approx(rate)
    assert CALIBRATION.similarity_at(rate) == pytest.approx(similarity)
    assert not CALIBRATION.is_extrapolated(similarity)


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_closer_is_never_more_likely_by_chance(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert CALIBRATION.false_match_rate(high) <= CALIBRATION.false_match_rate(low)


@given(st.floats(-1, 1))
def test_a_rate_is_never_above_one_nor_below_what_any_set_can_show(similarity: float) -> None:
    assert 1e-7 <= CALIBRATION.false_match_rate(similarity) <= 1


@given(st.floats(1e-12, 1))
def test_a_threshold_is_never_extrapolated(rate: float) -> None:
    assert 0.363 <= CALIBRATION.similarity_at(rate) <= 0.491


@pytest.mark.parametrize("similarity", [0.3, 0.5, 0.9])
def test_beyond_the_measured_points_it_says_so(similarity: float) -> None:
    assert CALIBRATION.is_extrapolated(similarity)


def test_a_pack_that_nobody_measured_always_says_so() -> None:
    assert find_pack("buffalo_l").calibration.is_extrapolated(0.5)
