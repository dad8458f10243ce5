"""One narrow way to run a network, with OpenVINO or ONNX Runtime behind it.

Outputs are handed out as fresh arrays; what the runtime itself keeps of inputs and outputs is
overwritten after each run, because it may be a stranger's embedding (design rule 1). Threads are
bounded. A session is used by one thread at a time; `another` gives one more over the same weights.
Which runtimes there are, and which one is taken, is said in `runtimes.py`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from indexer.faces.errors import ModelUnusableError
from indexer.faces.quiet_runtimes import onnxruntime_module, openvino_module
from indexer.faces.shapes import Shape, ShapedModels
from indexer.media.picture import Pixels

RuntimeName = Literal["openvino", "openvino-bf16", "onnxruntime", "onnxruntime-cuda"]
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

    def run(self, pictures: Floats | Pixels) -> list[Floats]:
        """`pictures` is what the network takes: (n, 3, height, width) float32, or
        (n, height, width, 3) uint8 RGB; one array for each output.
        """
        ...

    def another(self) -> InferenceSession:
        """One more over the same weights, for another thread."""
        ...


def open_session(
    path: Path,
    runtime: RuntimeName,
    threads: int = 2,
    *,
    of_many_shapes: bool = False,
) -> InferenceSession:
    """Load a network. Raises `ModelUnusableError` when the runtime refuses it.

    One that is `of_many_shapes` (a small one whose input's size changes from run to run) is
    prepared for those that come often, where the runtime gains by it (`shapes.py`).
    """
    if threads < 1:
        raise ValueError("a session needs at least one thread")
    if runtime in {"openvino", "openvino-bf16"}:
        return OpenVinoSession.load(path, runtime, threads, of_many_shapes=of_many_shapes)
    return OnnxRuntimeSession.load(path, runtime, threads)


class OpenVinoSession:
    """OpenVINO on the CPU, in float32 or in bfloat16 (which AMX multiplies four times as fast)."""

    def __init__(
        self,
        compiled: Any,
        names: tuple[str, ...],
        runtime: RuntimeName,
        shaped: ShapedModels | None = None,
    ) -> None:
        """Prefer `load`. OpenVINO has no types."""
        self._compiled = compiled
        self._names = names
        self._runtime: RuntimeName = runtime
        self._request = compiled.create_infer_request()
        self._shaped = shaped
        self._shaped_requests: dict[Shape, Any] = {}

    @classmethod
    def load(
        cls,
        path: Path,
        runtime: RuntimeName,
        threads: int,
        *,
        of_many_shapes: bool = False,
    ) -> OpenVinoSession:
        """Compile a network for this machine. Raises `ModelUnusableError`."""
        # Requests of one stream wait for each other: one for each thread that may come.
        streams = len(os.sched_getaffinity(0)) if threads == 1 else 1
        settings = {
            "INFERENCE_NUM_THREADS": threads * streams,
            "NUM_STREAMS": streams,
            # Several lanes and their decoders move between the cores as they are free.
            "ENABLE_CPU_PINNING": False,
            "INFERENCE_PRECISION_HINT": "bf16" if runtime == "openvino-bf16" else "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        try:
            core = openvino_module().Core()
            model = core.read_model(str(path))
            # A compiled model's outputs gain further names; these are the file's own.
            names = tuple(str(output.get_any_name()) for output in model.outputs)
            compiled = core.compile_model(model, "CPU", settings)
        except RuntimeError as error:
            raise ModelUnusableError(f"OpenVINO cannot load {path.name}: {error}") from error

        def compile_for(shape: Shape) -> Any:
            shaped = core.read_model(str(path))
            shaped.reshape(list(shape))
            return core.compile_model(shaped, "CPU", settings)

        return cls(compiled, names, runtime, ShapedModels(compile_for) if of_many_shapes else None)

    @property
    def runtime(self) -> RuntimeName:
        """Which precision it runs in, too."""
        return self._runtime

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        return self._names

    def another(self) -> OpenVinoSession:
        """See `InferenceSession.another`."""
        return OpenVinoSession(self._compiled, self._names, self._runtime, self._shaped)

    def run(self, pictures: Floats | Pixels) -> list[Floats]:
        """See `InferenceSession.run`."""
        request = self._request_for(pictures.shape)
        request.infer({0: np.ascontiguousarray(pictures)}, share_inputs=True)
        outputs: list[Floats] = []
        for position in range(len(self._names)):
            kept = request.get_output_tensor(position).data
            outputs.append(np.array(kept, dtype=np.float32))
            kept[...] = 0
        return outputs

    def _request_for(self, shape: Shape) -> Any:
        if self._shaped is None:
            return self._request
        request = self._shaped_requests.get(shape)
        if request is None:
            compiled = self._shaped.of(shape)
            if compiled is None:
                return self._request
            request = self._shaped_requests[shape] = compiled.create_infer_request()
        return request


class OnnxRuntimeSession:
    """ONNX Runtime on the CPU or on a CUDA device.

    What a device keeps of a run is overwritten by a second run, over nothing: its memory cannot be
    reached from here, and its pool gives the same places to a run of the same size.
    """

    def __init__(self, session: Any, runtime: RuntimeName) -> None:
        """Prefer `load`. ONNX Runtime has no types."""
        self._session = session
        self._runtime: RuntimeName = runtime
        self._input = str(session.get_inputs()[0].name)
        self._names = tuple(str(output.name) for output in session.get_outputs())

    @classmethod
    def load(cls, path: Path, runtime: RuntimeName, threads: int) -> OnnxRuntimeSession:
        """Load a network. Raises `ModelUnusableError`; never falls back from a device to the CPU
        unnoticed.
        """
        onnxruntime = onnxruntime_module()
        options = session_options(threads)
        wanted = provider_name(runtime)
        unusable = ModelUnusableError(
            f"ONNX Runtime does not run {path.name} by {wanted} here; see whether the device, its "
            "driver and its libraries are there, or choose another runtime"
        )
        if wanted not in onnxruntime.get_available_providers():
            raise unusable
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
            session = onnxruntime.InferenceSession(
                str(path), options, providers=list(providers_of(runtime))
            )
        except refused as error:
            raise ModelUnusableError(f"ONNX Runtime cannot load {path.name}: {error}") from error
        if session.get_providers()[0] != wanted:
            raise unusable
        return cls(session, runtime)

    @property
    def runtime(self) -> RuntimeName:
        """On which device it runs, too."""
        return self._runtime

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        return self._names

    def another(self) -> OnnxRuntimeSession:
        """See `InferenceSession.another`."""
        return OnnxRuntimeSession(self._session, self._runtime)

    def run(self, pictures: Floats | Pixels) -> list[Floats]:
        """See `InferenceSession.run`."""
        fed = np.ascontiguousarray(pictures)
        outputs: list[Floats] = self._session.run(list(self._names), {self._input: fed})
        if self._runtime == "onnxruntime-cuda":
            self._session.run(list(self._names), {self._input: np.zeros_like(fed)})
        return outputs


def session_options(threads: int) -> Any:
    """How ONNX Runtime runs here: so many threads, which do not spin while there is nothing."""
    options = onnxruntime_module().SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def provider_name(runtime: RuntimeName) -> str:
    """ONNX Runtime's name for what runs it."""
    cuda = runtime == "onnxruntime-cuda"
    return "CUDAExecutionProvider" if cuda else "CPUExecutionProvider"


def providers_of(runtime: RuntimeName) -> tuple[str | tuple[str, dict[str, str]], ...]:
    """ONNX Runtime's execution providers, the one that is meant first."""
    if runtime == "onnxruntime-cuda":
        # TF32 has ten bits of mantissa: embeddings would differ more than bfloat16's check allows.
        return (
            ("CUDAExecutionProvider", {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}),
            "CPUExecutionProvider",
        )
    return ("CPUExecutionProvider",)
