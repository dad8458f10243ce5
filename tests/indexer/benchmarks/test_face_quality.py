"""What signs of quality are worth: curves, weights and ways to fuse, on made-up and real views."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import insightface
import msgspec
import numpy as np
import pytest

from indexer.benchmarks.calibrating import is_held_out
from indexer.benchmarks.face_quality import (
    TESTED_SHARE,
    QualityBenchmark,
    Wanted,
    run_quality_benchmark,
)
from indexer.benchmarks.faces_seen import NothingToMeasureError
from indexer.benchmarks.fusing import USED, WAYS, measure_fusing
from indexer.benchmarks.quality_curves import (
    Genuine,
    area_under,
    fitted,
    genuine_of,
    reject_curve,
    signs_of,
)
from indexer.benchmarks.quality_views import AS_IT_IS, SPOILINGS, Sample, Views
from indexer.faces.quality import FaceQuality
from tests.fixtures.photographs import astronaut, group

GOOD = FaceQuality(40.0, 150.0, 130.0, 0.0, 0.93, vector_length=12.5, figure=0.95)
POOR = dataclasses.replace(GOOD, vector_length=8.0, figure=0.1)


def made_up(people: int = 30, pictures: int = 6, seed: int = 1) -> Views:
    """Everybody's pictures as they are, similar to each other, and one view of each spoiled."""
    chance = np.random.default_rng(seed)
    rows: list[tuple[int, int, str, np.ndarray, FaceQuality]] = []
    for person in range(people):
        own = chance.normal(size=64)
        for picture in range(pictures):
            number = person * pictures + picture
            seen = own + chance.normal(0, 0.8, 64)
            rows.append((person, number, AS_IT_IS, seen, GOOD))
            rows.append((person, number, "blurred", seen + chance.normal(0, 3.0, 64), POOR))
    vectors = np.stack([row[3] for row in rows]).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Views(
        people=tuple(f"person {number}" for number in range(people)),
        person=np.array([row[0] for row in rows]),
        picture=np.array([row[1] for row in rows]),
        kind=np.array([row[2] for row in rows]),
        strength=np.full(len(rows), 0.9, np.float32),
        vectors=vectors,
        qualities=tuple(row[4] for row in rows),
        refusal=np.array([""] * len(rows)),
        missed={AS_IT_IS: (people * pictures, 0), "blurred": (people * pictures, 0)},
    )


def genuine(similarity: list[float]) -> Genuine:
    count = len(similarity)
    return Genuine(np.arange(count), np.array(similarity), np.full(count, 1 / count))


def test_leaving_out_by_similarity_itself_leaves_out_every_miss() -> None:
    compared = genuine([0.1, 0.2, 0.6, 0.7, 0.8, 0.9, 0.9, 0.9, 0.9, 0.9])
    curve = reject_curve(compared, compared.similarity, 0.5, (0.0, 0.1, 0.2, 0.3))
    assert curve == pytest.approx([0.2, 1 / 9, 0.0, 0.0])


def test_a_sign_that_says_nothing_changes_nothing_on_average() -> None:
    chance = np.random.default_rng(1)
    compared = genuine(list(chance.random(20_000)))
    assert area_under(compared, chance.random(20_000), 0.3) == pytest.approx(1, abs=0.03)
    assert area_under(compared, compared.similarity, 0.3) < 0.6
    assert area_under(compared, -compared.similarity, 0.3) > 1.15


def test_everybody_weighs_the_same() -> None:
    compared = Genuine(
        np.arange(4), np.array([0.1, 0.9, 0.9, 0.9]), np.array([1, 1 / 3, 1 / 3, 1 / 3])
    )
    assert compared.missed(0.5) == pytest.approx(0.5)
    half = reject_curve(compared, compared.similarity, 0.5, (0.5,))
    assert half == [0.0]


def test_views_are_compared_with_other_pictures_of_the_person_only() -> None:
    views = made_up()
    for spoiled in (True, False):
        compared = genuine_of(views, 1, spoiled=spoiled)
        assert len(compared.view) == 30 * 6 * 3
        kinds = views.kind[compared.view]
        assert set(kinds) == ({"blurred"} if spoiled else {AS_IT_IS})
        weight_of = np.bincount(views.person[compared.view], weights=compared.weight)
        assert np.allclose(weight_of, 1)
        assert compared.similarity.max() < 0.999, "never with the picture that it was made of"


