"""The default pack on real photographs: found again, counted, refused with the right reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from indexer.faces import FaceEngine, PhotoRefusedError, Template
from indexer.faces.errors import ProbeSpentError
from indexer.faces.template import TemplateInvalidError
from indexer.media.picture import Picture, Pixels
from indexer.watchlist import WatchedTemplate, Watchlist
from tests.fixtures.photographs import (
    astronaut,
    beside,
    group,
    landscape,
    picture,
    recompressed,
    resized,
)

FACE = (slice(20, 210), slice(130, 320))
"""Where the astronaut's face is in her photograph."""


@pytest.fixture(scope="module")
def template(engine: FaceEngine) -> Template:
    return engine.enrol(picture(astronaut()))


@pytest.mark.parametrize(
    "change",
    [
        lambda photo: photo,
        lambda photo: resized(photo, 0.6),
        lambda photo: resized(photo, 3),
        lambda photo: photo[:, ::-1],
        lambda photo: recompressed(photo, 20),
        lambda photo: photo[FACE],
        lambda photo: resized(photo[FACE], 4),
        lambda photo: np.clip(photo * 0.5, 0, 255).astype(np.uint8),
        lambda photo: cv2.cvtColor(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB),
        lambda photo: cv2.copyMakeBorder(photo, 700, 700, 900, 900, cv2.BORDER_CONSTANT),
    ],
    ids=["same", "small", "large", "mirrored", "q20", "crop", "big crop", "dark", "grey", "border"],
)
def test_the_same_face_is_recognised_after_what_sites_do(
    engine: FaceEngine, template: Template, change: Callable[[Pixels], Pixels]
) -> None:
    again = engine.enrol(picture(change(astronaut())))
    assert again.similarity(template) > 0.75


def test_a_template_is_a_unit_vector_that_knows_its_model(
    engine: FaceEngine, template: Template
) -> None:
    assert template.vector.shape == (128,)
    assert template.vector.dtype == np.float32
    assert np.linalg.norm(template.vector) == pytest.approx(1, abs=1e-5)
    assert template.model == engine.model
    assert repr(template) == "<Template of yunet-sface>"


def test_a_template_comes_back_from_bytes_unchanged(template: Template) -> None:
    again = Template.from_bytes(template.to_bytes(), template.model)
    assert np.array_equal(again.vector, template.vector)


@pytest.mark.parametrize(
    "content",
    [b"", b"abc", bytes(512), np.full(128, np.nan, "<f4").tobytes(), np.ones(4, "<f4").tobytes()],
)
def test_bytes_that_are_no_template_are_refused(template: Template, content: bytes) -> None:
    with pytest.raises(TemplateInvalidError):
        Template.from_bytes(content, template.model)


def test_all_faces_of_a_group_are_counted(engine: FaceEngine) -> None:
    with engine.probe(picture(group())) as probes:
        assert len(probes) == 6
        assert probes.model == engine.model


def test_a_picture_without_faces_has_none(engine: FaceEngine) -> None:
    with engine.probe(picture(landscape())) as probes:
        assert len(probes) == 0
        assert not probes


@pytest.mark.parametrize("size", [(1, 1), (2, 500), (500, 2), (31, 33), (4000, 40)])
def test_odd_sizes_are_looked_at_without_an_error(
    engine: FaceEngine, size: tuple[int, int]
) -> None:
    with engine.probe(picture(np.full((*size, 3), 90, np.uint8))) as probes:
        assert len(probes) == 0


def test_a_small_face_in_a_large_picture_is_seen(engine: FaceEngine, template: Template) -> None:
    wide = np.full((1600, 2400, 3), 128, np.uint8)
    small = resized(astronaut(), 0.45)
    wide[900 : 900 + small.shape[0], 1500 : 1500 + small.shape[1]] = small
    with engine.probe(picture(wide)) as probes:
        assert len(probes) == 1


def refused(engine: FaceEngine, pixels: Pixels, others: tuple[Template, ...] = ()) -> str:
    with pytest.raises(PhotoRefusedError) as caught:
        engine.enrol(picture(pixels), others)
    assert len(str(caught.value)) > 20
    return caught.value.code


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (landscape, "no_face"),
        (group, "several_faces"),
        (lambda: resized(astronaut(), 0.3), "too_small"),
        (lambda: (astronaut() * 0.12).astype(np.uint8), "too_dark"),
        (lambda: np.clip(astronaut() * 1.2 + 110, 0, 255).astype(np.uint8), "too_bright"),
        (lambda: cv2.GaussianBlur(astronaut(), (0, 0), 5), "blurred"),
    ],
)
def test_a_poor_reference_photo_is_refused_with_its_reason(
    engine: FaceEngine, make: Callable[[], Pixels], code: str
) -> None:
    assert refused(engine, make()) == code


