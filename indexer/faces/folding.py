"""Makes the Zoo's block-quantised files usable by every runtime, once, and caches the result.

ONNX Runtime 1.32 refuses the YuNet file and OpenCV 5.0 the SFace file as published.

1. Every DequantizeLinear (and the Reshape of a weight behind it) becomes a float32 weight.
2. Only the picture stays a graph input; the weights that were listed as inputs no longer are.
3. Batch, height and width become dynamic.
4. Where it is said so, the network is written another way that gives the same (`Rewriting`).
5. The result is stored beside the source under a name that holds `FOLDING_VERSION`, the source's
   digest and its own, written to a temporary file and renamed.

The name tells a damaged copy, not a planted one: so the folder must belong to this account or to
root, and nobody else may write there.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from indexer.faces.atomic_file import write_atomically
from indexer.faces.errors import ModelUnusableError

FOLDING_VERSION = 1


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What else is done to a folded network. Who changes what it does changes its name."""

    name: str
    do: Callable[[onnx.ModelProto], onnx.ModelProto]


def folded_path(
    source: Path, sha256: str, *, dynamic_size: bool, then: Rewriting | None = None
) -> Path:
    """The folded model of `source` (whose digest was checked), made now if it is not there.

    `dynamic_size` also frees height and width; `then` is done to it after. A damaged copy in the
    cache is noticed by its digest and replaced. Raises `ModelUnusableError` for a file that is no
    such model, or when the cache cannot be written.
    """
    _require_ours(source.parent)
    kind = "any-size" if dynamic_size else "fixed-size"
    if then is not None:
        kind = f"{kind}-{then.name}"
    prefix = f"{source.stem}.folded{FOLDING_VERSION}-{kind}-{sha256[:16]}-"
    for cached in sorted(source.parent.glob(f"{prefix}*.onnx")):
        digest = hashlib.sha256(cached.read_bytes()).hexdigest()
        if cached.name == f"{prefix}{digest[:32]}.onnx":
            return cached
        cached.unlink(missing_ok=True)
    try:
        folded = fold(onnx.load(source), dynamic_size=dynamic_size)
        content = (then.do(folded) if then is not None else folded).SerializeToString()
    except (ValueError, KeyError, TypeError, DecodeError, onnx.checker.ValidationError) as error:
        raise ModelUnusableError(f"{source.name} cannot be folded: {error}") from error
    target = source.with_name(f"{prefix}{hashlib.sha256(content).hexdigest()[:32]}.onnx")
    try:
        write_atomically(target, content)
    except OSError as error:
        raise ModelUnusableError(
            f"{source.name} must be folded once, but {source.parent} cannot be written "
            f"({error.strerror}); make it writable, or fetch the pack into another folder"
        ) from error
    return target


def _require_ours(folder: Path) -> None:
    """Raise `ModelUnusableError` where another account could plant a network."""
    found = folder.stat()
    if found.st_mode & stat.S_IWOTH:
        raise ModelUnusableError(
            f"{folder} can be written by every account of this machine, so its networks cannot be "
            f"trusted: run `chmod o-w {folder}`, and `likeness models fetch` if others use it"
        )
    if found.st_uid not in {0, os.geteuid()}:
        raise ModelUnusableError(
            f"{folder} belongs to another account, so its networks cannot be trusted: give it to "
            "the account that runs Likeness, or to root"
        )


def fold(model: onnx.ModelProto, *, dynamic_size: bool) -> onnx.ModelProto:
    """The same network with float32 weights and dynamic sizes; `model` itself is not changed."""
    graph = model.graph
    weights: dict[str, NDArray[np.generic]] = {
        tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer
    }
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and all(name in weights for name in node.input):
            weights[node.output[0]] = _dequantised(node, weights)
        elif node.op_type == "Reshape" and all(name in weights for name in node.input):
            shape = tuple(int(length) for length in weights[node.input[1]])
            weights[node.output[0]] = weights[node.input[0]].reshape(shape)
        else:
            nodes.append(node)
    if any(node.op_type == "DequantizeLinear" for node in nodes):
        raise ModelUnusableError("a DequantizeLinear node does not stand on a weight")
    nodes = [_batch_free(node, weights) for node in nodes]
    used = {name for node in nodes for name in node.input}
    pictures = [value for value in graph.input if value.name in used - weights.keys()]
    if len(pictures) != 1:
        raise ModelUnusableError(f"expected one picture as input, found {len(pictures)}")
    folded = helper.make_graph(
        nodes,
        graph.name,
        [_dynamic_picture(pictures[0], dynamic_size=dynamic_size)],
        [_dynamic_output(value, dynamic_size=dynamic_size) for value in graph.output],
        [
            numpy_helper.from_array(np.ascontiguousarray(weights[name]), name)
            for name in sorted(used & weights.keys())
        ],
    )
    result = helper.make_model(folded, opset_imports=list(model.opset_import))
    result.ir_version = 8
    onnx.checker.check_model(result)
    return result


def _dequantised(
    node: onnx.NodeProto, weights: dict[str, NDArray[np.generic]]
) -> NDArray[np.float32]:
    """`(quantised - zero point) * scale`; the scale is per tensor, per axis or per block.

    See ONNX's DequantizeLinear, opset 21.
    """
    said = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    axis, block = int(said.get("axis", 1)), int(said.get("block_size", 0))
    quantised = weights[node.input[0]].astype(np.float32)
    scale = weights[node.input[1]].astype(np.float32)
    has_zero = len(node.input) > 2
    zero = weights[node.input[2]].astype(np.float32) if has_zero else np.zeros_like(scale)
    if block:
        length = quantised.shape[axis]
        scale = np.repeat(scale, block, axis=axis).take(np.arange(length), axis=axis)
        zero = np.repeat(zero, block, axis=axis).take(np.arange(length), axis=axis)
    elif scale.ndim == 1 and scale.size > 1:
        spread = [1] * quantised.ndim
        spread[axis] = -1
        scale, zero = scale.reshape(spread), zero.reshape(spread)
    return (quantised - zero) * scale


def _batch_free(node: onnx.NodeProto, weights: dict[str, NDArray[np.generic]]) -> onnx.NodeProto:
    """A Reshape to `[1, -1, n]` would refuse two pictures: 0 means "as it came"."""
    if node.op_type != "Reshape" or node.input[1] not in weights:
        return node
    shape = np.array(weights[node.input[1]])
    if shape.size > 1 and shape[0] == 1 and -1 in shape:
        shape[0] = 0
        weights[node.input[1]] = shape
    return node


def _dynamic_picture(value: onnx.ValueInfoProto, *, dynamic_size: bool) -> onnx.ValueInfoProto:
    shape: list[int | str] = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
    shape[0] = "batch"
    if dynamic_size:
        shape[2:] = ["height", "width"]
    return helper.make_tensor_value_info(value.name, onnx.TensorProto.FLOAT, shape)


def _dynamic_output(value: onnx.ValueInfoProto, *, dynamic_size: bool) -> onnx.ValueInfoProto:
    """Of a detector's (batch, cells, n) the number of cells follows the picture's size."""
    shape: list[int | str] = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
    shape[0] = "batch"
    if dynamic_size:
        shape[1:-1] = [f"{value.name}_cells_{axis}" for axis in range(1, len(shape) - 1)]
    return helper.make_tensor_value_info(value.name, onnx.TensorProto.FLOAT, shape)
