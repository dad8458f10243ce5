"""One narrow way to run a network, with OpenVINO or ONNX Runtime behind it.

Outputs are handed out as fresh arrays; what the runtime itself keeps of inputs and outputs is
overwritten after each run, because it may be a stranger's embedding (design rule 1). Threads are
bounded. A session is used by one thread at a time.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.faces.errors import ModelUnusableError, RuntimeUnavailableError
from indexer.faces.quiet_runtimes import onnxruntime_module, openvino_module

RuntimeName = Literal["openvino", "onnxruntime"]
Floats = NDArray[np.float32]


class InferenceSession(Protocol):
    """A loaded network with one input."""

    @property
    def runtime(self) -> RuntimeName:
        """Which engine runs it."""
        ...

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, in the order in which `run` gives them."""
        ...

    def run(self, pictures: Floats) -> list[Floats]:
        """`pictures` is (n, 3, height, width) float32; one array for each output."""
        ...


RUNTIMES: tuple[RuntimeName, ...] = ("openvino", "onnxruntime")


def choose_runtime(wanted: str = "auto") -> RuntimeName:
    """OpenVINO where it is installed, else ONNX Runtime; or the one that is asked for."""
    known = [name for name in RUNTIMES if wanted in {"auto", name}]
    if not known:
        raise RuntimeUnavailableError(
            f"{wanted!r} is no known runtime; choose 'auto', 'openvino' or 'onnxruntime'"
        )
    for name in known:
        if importlib.util.find_spec(name) is not None:
            return name
    raise RuntimeUnavailableError(
        f"{' and '.join(known)} not installed; install it, or choose 'auto' in the settings"
    )


def open_session(path: Path, runtime: RuntimeName, threads: int = 2) -> InferenceSession:
    """Load a network. Raises `ModelUnusableError` when the runtime refuses it."""
    if threads < 1:
        raise ValueError("a session needs at least one thread")
    if runtime == "openvino":
        return OpenVinoSession(path, threads)
    return OnnxRuntimeSession(path, threads)


class OpenVinoSession:
    """OpenVINO on the CPU in float32."""

    def __init__(self, path: Path, threads: int) -> None:
        settings = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        try:
            core = openvino_module().Core()
            model = core.read_model(str(path))
            # A compiled model's outputs gain further names; these are the file's own.
            self._names = tuple(str(output.get_any_name()) for output in model.outputs)
            compiled = core.compile_model(model, "CPU", settings)
        except RuntimeError as error:
            raise ModelUnusableError(f"OpenVINO cannot load {path.name}: {error}") from error
        self._request = compiled.create_infer_request()

    @property
    def runtime(self) -> RuntimeName:
        """Always "openvino"."""
        return "openvino"

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        return self._names

    def run(self, pictures: Floats) -> list[Floats]:
        """See `InferenceSession.run`."""
        self._request.infer({0: np.ascontiguousarray(pictures)}, share_inputs=True)
        outputs: list[Floats] = []
        for position in range(len(self._names)):
            kept = self._request.get_output_tensor(position).data
            outputs.append(np.array(kept, dtype=np.float32))
            kept[...] = 0
        return outputs


class OnnxRuntimeSession:
    """ONNX Runtime on the CPU."""

    def __init__(self, path: Path, threads: int) -> None:
        onnxruntime = onnxruntime_module()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        native = onnxruntime.capi.onnxruntime_pybind11_state
        refused = (
            native.Fail,
            native.InvalidArgument,
            native.InvalidGraph,
            native.InvalidProtobuf,
            native.NoSuchFile,
            native.NotImplemented,
            native.RuntimeException,
        )
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except refused as error:
            raise ModelUnusableError(f"ONNX Runtime cannot load {path.name}: {error}") from error
        self._input = str(self._session.get_inputs()[0].name)
        self._names = tuple(str(output.name) for output in self._session.get_outputs())

    @property
    def runtime(self) -> RuntimeName:
        """Always "onnxruntime"."""
        return "onnxruntime"

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        return self._names

    def run(self, pictures: Floats) -> list[Floats]:
        """See `InferenceSession.run`."""
        outputs: list[Floats] = self._session.run(
            list(self._names), {self._input: np.ascontiguousarray(pictures)}
        )
        return outputs
