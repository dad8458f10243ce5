"""How good a face is: what spoils a photo lowers its figure, and is named when it is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from indexer.examiner.protocol import PhotoQuality
from indexer.faces import FaceEngine, PhotoRefusedError
from indexer.faces.quality import FaceQuality
from indexer.faces.quality_figure import UNMEASURED, FigureModel, quality_of_pack, sign_of
from indexer.faces.refusals import MIN_FIGURE, refuse_if_poor
from indexer.faces.steadiness import CHANGES, Steadiness, changed, steadiness
from indexer.media.picture import Pixels
from service.enrolment.photo_words import words_of_refusal
from tests.fixtures.photographs import astronaut, group, picture, recompressed, resized

STEADY = Steadiness(0.96, 0.45, 0.85, 0.8, 0.8)
GOOD = FaceQuality(
    eye_distance_px=40.0,
    sharpness=150.0,
    brightness=130.0,
    yaw_degrees=0.0,
    detection_score=0.93,
    vector_length=12.5,
    steadiness=STEADY,
    figure=0.95,
)
EYES = (slice(92, 132), slice(165, 285))
MOUTH = (slice(130, 205), slice(165, 285))


@pytest.fixture(scope="module")
def shared_engine(shared_data: Path) -> FaceEngine:
    return FaceEngine.open(
        "insightface-mini", models_dir=shared_data, accepted_licences=("insightface-mini",)
    )


def covered(where: tuple[slice, slice]) -> Pixels:
    photo = astronaut()
    photo[where] = (30, 30, 30)
    return photo


def noisy(sigma: float) -> Pixels:
    noise = np.random.default_rng(3).normal(0, sigma, (512, 512, 3))
    return np.clip(astronaut() + noise, 0, 255).astype(np.uint8)


def judged(engine: FaceEngine, pixels: Pixels) -> tuple[FaceQuality, str]:
    """What was judged, and the code of the refusal or nothing."""
    try:
        return engine.enrol_with_quality(picture(pixels)).quality, ""
    except PhotoRefusedError as refused:
        assert refused.quality is not None
        return refused.quality, refused.code


def test_a_good_photo_has_a_high_figure(engine: FaceEngine) -> None:
    quality, code = judged(engine, astronaut())
    assert code == ""
    assert quality.figure > 0.9
    assert quality.vector_length is not None
    assert quality.vector_length > 11
    assert quality.steadiness is not None
    assert quality.covered is None
    assert quality.steadiness.small_changes > 0.93


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda: cv2.GaussianBlur(astronaut(), (0, 0), 3), "blurred"),
        (lambda: cv2.blur(astronaut(), (1, 25)), "blurred"),
        (lambda: (astronaut() * 0.12).astype(np.uint8), "too_dark"),
        (lambda: np.clip(astronaut() * 1.2 + 110, 0, 255).astype(np.uint8), "too_bright"),
        (lambda: resized(astronaut(), 0.3), "too_small"),
        (lambda: covered(EYES), "covered"),
        (lambda: covered(MOUTH), "covered"),
        (lambda: recompressed(resized(astronaut(), 0.5), 4), "unclear"),
    ],
    ids=["blur", "motion", "dark", "bright", "small", "eyes", "mouth", "compressed"],
)
def test_what_spoils_a_photo_lowers_its_figure_and_is_named(
    engine: FaceEngine, spoil: Callable[[], Pixels], code: str
) -> None:
    before, _ = judged(engine, astronaut())
    quality, refused = judged(engine, spoil())
    assert refused == code
    assert quality.figure < before.figure - 0.05
    assert words_of_refusal(code) != words_of_refusal("nothing known of it"), "no words for it"


def test_more_of_what_spoils_a_photo_lowers_the_figure_more(engine: FaceEngine) -> None:
    ways: list[Callable[[float], Pixels]] = [
        lambda much: cv2.GaussianBlur(astronaut(), (0, 0), 0.5 + 2 * much),
        lambda much: recompressed(astronaut(), (60, 14, 6)[round(much)]),
        noisy_by,
    ]
    for way in ways:
        figures = [judged(engine, way(much))[0].figure for much in (0.0, 1.0, 2.0)]
        assert figures == sorted(figures, reverse=True)
        assert figures[2] < figures[0] - 0.1


def noisy_by(much: float) -> Pixels:
    return noisy(5 + 45 * much)


def test_a_dark_photo_is_not_called_blurred(engine: FaceEngine) -> None:
    quality, code = judged(engine, (astronaut() * 0.2).astype(np.uint8))
    assert quality.sharpness < 40
    assert code != "blurred"


def test_a_sharp_photo_of_a_small_face_is_taken(engine: FaceEngine) -> None:
    quality, code = judged(engine, resized(astronaut(), 0.6))
    assert quality.eye_distance_px < 30
    assert code == ""


@pytest.mark.parametrize(
    ("where", "part"), [(EYES, "upper"), (MOUTH, "lower")], ids=["eyes", "mouth"]
)
def test_the_covered_part_is_named(
    engine: FaceEngine, where: tuple[slice, slice], part: str
) -> None:
    quality, _ = judged(engine, covered(where))
    assert quality.covered == part


def test_ordinary_faces_of_a_group_are_not_called_covered_or_poor(engine: FaceEngine) -> None:
    """The two in front, each alone; the others are cut off by the crop."""
    for left in (0, 1040):
        _, code = judged(engine, np.ascontiguousarray(group()[:, left : left + 240]))
        assert code in {"", "too_small", "several_faces", "no_face"}


@pytest.mark.parametrize(
    ("worse", "code"),
    [
        ({"eye_distance_px": 15.0}, "too_small"),
        ({"brightness": 20.0}, "too_dark"),
        ({"brightness": 230.0}, "too_bright"),
        ({"yaw_degrees": -50.0}, "turned_away"),
        ({"sharpness": 10.0}, "blurred"),
        ({"covered": "upper"}, "covered"),
        ({"covered": "lower"}, "covered"),
        ({"covered": "side"}, "covered"),
        ({"figure": MIN_FIGURE - 0.01}, "unclear"),
        ({"figure": MIN_FIGURE - 0.01, "brightness": 40.0}, "too_dark"),
        ({"figure": MIN_FIGURE - 0.01, "brightness": 210.0}, "too_bright"),
        ({"figure": MIN_FIGURE - 0.01, "sharpness": 30.0}, "blurred"),
    ],
)
def test_each_reason_is_found_alone(worse: dict[str, object], code: str) -> None:
    refuse_if_poor(GOOD)
    quality = dataclasses.replace(GOOD, **worse)  # type: ignore[arg-type] # of known fields
    with pytest.raises(PhotoRefusedError) as caught:
        refuse_if_poor(quality)
    assert caught.value.code == code
    assert caught.value.quality is quality
    assert "Choose" in str(caught.value), "it says what to do"


def test_a_better_sign_never_lowers_the_figure() -> None:
    of_pack = quality_of_pack("yunet-sface")
    for field, worse, better in (
        ("vector_length", 7.0, 13.0),
        ("detection_score", 0.6, 0.95),
        ("sharpness", 5.0, 500.0),
    ):
        low = of_pack.judged(dataclasses.replace(GOOD, **{field: worse}))  # type: ignore[arg-type]
        high = of_pack.judged(dataclasses.replace(GOOD, **{field: better}))  # type: ignore[arg-type]
        assert low.figure < high.figure


def test_a_weight_below_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="not negative"):
        FigureModel(0.0, (("vector_length", -0.1),))


@pytest.mark.parametrize(
    ("steady", "part"),
    [
        (STEADY, None),
        (Steadiness(0.9, 0.7, 0.6, 0.8, 0.8), "upper"),
        (Steadiness(0.9, 0.2, 0.95, 0.8, 0.8), "lower"),
        (Steadiness(0.9, 0.45, 0.8, 0.3, 0.9), "side"),
        (Steadiness(0.9, 0.45, 0.8, 0.9, 0.3), "side"),
    ],
)
def test_a_part_whose_loss_changes_nothing_is_covered(steady: Steadiness, part: str | None) -> None:
    quality = dataclasses.replace(GOOD, steadiness=steady)
    assert quality_of_pack("yunet-sface").judged(quality).covered == part


def test_of_a_pack_that_nobody_measured_nothing_is_said() -> None:
    other = quality_of_pack("somebody-elses-pack")
    assert other is UNMEASURED
    assert other.is_a_face(0.01), "nothing is left out by a limit of another network"
    quality = FaceQuality(40.0, 150.0, 130.0, 0.0, 0.5, 0.5, Steadiness(0.5, 0.9, 0.1, 0.1, 0.9))
    judged = other.judged(quality)
    assert judged.figure == 1.0
    assert judged.covered is None
    refuse_if_poor(judged)


def test_a_sign_that_was_not_looked_for_makes_no_figure() -> None:
    model = FigureModel(0.0, (("small_changes", 1.0),))
    without = dataclasses.replace(GOOD, steadiness=None)
    assert sign_of(without, "small_changes") is None
    assert model.figure(without) is None


def test_the_pictures_that_show_how_steady_a_face_is_are_all_different() -> None:
    crop = np.random.default_rng(1).integers(0, 255, (112, 112, 3), dtype=np.uint8)
    kept = crop.copy()
    pictures = changed(crop)
    assert len(pictures) == CHANGES
    assert all(each.shape == crop.shape for each in pictures)
    assert len({each.tobytes() for each in (crop, *pictures)}) == CHANGES + 1
    assert np.array_equal(crop, kept)


def test_steadiness_wants_every_vector() -> None:
    own = np.array([1.0, 0.0], np.float32)
    with pytest.raises(ValueError, match="7 changed"):
        steadiness(own, np.ones((3, 2), np.float32))


def test_what_was_stored_before_there_was_a_figure_is_still_read() -> None:
    old = msgspec.msgpack.encode(
        {
            "eye_distance_px": 40.0,
            "sharpness": 100.0,
            "brightness": 120.0,
            "yaw_degrees": 3.0,
            "detection_score": 0.9,
        }
    )
    quality = msgspec.msgpack.decode(old, type=PhotoQuality)
    assert quality.figure is None
    assert quality.covered == ""


def test_somebody_elses_pack_judges_photos_too(shared_engine: FaceEngine) -> None:
    sharp = shared_engine.enrol_with_quality(picture(astronaut())).quality
    assert sharp.figure == 1.0, "nobody has measured it"
    with pytest.raises(PhotoRefusedError) as caught:
        shared_engine.enrol(picture(cv2.GaussianBlur(astronaut(), (0, 0), 5)))
    assert caught.value.code == "blurred"
