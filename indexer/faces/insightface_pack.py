"""InsightFace's packs through its own model zoo: detection and recognition, nothing else.

Only the two files that the pack names are ever opened, so age, gender, landmark and swapping
models that lie in the same folder are never loaded. Nothing is downloaded here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from indexer.faces.detect import (
    MIN_FACE_SIDE_PX,
    SECOND_LOOK_FROM_PX,
    merge,
)
from indexer.faces.embed import write_unit_vectors
from indexer.faces.errors import ModelUnusableError
from indexer.faces.found import FoundFace
from indexer.faces.quiet_runtimes import onnxruntime_module
from indexer.faces.session import Floats
from indexer.media.picture import Pixels

MIN_SCORE = 0.5


class ScrfdDetector:
    """InsightFace's SCRFD, looked at in 128 and 640 pixels, and 1280 for large pictures."""

    def __init__(self, path: Path, threads: int) -> None:
        self._model = _load(path, "detection", threads)
        self._model.prepare(0, det_thresh=MIN_SCORE, input_size=[(128, 128), (640, 640)])

    def detect(self, picture: Pixels) -> tuple[FoundFace, ...]:
        """Faces of an RGB picture, best score first."""
        sizes = [(128, 128), (640, 640)]
        if max(picture.shape[:2]) >= SECOND_LOOK_FROM_PX:
            sizes.append((1280, 1280))
        bgr = np.ascontiguousarray(picture[:, :, ::-1])
        boxes, landmarks = self._model.detect(bgr, input_size=sizes)
        found = [
            FoundFace(
                (
                    float(box[0]),
                    float(box[1]),
                    float(box[2] - box[0]),
                    float(box[3] - box[1]),
                ),
                np.asarray(marks, np.float32),
                float(box[4]),
            )
            for box, marks in zip(boxes, landmarks, strict=True)
        ]
        return merge([face for face in found if min(face.box_px[2:]) >= MIN_FACE_SIDE_PX])


class ArcFaceRecogniser:
    """InsightFace's ArcFace-like recognisers."""

    def __init__(self, path: Path, threads: int) -> None:
        self._model = _load(path, "recognition", threads)

    def embed_into(self, crops: list[Pixels], vectors: Floats) -> None:
        """Write one unit vector for each (112, 112, 3) RGB crop into `vectors` (n, dimension)."""
        for place, crop in enumerate(crops):
            # One at a time: some of its models have a fixed batch of one.
            bgr = np.ascontiguousarray(crop[:, :, ::-1])
            raw: Floats = self._model.get_feat(bgr)
            try:
                write_unit_vectors(raw, vectors[place : place + 1])
            finally:
                raw.fill(0)
                bgr.fill(0)


def _load(path: Path, task: str, threads: int) -> Any:
    # InsightFace has no types.
    onnxruntime = onnxruntime_module()
    from insightface.model_zoo import model_zoo  # noqa: PLC0415 - half a second

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    model = model_zoo.get_model(str(path), providers=["CPUExecutionProvider"], sess_options=options)
    if model is None or model.taskname != task:
        raise ModelUnusableError(f"InsightFace does not know {path.name} as a {task} model")
    return model
