"""A models folder with the default pack and a second one made of the same files.

The second one is described by a `pack.toml` with another input scaling: another model by its stamp,
with real weights.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from indexer.faces import DEFAULT_PACK, check_pack, find_pack
from indexer.faces.packs import default_models_dir, pack_folder

SECOND = "second"


def models_with_two_packs(folder: Path) -> Path:
    """The folder; skips where the default pack is not on this machine."""
    kept = default_models_dir()
    if check_pack(DEFAULT_PACK, kept).state != "ready":
        pytest.skip("the default pack is not on this machine (likeness models fetch)")
    models_dir = folder / "models"
    shutil.copytree(pack_folder(kept, DEFAULT_PACK), models_dir / DEFAULT_PACK)
    describe_second(models_dir)
    return models_dir


def describe_second(models_dir: Path, *, needs_acceptance: bool = False) -> None:
    """Describe the second pack, its files beside the description."""
    shutil.copytree(models_dir / DEFAULT_PACK, models_dir / SECOND, dirs_exist_ok=True)
    pack = find_pack(DEFAULT_PACK)
    detector, recogniser = pack.file("detector"), pack.file("recogniser")
    (models_dir / SECOND / "pack.toml").write_text(
        f"""
        source = "made for tests"
        [detector]
        file = "{detector.name}"
        sha256 = "{detector.sha256}"
        size_bytes = {detector.size_bytes}
        kind = "yunet"
        [recogniser]
        file = "{recogniser.name}"
        sha256 = "{recogniser.sha256}"
        size_bytes = {recogniser.size_bytes}
        dimension = 128
        mean = 0.0
        std = 1.01
        [licence]
        name = "mit-and-apache-2.0"
        permits = "any use"
        needs_acceptance = {str(needs_acceptance).lower()}
        [calibration]
        measured_on = "nothing: made up for tests"
        points = [[0.3, 0.01], [0.5, 0.0001]]
        default_threshold = 0.4
        same_person_threshold = 0.3
        """,
        "utf-8",
    )
