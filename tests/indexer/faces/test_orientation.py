"""The orientation network: its file, what it says of faces, and that it is refused when changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from indexer.faces import orientation
from indexer.faces.cut_out import cut_out, in_picture, warped
from indexer.faces.errors import ModelUnusableError
from indexer.faces.found import Seen
from indexer.faces.levels import Levels
from indexer.faces.orientation import (
    BATCH,
    WEIGHTS,
    WEIGHTS_SHA256,
    OrientationNetwork,
    Orientations,
)
from indexer.faces.packs import PREPROCESSING_VERSION
from indexer.faces.session import open_session
from indexer.media.picture import Pixels
from tests.fixtures.photographs import astronaut, group, landscape

HER_FACE = np.array([[175, 65, 95, 115]], np.float32)


@pytest.fixture(scope="module")
def network() -> OrientationNetwork:
    return OrientationNetwork.open()


def turned_about_her_face(degrees: float, scale: float = 1.0) -> tuple[Pixels, np.ndarray]:
    """The astronaut turned counter-clockwise about her face, made smaller, and its box."""
    left, top, width, height = HER_FACE[0]
    middle = (float(left + width / 2), float(top + height / 2))
    turn = cv2.getRotationMatrix2D(middle, degrees, 1)
    photo = cv2.warpAffine(astronaut(), turn, (512, 512), borderMode=cv2.BORDER_REFLECT_101)
    size = round(512 * scale)
    small = cv2.resize(photo, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), HER_FACE * np.float32(scale)


def test_the_file_is_the_one_that_was_trained_and_templates_know_of_it() -> None:
    """Another file makes other templates: then raise PREPROCESSING_VERSION, and both below."""
    digest = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    assert digest == WEIGHTS_SHA256
    assert PREPROCESSING_VERSION >= 2
    assert WEIGHTS.stat().st_size < 500_000


def test_a_file_that_was_changed_or_is_missing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = tmp_path / "orientation.onnx"
    monkeypatch.setattr(orientation, "WEIGHTS", changed)
    with pytest.raises(ModelUnusableError, match="install it again"):
        OrientationNetwork.open()
    content = bytearray(WEIGHTS.read_bytes())
    content[len(content) // 2] ^= 1
    changed.write_bytes(bytes(content))
    with pytest.raises(ModelUnusableError, match="changed"):
        OrientationNetwork.open()


@pytest.mark.parametrize("scale", [1.0, 0.4])
@pytest.mark.parametrize("degrees", range(0, 360, 40))
def test_the_roll_of_a_face_is_said(
    network: OrientationNetwork, degrees: int, scale: float
) -> None:
    photo, box = turned_about_her_face(degrees, scale)
    thought = network.look(Levels(photo), box)
    assert thought.faces[0] > 0
    # She holds her head about ten degrees to the side.
    off = (float(thought.roll_degrees[0]) + degrees + 180) % 360 - 180
    assert -20 < off < 35


def test_a_face_is_said_to_be_where_it_is(network: OrientationNetwork) -> None:
    photo, box = turned_about_her_face(0)
    right = network.look(Levels(photo), box)
    off = network.look(Levels(photo), box + np.array([[14, -10, 12, 12]], np.float32))
    assert np.abs(off.middles_px - right.middles_px).max() < 12
    assert 0.75 < float(off.sides_px[0] / right.sides_px[0]) < 1.3


def test_what_is_no_face_is_said_to_be_none(network: OrientationNetwork) -> None:
    chance = np.random.default_rng(3)
    boxes = np.concatenate([chance.uniform(0, 300, (60, 2)), np.full((60, 2), 60.0)], axis=1)
    thought = network.look(Levels(landscape()), boxes.astype(np.float32))
    assert (thought.faces < 0).mean() > 0.75


@pytest.mark.parametrize("count", [0, 1, 3, BATCH, BATCH + 1])
def test_places_are_looked_at_in_any_number_and_alike(
    network: OrientationNetwork, count: int
) -> None:
    photo, box = turned_about_her_face(90)
    one = network.look(Levels(photo), box)
    many = network.look(Levels(photo), np.repeat(box, count, axis=0))
    assert many.faces.shape == many.roll_degrees.shape == many.sureness.shape == (count,)
    assert many.middles_px.shape == (count, 2)
    assert np.allclose(many.roll_degrees, one.roll_degrees[0], atol=0.1)
    assert np.allclose(many.faces, one.faces[0], atol=0.01)


def test_both_runtimes_say_the_same() -> None:
    photo, box = turned_about_her_face(200)
    said: list[Orientations] = [
        OrientationNetwork(open_session(WEIGHTS, runtime, 1)).look(Levels(photo), box)
        for runtime in ("openvino", "onnxruntime")
    ]
    assert abs(float(said[0].roll_degrees[0] - said[1].roll_degrees[0])) < 0.5
    assert abs(float(said[0].faces[0] - said[1].faces[0])) < 0.05


def test_places_at_and_beyond_the_edge_are_looked_at_without_an_error(
    network: OrientationNetwork,
) -> None:
    boxes = np.array(
        [[-500, -500, 40, 40], [500, 500, 90, 90], [0, 0, 0, 0], [-2000, -2000, 5000, 5000]],
        np.float32,
    )
    thought = network.look(Levels(astronaut()), boxes)
    assert np.isfinite(thought.faces).all()
    assert np.isfinite(thought.middles_px).all()


def test_a_cut_out_shows_the_place_upright_and_without_aliasing() -> None:
    photo = group()
    cut, to_cut_out = cut_out(photo, np.array([640, 443], np.float32), 600, 30, 66)
    smooth = cv2.warpAffine(cv2.blur(photo, (9, 9)), to_cut_out, (66, 66))
    assert np.abs(cut.astype(int) - smooth.astype(int)).mean() < 6
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 255
    cut, _ = cut_out(stripes, np.array([200, 200], np.float32), 300, 0, 30)
    assert cut.std() < 12


def test_what_is_seen_in_a_cut_out_is_where_it_is_in_the_picture() -> None:
    _, to_cut_out = cut_out(group(), np.array([300, 200], np.float32), 160, 90, 80)
    marks = np.array([[[40, 40], [30, 40], [40, 30], [35, 35], [45, 45]]], np.float32)
    seen = Seen(np.array([[30, 30, 20, 20]], np.float32), marks, np.array([0.9], np.float32))
    back = in_picture(seen, to_cut_out)
    assert np.allclose(back.landmarks_px[0, 0], [300, 200], atol=0.01)
    # Turned by a quarter against the clock: its left was the picture's top.
    assert np.allclose(back.landmarks_px[0, 1], [300, 180], atol=0.01)
    assert np.allclose(back.boxes_px[0], [280, 180, 40, 40], atol=0.01)


def test_a_place_far_outside_is_black() -> None:
    transform = np.array([[0.1, 0, 5000], [0, 0.1, 5000]], np.float64)
    assert not warped(astronaut(), transform, 48).any()
