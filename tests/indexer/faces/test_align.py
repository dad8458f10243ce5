"""Aligned faces are those that InsightFace's own code makes."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from indexer.faces.align import ALIGNED_SIDE_PX, aligned_face
from indexer.faces.found import FoundFace
from indexer.faces.landmarks import TEMPLATE_112, misfit, roll_degrees, similarity_to_template
from indexer.media.picture import Pixels
from tests.fixtures.photographs import astronaut


def turned_marks(degrees: float, scale: float = 1.0, move: float = 0.0) -> np.ndarray:
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(scale * TEMPLATE_112 @ turn.T + move, np.float32)


def face_at(marks: np.ndarray) -> FoundFace:
    left, top = marks.min(axis=0) - 20
    right, bottom = marks.max(axis=0) + 20
    return FoundFace((left, top, right - left, bottom - top), marks, 0.9)


@pytest.fixture
def of_insightface() -> object:
    with warnings.catch_warnings():
        # InsightFace 2.1 calls a function that scikit-image announces to remove in 2.2.
        warnings.simplefilter("ignore", FutureWarning)
        from insightface.utils import face_align

        yield face_align


def test_the_transform_is_that_of_insightface(of_insightface: object) -> None:
    chance = np.random.default_rng(3)
    for _ in range(100):
        marks = turned_marks(
            chance.uniform(0, 360), chance.uniform(0.2, 8), chance.uniform(-300, 300)
        )
        marks += chance.normal(0, 4, (5, 2)).astype(np.float32)
        theirs = of_insightface.estimate_norm(marks)  # type: ignore[attr-defined]
        ours = similarity_to_template(marks)
        of_theirs = marks @ theirs[:, :2].T + theirs[:, 2]
        of_ours = marks @ ours[:, :2].T + ours[:, 2]
        assert np.abs(of_theirs - of_ours).max() < 1e-3


def test_the_aligned_face_is_that_of_insightface(of_insightface: object) -> None:
    photo: Pixels = astronaut()
    for degrees in (0, 12, 90, 200):
        marks = turned_marks(degrees, 1.1)
        marks += np.array([225, 120]) - marks.mean(axis=0)
        marks = marks.astype(np.float32)
        theirs = of_insightface.norm_crop(photo, marks, ALIGNED_SIDE_PX)  # type: ignore[attr-defined]
        ours = aligned_face(photo, face_at(marks))
        assert ours.shape == (112, 112, 3)
        assert np.abs(ours.astype(int) - theirs.astype(int)).mean() < 0.1


@pytest.mark.parametrize("place", [(-400.0, 10.0), (40.0, 40.0), (9000.0, 9000.0)])
def test_a_face_at_or_beyond_the_edge_is_aligned_all_the_same(place: tuple[float, float]) -> None:
    marks = turned_marks(30, 0.7) + np.array(place, np.float32)
    assert aligned_face(astronaut(), face_at(marks.astype(np.float32))).shape == (112, 112, 3)


def test_landmarks_all_in_one_point_are_aligned_without_an_error() -> None:
    crop = aligned_face(astronaut(), face_at(np.full((5, 2), 100, np.float32)))
    assert crop.shape == (112, 112, 3)


def test_roll_and_misfit_are_those_of_the_landmarks() -> None:
    marks = np.array([[30, 40], [70, 40], [50, 60], [35, 82], [65, 82]], np.float32)
    for degrees in (0, 17, 90, -120):
        angle = np.radians(degrees)
        turn = np.array(
            [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32
        )
        rolled = marks @ turn.T * 3 + 200
        expected = roll_degrees(marks) + degrees
        assert abs((roll_degrees(rolled) - expected + 180) % 360 - 180) < 1e-2
        assert misfit(rolled) == pytest.approx(misfit(marks), abs=1e-3)
    scattered = marks[[2, 0, 4, 1, 3]]
    assert misfit(scattered) > 4 * misfit(marks)
