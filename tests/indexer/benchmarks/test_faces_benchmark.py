"""The whole benchmark of faces on a small folder of real photographs, and that it sees as the
engine does.
"""

from __future__ import annotations

import ast
import datetime as dt
from pathlib import Path

import cv2
import insightface
import msgspec
import numpy as np
import pytest

import indexer
from indexer.benchmarks.calibrating import calibrate, is_held_out
from indexer.benchmarks.condition_grid import chosen_conditions
from indexer.benchmarks.condition_rates import measure_conditions
from indexer.benchmarks.conditions import Shot
from indexer.benchmarks.faces import FacesBenchmark, Wanted, run_faces_benchmark
from indexer.benchmarks.faces_seen import (
    Eye,
    NothingToMeasureError,
    SeenSet,
    pixels_of,
    read_folder,
    see,
)
from indexer.faces import FaceEngine, Template
from indexer.faces.calibration_file import read_calibration
from indexer.faces.parts import open_parts
from indexer.media import Decoder
from indexer.media.picture import Picture
from indexer.observations import ModelStamp
from indexer.watchlist import WatchedTemplate, Watchlist
from tests.indexer.benchmarks.test_face_verification import random_people

GROUP_PHOTO = Path(insightface.__file__).parent / "data" / "images" / "t1.jpg"
STAMP = ModelStamp("ours", "a" * 64, 3)


@pytest.fixture(scope="module")
def eye(models_dir: Path) -> Eye:
    return Eye(open_parts("yunet-sface", models_dir=models_dir, runtime="openvino", threads=1))


