"""A duck is not a face: what a detector takes for one is left out, and poor faces are not."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from indexer.faces import FaceEngine
from indexer.faces.found import FoundFace
from indexer.media.picture import Pixels
from indexer.watchlist import WatchedTemplate, Watchlist
from tests.fixtures.photographs import astronaut, landscape, picture, resized


@dataclass
class Mistaken:
    """Takes whatever lies between these landmarks for a face."""

    landmarks_px: tuple[tuple[float, float], ...]

    def detect(self, pixels: Pixels, full_size: object = None) -> tuple[FoundFace, ...]:
        assert full_size is None
        marks = np.array(self.landmarks_px, np.float32)
        left, top = marks.min(axis=0) - 20
        width, height = np.ptp(marks, axis=0) + 40
        return (FoundFace((float(left), float(top), float(width), float(height)), marks, 0.9),)


FACE_LIKE = ((110.0, 110.0), (190.0, 110.0), (150.0, 150.0), (120.0, 190.0), (180.0, 190.0))


def duck() -> Pixels:
    """Round, yellow, two eyes and a bill, from the front."""
    drawn = np.full((300, 300, 3), (120, 180, 210), np.uint8)
    cv2.circle(drawn, (150, 150), 100, (250, 210, 50), -1, cv2.LINE_AA)
    for eye in (110, 190):
        cv2.circle(drawn, (eye, 110), 11, (20, 20, 20), -1, cv2.LINE_AA)
    cv2.ellipse(drawn, (150, 165), (40, 16), 0, 0, 360, (240, 110, 20), -1, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(drawn, (0, 0), 1.0), np.uint8)


def plain() -> Pixels:
    return np.full((300, 300, 3), 127, np.uint8)


def text() -> Pixels:
    page = np.full((300, 300, 3), 250, np.uint8)
    for line in range(20, 300, 24):
        cv2.putText(page, "not a face at all", (5, line), 0, 0.8, (20, 20, 20), 2, cv2.LINE_AA)
    return page


def stripes() -> Pixels:
    across = np.where(np.arange(300) // 15 % 2, 230, 30).astype(np.uint8)
    return np.ascontiguousarray(np.repeat(np.tile(across, (300, 1))[:, :, None], 3, axis=2))


@pytest.mark.parametrize("make", [duck, plain, text, stripes, landscape])
def test_what_a_detector_takes_for_a_face_by_mistake_is_left_out(
    engine: FaceEngine, monkeypatch: pytest.MonkeyPatch, make: object
) -> None:
    assert callable(make)
    monkeypatch.setattr(engine, "_detector", Mistaken(FACE_LIKE))
    with engine.probe(picture(make())) as probes:
        assert len(probes) == 0


@pytest.mark.parametrize(
    "spoiled",
    [
        lambda face: face,
        lambda face: cv2.GaussianBlur(face, (0, 0), 5),
        lambda face: (face * 0.08).astype(np.uint8),
        lambda face: resized(face, 0.22),
        lambda face: np.clip(face * 1.2 + 110, 0, 255).astype(np.uint8),
    ],
    ids=["good", "blurred", "dark", "24 pixels", "bright"],
)
def test_a_poor_face_is_still_compared(engine: FaceEngine, spoiled: object) -> None:
    assert callable(spoiled)
    with engine.probe(picture(spoiled(astronaut()))) as probes:
        assert len(probes) == 1


def test_a_match_says_how_good_its_face_was(engine: FaceEngine) -> None:
    template = engine.enrol(picture(astronaut()))
    watchlist = Watchlist.build(
        [WatchedTemplate("her", "t", template)],
        model=engine.model,
        calibration=engine.pack.calibration,
    )
    qualities = []
    for sigma in (0.3, 2.0, 3.5):
        with engine.probe(picture(cv2.GaussianBlur(astronaut(), (0, 0), sigma))) as probes:
            (match,) = watchlist.search(probes)
        qualities.append(match.quality)
    assert qualities == sorted(qualities, reverse=True)
    assert qualities[0] > 0.9
    assert qualities[2] < 0.5
