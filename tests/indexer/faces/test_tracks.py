"""Faces of successive frames that are one face are compared once, and forgotten like any probe."""

from __future__ import annotations

import gc
from collections.abc import Sequence

import numpy as np
import pytest

from indexer.faces import FaceTracks, FrameMoment, ProbeFace, ProbeFaces
from indexer.faces.calibration import Calibration
from indexer.faces.errors import ProbeSpentError
from indexer.faces.probe import _lend
from indexer.faces.tracks import ENOUGH_VIEWS, MAX_TRACKS, VIEWS_KEPT, Appearance, overlap
from indexer.observations import Box, ModelStamp

DIMENSION = 128
STAMP = ModelStamp(pack="test", digest="0" * 64, preprocessing=1)
CALIBRATION = Calibration("nothing", False, ((0.2, 0.1), (0.5, 1e-6)), 0.4, 0.35)
Vector = np.ndarray


def person(seed: int) -> Vector:
    vector = np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)
    return np.asarray(vector / np.linalg.norm(vector))


def view(of: Vector, *, noise: float = 0.0, seed: int = 0) -> Vector:
    """What a frame shows of somebody; noise 1 makes it about .7 like them."""
    seen = of + noise * person(1000 + seed)
    return np.asarray(seen / np.linalg.norm(seen), np.float32)


def face(vector: Vector, *, left: int = 10, weight: float = 1.0, shade: int = 90) -> ProbeFace:
    crop = np.full((112, 112, 3), shade, np.uint8)
    return ProbeFace(vector, crop, Box(left, 20, 60, 80), weight)


def frame(*faces: ProbeFace) -> ProbeFaces:
    return ProbeFaces(faces, STAMP)


def tracks_of(
    frames: Sequence[tuple[int | None, Sequence[ProbeFace]]],
) -> tuple[tuple[ProbeFaces, Appearance], ...]:
    with FaceTracks(STAMP, CALIBRATION) as tracks:
        for number, (at_ms, faces) in enumerate(frames):
            tracks.add(frame(*faces), FrameMoment(number, at_ms))
        return tracks.done()


def similarity(faces: ProbeFaces, to: Vector) -> float:
    with _lend((faces,)) as lent:
        return float(lent.vectors[0] @ to)


ADA, BEA = person(1), person(2)


def test_a_face_that_goes_on_is_one_with_its_times() -> None:
    ((faces, when),) = tracks_of(
        [(1000 * at, [face(view(ADA, noise=0.5, seed=at), left=30 * at)]) for at in range(5)]
    )
    assert len(faces) == 1
    assert (when.first.at_ms, when.last.at_ms, when.frames) == (0, 4000, 5)


def test_two_people_who_cross_stay_two() -> None:
    found = tracks_of(
        [(250 * at, [face(ADA, left=40 * at), face(BEA, left=200 - 40 * at)]) for at in range(6)]
    )
    assert [when.frames for _, when in found] == [6, 6]
    likeness = [similarity(faces, ADA) for faces, _ in found]
    assert sorted(likeness)[1] > 0.9
    assert sorted(likeness)[0] < 0.3


def test_somebody_else_at_the_same_place_is_another_one() -> None:
    found = tracks_of([(at * 500, [face(ADA if at % 2 else BEA)]) for at in range(6)])
    assert [when.frames for _, when in found] == [3, 3]


def test_a_view_that_is_hardly_like_it_belongs_to_it_only_where_it_just_was() -> None:
    blurred = view(ADA, noise=3.0)
    assert 0.25 < float(blurred @ ADA) < 0.36
    assert len(tracks_of([(0, [face(ADA)]), (250, [face(blurred)])])) == 1
    assert len(tracks_of([(0, [face(ADA)]), (250, [face(blurred, left=300)])])) == 2
    assert len(tracks_of([(0, [face(ADA)]), (2000, [face(blurred)])])) == 2


def test_who_comes_back_later_appears_anew() -> None:
    shown = [0, 1000, 2000, 8000, 9000]
    found = tracks_of([(at, [face(ADA)] if at in shown else []) for at in range(0, 12_000, 1000)])
    assert [(when.first.at_ms, when.last.at_ms) for _, when in found] == [(0, 2000), (8000, 9000)]


def test_who_is_not_seen_in_one_look_goes_on_also_where_looks_are_far_apart() -> None:
    seen, unseen = [face(ADA)], list[ProbeFace]()
    ((_, when),) = tracks_of([(0, seen), (6000, unseen), (12_000, [face(ADA)])])
    assert when.frames == 2


def test_an_animation_without_times_has_tracks_too() -> None:
    ((_, when),) = tracks_of([(None, [face(ADA)]) for _ in range(4)])
    assert (when.first, when.last) == (FrameMoment(0), FrameMoment(3))


def test_several_bad_views_make_a_better_one() -> None:
    views = [view(ADA, noise=1.5, seed=at) for at in range(8)]
    ((faces, _),) = tracks_of([(250 * at, [face(each)]) for at, each in enumerate(views)])
    alone = max(float(each @ ADA) for each in views)
    assert similarity(faces, ADA) > alone + 0.15