@pytest.fixture(scope="module")
def folder(eye: Eye, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every face of a group photograph as a person with three pictures: as it is, brighter, and
    smaller; one more folder without a face, and files that are none.
    """
    root = tmp_path_factory.mktemp("people")
    group = np.ascontiguousarray(cv2.imread(str(GROUP_PHOTO))[:, :, ::-1])
    found = sorted(eye._parts.detector.detect(group), key=lambda face: face.box_px[0])
    assert len(found) >= 5
    for number, face in enumerate(found):
        left, top, width, height = face.box_px
        side = max(width, height)
        x, y = left + width / 2, top + height / 2
        rows = slice(max(0, round(y - side)), round(y + side))
        crop = group[rows, max(0, round(x - side)) : round(x + side)]
        home = root / f"person_{number}"
        home.mkdir()
        brighter = np.clip(crop.astype(int) + 25, 0, 255).astype(np.uint8)
        smaller = cv2.resize(crop, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
        for picture, pixels in enumerate((crop, brighter, smaller), 1):
            path = home / f"person_{number}_{picture:04d}.png"
            cv2.imwrite(str(path), pixels[:, :, ::-1])
    (root / "nobody").mkdir()
    cv2.imwrite(str(root / "nobody" / "nobody_0001.jpg"), np.full((120, 120, 3), 90, np.uint8))
    (root / "nobody" / "notes.txt").write_text("no picture", "utf-8")
    (root / "nobody" / "broken.jpg").write_bytes(b"\xff\xd8\xff no more")
    return root


@pytest.fixture(scope="module")
def seen(folder: Path, eye: Eye) -> SeenSet:
    with Decoder() as decoder:
        return see(read_folder(folder), eye, decoder, lambda *_: None)


def test_every_picture_is_seen_once_and_what_shows_no_face_is_counted(seen: SeenSet) -> None:
    people = len(seen.people) - 1
    assert seen.people[0] == "nobody"
    assert len(seen.person) == 3 * people
    assert seen.missed.tolist() == [1, *[0] * people]
    assert seen.unreadable == 1
    assert np.allclose(np.linalg.norm(seen.vectors, axis=1), 1, atol=1e-5)


def test_the_benchmark_sees_what_the_engine_probes(seen: SeenSet, models_dir: Path) -> None:
    engine = FaceEngine.open(models_dir=models_dir, runtime="openvino", threads=1)
    with Decoder() as decoder:
        for row in range(0, len(seen.person), 3):
            pixels = pixels_of(seen.paths[row], decoder)
            assert pixels is not None
            template = Template(seen.vectors[row], engine.model)
            watchlist = Watchlist.build(
                [WatchedTemplate("someone", "t", template)],
                model=engine.model,
                calibration=engine.pack.calibration,
            )
            with engine.probe(Picture(pixels)) as probes:
                assert watchlist.search(probes)[0].similarity == pytest.approx(1, abs=5e-3)


def test_a_face_is_looked_for_where_it_is(seen: SeenSet, eye: Eye) -> None:
    with Decoder() as decoder:
        pixels = pixels_of(seen.paths[0], decoder)
    assert pixels is not None
    left, top, width, height = (float(value) for value in seen.boxes_px[0])
    here = Shot(pixels, (left, top, width, height), seen.marks_px[0])
    face = eye.face_at(here)
    assert face is not None
    assert float(eye.embed([face.crop])[0] @ seen.vectors[0]) == pytest.approx(1, abs=1e-3)
    elsewhere = Shot(pixels, (left + 2 * width, top, width, height), seen.marks_px[0])
    assert eye.face_at(elsewhere) is None


def test_conditions_cost_recognition_and_are_told_beside_false_matches(
    seen: SeenSet, eye: Eye
) -> None:
    chosen = [
        each
        for each in chosen_conditions(["turned 0 degrees", "greyscale", "dark, 6 %"])
        if each.family in {"turned", "light"}
    ]
    with Decoder() as decoder:
        result = measure_conditions(
            seen,
            eye,
            decoder,
            chosen,
            threshold=0.4,
            threshold_words="of this test",
            among=range(len(seen.people)),
            people_words="everybody",
            limit_people=4,
            seed=1,
            said=lambda *_: None,
        )
    rates = {rate.name: rate for rate in result.rates if rate.family != "profile"}
    assert result.people == 4
    assert result.strangers == len(seen.people) - 1
    upright = rates["0 degrees"]
    assert (upright.detected, upright.found, upright.found_several) == (1.0, 1.0, 1.0)
    assert upright.comparisons == 4 * (result.strangers - 1)
    assert upright.false_matches == 0
    assert rates["greyscale"].found == 1.0
    assert rates["dark, 6 %"].detected < 1.0
    assert rates["dark, 6 %"].comparisons < upright.comparisons


def test_a_run_gives_every_figure_and_can_be_repeated(folder: Path, models_dir: Path) -> None:
    people = sorted(path.name for path in folder.glob("person_*"))
    labels = folder / "labels.csv"
    labels.write_text("".join(f"{n},{'a' if i % 2 else 'b'}\n" for i, n in enumerate(people)))
    wanted = Wanted(
        folder=folder,
        models_dir=models_dir,
        runtime="openvino",
        threads=1,
        gallery=3,
        labels=labels,
    )
    told: list[str] = []
    figures = run_faces_benchmark(wanted, lambda words, *_: told.append(words)).figures
    assert "looking" in told
    assert figures.seen.people == len(people) + 1
    assert figures.seen.missed == 1
    assert figures.verification.genuine_pairs == 3 * len(people)
    assert figures.verification.by_person[0].tar == 1.0
    assert figures.identification is not None
    assert figures.identification.rank_one == 1.0
    assert figures.identification.enrolled == 3
    assert figures.groups is not None
    assert [group.group for group in figures.groups.groups] == ["a", "b"]
    assert figures.conditions is None
    written = msgspec.json.encode(figures)
    assert msgspec.json.decode(written, type=FacesBenchmark) == figures
    assert run_faces_benchmark(wanted).figures == figures


def test_a_folder_of_nobody_and_a_condition_that_is_none_are_refused(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "a.jpg").write_bytes(b"x")
    with pytest.raises(NothingToMeasureError, match="DIR/<person>"):
        read_folder(tmp_path)
    with pytest.raises(NothingToMeasureError, match="no such thing"):
        run_faces_benchmark(Wanted(folder=folder, conditions=("no such thing",)))


def test_fewer_people_are_chosen_by_the_seed(folder: Path) -> None:
    some = read_folder(folder, 3, seed=5)
    assert len(some.people) == 3
    assert some == read_folder(folder, 3, seed=5)
    assert len({read_folder(folder, 3, seed=seed).people for seed in range(8)}) > 1


def test_a_calibration_is_made_of_some_people_and_checked_on_others() -> None:
    seen = random_people(700, 2, 0.45)
    made = calibrate(
        seen,
        STAMP,
        runtime="openvino",
        set_name="drawn",
        held_out_share=0.3,
        today=dt.date(2026, 1, 31),
    )
    apart = sum(is_held_out(name, 0.3) for name in seen.people)
    assert made.held_out.people == apart
    assert made.people == 700 - apart
    assert 0.25 < apart / 700 < 0.35
    assert made.points[-1].fmr >= 1e-6
    assert made.points[0].fmr == pytest.approx(0.1, rel=0.02)
    check = made.held_out.checks[1]
    assert check.fmr_found_interval is not None
    low, high = check.fmr_found_interval
    assert low <= check.fmr_found <= high
    assert check.fmr_calibrated == pytest.approx(1e-3, rel=0.05)
    # Both parts are drawn alike: what was promised lies within what chance allows.
    assert low / 1.3 <= check.fmr_calibrated <= high * 1.3
    assert made.tail_slope < 0
    assert read_calibration(msgspec.json.encode(made), STAMP, "made").calibration().measured


def test_too_few_people_make_no_calibration() -> None:
    with pytest.raises(NothingToMeasureError, match="bring more people"):
        calibrate(
            random_people(40, 2, 0.45),
            STAMP,
            runtime="openvino",
            set_name="drawn",
            held_out_share=0.3,
            today=dt.date(2026, 1, 31),
        )


def test_only_the_face_room_and_benchmarks_load_a_pack_without_an_engines_guards() -> None:
    root = Path(indexer.__file__).parents[1]
    users = {
        path.parent.relative_to(root).as_posix()
        for package in ("indexer", "service")
        for path in (root / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if (isinstance(node, ast.ImportFrom) and node.module == "indexer.faces.parts")
        or (
            isinstance(node, ast.Import)
            and any(alias.name == "indexer.faces.parts" for alias in node.names)
        )
    }
    assert users <= {"indexer/faces", "indexer/benchmarks"}
