"""Loads a pack's detector and recogniser: what an engine is made of.

Protected by an import contract: only the face room and the benchmarks may load the parts, because
they have none of an engine's guards. `FaceEngine` is how everybody else sees faces; a face of
scraped media is never given to bare parts (design rule 1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from indexer.faces.detect import Detector
from indexer.faces.embed import Recogniser
from indexer.faces.errors import PackDamagedError, PackMissingError
from indexer.faces.loading import LoadedModels, load_models
from indexer.faces.packs import (
    ModelPack,
    check_pack,
    default_models_dir,
    find_pack,
    require_licence,
)
from indexer.faces.session import RuntimeName


@dataclass(frozen=True, slots=True)
class Parts:
    """A loaded detector and recogniser of a pack. Used by one thread at a time."""

    pack: ModelPack
    models: LoadedModels

    @property
    def detector(self) -> Detector:
        """What finds faces."""
        return self.models.detector

    @property
    def recogniser(self) -> Recogniser:
        """What makes vectors of them."""
        return self.models.recogniser

    @property
    def runtime(self) -> RuntimeName:
        """What both are run by."""
        return self.models.runtime

    @property
    def passed_over(self) -> tuple[str, ...]:
        """Which better runtimes were not taken, and why."""
        return self.models.passed_over

    def another(self) -> Parts:
        """The same for one more thread, over the same weights."""
        detector, recogniser = self.models.another()
        return Parts(self.pack, replace(self.models, detector=detector, recogniser=recogniser))


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
    return Parts(pack, load_models(pack, status.folder, runtime, threads))