def test_a_mean_is_shorter_than_a_single_face_by_what_it_is_nearer_to_strangers() -> None:
    def length(views: int) -> float:
        ((faces, _),) = tracks_of([(250 * at, [face(ADA)]) for at in range(views)])
        return similarity(faces, ADA)

    assert length(1) == pytest.approx(1)
    assert 0.98 < length(2) < 0.99
    assert length(4) == length(12) == pytest.approx(0.96)


def test_what_shows_a_face_best_counts_most_and_gives_crop_and_place() -> None:
    poor, good = view(ADA, noise=1.5, seed=1), view(ADA, noise=0.3, seed=2)
    ((faces, when),) = tracks_of(
        [
            (0, [face(poor, weight=5, shade=10)]),
            (250, [face(good, weight=10, shade=200, left=14)]),
            (500, [face(poor, weight=5, shade=10)]),
        ]
    )
    assert when.best == FrameMoment(1, 250)
    with _lend((faces,)) as lent:
        assert float(lent.vectors[0] @ good) > float(lent.vectors[0] @ poor)
        assert lent.boxes[0].left_px == 14
        assert int(lent.crops[0][0, 0, 0]) == 200


def test_of_a_long_track_the_best_views_are_used() -> None:
    poor = view(ADA, noise=2.0)
    frames = [(250 * at, [face(poor, weight=2)]) for at in range(VIEWS_KEPT)]
    later = [
        (250 * (VIEWS_KEPT + at), [face(view(ADA, noise=0.2, seed=at), weight=9)])
        for at in range(VIEWS_KEPT)
    ]
    ((faces, _),) = tracks_of([*frames, *later])
    assert similarity(faces, ADA) > 0.9


def test_more_looks_are_wanted_until_a_face_was_seen_often_enough() -> None:
    with FaceTracks(STAMP, CALIBRATION) as tracks:
        wanted = []
        for at in range(ENOUGH_VIEWS + 2):
            tracks.add(frame(face(ADA)), FrameMoment(at, 250 * at))
            wanted.append(tracks.wants_more)
        assert wanted == [True] * (ENOUGH_VIEWS - 1) + [False] * 3
        tracks.add(frame(face(ADA), face(BEA, left=400)), FrameMoment(99, 3000))
        assert tracks.wants_more
        tracks.add(frame(), FrameMoment(100, 4000))
        assert not tracks.wants_more


def test_a_crowd_is_left_out_and_counted() -> None:
    with FaceTracks(STAMP, CALIBRATION) as tracks:
        crowd = [face(person(at), left=100 * at) for at in range(MAX_TRACKS + 3)]
        tracks.add(frame(*crowd), FrameMoment(0, 0))
        assert tracks.left_out == 3
        made = tracks.done()
    assert len(made) == MAX_TRACKS


def test_the_faces_of_a_frame_are_overwritten_when_they_were_taken() -> None:
    faces = frame(face(ADA), face(BEA, left=300))
    views = [each._lend_one()[0] for each in faces._lend_all()]
    with FaceTracks(STAMP, CALIBRATION) as tracks:
        tracks.add(faces, FrameMoment(0, 0))
        assert not any(each.any() for each in views)
        with pytest.raises(ProbeSpentError):
            tracks.add(faces, FrameMoment(1, 250))


def buffers_of(tracks: FaceTracks) -> list[np.ndarray]:
    """Every private buffer that the tracks refer to, as it lies in memory."""
    kept = [each for name in ("open", "closed") for each in getattr(tracks, f"_FaceTracks__{name}")]
    return [each._Track__buffer.octets((1000,)) for each in kept]


@pytest.mark.parametrize("ends", ["done", "left", "error", "begun anew"])
def test_nothing_of_a_track_is_left_when_it_ends(ends: str) -> None:
    views: list[np.ndarray] = []

    def track() -> None:
        with FaceTracks(STAMP, CALIBRATION) as tracks:
            for at in (0, 250, 9000, 12_000, 15_000):
                faces = (face(ADA), face(BEA, left=300)) if at < 9000 else ()
                tracks.add(frame(*faces), FrameMoment(at, at))
            tracks.add(frame(face(ADA)), FrameMoment(20_000, 20_000))
            views.extend(buffers_of(tracks))
            assert len(views) == 3
            assert all(each.any() for each in views)
            if ends == "done":
                tracks.done()
            if ends == "begun anew":
                tracks.overwrite()
                assert len(tracks) == 0
            if ends == "error":
                raise RuntimeError
            assert ends == "left" or not any(each.any() for each in views)

    if ends == "error":
        with pytest.raises(RuntimeError):
            track()
    else:
        track()
    gc.collect()
    assert not any(each.any() for each in views)


def test_what_two_places_share() -> None:
    assert overlap(Box(0, 0, 10, 10), Box(0, 0, 10, 10)) == 1
    assert overlap(Box(0, 0, 10, 10), Box(5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert overlap(Box(0, 0, 10, 10), Box(10, 0, 10, 10)) == 0
    assert overlap(Box(0, 0, 0, 0), Box(0, 0, 0, 0)) == 0
