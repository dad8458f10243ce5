"""InsightFace's packs through its own model zoo: detection and recognition, nothing else.

Only the two files that the pack names are ever opened, so age, gender, landmark and swapping
models that lie in the same folder are never loaded. Nothing is downloaded here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from indexer.faces.detect import MIN_PLACE_SCORE, large_enough
from indexer.faces.embed import write_unit_vectors
from indexer.faces.errors import ModelUnusableError
from indexer.faces.found import FoundFace, Seen
from indexer.faces.levels import FullSize, Levels
from indexer.faces.orientation import OrientationNetwork
from indexer.faces.quiet_runtimes import onnxruntime_module
from indexer.faces.session import (
    Floats,
    RuntimeName,
    provider_name,
    providers_of,
    session_options,
)
from indexer.faces.settle import SIDE_PX, Demands, places_of, settle
from indexer.media.picture import Pixels

SECOND_LOOK_FROM_PX = 960
SCRFD_DEMANDS = Demands(upright=0.5, again=0.6, turned=0.65, turned_for_each_seen=1.0)
"""Upright faces score .73 and more in 95 of 100 (60 people), those upside down .61 in the middle;
up to 60 degrees its landmarks show the roll as it is."""
_SIDEWAYS = (320, 320)
_BATCH_SIZES = ((128, 128), (640, 640))


class ScrfdDetector:
    """InsightFace's SCRFD, made complete in rotation as YuNet is (`detect.py`).

    It looks in 128 and 640 pixels, and 1280 for large pictures; 320 from the other three sides.
    """

    def __init__(
        self,
        path: Path,
        threads: int,
        orientation: OrientationNetwork | None = None,
        runtime: RuntimeName = "onnxruntime",
    ) -> None:
        self._model = _load(path, "detection", threads, runtime)
        self._model.prepare(0, det_thresh=MIN_PLACE_SCORE, input_size=list(_BATCH_SIZES))
        self._orientation = orientation or OrientationNetwork.open()

    def another(self) -> ScrfdDetector:
        """One more over the same weights, for another thread."""
        detector = object.__new__(ScrfdDetector)
        detector._model = self._model
        detector._orientation = self._orientation.another()
        return detector

    def detect(self, picture: Pixels, full_size: FullSize | None = None) -> tuple[FoundFace, ...]:
        """See `Detector.detect`. A large picture is always looked at in full size."""
        if full_size is None:
            return self._detect(picture)
        larger = full_size()
        across, down = (picture.shape[at] / larger.shape[at] for at in (1, 0))
        return tuple(face.scaled(across, down) for face in self._detect(larger))

    def _detect(self, picture: Pixels) -> tuple[FoundFace, ...]:
        sizes = [*_BATCH_SIZES]
        if max(picture.shape[:2]) >= SECOND_LOOK_FROM_PX:
            sizes.append((1280, 1280))
        height, width = picture.shape[:2]
        from_sides = [self._look(picture, sizes)]
        for quarters in (1, 2, 3):
            turned = np.ascontiguousarray(np.rot90(picture, quarters))
            size = (height, width) if quarters % 2 else (width, height)
            from_sides.append(self._look(turned, [_SIDEWAYS]).turned_back(quarters, *size))
        places = places_of([large_enough(seen) for seen in from_sides], SCRFD_DEMANDS)
        found = settle(
            Levels(picture), places, self._orientation, self._look_at_cut_outs, SCRFD_DEMANDS
        )
        return tuple(found.faces())

    def _look_at_cut_outs(self, cut_outs: Sequence[Pixels]) -> list[Seen]:
        return [self._look(cut_out, [(SIDE_PX, SIDE_PX)]) for cut_out in cut_outs]

    def _look(self, picture: Pixels, sizes: list[tuple[int, int]]) -> Seen:
        if self._model.static_input_size is not None:
            sizes = [self._model.static_input_size]
        bgr = np.ascontiguousarray(picture[:, :, ::-1])
        boxes, landmarks = self._model.detect(bgr, input_size=sizes)
        bgr.fill(0)
        return Seen(
            np.concatenate([boxes[:, :2], boxes[:, 2:4] - boxes[:, :2]], axis=1),
            np.asarray(landmarks, np.float32),
            np.asarray(boxes[:, 4], np.float32),
        )


class ArcFaceRecogniser:
    """InsightFace's ArcFace-like recognisers."""

    def __init__(self, path: Path, threads: int, runtime: RuntimeName = "onnxruntime") -> None:
        self._model = _load(path, "recognition", threads, runtime)

    def embed_into(
        self, crops: list[Pixels], vectors: Floats, lengths: Floats | None = None
    ) -> None:
        """See `Recogniser.embed_into`."""
        for place, crop in enumerate(crops):
            # One at a time: some of its models have a fixed batch of one.
            bgr = np.ascontiguousarray(crop[:, :, ::-1])
            raw: Floats = self._model.get_feat(bgr)
            try:
                into = lengths[place : place + 1] if lengths is not None else None
                write_unit_vectors(raw, vectors[place : place + 1], into)
            finally:
                raw.fill(0)
                bgr.fill(0)


def _load(path: Path, task: str, threads: int, runtime: RuntimeName) -> Any:
    # InsightFace has no types.
    onnxruntime_module()
    from insightface.model_zoo import model_zoo  # noqa: PLC0415 - half a second

    model = model_zoo.get_model(
        str(path),
        providers=list(providers_of(runtime)),
        sess_options=session_options(threads),
    )
    if model is None or model.taskname != task:
        raise ModelUnusableError(f"InsightFace does not know {path.name} as a {task} model")
    wanted = provider_name(runtime)
    if model.session.get_providers()[0] != wanted:
        raise ModelUnusableError(f"ONNX Runtime does not run {path.name} by {wanted} here")
    return model
