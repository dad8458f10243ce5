"""Open-set identification, listed pairs and groups, on vectors with known answers."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from indexer.benchmarks.face_groups import LabelsUnreadableError, measure_groups, read_labels
from indexer.benchmarks.faces_seen import NothingToMeasureError, SeenSet
from indexer.benchmarks.identification import identify
from indexer.benchmarks.pairs import (
    FOLDS,
    Pair,
    PairsUnreadableError,
    best_threshold,
    folds_of,
    measure_pairs,
    read_pairs,
)


def make_seen(degrees: list[float], person: list[int]) -> SeenSet:
    """Unit vectors in a plane; person i is called "p<i>", pictures are numbered from 1."""
    radians = np.radians(degrees)
    count = max(person) + 1
    number = [0] * count
    paths = []
    for who in person:
        number[who] += 1
        paths.append(Path(f"p{who}_{number[who]:04d}.jpg"))
    return SeenSet(
        people=tuple(f"p{who}" for who in range(count)),
        person=np.array(person, np.int64),
        paths=tuple(paths),
        vectors=np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32),
        boxes_px=np.zeros((len(person), 4), np.float32),
        marks_px=np.zeros((len(person), 5, 2), np.float32),
        yaw_degrees=np.zeros(len(person), np.float32),
        missed=np.zeros(count, np.int64),
        unreadable=0,
    )


def test_who_is_enrolled_is_found_above_the_alarms_of_those_who_are_not() -> None:
    # References at 0 and 90 degrees. p0's other pictures are 5 and 40 off, p1's 10 off.
    # Others, without a reference: 20 off and 45 off from the nearest reference.
    seen = make_seen([0, 5, 320, 90, 100, 110, 225], [0, 0, 0, 1, 1, 2, 3])
    result = identify(seen, frozenset(), gallery=None, seed=1)
    assert (result.enrolled, result.mated_probes) == (2, 3)
    assert (result.without_reference, result.unmated_probes) == (2, 2)
    assert result.rank_one == 1.0
    # No alarm is bearable among two people: the threshold is above cos 20, which the probe that is
    # 40 off does not reach. p0 is found half the time, p1 always.
    at = result.at_fpir[0]
    assert at.threshold == pytest.approx(np.cos(np.radians(20)), abs=1e-4)
    assert at.alarms == 0
    assert not at.is_shown
    assert at.fnir == pytest.approx(0.25)


def test_someone_else_more_similar_is_a_miss_at_any_threshold() -> None:
    seen = make_seen([0, 80, 90, 91, 200], [0, 0, 1, 1, 2])
    result = identify(seen, frozenset(), gallery=None, seed=1)
    assert result.rank_one == pytest.approx(0.5)
    assert result.at_fpir[0].fnir == pytest.approx(0.5)


def test_a_picture_without_a_face_finds_nobody_and_raises_no_alarm() -> None:
    seen = make_seen([0, 5, 90, 95, 200], [0, 0, 1, 1, 2])
    seen = dataclasses.replace(seen, missed=np.array([1, 0, 1]))
    result = identify(seen, frozenset(), gallery=None, seed=1)
    assert (result.mated_probes, result.unmated_probes) == (3, 2)
    assert result.at_fpir[0].fnir == pytest.approx((0.5 + 0) / 2)


def test_a_person_who_is_enrolled_under_another_name_is_counted_apart() -> None:
    seen = make_seen([0, 20, 90, 95, 0, 200], [0, 0, 1, 1, 2, 3])
    result = identify(seen, frozenset({(0, 2)}), gallery=None, seed=1)
    assert result.label_errors == 1
    assert result.at_fpir[0].fnir == pytest.approx(1.0)
    assert result.at_fpir_without_label_errors[0].fnir == pytest.approx(0.0)


def test_a_smaller_gallery_leaves_more_people_without_a_reference() -> None:
    seen = make_seen([0, 5, 90, 95, 180, 185, 270], [0, 0, 1, 1, 2, 2, 3])
    result = identify(seen, frozenset(), gallery=2, seed=1)
    assert (result.enrolled, result.without_reference, result.unmated_probes) == (2, 2, 3)


def test_identification_needs_people_to_enrol_and_others() -> None:
    with pytest.raises(NothingToMeasureError, match="--gallery"):
        identify(make_seen([0, 5, 90, 95], [0, 0, 1, 1]), frozenset(), gallery=None, seed=1)


def test_both_forms_of_a_pair_are_read_and_a_header_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text("10\t300\nAnn_B\t1\t4\nAnn_B\t2\tCarl_D\t1\n\n", "utf-8")
    same, different = read_pairs(path)
    assert same == Pair(("Ann_B", 1), ("Ann_B", 4))
    assert same.is_same
    assert different == Pair(("Ann_B", 2), ("Carl_D", 1))
    assert not different.is_same


@pytest.mark.parametrize("text", ["", "Ann\t1\tx\n", "Ann\t1\t2\nAnn\t1\n", "A\t1\tB\t2\tC\n"])
def test_a_list_that_is_no_list_of_pairs_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "pairs.txt").write_text(text, "utf-8")
    with pytest.raises(PairsUnreadableError, match=r"pairs\.txt"):
        read_pairs(tmp_path / "pairs.txt")


def test_folds_never_share_a_person_and_are_about_as_large() -> None:
    rng = np.random.default_rng(1)
    pairs = []
    for _ in range(400):
        one = int(rng.integers(300))
        # Pairs of people are within groups of five: otherwise all would hang together.
        other = one - one % 5 + int(rng.integers(5))
        pairs.append(Pair((f"p{one}", 1), (f"p{other}", 2)))
    folds = folds_of(tuple(pairs))
    where: dict[str, set[int]] = {}
    for pair, fold in zip(pairs, folds, strict=True):
        for name in (pair.one[0], pair.other[0]):
            where.setdefault(name, set()).add(int(fold))
    assert all(len(found) == 1 for found in where.values())
    sizes = np.bincount(folds, minlength=FOLDS)
    assert sizes.min() >= 38
    assert sizes.max() <= 42


@pytest.mark.parametrize(
    ("scores", "same", "between"),
    [
        ([0.1, 0.2, 0.8, 0.9], [False, False, True, True], (0.2, 0.8)),
        ([0.1, 0.3, 0.4, 0.9], [False, True, False, True], (0.1, 0.9)),
        ([0.5, 0.5, 0.5], [True, True, False], (0.0, 0.5)),
        ([0.2, 0.4], [False, False], (0.4, 1.0)),
        ([0.2, 0.4], [True, True], (0.0, 0.2)),
    ],
)
def test_the_best_threshold_is_right_most_often(
    scores: list[float], same: list[bool], between: tuple[float, float]
) -> None:
    at = best_threshold(np.array(scores), np.array(same))
    assert between[0] < at < between[1]
    right = ((np.array(scores) >= at) == np.array(same)).sum()
    tried = [((np.array(scores) >= t) == np.array(same)).sum() for t in np.arange(-0.05, 1.1, 0.1)]
    assert right == max(tried)


def twenty_people() -> tuple[SeenSet, tuple[Pair, ...]]:
    """Two pictures each, 4 degrees apart; people are 18 degrees apart; one pair each, and others
    with their neighbour.
    """
    degrees = [who * 18 + turn for who in range(20) for turn in (0, 4)]
    seen = make_seen(degrees, [who for who in range(20) for _ in range(2)])
    same = [Pair((f"p{who}", 1), (f"p{who}", 2)) for who in range(20)]
    different = [Pair((f"p{who}", 1), (f"p{who + 1}", 1)) for who in range(0, 20, 2)]
    return seen, (*same, *different)


def test_people_who_are_told_apart_give_an_accuracy_of_one() -> None:
    seen, pairs = twenty_people()
    result = measure_pairs(seen, pairs, frozenset(path.stem for path in seen.paths))
    assert (result.pairs, result.same, result.people, result.folds) == (30, 20, 20, 10)
    assert (result.smallest_fold, result.largest_fold) == (3, 3)
    assert result.accuracy == 1.0
    low, high = np.cos(np.radians(18)), np.cos(np.radians(4))
    assert all(low < at < high for at in result.thresholds)


def test_a_picture_without_a_face_makes_its_pair_look_different() -> None:
    seen, pairs = twenty_people()
    there = frozenset(path.stem for path in seen.paths)
    rows = [row for row, path in enumerate(seen.paths) if path.stem != "p0_0002"]
    blind = dataclasses.replace(
        seen,
        person=seen.person[rows],
        paths=tuple(seen.paths[row] for row in rows),
        vectors=seen.vectors[rows],
    )
    result = measure_pairs(blind, pairs, there)
    assert result.undetected == 1
    # One wrong answer of three in one of ten folds.
    assert result.accuracy == pytest.approx(1 - 1 / 30)
    assert sorted(result.fold_accuracies)[0] == pytest.approx(2 / 3)


def test_pairs_whose_pictures_are_not_here_are_counted() -> None:
    seen, pairs = twenty_people()
    there = frozenset(path.stem for path in seen.paths)
    more = (*pairs, Pair(("absent", 1), ("absent", 2)))
    assert measure_pairs(seen, more, there).left_out == 1
    with pytest.raises(NothingToMeasureError, match="folds"):
        measure_pairs(seen, pairs[:3], there)


def test_errors_are_told_by_group() -> None:
    # Group a: two people, each with two pictures, well found, far apart. Group b: two people who
    # are close to each other; one of them has pictures that are far apart.
    seen = make_seen([0, 5, 90, 95, 200, 203, 206, 280], [0, 0, 1, 1, 2, 2, 3, 3])
    labels = {"p0": "a", "p1": "a", "p2": "b", "p3": "b"}
    result = measure_groups(seen, labels, 0.9)
    first, second = result.groups
    assert (first.group, first.people, first.fnmr, first.fmr_within) == ("a", 2, 0.0, 0.0)
    assert second.fnmr == pytest.approx(0.5)
    # Of the four pairs of pictures of p2 and p3, two are within 6 degrees.
    assert second.fmr_within == pytest.approx(0.5)
    assert second.false_couples == 1


def test_people_without_a_label_are_counted_and_labels_of_nobody_are_refused() -> None:
    seen = make_seen([0, 5, 90, 95, 180], [0, 0, 1, 1, 2])
    assert measure_groups(seen, {"p0": "a", "p1": "a"}, 0.9).unlabelled_people == 1
    with pytest.raises(NothingToMeasureError, match="folders"):
        measure_groups(seen, {"x": "a", "y": "a"}, 0.9)


@pytest.mark.parametrize("separator", [",", "\t"])
def test_labels_are_read_with_commas_and_with_tabs(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(f"Person{separator}Group\nAnn_B{separator}one\nCarl{separator}two\n", "utf-8")
    assert read_labels(path) == {"Ann_B": "one", "Carl": "two"}


@pytest.mark.parametrize("text", ["", "Ann\n", "Ann,\n", "Ann,one,two\n", "Ann,one\nAnn,two\n"])
def test_a_wrong_label_file_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "labels.csv").write_text(text, "utf-8")
    with pytest.raises(LabelsUnreadableError, match=r"labels\.csv"):
        read_labels(tmp_path / "labels.csv")
