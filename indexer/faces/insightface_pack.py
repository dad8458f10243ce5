"""InsightFace's packs through its own code: detection and recognition, nothing else.

1. Only the two files that the pack names are ever opened, so age, gender, landmark and swapping
   models that lie in the same folder are never loaded. Nothing is downloaded here.
2. What its networks want and answer is known to InsightFace's classes; they are run by one of our
   sessions, so that every runtime can run them and what it keeps of a run is overwritten.
3. SCRFD is one look, as YuNet is: `detect.py` makes either complete in rotation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from indexer.faces.embed import write_unit_vectors
from indexer.faces.errors import ModelUnusableError
from indexer.faces.found import Seen, together
from indexer.faces.quiet_runtimes import onnxruntime_module
from indexer.faces.session import Floats, InferenceSession
from indexer.faces.settle import Demands
from indexer.faces.yunet import padded
from indexer.media.picture import Pixels

SCRFD_DEMANDS = Demands(upright=0.5, again=0.6, turned=0.65, hint=0.1, turned_for_each_seen=1.0)
"""Upright faces score .73 and more in 95 of 100 (60 people), those upside down .61 in the middle;
up to 60 degrees its landmarks show the roll as it is."""
_WITH_LANDMARKS: Final = (9, 15)
"""How many outputs an SCRFD has that says landmarks."""


class ScrfdNetwork:
    """One look of InsightFace's SCRFD."""

    def __init__(self, path: Path, session: InferenceSession) -> None:
        """Raises `ModelUnusableError` for a file that is no SCRFD with landmarks."""
        self._path = path
        self._session = session
        described = _DescribedSession.of(path, session)
        if len(described.outputs) not in _WITH_LANDMARKS:
            raise ModelUnusableError(f"{path.name} is no SCRFD detector that says landmarks")
        onnxruntime_module()
        from insightface.model_zoo.scrfd import SCRFD  # noqa: PLC0415 - half a second

        # InsightFace has no types.
        self._model: Any = SCRFD(
            model_file=str(path), session=described, static_shape_sessions=False
        )

    def another(self) -> Self:
        """One more over the same weights, for another thread."""
        return type(self)(self._path, self._session.another())

    def look(self, pictures: Sequence[Pixels], least_score: float) -> list[Seen]:
        """All cells that score enough, overlapping as they do, in RGB pictures of one size."""
        return [self._look(picture, least_score) for picture in pictures]

    def _look(self, picture: Pixels, least_score: float) -> Seen:
        height, width = picture.shape[:2]
        if self._model.static_input_size is not None:
            bgr = np.ascontiguousarray(picture[:, :, ::-1])
            boxes, points = self._model.detect(bgr, det_thresh=least_score)
            looks = [_as_seen(boxes[:, 4], boxes[:, :4], points)]
        else:
            bgr = np.zeros((padded(height), padded(width), 3), np.uint8)
            bgr[:height, :width] = picture[:, :, ::-1]
            of_strides = self._model.forward(bgr, least_score)
            looks = [_as_seen(*of_stride) for of_stride in zip(*of_strides, strict=True)]
        bgr.fill(0)
        return together(looks)


class ArcFaceRecogniser:
    """InsightFace's ArcFace-like recognisers."""

    def __init__(self, path: Path, session: InferenceSession) -> None:
        """Raises `ModelUnusableError` for a file that is no recogniser."""
        self._path = path
        self._session = session
        described = _DescribedSession.of(path, session)
        if len(described.outputs) != 1 or described.inputs[0].shape[2:] != [112, 112]:
            raise ModelUnusableError(f"{path.name} is no recogniser of faces of 112 x 112 pixels")
        onnxruntime_module()
        from insightface.model_zoo.arcface_onnx import ArcFaceONNX  # noqa: PLC0415

        self._model: Any = ArcFaceONNX(model_file=str(path), session=described)

    def another(self) -> Self:
        """One more over the same weights, for another thread."""
        return type(self)(self._path, self._session.another())

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


def _as_seen(scores: Floats, corners: Floats, points: Floats) -> Seen:
    return Seen(
        np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1),
        np.asarray(points, np.float32),
        np.asarray(scores, np.float32).reshape(-1),
    )


@dataclass(frozen=True, slots=True)
class _Named:
    """An input or output as ONNX Runtime describes it: an open size is a name."""

    name: str
    shape: list[int | str]


@dataclass(frozen=True, slots=True)
class _DescribedSession:
    """One of our sessions where InsightFace expects one of ONNX Runtime."""

    session: InferenceSession
    inputs: tuple[_Named, ...]
    outputs: tuple[_Named, ...]

    @classmethod
    def of(cls, path: Path, session: InferenceSession) -> Self:
        """With what the file says of its inputs and outputs."""
        import onnx  # noqa: PLC0415 - only this family of packs needs it

        graph = onnx.load(str(path), load_external_data=False).graph
        weights = {weight.name for weight in graph.initializer}
        inputs = [_named(value) for value in graph.input if value.name not in weights]
        return cls(session, tuple(inputs), tuple(_named(value) for value in graph.output))

    def get_inputs(self) -> tuple[_Named, ...]:
        """As ONNX Runtime's."""
        return self.inputs

    def get_outputs(self) -> tuple[_Named, ...]:
        """As ONNX Runtime's."""
        return self.outputs

    def run(self, names: Sequence[str], fed: Mapping[str, Floats]) -> list[Floats]:
        """As ONNX Runtime's, for all outputs."""
        by_name = dict(
            zip(
                (output.name for output in self.outputs),
                self.session.run(fed[self.inputs[0].name]),
                strict=True,
            )
        )
        return [by_name[name] for name in names]


def _named(value: Any) -> _Named:
    sizes = value.type.tensor_type.shape.dim
    return _Named(value.name, [size.dim_value or size.dim_param or "?" for size in sizes])
