"""The quantised first pass: which templates may reach a threshold, at one byte a dimension.

1. Templates are coded in seven bits a dimension, probes in eight. One product of small integers
   gives all estimated similarities of many probes and many templates.
2. An estimate cannot be wrong by more than the two rounding errors allow (Cauchy and Schwarz):
   |<x, q> - <x', q'>| <= |x - x'| |q| + |x'| |q - q'|, with the lengths of the errors themselves,
   which are known. The threshold lowered by that margin loses no match, whatever the faces.
3. Whether this machine multiplies exactly is checked before it is believed: `IntegerProduct.open`
   compares with arithmetic in 64 bits, `check_codes` estimates with exact similarities.

Seven bits because the sums of two products then stay within 16 bits: processors without VNNI or
AMX cut them off there. Probes are written to private buffers only, and what the runtime keeps of
them in memory of its own is overwritten by `IntegerProduct.overwrite`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from indexer.errors import IndexerError
from indexer.faces.private_buffer import PrivateBuffer
from indexer.faces.quiet_runtimes import onnxruntime_module
from indexer.faces.session import Floats

Codes = NDArray[np.uint8]
Products = NDArray[np.int32]
Halves = NDArray[np.float16]

ZERO: Final = 64
"""The code of nought: codes are 0 to 127 for -64 to 63 steps."""
_STEPS: Final = 63
_PROBE_STEPS: Final = 127
_SPREADS: Final = (3.5, 4.0, 4.5, 5.0, 6.0, 8.0)
"""Where values may be cut off, in standard deviations: what suits best is found by trying."""
_TRIED_ROWS: Final = 1024
_CODED_AT_ONCE: Final = 4096
_ROUNDING: Final = 1e-4
"""For what float32 itself rounds: a thousandth of it would do for 512 dimensions."""
_WIPE_ROWS: Final = 512
_CHECKED_ROWS: Final = 1024
_CHECKED_PROBES: Final = 32


class FirstPassUnsoundError(IndexerError):
    """This machine's integer products are not exact: compare without a first pass."""

    code = "first_pass_unsound"


@dataclass(frozen=True, slots=True)
class Scale:
    """How a block was coded: codes are `steps_per_unit` times the value, plus `ZERO`; the largest
    error of a template's vector is `error` long.
    """

    steps_per_unit: float
    error: float


class ProbeCodes:
    """Probes coded for the first pass, in a private buffer. Overwrite it after the search."""

    def __init__(self, vectors: Floats) -> None:
        """`vectors` (n, dimension) float32 of unit length, themselves in a private buffer."""
        count, dimension = vectors.shape
        self._buffer = PrivateBuffer(9 * count * dimension)
        floats = self._buffer.floats((2, count, dimension))
        codes = self._buffer.octets((9 * count * dimension,))[8 * count * dimension :]
        largest = np.maximum(vectors.max(axis=1), -vectors.min(axis=1))
        self._steps_per_unit = _PROBE_STEPS / np.maximum(largest.astype(np.float64), 1e-6)
        scaled, whole = floats
        np.multiply(vectors, self._steps_per_unit[:, None].astype(np.float32), out=scaled)
        np.rint(scaled, out=whole)
        self.codes: NDArray[np.int8] = codes.view(np.int8).reshape(dimension, count)
        np.copyto(self.codes, whole.T, casting="unsafe")
        np.subtract(scaled, whole, out=scaled)
        errors = np.sqrt(np.einsum("nd,nd->n", scaled, scaled, dtype=np.float64))
        self._errors = errors / self._steps_per_unit
        self._sums = self.codes.sum(axis=0, dtype=np.int64)

    def limits(self, scale: Scale, least: Floats) -> NDArray[np.int64]:
        """(n,): products below these belong to templates that cannot be `least` (n,) similar."""
        margins = self.margins(scale)
        steps = scale.steps_per_unit * self._steps_per_unit
        lowered: NDArray[np.float64] = steps * (least - margins)
        limits: NDArray[np.int64] = np.floor(lowered).astype(np.int64)
        np.add(limits, ZERO * self._sums, out=limits)
        return limits

    def margins(self, scale: Scale) -> NDArray[np.float64]:
        """(n,): by how much the estimate of a similarity can be wrong, at most."""
        margins: NDArray[np.float64] = scale.error + (1 + scale.error) * self._errors
        return margins + _ROUNDING

    def estimates(self, products: Products, scale: Scale) -> NDArray[np.float64]:
        """(m, n) products as similarities."""
        steps = scale.steps_per_unit * self._steps_per_unit
        estimated: NDArray[np.float64] = (products - ZERO * self._sums) / steps
        return estimated

    def overwrite(self) -> None:
        """Set all that is known of the probes to nothing."""
        self._buffer.wipe()
        self._sums[:] = 0


