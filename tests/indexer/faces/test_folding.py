from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from indexer.faces import find_pack
from indexer.faces.errors import ModelUnusableError
from indexer.faces.folding import fold, folded_path
from indexer.faces.packs import DEFAULT_PACK
from indexer.faces.session import open_session


@pytest.mark.parametrize(("role", "nodes"), [("detector", 64), ("recogniser", 29)])
def test_every_quantised_weight_of_the_default_pack_is_folded(
    models_dir: Path, role: str, nodes: int
) -> None:
    file = next(file for file in find_pack(DEFAULT_PACK).files if file.role == role)
    model = onnx.load(models_dir / DEFAULT_PACK / file.name)
    assert sum(node.op_type == "DequantizeLinear" for node in model.graph.node) == nodes
    folded = fold(model, dynamic_size=role == "detector")
    assert not any(node.op_type == "DequantizeLinear" for node in folded.graph.node)
    assert len(folded.graph.input) == 1
    assert folded.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert {numpy_helper.to_array(tensor).dtype.kind for tensor in folded.graph.initializer} <= {
        "f",
        "i",
    }


@pytest.mark.parametrize("block", [0, 2])
def test_folding_does_what_dequantizing_does(block: int) -> None:
    quantised = np.arange(-8, 8, dtype=np.int8).reshape(4, 4)
    scale = np.linspace(0.1, 0.8, 4 if not block else 8).astype(np.float32)
    scale = scale.reshape(2, 4) if block else scale
    zero = np.ones_like(scale, dtype=np.int8)
    attributes = {"axis": 0, "block_size": block} if block else {"axis": 1}
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["w"], **attributes),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])],
        [
            numpy_helper.from_array(quantised, "q"),
            numpy_helper.from_array(scale, "s"),
            numpy_helper.from_array(zero, "z"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    reference = ReferenceEvaluator(model)
    x = np.array([[1, 2, 3, 4]], np.float32)
    (expected,) = reference.run(None, {"x": x})
    (seen,) = ReferenceEvaluator(fold(model, dynamic_size=False)).run(None, {"x": x})
    assert np.allclose(seen, expected)


def test_the_folded_model_is_made_once_and_remade_when_damaged(
    models_dir: Path, tmp_path: Path
) -> None:
    file = find_pack(DEFAULT_PACK).file("detector")
    source = Path(shutil.copy(models_dir / DEFAULT_PACK / file.name, tmp_path / file.name))
    first = folded_path(source, file.sha256, dynamic_size=True)
    made_at = first.stat().st_mtime_ns
    assert folded_path(source, file.sha256, dynamic_size=True) == first
    assert first.stat().st_mtime_ns == made_at
    assert file.sha256[:16] in first.name
    content = bytearray(first.read_bytes())
    content[len(content) // 2] ^= 1
    first.write_bytes(content)
    again = folded_path(source, file.sha256, dynamic_size=True)
    assert again.read_bytes() != bytes(content)
    assert len(list(tmp_path.glob("*.folded*"))) == 1


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "not.onnx"
    source.write_bytes(b"this is no network at all")
    with pytest.raises(ModelUnusableError, match=r"not\.onnx"):
        folded_path(source, "0" * 64, dynamic_size=False)


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_a_runtime_refuses_what_it_cannot_load(tmp_path: Path, runtime: str) -> None:
    source = tmp_path / "broken.onnx"
    source.write_bytes(b"\x08\x07garbage")
    with pytest.raises(ModelUnusableError, match=r"broken\.onnx"):
        open_session(source, runtime)  # type: ignore[arg-type]


def test_a_folder_that_everybody_may_write_is_not_trusted(models_dir: Path, tmp_path: Path) -> None:
    file = find_pack(DEFAULT_PACK).file("detector")
    source = Path(shutil.copy(models_dir / DEFAULT_PACK / file.name, tmp_path / file.name))
    tmp_path.chmod(0o777)
    with pytest.raises(ModelUnusableError, match="chmod o-w"):
        folded_path(source, file.sha256, dynamic_size=True)
    tmp_path.chmod(0o755)
    assert folded_path(source, file.sha256, dynamic_size=True).is_file()


def test_a_folder_of_another_account_is_not_trusted(
    models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = find_pack(DEFAULT_PACK).file("detector")
    source = Path(shutil.copy(models_dir / DEFAULT_PACK / file.name, tmp_path / file.name))
    if not os.geteuid():
        os.chown(tmp_path, 12345, -1)
    else:
        owner = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(ModelUnusableError, match="another account"):
        folded_path(source, file.sha256, dynamic_size=True)
