from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from indexer.faces import find_pack
from indexer.faces.errors import ModelUnusableError
from indexer.faces.folding import folded_path
from indexer.faces.packs import DEFAULT_PACK
from indexer.faces.quiet_runtimes import onnxruntime_module
from indexer.faces.session import RuntimeName, open_session
from indexer.faces.yunet_network import HEADS, STRIDES, rewritten, yunet_path

SIZES = [(2, 96, 160), (1, 480, 640)]


def _pictures(count: int, height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 256, (count, height // 8, width // 8, 3), np.uint8)
    return np.ascontiguousarray(coarse.repeat(8, axis=1).repeat(8, axis=2))


def _as_published(folded: Path, pictures: np.ndarray) -> np.ndarray:
    """(n, cells, 16) of the network as the Zoo wrote it; class and object as shares."""
    session = onnxruntime_module().InferenceSession(str(folded), providers=["CPUExecutionProvider"])
    planes = pictures[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32)
    names = [each.name for each in session.get_outputs()]
    given = session.run(names, {session.get_inputs()[0].name: np.ascontiguousarray(planes)})
    by_name = dict(zip(names, given, strict=True))
    of_strides = [
        np.concatenate([by_name[f"{head}_{stride}"] for head in HEADS], axis=2)
        for stride in STRIDES
    ]
    return np.concatenate(of_strides, axis=1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_the_network_says_the_same_as_the_published_one(
    models_dir: Path, runtime: RuntimeName, size: tuple[int, int, int]
) -> None:
    file = find_pack(DEFAULT_PACK).file("detector")
    source = models_dir / DEFAULT_PACK / file.name
    pictures = _pictures(*size)
    expected = _as_published(folded_path(source, file.sha256, dynamic_size=True), pictures)
    (cells,) = open_session(yunet_path(source, file.sha256), runtime, 1).run(pictures)
    assert cells.shape == expected.shape
    cells[..., :2] = 1 / (1 + np.exp(-cells[..., :2]))
    assert np.abs(cells - expected).max() < 1e-3
    assert np.abs(cells[..., :2] - expected[..., :2]).max() < 1e-4


def test_another_network_is_refused(models_dir: Path) -> None:
    file = find_pack(DEFAULT_PACK).file("recogniser")
    folded = folded_path(models_dir / DEFAULT_PACK / file.name, file.sha256, dynamic_size=False)
    with pytest.raises(ModelUnusableError, match="not YuNet"):
        rewritten(onnx.load(folded))
    nothing = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"], name="only")],
        "nothing",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
    )
    with pytest.raises(ModelUnusableError, match="not YuNet"):
        rewritten(helper.make_model(nothing))