class IntegerProduct:
    """(m, k) uint8 codes times (k, n) int8 codes, exactly, on the calling thread alone.

    ONNX Runtime's kernels use AMX or VNNI where the processor has them. Several threads may
    multiply at the same time.
    """

    def __init__(self, dimension: int) -> None:
        """Prefer `open`."""
        self._dimension = dimension
        self._nothing = np.zeros((_WIPE_ROWS, dimension), np.uint8)
        onnxruntime = onnxruntime_module()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            _product_model(dimension), options, providers=["CPUExecutionProvider"]
        )

    @classmethod
    def open(cls, dimension: int) -> IntegerProduct:
        """A product that was compared with arithmetic in 64 bits.

        Raises `FirstPassUnsoundError` where this machine does not multiply exactly.
        """
        product = cls(dimension)
        rng = np.random.default_rng(dimension)
        for rows, probes in ((70, 1), (70, 64), (3, 5)):
            codes = rng.choice(np.array([0, 1, 64, 126, 127], np.uint8), (rows, dimension))
            coded = rng.choice(np.array([-127, -126, 1, 127], np.int8), (dimension, probes))
            codes[0], coded[:, 0] = 127, 127
            out = np.empty((rows, probes), np.int32)
            product.multiply(codes, coded, out)
            if not np.array_equal(out, codes.astype(np.int64) @ coded.astype(np.int64)):
                raise FirstPassUnsoundError("the runtime's integer products are not exact here")
        return product

    def multiply(self, codes: Codes, probes: NDArray[np.int8], out: Products) -> None:
        """Writes the product into `out` (m, n) int32; nothing is copied on the way."""
        BoundProduct(self._session, probes, out).multiply(codes)

    def bound(self, probes: NDArray[np.int8], out: Products) -> BoundProduct:
        """For many products with the same probes, by one thread."""
        return BoundProduct(self._session, probes, out)

    def overwrite(self, probes: int, out: Products) -> None:
        """Overwrite what the runtime keeps for this thread of `probes` probes, and `out`.

        It packs both factors into memory that it keeps for the next product on the same thread;
        the next product is one of noughts.
        """
        nothing = np.zeros((self._dimension, probes), np.int8)
        self.multiply(self._nothing[: len(out)], nothing, out[:_WIPE_ROWS])
        out.fill(0)


class BoundProduct:
    """Products of any codes with the same probes, each written over the last."""

    def __init__(
        self,
        session: Any,  # ONNX Runtime has no types
        probes: NDArray[np.int8],
        out: Products,
    ) -> None:
        self._session = session
        # They must outlive the binding, which knows addresses alone.
        self._probes, self._out = probes, out
        self._rows = -1
        self._binding = session.io_binding()
        self._bind("probes", probes)

    def multiply(self, codes: Codes) -> Products:
        """(m, n): the product with (m, k) codes, valid until the next one."""
        out = self._out[: len(codes)]
        if len(codes) != self._rows:
            self._rows = len(codes)
            self._binding.bind_output(
                "products", "cpu", 0, np.int32, list(out.shape), out.ctypes.data
            )
        self._bind("codes", codes)
        self._session.run_with_iobinding(self._binding)
        return out

    def _bind(self, name: str, array: NDArray[Any]) -> None:
        # ONNX Runtime reads rows one after the other, whatever the strides.
        if not array.flags.c_contiguous:
            raise ValueError("only contiguous codes can be multiplied")
        self._binding.bind_input(
            name, "cpu", 0, array.dtype.type, list(array.shape), array.ctypes.data
        )


