"""What completeness in rotation costs: an engine that looks once, at upright faces, as peers do.

For the pipeline's benchmark alone: people lie down in pictures, and nothing that serves anybody
looks like this.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from indexer.faces import FaceEngine
from indexer.faces.detect import CompleteDetector, Detector, FoundFace
from indexer.faces.embed import Recogniser
from indexer.faces.levels import FullSize
from indexer.faces.loading import LoadedModels
from indexer.faces.parts import open_parts
from indexer.media.picture import Pixels


class UprightDetector:
    """One look at each picture, from one side."""

    def __init__(self, complete: CompleteDetector) -> None:
        """Over the same network."""
        self._complete = complete

    def detect(
        self,
        picture: Pixels,
        full_size: FullSize | None = None,  # noqa: ARG002 - as `Detector` wants
    ) -> tuple[FoundFace, ...]:
        """See `Detector.detect`."""
        return self._complete.look_once(picture)


def open_upright_engine(
    pack: str,
    *,
    models_dir: Path | None,
    runtime: str,
    accepted_licences: tuple[str, ...],
) -> FaceEngine:
    """As `FaceEngine.open`, for one thread, with the pack's networks and one look a picture."""
    parts = open_parts(
        pack,
        models_dir=models_dir,
        runtime=runtime,
        accepted_licences=accepted_licences,
        threads=1,
    )
    return FaceEngine(replace(parts, models=_upright(parts.models)))


def _upright(models: LoadedModels) -> LoadedModels:
    def another() -> tuple[Detector, Recogniser]:
        detector, recogniser = models.another()
        return _one_look(detector), recogniser

    return replace(models, detector=_one_look(models.detector), another=another)


def _one_look(detector: Detector) -> Detector:
    if not isinstance(detector, CompleteDetector):
        raise TypeError("a pack's detector is not one that is made complete in rotation")
    return UprightDetector(detector)