def test_somebody_else_among_the_reference_photos_is_refused(
    engine: FaceEngine, template: Template
) -> None:
    # The woman on the right of the group.
    with pytest.raises(PhotoRefusedError) as caught:
        engine.enrol_with_quality(picture(group()[:, 1040:]), (template,))
    assert caught.value.code == "not_same_person"
    assert caught.value.quality is not None
    assert engine.enrol(picture(astronaut()[:, ::-1]), (template,)).similarity(template) > 0.75


def test_a_small_bystander_does_not_spoil_a_reference_photo(
    engine: FaceEngine, template: Template
) -> None:
    tiny = resized(group()[:, 1040:], 0.25)
    photo = resized(astronaut(), 2)
    photo[10 : 10 + tiny.shape[0], 10 : 10 + tiny.shape[1]] = tiny
    assert engine.enrol(picture(photo)).similarity(template) > 0.75
    with pytest.raises(PhotoRefusedError):
        engine.enrol(picture(beside(astronaut(), astronaut())))


def test_quality_is_judged_of_the_face(engine: FaceEngine) -> None:
    quality = engine.enrol_with_quality(picture(astronaut())).quality
    assert 40 < quality.eye_distance_px < 55
    assert abs(quality.yaw_degrees) < 15
    assert 100 < quality.brightness < 200
    assert quality.detection_score > 0.8


def test_both_runtimes_see_the_same_faces(models_dir: Path) -> None:
    engines = [
        FaceEngine.open(models_dir=models_dir, runtime=runtime, threads=1)
        for runtime in ("openvino", "onnxruntime")
    ]
    assert [engine.runtime for engine in engines] == ["openvino", "onnxruntime"]
    assert engines[0].model == engines[1].model
    found = [engine._detector.detect(group()) for engine in engines]
    assert len(found[0]) == len(found[1]) == 6
    for one, other in zip(*found, strict=True):
        assert np.allclose(one.box_px, other.box_px, atol=0.1)
        assert np.allclose(one.landmarks_px, other.landmarks_px, atol=0.1)
        # A face that is looked at again is cut out: the rounding of single pixels may differ.
        assert one.score == pytest.approx(other.score, abs=5e-4)
    first, second = (engine.enrol(picture(astronaut())) for engine in engines)
    assert first.similarity(second) > 0.9999


def test_boxes_are_given_in_full_size_pixels(engine: FaceEngine) -> None:
    from indexer.faces.detect import face_box

    half = resized(astronaut(), 0.5)
    shrunk = Picture(half, full_width_px=512, full_height_px=512)
    (face,) = engine._detector.detect(half)
    box = face_box(face, shrunk)
    (upright,) = engine._detector.detect(astronaut())
    whole = face_box(upright, picture(astronaut()))
    assert abs(box.left_px - whole.left_px) < 12
    assert abs(box.width_px - whole.width_px) < 15


def test_insightfaces_own_pack_enrols_and_probes_too(shared_data: Path) -> None:
    engine = FaceEngine.open(
        "insightface-mini", models_dir=shared_data, accepted_licences=("insightface-mini",)
    )
    assert engine.runtime != "onnxruntime-cuda"
    template = engine.enrol(picture(astronaut()))
    again = engine.enrol(picture(recompressed(astronaut()[:, ::-1], 50)))
    assert again.similarity(template) > 0.75
    with engine.probe(picture(group())) as probes:
        assert len(probes) == 6
    with pytest.raises(PhotoRefusedError):
        engine.enrol(picture(landscape()))


def test_several_pictures_faces_are_embedded_together_as_they_are_alone(
    engine: FaceEngine,
) -> None:
    template = engine.enrol(picture(astronaut()))
    watchlist = Watchlist.build(
        [WatchedTemplate("ada", "one", template)],
        model=engine.model,
        calibration=engine.pack.calibration,
    )
    pictures = [picture(group()), picture(landscape()), picture(astronaut())]
    alone = [engine.probe(each) for each in pictures]
    seen = [engine.see(each) for each in pictures]
    crops = [crop for each in seen for crop, _, _ in each._lend_aligned()]
    together = engine.embed(seen)
    assert [len(each) for each in together] == [len(each) for each in alone] == [6, 0, 1]
    assert not any(crop.any() for crop in crops), "what waited is overwritten"
    (of_one,), (of_many,) = watchlist.search(alone[2]), watchlist.search(together[2])
    assert of_many.similarity == pytest.approx(of_one.similarity, abs=0.003)
    with pytest.raises(ProbeSpentError):
        engine.embed([engine.see(pictures[0]), seen[2]])
