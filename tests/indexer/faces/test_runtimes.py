"""Which runtime is taken: the best one here that sees what float32 sees."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from indexer.faces import DEFAULT_PACK, FaceEngine, agreement, loading, runtimes
from indexer.faces.embed import NetworkRecogniser
from indexer.faces.errors import ModelUnusableError, RuntimeUnavailableError
from indexer.faces.session import Floats, OnnxRuntimeSession, RuntimeName, open_session
from indexer.media.picture import Pixels


@pytest.fixture
def own_models(models_dir: Path, tmp_path: Path) -> Path:
    """A models folder of this test's own, in which no agreement of an earlier run is remembered."""
    pack = tmp_path / DEFAULT_PACK
    pack.mkdir()
    for file in (models_dir / DEFAULT_PACK).iterdir():
        if file.suffix == ".onnx":
            (pack / file.name).write_bytes(file.read_bytes())
    return tmp_path


def test_every_runtime_says_why_it_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "_NATIVE_BF16", "no such thing")
    states = {state.name: state for state in runtimes.runtime_states()}
    assert tuple(states) == runtimes.RUNTIMES
    assert states["openvino"].why_not == "" and states["openvino"].version
    assert "bfloat16" in states["openvino-bf16"].why_not
    assert "CUDA" in states["onnxruntime-cuda"].why_not
    assert runtimes.usable_runtimes() == ("openvino", "onnxruntime")


def test_what_cannot_be_used_is_refused_by_name_and_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(RuntimeUnavailableError, match="no known runtime"):
        runtimes.usable_runtimes("tensorrt")
    monkeypatch.setattr(runtimes, "_cuda_device_name", lambda: "")
    with pytest.raises(RuntimeUnavailableError, match="CUDA"):
        runtimes.usable_runtimes("onnxruntime-cuda")
    with pytest.raises(RuntimeUnavailableError, match="cannot run this pack"):
        runtimes.usable_runtimes("openvino", ("onnxruntime-cuda", "onnxruntime"))


def test_a_runtime_that_is_not_installed_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_onnx(name: str) -> object:
        return None if name == "openvino" else object()

    monkeypatch.setattr(importlib.util, "find_spec", only_onnx)
    monkeypatch.setattr(runtimes, "_cuda_device_name", lambda: "")
    assert runtimes.usable_runtimes() == ("onnxruntime",)


def test_bfloat16_is_taken_where_it_agrees_and_the_answer_is_remembered(
    own_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "openvino-bf16" not in runtimes.usable_runtimes():
        pytest.skip("this processor has no bfloat16 of its own")
    asked: list[int] = []
    compare = agreement.compare_with_float32

    def counted(*of_what: object) -> agreement.Agreement:
        asked.append(1)
        return compare(*of_what)  # type: ignore[arg-type]

    monkeypatch.setattr(loading, "compare_with_float32", counted)
    for _ in range(2):
        engine = FaceEngine.open(models_dir=own_models, threads=1)
        assert engine.runtime == "openvino-bf16"
        assert engine.passed_over == ()
    assert len(asked) == 1
    monkeypatch.setattr(loading, "BOUNDS", "stricter ones")
    FaceEngine.open(models_dir=own_models, threads=1)
    assert len(asked) == 2, "what was agreed to by other bounds is no answer"


def test_a_fast_runtime_that_sees_other_faces_is_passed_over_and_refused_when_asked_for(
    own_models: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runtimes, "_why_not_openvino", lambda _name: "")
    exact = loading._load

    def wrong(*of_what: object) -> loading.LoadedModels:
        loaded = exact(*of_what)  # type: ignore[arg-type]
        if loaded.runtime != "openvino-bf16":
            return loaded
        recogniser = _Wrong(loaded.recogniser)
        return loading.LoadedModels(
            loaded.detector, recogniser, loaded.runtime, lambda: (loaded.detector, recogniser)
        )

    monkeypatch.setattr(loading, "_load", wrong)
    with caplog.at_level(logging.WARNING):
        engine = FaceEngine.open(models_dir=own_models, threads=1)
    assert engine.runtime == "openvino"
    assert "cosine" in engine.passed_over[0]
    assert "openvino-bf16 is not used" in caplog.text
    with pytest.raises(RuntimeUnavailableError, match="asked for"):
        FaceEngine.open(models_dir=own_models, runtime="openvino-bf16", threads=1)


def test_a_device_that_does_not_load_a_file_never_falls_back_unnoticed(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no network")
    for runtime in get_args(RuntimeName):
        with pytest.raises(ModelUnusableError, match=r"broken\.onnx"):
            open_session(broken, runtime)


def test_a_session_for_a_device_that_is_not_there_is_refused(models_dir: Path) -> None:
    if "onnxruntime-cuda" in [
        state.name for state in runtimes.runtime_states() if not state.why_not
    ]:
        pytest.skip("there is a CUDA device")
    FaceEngine.open(models_dir=models_dir, runtime="onnxruntime", threads=1)
    folded = next((models_dir / "yunet-sface").glob("*sface*folded*.onnx"))
    with pytest.raises(ModelUnusableError, match="CUDAExecutionProvider"):
        OnnxRuntimeSession.load(folded, "onnxruntime-cuda", 1)


def test_another_engine_shares_weights_and_gives_the_same_vectors(models_dir: Path) -> None:
    engine = FaceEngine.open(models_dir=models_dir, runtime="openvino", threads=1)
    other = engine.another()
    assert other.model == engine.model
    crop = np.full((112, 112, 3), 90, np.uint8)
    one, two = (np.empty((1, 128), np.float32) for _ in range(2))
    engine._recogniser.embed_into([crop], one)
    other._recogniser.embed_into([crop], two)
    assert np.array_equal(one, two)
    first, second = engine._recogniser, other._recogniser
    assert isinstance(first, NetworkRecogniser) and isinstance(second, NetworkRecogniser)
    assert first._session is not second._session


class _Wrong:
    """Recognises with noise on everything."""

    def __init__(self, right: object) -> None:
        self._right = right

    def embed_into(
        self, crops: list[Pixels], vectors: Floats, lengths: Floats | None = None
    ) -> None:
        """As the right one does, and then a little else."""
        self._right.embed_into(crops, vectors, lengths)  # type: ignore[attr-defined]
        vectors += np.random.default_rng(1).normal(0, 0.05, vectors.shape).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
