"""The default model pack, loaded once; tests that need it skip where it was not fetched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from indexer.faces import DEFAULT_PACK, FaceEngine, check_pack
from indexer.faces.packs import default_models_dir
from tests.conftest import ON_CI


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """The models folder of this account (or `LIKENESS_MODELS_DIR`), with the default pack."""
    named = os.environ.get("LIKENESS_MODELS_DIR")
    folder = Path(named) if named else default_models_dir()
    if check_pack(DEFAULT_PACK, folder).state != "ready":
        if ON_CI:
            pytest.fail("the default model pack is not there: `make test` fetches it")
        pytest.skip("the default model pack is not there: run `likeness models fetch`")
    return folder


@pytest.fixture(scope="session")
def engine(models_dir: Path) -> FaceEngine:
    """The default pack on the runtime that is chosen by itself."""
    return FaceEngine.open(models_dir=models_dir)
