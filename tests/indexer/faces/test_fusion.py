"""Several photos of a person become one decision: nobody is lost, a poor one spoils little."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.faces import FaceEngine, PhotoRefusedError, Template
from indexer.faces.fusion import fused_template, fused_vector
from indexer.faces.session import Floats
from indexer.faces.template import TemplateInvalidError
from indexer.media.picture import Picture
from indexer.observations import ModelStamp
from indexer.watchlist import WatchedTemplate, Watchlist
from tests.fixtures.photographs import astronaut, group, picture

MODEL = ModelStamp("test", "00", 1)


def unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


def person(seed: int, photos: int, noise: float = 0.05) -> Floats:
    """(photos, 128): one face, seen with noise."""
    chance = np.random.default_rng(seed)
    return unit(unit(chance.normal(size=128)) + chance.normal(0, noise, (photos, 128)))


def test_one_photo_is_itself() -> None:
    (own,) = person(1, 1)
    assert np.allclose(fused_vector(own[None], [0.3]), own, atol=1e-6)


def test_photos_of_one_quality_make_their_mean() -> None:
    vectors = person(1, 4)
    assert np.allclose(fused_vector(vectors, [0.7] * 4), unit(vectors.mean(axis=0)), atol=1e-6)
    assert np.allclose(
        fused_vector(vectors, [None] * 4), fused_vector(vectors, [0.5] * 4), atol=1e-6
    )


def test_the_fused_template_is_closer_to_a_new_photo_than_the_single_ones_are() -> None:
    closer = 0
    for seed in range(50):
        vectors = person(seed, 6, noise=0.1)
        probe, references = vectors[0], vectors[1:]
        closer += float(fused_vector(references, [0.9] * 5) @ probe) > float(
            (references @ probe).max()
        )
    assert closer >= 45


def test_a_poor_photo_pulls_as_much_as_its_figure() -> None:
    good = person(1, 2)
    vectors = np.concatenate([good, person(2, 1)])
    pulled = [
        float(fused_vector(vectors, [0.9, 0.9, figure]) @ vectors[2])
        for figure in (0.0, 0.2, 0.5, 0.9)
    ]
    assert pulled == sorted(pulled)
    without = fused_vector(good, [0.9, 0.9])
    assert float(fused_vector(vectors, [0.9, 0.9, 0.0]) @ without) > 0.999


def test_photos_that_contradict_each_other_wholly_leave_the_best_one() -> None:
    (own,) = person(3, 1)
    assert np.array_equal(fused_vector(np.stack([own, -own]), [0.5, 0.5]), own)


@given(
    st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=8),
    st.integers(0, 1000),
)
def test_it_is_always_a_template(figures: list[float | None], seed: int) -> None:
    vectors = unit(np.random.default_rng(seed).normal(size=(len(figures), 16)).astype(np.float32))
    kept = vectors.copy()
    fused = fused_vector(vectors, figures)
    assert Template.from_bytes(fused.astype("<f4").tobytes(), MODEL).vector.shape == (16,)
    assert np.array_equal(vectors, kept)


@pytest.mark.parametrize(("count", "figures"), [(0, []), (2, [0.5]), (1, [0.5, 0.5])])
def test_figures_and_vectors_belong_together(count: int, figures: list[float | None]) -> None:
    with pytest.raises(ValueError, match="each vector needs a figure"):
        fused_vector(np.zeros((count, 4), np.float32), figures)


def test_models_are_never_mixed_and_nothing_is_made_of_nothing() -> None:
    one, two = person(1, 2)
    with pytest.raises(TemplateInvalidError, match="different models"):
        fused_template([Template(one, MODEL), Template(two, ModelStamp("b", "1", 1))], [0.5, 0.5])
    with pytest.raises(TemplateInvalidError):
        fused_template([], [])
    fused = fused_template([Template(one, MODEL), Template(two, MODEL)], [0.5, 0.9])
    assert fused.model == MODEL


def test_a_watch_list_with_the_fused_template_finds_the_face_at_least_as_close(
    engine: FaceEngine,
) -> None:
    photos = [astronaut(), astronaut()[:, ::-1], cv2.GaussianBlur(astronaut(), (0, 0), 1.5)]
    enrolments = [engine.enrol_with_quality(picture(photo)) for photo in photos]
    fused = fused_template(
        [each.template for each in enrolments], [each.quality.figure for each in enrolments]
    )
    singles = [WatchedTemplate("her", str(n), each.template) for n, each in enumerate(enrolments)]
    calibration = engine.pack.calibration
    probe = cv2.GaussianBlur(astronaut(), (0, 0), 2.0)
    found = []
    for entries in (singles, [*singles, WatchedTemplate("her", "fused", fused)]):
        watchlist = Watchlist.build(entries, model=engine.model, calibration=calibration)
        with engine.probe(picture(probe)) as probes:
            (match,) = watchlist.search(probes)
        found.append(match)
        with engine.probe(picture(group())) as probes:
            assert watchlist.search(probes) == ()
    assert found[1].similarity >= found[0].similarity
    # One more row is one more try for chance, and is counted.
    assert watchlist.threshold() >= found[0].threshold


@pytest.mark.real_faces
@pytest.mark.slow
def test_people_are_found_more_often_by_all_of_their_photos_than_by_the_best_one(
    engine: FaceEngine, shared_data: Path
) -> None:
    """Of 40 people with three photos each: similarity of other photos to the closest single one,
    and with the fused template beside them, at thresholds that let equally few strangers by.
    """
    folders = [f for f in sorted((shared_data / "faces").iterdir()) if len(list(f.iterdir())) >= 6]
    chosen = random.Random(9).sample(folders, 40)
    templates: dict[str, list[Template]] = defaultdict(list)
    figures: dict[str, list[float | None]] = defaultdict(list)
    others: dict[str, list[Floats]] = defaultdict(list)
    for folder in chosen:
        for path in sorted(folder.iterdir())[:5]:
            photo = Picture(np.ascontiguousarray(cv2.imread(str(path))[:, :, ::-1]))
            try:
                made = engine.enrol_with_quality(photo)
            except PhotoRefusedError:
                continue
            if len(templates[folder.name]) < 3:
                templates[folder.name].append(made.template)
                figures[folder.name].append(made.quality.figure)
            else:
                others[folder.name].append(made.template.vector)
    people = [name for name in templates if len(templates[name]) == 3 and others[name]]
    assert len(people) >= 25
    genuine: dict[str, list[float]] = {"best": [], "all": []}
    strangers: dict[str, list[float]] = {"best": [], "all": []}
    for name in people:
        singles = np.stack([each.vector for each in templates[name]])
        fused = fused_template(templates[name], figures[name]).vector
        for whose in people:
            for probe in others[whose]:
                best = float((singles @ probe).max())
                into = genuine if whose == name else strangers
                into["best"].append(best)
                into["all"].append(max(best, float(fused @ probe)))
    missed = {
        way: float(np.mean(np.array(genuine[way]) < np.quantile(strangers[way], 0.999)))
        for way in ("best", "all")
    }
    assert missed["all"] <= missed["best"]
    assert missed["all"] < 0.03
    separation = {
        way: np.median(genuine[way]) - np.quantile(strangers[way], 0.999) for way in missed
    }
    assert separation["all"] > separation["best"]
