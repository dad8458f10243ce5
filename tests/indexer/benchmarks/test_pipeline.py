"""The pipeline's benchmark: what it makes, what it counts, and one small real run."""

from __future__ import annotations

from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from indexer.benchmarks.faces_seen import NothingToMeasureError
from indexer.benchmarks.made_photos import Photo, make_photo
from indexer.benchmarks.pipeline import (
    PipelineBenchmark,
    Wanted,
    _contest,
    run_pipeline_benchmark,
)
from indexer.benchmarks.pipeline_contestants import Seen
from tests.fixtures.photographs import astronaut, group, jpeg, landscape, resized


def test_a_made_photo_is_as_large_as_asked_and_shows_whom_it_says() -> None:
    small = resized(astronaut(), 0.5)
    rng = np.random.default_rng(1)
    photo = make_photo([("ada", small), ("bea", small)], landscape(), 1_900_000, rng)
    decoded = cv2.imdecode(np.frombuffer(photo.content, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded.shape[0] * decoded.shape[1] == pytest.approx(1_900_000, rel=0.01)
    assert photo.people == {"ada", "bea"}
    assert len(photo.content) > 100_000


def test_what_was_found_is_counted_against_who_is_there() -> None:
    photos = [
        Photo(b"", frozenset({"ada"})),
        Photo(b"", frozenset({"bea", "cleo"})),
        Photo(b"", frozenset()),
    ]
    seen = {
        "ours": Seen((1, 2, 0), (frozenset({"ada"}), frozenset({"bea", "ada"}), frozenset())),
        "peer": Seen((2, 1, 0), (frozenset({"ada"}), frozenset({"bea"}), frozenset())),
    }
    seconds = {"ours": [1.0, 2.0, 4.0], "peer": [4.0, 4.0, 4.0]}
    worked = {"ours": [2.0, 3.0, 8.0], "peer": [8.0, 8.0, 8.0]}
    enrolled = frozenset({"ada", "bea"})
    ours = _contest("ours", seconds, worked, seen, photos, enrolled, "peer")
    assert (ours.found, ours.missed, ours.wrong) == (2, 0, 1)
    assert ours.ratios == (4.0, 2.0, 1.0)
    assert ours.ratio_to_peer == 2.0
    assert ours.photos_a_second == 1.5
    assert ours.faces == 3
    assert ours.photos_with_fewer_faces_than_peer == 1
    assert ours.photos_with_other_people_than_peer == 1
    assert ours.processor_ms == 1000.0
    alone = _contest("ours", seconds, worked, seen, photos, enrolled, None)
    assert (alone.ratio_to_peer, alone.photos_with_fewer_faces_than_peer) == (None, None)


def _folder(folder: Path) -> Path:
    of_ada = (astronaut(), astronaut()[:, ::-1], resized(astronaut(), 0.7))
    for number, pixels in enumerate(of_ada):
        (folder / "ada").mkdir(exist_ok=True)
        (folder / "ada" / f"{number}.jpg").write_bytes(jpeg(pixels, 90 - number))
    (folder / "nobody").mkdir()
    (folder / "nobody" / "group.jpg").write_bytes(jpeg(group()))
    return folder


def test_pictures_are_examined_by_both_ways_and_the_same_is_seen(
    tmp_path: Path, models_dir: Path
) -> None:
    wanted = Wanted(_folder(tmp_path), photos=3, rounds=1, models_dir=models_dir)
    result = run_pipeline_benchmark(wanted)
    faces, whole, from_one_side = result.contests
    assert (faces.found, faces.missed, faces.wrong) == (2, 0, 0)
    assert (whole.found, whole.missed, whole.wrong) == (2, 0, 0)
    assert faces.faces == whole.faces == from_one_side.faces == 8
    assert from_one_side.found == 2
    assert min(contest.processor_ms for contest in result.contests) > 0
    assert (result.photos, result.enrolled) == (3, 1)
    assert result.decoding_photos_a_second > 0
    assert {step.name for step in result.steps} >= {"detect", "align", "embed"}
    assert msgspec.json.decode(msgspec.json.encode(result), type=PipelineBenchmark) == result


def test_face_analysis_takes_part_with_its_own_pack(tmp_path: Path, shared_data: Path) -> None:
    wanted = Wanted(
        _folder(tmp_path),
        photos=3,
        rounds=2,
        made_pixels=600_000,
        models_dir=None,
        peer_pack="insightface-mini",
        peer_root=shared_data,
    )
    result = run_pipeline_benchmark(wanted)
    names = [contest.name for contest in result.contests]
    assert names[4].startswith("FaceAnalysis")
    assert "insightface-mini" in names[3]
    assert all(len(contest.ratios) == 2 for contest in result.contests)
    assert result.contests[4].ratio_to_peer == 1.0


def test_a_folder_without_pictures_is_said(tmp_path: Path) -> None:
    with pytest.raises(NothingToMeasureError, match="no pictures"):
        run_pipeline_benchmark(Wanted(tmp_path))
