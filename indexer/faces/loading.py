"""A pack's networks, loaded by the best runtime of this machine that sees what float32 sees.

1. The runtimes that can be used here are tried, best first; or only the one that was asked for.
2. One that computes otherwise than float32 (bfloat16, a device) is compared with float32 on
   pictures that everybody has (`agreement.py`); beyond the bound it is passed over, or refused when
   it was asked for.
3. `another` gives detector and recogniser for one more thread, over the same weights.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from indexer.faces.agreement import (
    BOUNDS,
    Disagreement,
    agreed_before,
    compare_with_float32,
    remember_agreement,
)
from indexer.faces.detect import YUNET_DEMANDS, CompleteDetector, Detector
from indexer.faces.embed import NetworkRecogniser, Recogniser
from indexer.faces.errors import ModelUnusableError, RuntimeUnavailableError
from indexer.faces.folding import folded_path
from indexer.faces.insightface_pack import SCRFD_DEMANDS, ArcFaceRecogniser, ScrfdNetwork
from indexer.faces.packs import ModelPack, stamp_of
from indexer.faces.runtimes import device_of, usable_runtimes
from indexer.faces.session import RuntimeName, open_session
from indexer.faces.yunet import YuNet
from indexer.faces.yunet_network import yunet_path

logger = logging.getLogger(__name__)

_FLOAT32: tuple[RuntimeName, ...] = ("openvino", "onnxruntime")


@dataclass(frozen=True, slots=True)
class LoadedModels:
    """What looks and what recognises. `passed_over` says which better runtimes were not taken."""

    detector: Detector
    recogniser: Recogniser
    runtime: RuntimeName
    another: Callable[[], tuple[Detector, Recogniser]]
    passed_over: tuple[str, ...] = ()


def load_models(pack: ModelPack, folder: Path, wanted: str, threads: int) -> LoadedModels:
    """Load a pack whose files were checked.

    Raises `RuntimeUnavailableError` when the runtime that is wanted cannot be used here or does
    not agree with float32, and `ModelUnusableError` when none loads the files.
    """
    runtimes = usable_runtimes(wanted)
    passed_over: list[str] = []
    for runtime in runtimes:
        try:
            loaded = _load(pack, folder, runtime, threads)
        except ModelUnusableError as error:
            if runtime == runtimes[-1]:
                raise
            passed_over.append(f"{runtime}: {error}")
            continue
        if runtime not in _FLOAT32:
            try:
                _require_agreement(pack, folder, loaded, threads)
            except Disagreement as error:
                if wanted != "auto":
                    raise RuntimeUnavailableError(
                        f"{runtime} was asked for, but {error}; choose 'auto' in the settings"
                    ) from error
                logger.warning("%s is not used for %s: %s", runtime, pack.name, error)
                passed_over.append(f"{runtime}: {error}")
                continue
        return LoadedModels(
            loaded.detector, loaded.recogniser, runtime, loaded.another, tuple(passed_over)
        )
    raise RuntimeUnavailableError(
        f"no runtime can be used for {pack.name!r} ({'; '.join(passed_over)})"
    )


def _require_agreement(pack: ModelPack, folder: Path, loaded: LoadedModels, threads: int) -> None:
    """Raise `Disagreement` unless `loaded` sees what float32 sees."""
    plain = next(name for name in usable_runtimes() if name in _FLOAT32)
    of_what = "\n".join(
        (stamp_of(pack).digest, f"{loaded.runtime} {device_of(loaded.runtime)}", plain, BOUNDS)
    )
    if agreed_before(folder, of_what):
        return
    exact = _load(pack, folder, plain, threads)
    compare_with_float32(
        (loaded.detector, loaded.recogniser), (exact.detector, exact.recogniser), pack.dimension
    )
    remember_agreement(folder, of_what)


def _load(pack: ModelPack, folder: Path, runtime: RuntimeName, threads: int) -> LoadedModels:
    detect = _detectors(pack, folder, runtime, threads)
    recognise = _recognisers(pack, folder, runtime, threads)
    return LoadedModels(detect(), recognise(), runtime, lambda: (detect(), recognise()))


def _detectors(
    pack: ModelPack, folder: Path, runtime: RuntimeName, threads: int
) -> Callable[[], Detector]:
    """Makes detectors over weights that are loaded once."""
    file = pack.file("detector")
    path = folder / file.name
    if pack.detector_kind == "yunet":
        path = yunet_path(path, file.sha256)
        session = open_session(path, runtime, threads, of_many_shapes=True)
        return CompleteDetector(YuNet(session), YUNET_DEMANDS).another
    session = open_session(path, runtime, threads, of_many_shapes=True)
    return CompleteDetector(ScrfdNetwork(path, session), SCRFD_DEMANDS).another


def _recognisers(
    pack: ModelPack, folder: Path, runtime: RuntimeName, threads: int
) -> Callable[[], Recogniser]:
    """Makes recognisers over weights that are loaded once."""
    file = pack.file("recogniser")
    path = folder / file.name
    if pack.family == "insightface":
        return ArcFaceRecogniser(path, open_session(path, runtime, threads)).another
    folded = folded_path(path, file.sha256, dynamic_size=False)
    session = open_session(folded, runtime, threads)
    return lambda: NetworkRecogniser(session.another(), pack.preprocessing)