def test_weights_are_found_again_and_none_is_negative() -> None:
    chance = np.random.default_rng(2)
    values = np.stack([chance.normal(10, 2, 20_000), chance.normal(0, 1, 20_000)], axis=1)
    expected = 1 / (1 + np.exp(-(1.5 * values[:, 0] - 14.0)))
    passed = chance.random(20_000) < expected
    model = fitted(values, passed, np.ones(20_000), ("vector_length", "log_sharpness"))
    weights = dict(model.weights)
    assert weights["vector_length"] == pytest.approx(1.5, rel=0.05)
    assert weights.get("log_sharpness", 0.0) < 0.05
    assert model.intercept == pytest.approx(-14.0, rel=0.06)
    against = np.stack([values[:, 0], -values[:, 0] + chance.normal(0, 3, 20_000)], axis=1)
    kept = dict(
        fitted(against, passed, np.ones(20_000), ("vector_length", "small_changes")).weights
    )
    assert all(weight >= 0 for weight in kept.values())


def test_a_sign_that_was_not_looked_for_is_not_a_number() -> None:
    values = signs_of([GOOD], ("vector_length", "small_changes"))
    assert values[0, 0] == 12.5
    assert np.isnan(values[0, 1])


def test_all_photos_miss_fewer_than_one_and_weights_hold_against_a_poor_one() -> None:
    rates = measure_fusing(made_up(), seed=1)
    missed = {(each.way, each.photos, each.one_is_poor): each.missed[-1] for each in rates}
    assert {way for way, _, _ in missed} == set(WAYS)
    for photos in (2, 3, 5):
        single = missed["a single photo", photos, False]
        assert missed[USED, photos, False] <= single
        assert missed["mean weighted by quality", photos, True] <= missed["mean", photos, True]
        assert missed[USED, photos, True] < missed["a single photo", photos, True]
    falsely = {
        (each.way, each.photos, each.one_is_poor): each.false_beside_single for each in rates
    }
    assert falsely["a single photo", 3, False] == pytest.approx(1, abs=0.1)
    assert falsely["best single", 3, False] > 1.2, "chance has as many tries as there are photos"


def test_few_people_are_not_fused() -> None:
    assert measure_fusing(made_up(people=5), seed=1) == ()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven people with two pictures each; by their names both halves have some."""
    root = tmp_path_factory.mktemp("labelled")
    photo = cv2.imread(str(Path(insightface.__file__).parent / "data/images/Tom_Hanks_54745.png"))
    wide = group()[:, :, ::-1]
    step = wide.shape[1] // 6
    pictures = [
        np.ascontiguousarray(astronaut()[:300, 80:380, ::-1]),
        photo,
        *(np.ascontiguousarray(wide[:, at * step : (at + 1) * step + 60]) for at in range(6)),
    ]
    for number, pixels in enumerate(pictures):
        (root / f"p{number}").mkdir()
        cv2.imwrite(str(root / f"p{number}" / "1.jpg"), pixels)
        cv2.imwrite(str(root / f"p{number}" / "2.png"), cv2.flip(pixels, 1))
    tested = [is_held_out(f"p{number}", TESTED_SHARE) for number in range(len(pictures))]
    assert 2 <= sum(tested) <= len(pictures) - 2
    return root


def test_a_folder_is_measured_from_pictures_to_figures(folder: Path, models_dir: Path) -> None:
    wanted = Wanted(
        folder,
        models_dir=models_dir,
        runtime="openvino",
        threads=1,
        sample=Sample(ways_a_picture=2),
    )
    result = run_quality_benchmark(wanted)
    assert msgspec.json.decode(msgspec.json.encode(result), type=QualityBenchmark) == result
    assert result.people_fitted + result.people_tested >= 6
    assert result.views > 25
    assert {curve.set for curve in result.curves} == {"spoiled", AS_IT_IS}
    assert all(len(curve.missed) == len(result.rejected) for curve in result.curves)
    spoiled = {curve.sign: curve for curve in result.curves if curve.set == "spoiled"}
    best = spoiled["the similarity itself (nothing can be better)"]
    assert all(best.area <= curve.area + 1e-9 for curve in spoiled.values())
    assert {fit.name for fit in result.fits} >= {"of a face in passing", "of a reference photo"}
    assert all(weight >= 0 for fit in result.fits for weight in fit.weights.values())
    assert {each.kind for each in result.kinds} <= {spoiling.name for spoiling in SPOILINGS}
    assert result.left_out.shorter_than == 5.0
    assert result.left_out.would_match == 0
    assert sum(each.of_good for each in result.refusals) == pytest.approx(1)


def test_people_of_one_picture_are_not_enough(tmp_path: Path, models_dir: Path) -> None:
    for name in ("ada", "bea", "cleo", "dora"):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "1.jpg"), astronaut())
    with pytest.raises(NothingToMeasureError, match="two pictures"):
        run_quality_benchmark(Wanted(tmp_path, models_dir=models_dir, threads=1))
