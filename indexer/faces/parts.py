"""Loads a pack's detector and recogniser: what an engine is made of.

Protected by an import contract: only the face room and the benchmarks may load the parts, because
they have none of an engine's guards. `FaceEngine` is how everybody else sees faces; a face of
scraped media is never given to bare parts (design rule 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from indexer.faces.detect import Detector, YuNetDetector
from indexer.faces.embed import NetworkRecogniser, Recogniser
from indexer.faces.errors import PackDamagedError, PackMissingError
from indexer.faces.folding import folded_path
from indexer.faces.insightface_pack import ArcFaceRecogniser, ScrfdDetector
from indexer.faces.packs import (
    ModelPack,
    check_pack,
    default_models_dir,
    find_pack,
    require_licence,
)
from indexer.faces.session import RuntimeName, choose_runtime, open_session


@dataclass(frozen=True, slots=True)
class Parts:
    """A loaded detector and recogniser of a pack. Used by one thread at a time."""

    pack: ModelPack
    detector: Detector
    recogniser: Recogniser
    runtime: RuntimeName


def open_parts(
    name: str,
    *,
    models_dir: Path | str | None = None,
    runtime: str = "auto",
    accepted_licences: tuple[str, ...] = (),
    threads: int = 2,
) -> Parts:
    """Load a pack whose files are already there: licence, digests, then networks.

    Raises `UnknownPackError`, `LicenceNotAcceptedError`, `PackMissingError`, `PackDamagedError`,
    `RuntimeUnavailableError` or `ModelUnusableError`; each message says what to do.
    """
    folder = Path(models_dir) if models_dir is not None else default_models_dir()
    pack = find_pack(name, folder)
    require_licence(pack, accepted_licences)
    status = check_pack(name, folder)
    if status.state != "ready":
        problems = "; ".join(status.problems)
        advice = f"run `likeness models fetch {name}`"
        if status.state == "missing":
            raise PackMissingError(f"the model pack {name!r} is not there ({problems}); {advice}")
        raise PackDamagedError(f"the model pack {name!r} is damaged ({problems}); {advice}")
    chosen = choose_runtime("onnxruntime" if pack.family == "insightface" else runtime)
    detector, recogniser = _load(pack, status.folder, chosen, threads)
    return Parts(pack, detector, recogniser, chosen)


def _load(
    pack: ModelPack, folder: Path, runtime: RuntimeName, threads: int
) -> tuple[Detector, Recogniser]:
    detector_file, recogniser_file = pack.file("detector"), pack.file("recogniser")
    detector_path, recogniser_path = folder / detector_file.name, folder / recogniser_file.name
    detector: Detector
    if pack.detector_kind == "yunet":
        folded = folded_path(detector_path, detector_file.sha256, dynamic_size=True)
        detector = YuNetDetector(open_session(folded, runtime, threads))
    else:
        detector = ScrfdDetector(detector_path, threads)
    if pack.family == "insightface":
        return detector, ArcFaceRecogniser(recogniser_path, threads)
    folded = folded_path(recogniser_path, recogniser_file.sha256, dynamic_size=False)
    session = open_session(folded, runtime, threads)
    return detector, NetworkRecogniser(session, pack.preprocessing)