def coded(vectors: Halves, codes: Codes) -> Scale:
    """Write the codes of (n, dimension) `vectors` into `codes`, of the same shape."""
    if not len(vectors):
        return Scale(1.0, 0.0)
    steps_per_unit = _best_steps(vectors)
    error = 0.0
    for at in range(0, len(vectors), _CODED_AT_ONCE):
        some = vectors[at : at + _CODED_AT_ONCE].astype(np.float32)
        steps = np.empty_like(some)
        error = max(error, _rounded(some, steps_per_unit, steps))
        np.add(steps, ZERO, out=steps)
        np.copyto(codes[at : at + len(some)], steps, casting="unsafe")
        # They would lie in freed memory after a template was removed.
        some.fill(0)
        steps.fill(0)
    return Scale(steps_per_unit, error)


def check_codes(
    product: IntegerProduct, vectors: Halves | Floats, codes: Codes, scale: Scale
) -> None:
    """Compare estimates with exact similarities, for some templates taken as probes.

    Raises `FirstPassUnsoundError` when an estimate is further off than it can be.
    """
    every = max(1, len(vectors) // _CHECKED_ROWS)
    rows = np.ascontiguousarray(codes[::every][:_CHECKED_ROWS])
    exact_rows = vectors[::every][:_CHECKED_ROWS].astype(np.float32)
    probes = exact_rows[:: max(1, len(exact_rows) // _CHECKED_PROBES)][:_CHECKED_PROBES].copy()
    coded_probes = ProbeCodes(probes)
    out = np.empty((len(rows), len(probes)), np.int32)
    product.multiply(rows, coded_probes.codes, out)
    wrong_by = np.abs(
        coded_probes.estimates(out, scale) - np.einsum("md,nd->mn", exact_rows, probes)
    )
    if np.any(wrong_by > coded_probes.margins(scale)):
        raise FirstPassUnsoundError("estimated similarities are further off than they can be")
    product.overwrite(len(probes), out)
    coded_probes.overwrite()
    probes.fill(0)
    exact_rows.fill(0)


def _telling_rows(vectors: Halves) -> NDArray[np.int64]:
    """Some rows from everywhere, and those with the largest values: these would be cut off."""
    largest = np.empty(len(vectors), np.uint16)
    for at in range(0, len(vectors), _CODED_AT_ONCE):
        # Without their sign, halves are ordered as their bits are.
        some = vectors[at : at + _CODED_AT_ONCE].view(np.uint16) & 0x7FFF
        largest[at : at + len(some)] = some.max(axis=1)
    extreme = np.argpartition(largest, -min(_TRIED_ROWS, len(largest)))[-_TRIED_ROWS:]
    return np.unique(
        np.concatenate([extreme, np.arange(0, len(vectors), max(1, len(vectors) // _TRIED_ROWS))])
    )


def _best_steps(vectors: Halves) -> float:
    """Steps for each unit, so that the largest error of these vectors is smallest."""
    told = vectors[_telling_rows(vectors)].astype(np.float32)
    some, steps = np.empty_like(told), np.empty_like(told)
    largest = max(float(told.max()), -float(told.min())) or 1.0
    spread = float(np.sqrt(np.einsum("nd,nd->", told, told) / told.size)) or largest
    tried = [_STEPS / largest, *(_STEPS / (spread * each) for each in _SPREADS)]
    errors = []
    for steps_per_unit in tried:
        np.copyto(some, told)
        errors.append(_rounded(some, steps_per_unit, steps))
    for scratch in (told, some, steps):
        scratch.fill(0)
    return tried[int(np.argmin(errors))]


def _rounded(vectors: Floats, steps_per_unit: float, steps: Floats) -> float:
    """Write the vectors in whole steps; returns how long the largest error is. `vectors` is used
    up.
    """
    np.multiply(vectors, np.float32(steps_per_unit), out=vectors)
    np.rint(vectors, out=steps)
    np.clip(steps, -_STEPS - 1, _STEPS, out=steps)
    np.subtract(vectors, steps, out=vectors)
    return float(np.sqrt(np.einsum("nd,nd->n", vectors, vectors).max())) / steps_per_unit


def _product_model(dimension: int) -> bytes:
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["codes", "probes"], ["products"])],
        "first pass",
        [
            helper.make_tensor_value_info("codes", TensorProto.UINT8, ["m", dimension]),
            helper.make_tensor_value_info("probes", TensorProto.INT8, [dimension, "n"]),
        ],
        [helper.make_tensor_value_info("products", TensorProto.INT32, ["m", "n"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    # What ONNX Runtime reads is not what the newest onnx writes by itself.
    model.ir_version = 10
    serialised: bytes = model.SerializeToString()
    return serialised
