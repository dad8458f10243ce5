"""Which inference runtimes this machine has, and which one is taken.

1. ONNX Runtime on a CUDA device, where there is one.
2. OpenVINO in bfloat16, where the processor multiplies it natively (AMX, or AVX-512 BF16) and the
   pack's embeddings then agree with those of float32 (`agreement.py` checks, before it is used).
3. OpenVINO in float32.
4. ONNX Runtime on the CPU.

A setting can force any of them; then the others are not tried.
"""

from __future__ import annotations

import ctypes
import importlib.util
import platform
from dataclasses import dataclass
from typing import Final, get_args

from indexer.faces.errors import RuntimeUnavailableError
from indexer.faces.quiet_runtimes import onnxruntime_module, openvino_module
from indexer.faces.session import RuntimeName

RUNTIMES: Final[tuple[RuntimeName, ...]] = (
    "onnxruntime-cuda",
    "openvino-bf16",
    "openvino",
    "onnxruntime",
)
"""In the order in which they are taken."""

_NATIVE_BF16: Final = "BF16"


@dataclass(frozen=True, slots=True)
class RuntimeState:
    """One runtime on this machine. `why_not` is empty when it can be used."""

    name: RuntimeName
    version: str
    why_not: str


def runtime_states() -> tuple[RuntimeState, ...]:
    """All runtimes, in the order in which they are taken, and why one cannot be used here."""
    return tuple(_state(name) for name in RUNTIMES)


def usable_runtimes(
    wanted: str = "auto", among: tuple[RuntimeName, ...] = RUNTIMES
) -> tuple[RuntimeName, ...]:
    """Those that may be tried, best first; or the one that is asked for.

    Raises `RuntimeUnavailableError` for a name that nobody knows, for one that cannot be used
    here, and when there is none at all.
    """
    if wanted != "auto" and wanted not in get_args(RuntimeName):
        known = ", ".join(repr(name) for name in RUNTIMES)
        raise RuntimeUnavailableError(f"{wanted!r} is no known runtime; choose 'auto' or {known}")
    tried = [_state(name) for name in among if wanted in {"auto", name}]
    usable = tuple(state.name for state in tried if not state.why_not)
    if not usable:
        reasons = "; ".join(f"{state.name}: {state.why_not}" for state in tried)
        raise RuntimeUnavailableError(
            f"no runtime can be used here ({reasons or f'{wanted} cannot run this pack'}); "
            "install what is missing, or choose 'auto' in the settings"
        )
    return usable


def device_of(name: RuntimeName) -> str:
    """The runtime's version and what it runs on here, in words."""
    if name.startswith("openvino"):
        openvino = openvino_module()
        core = openvino.Core()
        able = " ".join(sorted(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")))
        name_of_cpu = core.get_property("CPU", "FULL_DEVICE_NAME")
        return f"OpenVINO {_openvino_version()}, {name_of_cpu} ({able})"
    version = f"ONNX Runtime {onnxruntime_module().__version__}"
    if name == "onnxruntime":
        return f"{version}, {platform.processor() or platform.machine()}"
    return f"{version}, {_cuda_device_name()}"


def _state(name: RuntimeName) -> RuntimeState:
    package = "openvino" if name.startswith("openvino") else "onnxruntime"
    if importlib.util.find_spec(package) is None:
        return RuntimeState(name, "", f"{package} is not installed")
    if package == "openvino":
        return RuntimeState(name, _openvino_version(), _why_not_openvino(name))
    version = str(onnxruntime_module().__version__)
    return RuntimeState(name, version, _why_not_onnxruntime(name))


def _why_not_openvino(name: RuntimeName) -> str:
    if name == "openvino":
        return ""
    able = openvino_module().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "" if _NATIVE_BF16 in able else "this processor has no bfloat16 of its own"


def _why_not_onnxruntime(name: RuntimeName) -> str:
    if name == "onnxruntime":
        return ""
    if "CUDAExecutionProvider" not in onnxruntime_module().get_available_providers():
        return "the installed ONNX Runtime has no CUDA"
    return "" if _cuda_device_name() else "no CUDA device is found"


def _openvino_version() -> str:
    return str(openvino_module().__version__).split("-", maxsplit=1)[0]


def _cuda_device_name() -> str:
    """The first device, as the driver names it; empty when there is none.

    That ONNX Runtime was built for CUDA says nothing of a device.
    """
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return ""
    count, name = ctypes.c_int(0), ctypes.create_string_buffer(256)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return ""
    if count.value < 1 or driver.cuDeviceGetName(name, len(name), 0) != 0:
        return ""
    return name.value.decode(errors="replace")
