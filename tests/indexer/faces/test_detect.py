"""Finding faces: sizes, places, and what turned looks mean in the picture as it is."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from indexer.faces.detect import (
    PART_SIDE_PX,
    PARTS_OVERLAP_PX,
    CompleteDetector,
    _starts,
)
from indexer.faces.found import Seen, distinct, nothing, overlaps, together
from indexer.faces.levels import WORKING_SIDE_PX, fitted
from indexer.faces.parts import open_parts
from indexer.media.picture import Pixels
from tests.fixtures.photographs import astronaut, group, landscape, resized


@pytest.fixture(scope="module")
def detector(models_dir: Path) -> CompleteDetector:
    parts = open_parts("yunet-sface", models_dir=models_dir, threads=1)
    assert isinstance(parts.detector, CompleteDetector)
    return parts.detector


def seen_at(*places: tuple[float, float, float, float, float]) -> Seen:
    raw = np.array(places, np.float32)
    marks = np.repeat(raw[:, None, :2], 5, axis=1)
    return Seen(raw[:, :4], marks, raw[:, 4])


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_what_is_seen_in_a_turned_picture_is_where_it_is(quarters: int) -> None:
    picture = np.zeros((70, 100), np.uint8)
    picture[20:30, 60:64] = 1
    turned = np.rot90(picture, quarters)
    rows, columns = np.nonzero(turned)
    box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
    seen = Seen(
        np.array([box], np.float32), np.array([[box[:2]] * 5], np.float32), np.ones(1, np.float32)
    )
    back = seen.turned_back(quarters, turned.shape[1], turned.shape[0])
    assert back.boxes_px[0].tolist() == [60, 20, 4, 10]
    corner = {0: (60, 20), 1: (64, 20), 2: (64, 30), 3: (60, 30)}[quarters]
    assert tuple(back.landmarks_px[0, 0].tolist()) == corner


def test_neighbouring_cells_agree_on_one_face() -> None:
    one = distinct(seen_at((10, 10, 40, 40, 0.9), (12, 10, 40, 40, 0.9), (100, 0, 9, 9, 0.3)), 9)
    assert one.scores.tolist() == pytest.approx([0.9, 0.3])
    assert one.boxes_px[0].tolist() == pytest.approx([11, 10, 40, 40])
    unsure = distinct(seen_at((10, 10, 40, 40, 0.9), (12, 10, 40, 40, 0.5)), 9)
    assert unsure.boxes_px[0, 0] == pytest.approx(10, abs=0.01)
    assert len(distinct(nothing(), 9)) == 0
    assert len(distinct(together([one, one]), 1)) == 1


def test_overlap_is_intersection_over_union() -> None:
    box = np.array([0, 0, 10, 10], np.float32)
    others = np.array([[0, 0, 10, 10], [5, 0, 10, 10], [10, 0, 5, 5], [3, 3, 0, 0]], np.float32)
    assert overlaps(box, others).tolist() == pytest.approx([1, 1 / 3, 0, 0])


@pytest.mark.parametrize("size", [(640, 480), (641, 3), (1281, 900), (3, 4000), (5000, 4999)])
def test_a_picture_is_fitted_whole(size: tuple[int, int]) -> None:
    picture = np.full((size[1], size[0], 3), 90, np.uint8)
    smaller, factor = fitted(picture, WORKING_SIDE_PX)
    assert max(smaller.shape[:2]) == WORKING_SIDE_PX
    assert factor == pytest.approx(max(size) / WORKING_SIDE_PX)
    assert (smaller == 90).all()
    same, one = fitted(picture[:300, :300], WORKING_SIDE_PX)
    assert one == 1.0
    assert same.shape[0] <= 300


@pytest.mark.parametrize("length", [1, 600, 672, 673, 900, 1280, 1281])
def test_parts_cover_a_picture_and_overlap(length: int) -> None:
    starts = _starts(length)
    assert starts[0] == 0
    assert starts[-1] + PART_SIDE_PX >= length
    for one, next_one in pairwise(starts):
        assert next_one <= one + PART_SIDE_PX - PARTS_OVERLAP_PX


@pytest.mark.parametrize("face_px", [24, 32, 48])
def test_small_faces_in_a_large_picture_are_found(detector: CompleteDetector, face_px: int) -> None:
    wide = resized(landscape(), 4)
    # A face of the group is about 110 pixels wide.
    crowd = resized(group(), face_px / 110)
    height, width = crowd.shape[:2]
    wide[700 : 700 + height, 900 : 900 + width] = crowd
    found = detector.detect(wide)
    inside = [
        face
        for face in found
        if 900 <= face.box_px[0] + face.box_px[2] / 2 <= 900 + width
        and 700 <= face.box_px[1] + face.box_px[3] / 2 <= 700 + height
    ]
    assert len(inside) >= 5
    assert len(found) == len(inside)


def test_a_face_larger_than_its_picture_is_found(detector: CompleteDetector) -> None:
    close = np.ascontiguousarray(astronaut()[62:180, 170:275])
    for turned in (close, np.rot90(close), np.rot90(close, 2)):
        assert len(detector.detect(resized(np.ascontiguousarray(turned), 5))) == 1


def test_a_read_only_picture_and_one_of_a_single_line_are_looked_at(
    detector: CompleteDetector,
) -> None:
    photo = astronaut().copy()
    photo.flags.writeable = False
    assert len(detector.detect(photo)) == 1
    for shape in ((1, 900, 3), (2000, 1, 3), (1, 1, 3)):
        assert detector.detect(np.zeros(shape, np.uint8)) == ()


def test_another_detector_finds_the_same(detector: CompleteDetector) -> None:
    one, other = detector.detect(group()), detector.another().detect(group())
    assert len(one) == len(other)
    for here, there in zip(one, other, strict=True):
        # In bfloat16 the last digits depend on how often a size came before.
        assert here.box_px == pytest.approx(there.box_px, abs=0.1)


def test_a_small_face_alone_in_a_large_picture_is_found(detector: CompleteDetector) -> None:
    small = resized(astronaut(), 26 / 105)
    height, width = small.shape[:2]
    for left, top in ((1, 1), (700, 500), (1600 - width, 1200 - height)):
        large = np.full((1200, 1600, 3), 120, np.uint8)
        large[top : top + height, left : left + width] = small
        faces = detector.detect(large)
        assert len(faces) == 1
        assert left <= faces[0].box_px[0] <= left + width
        half = resized(large, 0.5)
        asked: list[int] = []

        def in_full(large: Pixels = large, asked: list[int] = asked) -> Pixels:
            asked.append(1)
            return large

        (of_half,) = detector.detect(half, in_full)
        assert asked
        assert of_half.box_px[0] == pytest.approx(faces[0].box_px[0] / 2, abs=6)
