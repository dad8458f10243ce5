"""Packs that an operator put into the models folder: described by a `pack.toml`, or bare.

A described pack states files with digests, licence, input and, if measured, a few points of its
calibration. A bare folder with one SCRFD-like detector and one ArcFace-like recogniser is
InsightFace's own layout; its licence is unknown, so that the operator must accept it by name.
Beside the models of any pack may lie the calibration that `likeness bench faces
--write-calibration` made: `calibration.json`, or the file that `pack.toml` names.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

import msgspec
import onnx

from indexer.faces.calibration import Calibration
from indexer.faces.calibration_file import read_calibration
from indexer.faces.errors import CalibrationRefusedError, PackDescriptionError
from indexer.faces.packs import (
    ARCFACE_INPUT,
    INSIGHTFACE_LICENCE,
    PROVISIONAL,
    UNKNOWN_LICENCE,
    Licence,
    ModelPack,
    PackFile,
    Preprocessing,
    sha256_of,
    stamp_of,
)

DESCRIPTION = "pack.toml"
CALIBRATION = "calibration.json"


class DescribedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[detector]` or `[recogniser]`: the file beside the description."""

    file: str
    sha256: str
    size_bytes: int


class DescribedDetector(DescribedFile, frozen=True, forbid_unknown_fields=True):
    """The detector's outputs are YuNet's (12) or SCRFD's (9, with landmarks)."""

    kind: Literal["yunet", "scrfd"]


class DescribedRecogniser(DescribedFile, frozen=True, forbid_unknown_fields=True):
    """A network from an aligned 112x112 face to `dimension` numbers."""

    dimension: int
    mean: float = 127.5
    std: float = 127.5
    colour: Literal["rgb", "bgr"] = "rgb"


class DescribedLicence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[licence]`: its name and what it permits."""

    name: str
    permits: str
    needs_acceptance: bool = True


class DescribedCalibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[calibration]`: measured points `[similarity, false-match rate]`."""

    measured_on: str
    points: list[tuple[float, float]]
    default_threshold: float
    same_person_threshold: float


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole `pack.toml`."""

    detector: DescribedDetector
    recogniser: DescribedRecogniser
    licence: DescribedLicence
    source: str = "brought by the operator"
    calibration: DescribedCalibration | None = None
    calibration_file: str | None = None


def packs_in_folder(models_dir: Path) -> tuple[ModelPack, ...]:
    """All described or bare packs directly in `models_dir` or in `models_dir/models`."""
    folders = [
        folder
        for base in (models_dir, models_dir / "models")
        if base.is_dir()
        for folder in sorted(base.iterdir())
        if folder.is_dir()
    ]
    found = (pack_in_folder(folder) for folder in folders)
    return tuple(pack for pack in found if pack is not None)


def pack_in_folder(folder: Path) -> ModelPack | None:
    """The pack of one folder, or None where there is none."""
    description = folder / DESCRIPTION
    if description.is_file():
        return _described(folder.name, description)
    if folder.is_dir():
        return _bare(folder)
    return None


def _described(name: str, path: Path) -> ModelPack:
    try:
        said = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Description)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise PackDescriptionError(f"{path} is not a valid pack description: {error}") from error
    for file in (said.detector, said.recogniser):
        if file.file != Path(file.file).name or len(file.sha256) != 64:
            raise PackDescriptionError(
                f"{path}: {file.file!r} must be a plain file name with a SHA-256 of 64 hex digits"
            )
    pack = ModelPack(
        name=name,
        family="described",
        files=(
            PackFile(
                said.detector.file,
                "detector",
                said.detector.sha256.lower(),
                said.detector.size_bytes,
            ),
            PackFile(
                said.recogniser.file,
                "recogniser",
                said.recogniser.sha256.lower(),
                said.recogniser.size_bytes,
            ),
        ),
        source=said.source,
        licence=Licence(said.licence.name, said.licence.permits, said.licence.needs_acceptance),
        dimension=said.recogniser.dimension,
        preprocessing=Preprocessing(
            said.recogniser.mean, said.recogniser.std, said.recogniser.colour
        ),
        detector_kind=said.detector.kind,
    )
    return replace(pack, own_calibration=_calibration(path, said, pack))


