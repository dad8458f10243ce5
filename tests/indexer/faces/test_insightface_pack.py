"""InsightFace's pack code with real weights: complete in rotation as the default pack is."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest

from indexer.faces.align import aligned_face
from indexer.faces.detect import CompleteDetector, Detector
from indexer.faces.insightface_pack import SCRFD_DEMANDS, ArcFaceRecogniser, ScrfdNetwork
from indexer.faces.session import RuntimeName, open_session
from indexer.media.picture import Pixels
from tests.fixtures.photographs import astronaut, group, landscape

pytestmark = pytest.mark.real_faces


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    found = shared_data / "models" / "insightface-mini"
    if not found.is_dir():
        pytest.skip("InsightFace's small pack is not on this machine")
    return found


@pytest.fixture(scope="module", params=["openvino", "onnxruntime"])
def runtime(request: pytest.FixtureRequest) -> RuntimeName:
    return cast(RuntimeName, request.param)


@pytest.fixture(scope="module")
def detector(folder: Path, runtime: RuntimeName) -> CompleteDetector:
    path = folder / "det_500m.onnx"
    return CompleteDetector(ScrfdNetwork(path, open_session(path, runtime, 1)), SCRFD_DEMANDS)


@pytest.fixture(scope="module")
def recogniser(folder: Path, runtime: RuntimeName) -> ArcFaceRecogniser:
    path = folder / "photo_analyze_mobilefacenet.onnx"
    return ArcFaceRecogniser(path, open_session(path, runtime, 1))


def vector(detector: Detector, recogniser: ArcFaceRecogniser, photo: Pixels) -> np.ndarray:
    (face,) = detector.detect(photo)
    vectors = np.empty((1, 128), np.float32)
    recogniser.embed_into([aligned_face(photo, face)], vectors)
    return np.asarray(vectors[0])


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_face_is_the_same_face(
    detector: CompleteDetector, recogniser: ArcFaceRecogniser, quarters: int
) -> None:
    upright = vector(detector, recogniser, astronaut())
    turned = np.ascontiguousarray(np.rot90(astronaut(), quarters))
    assert float(upright @ vector(detector, recogniser, turned)) > 0.7


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_all_faces_of_a_turned_group_are_found(detector: CompleteDetector, quarters: int) -> None:
    found = detector.detect(np.ascontiguousarray(np.rot90(group(), quarters)))
    assert 6 <= len(found) <= 7


def test_nothing_is_found_where_nothing_is(detector: CompleteDetector) -> None:
    assert detector.detect(landscape()) == ()


def test_another_finds_the_same(detector: CompleteDetector) -> None:
    one, other = detector.detect(group()), detector.another().detect(group())
    assert [face.box_px for face in one] == [face.box_px for face in other]
