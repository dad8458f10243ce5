"""YuNet's network written another way: the same numbers in four fifths of the time.

1. It takes pictures as they are, (n, height, width, 3) uint8 RGB: its first weights are turned from
   blue, green, red.
2. Two pixels beside each other count as one with six channels, for the first convolution alone:
   its step is two, so a kernel of three columns is one of two such pairs. Channels in threes are
   first sorted into planes and back by runtimes, which takes as long as the convolution.
3. The four heads of a stride are one: each is a convolution of 64 channels to 1, 1, 4 or 10, and
   one of each channel alone, and processors take 16 in the time of one.
4. All cells come in one output, (n, cells, 16): those of the smallest stride first, row by row;
   of each `CLASS`, `OBJECT`, box and landmarks. Class and object are log odds.

Nothing is left out or rounded; only the order of sums differs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from indexer.faces.errors import ModelUnusableError
from indexer.faces.folding import Rewriting, folded_path

STRIDES: Final = (8, 16, 32)
HEADS: Final = ("cls", "obj", "bbox", "kps")
CLASS, OBJECT = 0, 1
BOX: Final = slice(2, 6)
LANDMARKS: Final = slice(6, 16)
NUMBERS: Final = 16
"""Of one cell."""

_FIRST_KERNEL: Final = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}

Weights = dict[str, NDArray[np.generic]]


def yunet_path(source: Path, sha256: str) -> Path:
    """The network of the Zoo's file, folded and written this way, made now if it is not there.

    Raises what `folded_path` does.
    """
    return folded_path(source, sha256, dynamic_size=True, then=Rewriting("pairs", rewritten))


def rewritten(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network (see the module's text). `model` is a folded one and is not changed.

    Raises `ModelUnusableError` for any other network than YuNet.
    """
    weights: Weights = {
        tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer
    }
    heads, replaced = _heads(model, weights)
    first = _first(model, weights)
    nodes = [*first, *(node for node in model.graph.node[1:] if node.name not in replaced), *heads]
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        model.graph.name,
        [helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["n", "height", "width", 3])],
        [helper.make_tensor_value_info("cells", TensorProto.FLOAT, ["n", "cells", NUMBERS])],
        [
            numpy_helper.from_array(np.ascontiguousarray(weights[name]), name)
            for name in sorted(used & weights.keys())
        ],
    )
    result = helper.make_model(graph, opset_imports=list(model.opset_import))
    result.ir_version = model.ir_version
    onnx.checker.check_model(result)
    return result


def _first(model: onnx.ModelProto, weights: Weights) -> list[onnx.NodeProto]:
    """From pictures to what the first convolution gives."""
    node = model.graph.node[0]
    said = _said(node)
    kernel = weights.get(node.input[1]) if node.op_type == "Conv" else None
    if kernel is None or kernel.shape[1:] != (3, 3, 3) or not _FIRST_KERNEL.items() <= said.items():
        raise ModelUnusableError("this is not YuNet: it begins otherwise")
    kernel = kernel[:, ::-1]
    of_pairs = np.zeros((len(kernel), 6, 3, 2), np.float32)
    of_pairs[:, 3:, :, 0] = kernel[:, :, :, 0]
    of_pairs[:, :3, :, 1] = kernel[:, :, :, 1]
    of_pairs[:, 3:, :, 1] = kernel[:, :, :, 2]
    weights["pairs"] = np.array([0, 0, -1, 6], np.int64)
    weights["first_of_pairs"] = of_pairs
    return [
        helper.make_node("Reshape", ["pictures", "pairs"], ["paired"]),
        helper.make_node("Cast", ["paired"], ["as_floats"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["as_floats"], ["as_planes"], perm=[0, 3, 1, 2]),
        helper.make_node(
            "Conv",
            ["as_planes", "first_of_pairs", *node.input[2:]],
            list(node.output),
            kernel_shape=[3, 2],
            strides=[2, 1],
            pads=[1, 1, 1, 0],
        ),
    ]


def _heads(model: onnx.ModelProto, weights: Weights) -> tuple[list[onnx.NodeProto], set[str]]:
    """From what the heads see to the one output, and the names of the nodes that it replaces."""
    makes = {output: node for node in model.graph.node for output in node.output}
    weights["cell_by_cell"] = np.array([0, -1, NUMBERS], np.int64)
    nodes: list[onnx.NodeProto] = []
    replaced: set[str] = set()
    for stride in STRIDES:
        pairs = [_head(makes, f"{head}_{stride}", replaced) for head in HEADS]
        sees = {across.input[0] for across, _ in pairs}
        if len(sees) != 1:
            raise ModelUnusableError("this is not YuNet: its heads see different things")
        for at, name in enumerate(("across", "around")):
            for place, kind in ((1, "weight"), (2, "bias")):
                weights[f"{name}_{kind}_{stride}"] = np.concatenate(
                    [weights[pair[at].input[place]] for pair in pairs]
                )
        across, around = pairs[0]
        nodes += [
            helper.make_node(
                "Conv",
                [*sees, f"across_weight_{stride}", f"across_bias_{stride}"],
                [f"across_{stride}"],
                **_said(across),
            ),
            helper.make_node(
                "Conv",
                [f"across_{stride}", f"around_weight_{stride}", f"around_bias_{stride}"],
                [f"around_{stride}"],
                **{**_said(around), "group": NUMBERS},
            ),
            helper.make_node(
                "Transpose", [f"around_{stride}"], [f"last_{stride}"], perm=[0, 2, 3, 1]
            ),
            helper.make_node("Reshape", [f"last_{stride}", "cell_by_cell"], [f"cells_{stride}"]),
        ]
    of_all = [f"cells_{stride}" for stride in STRIDES]
    nodes.append(helper.make_node("Concat", of_all, ["cells"], axis=1))
    return nodes, replaced


def _head(
    makes: dict[str, onnx.NodeProto], output: str, replaced: set[str]
) -> tuple[onnx.NodeProto, onnx.NodeProto]:
    """One head's two convolutions: over all channels, and of each channel alone."""
    found: list[onnx.NodeProto] = []
    while len(found) < 2:
        node = makes.get(output)
        if node is None or node.op_type not in {"Conv", "Transpose", "Reshape", "Sigmoid"}:
            raise ModelUnusableError("this is not YuNet: a head of it is made otherwise")
        if not node.name:
            raise ModelUnusableError("this is not YuNet: its nodes have no names")
        replaced.add(node.name)
        if node.op_type == "Conv":
            found.append(node)
        output = node.input[0]
    return found[1], found[0]


def _said(node: onnx.NodeProto) -> dict[str, Any]:
    return {each.name: helper.get_attribute_value(each) for each in node.attribute}