def _calibration(path: Path, description: Description, pack: ModelPack) -> Calibration:
    said, name = description.calibration, description.calibration_file
    if said is not None and name is not None:
        raise PackDescriptionError(
            f"{path} has both [calibration] and calibration_file; one of them must go"
        )
    if name is not None:
        return _calibration_beside(path, name, pack)
    if said is None:
        return with_calibration_beside(pack, path.parent).own_calibration or PROVISIONAL
    points = tuple(said.points)
    rising = all(a[0] < b[0] and a[1] > b[1] for a, b in pairwise(points))
    if len(points) < 2 or not rising or not all(0 < rate <= 1 for _, rate in points):
        raise PackDescriptionError(
            f"{path}: calibration needs two or more points with rising similarity and falling "
            "false-match rate between 0 and 1"
        )
    return Calibration(
        said.measured_on, True, points, said.default_threshold, said.same_person_threshold
    )


def with_calibration_beside(pack: ModelPack, folder: Path) -> ModelPack:
    """The pack, calibrated by the file in its folder if there is one. Raises
    `PackDescriptionError` when that is wrong or of another model.
    """
    beside = folder / CALIBRATION
    if not beside.is_file():
        return pack
    return replace(pack, own_calibration=_calibration_beside(beside, CALIBRATION, pack))


def _calibration_beside(path: Path, name: str, pack: ModelPack) -> Calibration:
    if name != Path(name).name:
        raise PackDescriptionError(f"{path}: {name!r} must be a plain file name")
    beside = path.parent / name
    try:
        content = beside.read_bytes()
    except OSError as error:
        raise PackDescriptionError(
            f"{path} names the calibration {name!r}, which cannot be read ({error.strerror})"
        ) from error
    try:
        return read_calibration(content, stamp_of(pack), str(beside)).calibration()
    except CalibrationRefusedError as error:
        raise PackDescriptionError(f"{path}: {error}") from error


def _bare(folder: Path) -> ModelPack | None:
    """InsightFace's layout: the first detector and the first recogniser, by name.

    Files for landmarks, age and gender or swapping are recognised by their shapes and left alone.
    """
    detector: Path | None = None
    recogniser: tuple[Path, int] | None = None
    for path in sorted(folder.glob("*.onnx")):
        graph = onnx.load(path, load_external_data=False).graph
        weights = {tensor.name for tensor in graph.initializer}
        inputs = [value for value in graph.input if value.name not in weights]
        if len(inputs) != 1:
            continue
        shape = [dim.dim_value for dim in inputs[0].type.tensor_type.shape.dim]
        if len(graph.output) == 9 and detector is None:
            detector = path
        elif len(graph.output) == 1 and shape[2:] == [112, 112] and recogniser is None:
            dimension = graph.output[0].type.tensor_type.shape.dim[-1].dim_value
            recogniser = (path, dimension)
    if detector is None or recogniser is None:
        return None
    pack = ModelPack(
        name=folder.name,
        family="insightface",
        files=(
            PackFile(detector.name, "detector", sha256_of(detector), detector.stat().st_size),
            PackFile(
                recogniser[0].name,
                "recogniser",
                sha256_of(recogniser[0]),
                recogniser[0].stat().st_size,
            ),
        ),
        source="a folder that the operator put there",
        licence=INSIGHTFACE_LICENCE if _has_scrfd(detector) else UNKNOWN_LICENCE,
        dimension=recogniser[1],
        preprocessing=ARCFACE_INPUT,
        detector_kind="scrfd",
        own_calibration=PROVISIONAL,
    )
    return with_calibration_beside(pack, folder)


def _has_scrfd(detector: Path) -> bool:
    return detector.name.startswith(("det_", "scrfd"))
