"""Verification on vectors whose similarities are known: every figure can be computed by hand."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from indexer.benchmarks.faces_seen import NothingToMeasureError, SeenSet
from indexer.benchmarks.impostors import BIN_WIDTH, compare_impostors
from indexer.benchmarks.verification import compare_genuine, curve, verify


def make_seen(vectors: np.ndarray, person: list[int], people: int | None = None) -> SeenSet:
    """A set of these vectors, made of unit length; person i is called "p<i>"."""
    vectors = np.asarray(vectors, np.float32)
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    count = people if people is not None else max(person) + 1
    number: dict[int, int] = {}
    paths = []
    for who in person:
        number[who] = number.get(who, 0) + 1
        paths.append(Path(f"p{who}_{number[who]:04d}.jpg"))
    return SeenSet(
        people=tuple(f"p{who}" for who in range(count)),
        person=np.array(person, np.int64),
        paths=tuple(paths),
        vectors=vectors.astype(np.float32),
        boxes_px=np.zeros((len(person), 4), np.float32),
        marks_px=np.zeros((len(person), 5, 2), np.float32),
        yaw_degrees=np.zeros(len(person), np.float32),
        missed=np.zeros(count, np.int64),
        unreadable=0,
    )


def at_angles(*degrees: float) -> np.ndarray:
    """Unit vectors in a plane: their similarities are cosines of the angles between them."""
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1)


def random_people(people: int, pictures: int, spread: float, seed: int = 1) -> SeenSet:
    rng = np.random.default_rng(seed)
    middles = rng.standard_normal((people, 64))
    vectors = np.repeat(middles, pictures, axis=0)
    vectors = vectors + spread * rng.standard_normal(vectors.shape)
    return make_seen(vectors, np.repeat(np.arange(people), pictures).tolist())


def test_a_person_with_many_pictures_counts_as_much_as_one_with_few() -> None:
    # p0: four pictures that are all alike (6 pairs, all found). p1: two, 60 degrees apart (missed).
    seen = make_seen(at_angles(0, 0, 0, 0, 100, 160), [0, 0, 0, 0, 1, 1])
    genuine = compare_genuine(seen)
    assert genuine.tar(0.6) == pytest.approx(1 / 2)
    assert genuine.tar(0.6, by_pair=True) == pytest.approx(6 / 7)
    assert genuine.tar(0.4) == 1.0


def test_a_pair_of_people_with_many_pictures_counts_as_much_as_one_with_few() -> None:
    # p0 has three pictures, p1 two: six pairs at 0 degrees. p2 has one, far from all.
    seen = make_seen(at_angles(0, 0, 0, 0, 0, 90), [0, 0, 0, 1, 1, 2])
    impostors = compare_impostors(seen)
    assert (impostors.people, impostors.pairs_of_people, impostors.pairs) == (3, 3, 11)
    assert impostors.fmr(0.5) == pytest.approx(1 / 3)
    assert impostors.fmr(0.5, by_pair=True) == pytest.approx(6 / 11)
    assert impostors.couples(0.5) == 1
    assert impostors.effective_pairs(0.5) == pytest.approx(1.0)


def test_half_of_a_couples_pairs_are_half_a_couple() -> None:
    seen = make_seen(at_angles(0, 90, 0, 180), [0, 0, 1, 2])
    # p0 and p1: one pair at 1, one at 0. Nothing else is above 0.
    assert compare_impostors(seen).fmr(0.5) == pytest.approx(0.5 / 3)


def test_rates_are_those_of_counting_every_pair_by_hand() -> None:
    seen = random_people(40, 3, 0.6)
    impostors = compare_impostors(seen)
    similar = seen.vectors.astype(np.float64) @ seen.vectors.T.astype(np.float64)
    different = seen.person[:, None] < seen.person[None, :]
    for at in (-0.1, 0.05, 0.2, 0.31):
        share = float((similar[different] >= at).mean())
        assert impostors.fmr(at, by_pair=True) == pytest.approx(share, abs=2e-3)
        # Everybody has three pictures: both weights are the same.
        assert impostors.fmr(at) == pytest.approx(share, abs=2e-3)


def test_a_threshold_is_the_lowest_that_keeps_the_rate() -> None:
    impostors = compare_impostors(random_people(60, 2, 0.5))
    for fmr in (0.1, 0.01, 0.002):
        for by_pair in (False, True):
            at = impostors.threshold(fmr, by_pair=by_pair)
            assert impostors.fmr(at, by_pair=by_pair) <= fmr
            assert impostors.fmr(at - 1.01 * BIN_WIDTH, by_pair=by_pair) > fmr


def test_the_lowest_rate_shown_rests_on_ten_pairs_of_people() -> None:
    impostors = compare_impostors(random_people(100, 1, 0.0))
    # 4,950 pairs of people: ten of them are 2.02e-3, and the next tenth of a decade is 2.51e-3.
    assert impostors.floor_fmr == pytest.approx(10**-2.6)
    at_floor = impostors.threshold(impostors.floor_fmr)
    assert impostors.effective_pairs(at_floor) >= 10


def test_one_person_under_two_names_is_said_and_left_out() -> None:
    seen = random_people(300, 2, 0.4)
    vectors = seen.vectors.copy()
    vectors[599] = vectors[0]
    seen = make_seen(vectors, seen.person.tolist())
    impostors = compare_impostors(seen)
    assert impostors.suspects == {(0, 299)}
    assert impostors.fmr(0.9) == 0.0
    assert impostors.fmr(0.9, with_suspects=True) > 0
    found = verify(seen, compare_genuine(seen), impostors, seed=1).suspects
    assert [(each.one, each.other) for each in found] == [("p0", "p299")]
    assert found[0].similarity == pytest.approx(1.0, abs=1e-6)


def test_without_label_errors_nobody_is_left_out() -> None:
    assert compare_impostors(random_people(300, 2, 0.4)).suspects == frozenset()


def test_people_far_apart_are_told_apart_within_their_intervals() -> None:
    seen = random_people(200, 3, 0.45)
    result = verify(seen, compare_genuine(seen), compare_impostors(seen), seed=1)
    first = result.by_person[0]
    assert first.fmr == 1e-3
    assert first.is_shown
    assert first.tar_interval is not None
    assert first.threshold_interval is not None
    assert first.tar_interval[0] <= first.tar <= first.tar_interval[1]
    assert first.threshold_interval[0] - 0.01 <= first.threshold
    assert first.threshold <= first.threshold_interval[1] + 0.01
    assert first.tar > 0.9
    # 19,900 pairs of people cannot show one in a hundred thousand.
    assert not result.by_person[2].is_shown
    assert result.largest_share == pytest.approx(3 / 600)


def test_the_curve_rises_in_similarity_and_falls_in_false_matches() -> None:
    seen = random_people(200, 3, 0.45)
    points = curve(compare_genuine(seen), compare_impostors(seen))
    assert len(points) > 15
    for one, other in pairwise(points):
        assert one.similarity < other.similarity
        assert one.fmr > other.fmr
        assert one.fnmr <= other.fnmr


def test_the_same_seed_gives_the_same_intervals() -> None:
    seen = random_people(80, 2, 0.45)
    genuine, impostors = compare_genuine(seen), compare_impostors(seen)
    assert verify(seen, genuine, impostors, 3) == verify(seen, genuine, impostors, 3)


def test_one_person_alone_has_no_impostors_and_single_pictures_no_genuine_pairs() -> None:
    with pytest.raises(NothingToMeasureError, match="two people"):
        compare_impostors(make_seen(at_angles(0, 10), [0, 0]))
    with pytest.raises(NothingToMeasureError, match="two pictures"):
        compare_genuine(make_seen(at_angles(0, 10), [0, 1]))


def test_some_of_the_people_are_counted_anew() -> None:
    seen = make_seen(at_angles(0, 10, 20, 30, 40), [0, 0, 1, 2, 2])
    some = seen.only([2, 0])
    assert some.people == ("p0", "p2")
    assert some.person.tolist() == [0, 0, 1, 1]
    assert some.pictures_of.tolist() == [2, 2]
    assert np.allclose(some.vectors, seen.vectors[[0, 1, 3, 4]])
