"""Imports the inference runtimes without what they would tell their makers.

`import openvino` reports to Google Analytics unless its telemetry package is absent, asking
nobody, and leaves an identifier in the home folder. Nothing may leave a machine that looks for
victims' pictures, so that package is made unimportable first; OpenVINO then uses its own stub.
ONNX Runtime is told by its environment variable.
"""

from __future__ import annotations

import os
import sys
import threading
from types import ModuleType
from typing import Any, Final, cast

import numpy as np

_FIRST_USE: Final = threading.Lock()

# The runtimes have no types.


def openvino_module() -> Any:
    """OpenVINO, with its telemetry replaced by nothing."""
    # Python's import system: a None here makes the import fail with ModuleNotFoundError.
    for name in ("openvino_telemetry", "openvino_telemetry.backend"):
        sys.modules.setdefault(name, cast(ModuleType, None))
    import openvino  # noqa: PLC0415 - half a second, and only after the line above

    _make_ready(openvino)
    return openvino


def _make_ready(openvino: Any) -> None:
    """Have OpenVINO meet NumPy once, in one thread.

    Its bindings look NumPy up at their first use, inside of a C++ lock and letting Python go
    meanwhile: two threads that come first together wait for each other for ever.
    """
    with _FIRST_USE:
        tensor = openvino.Tensor(np.zeros(1, np.float32), shared_memory=True)
        tensor.get_element_type().to_dtype()
        np.array(tensor.data)


def onnxruntime_module() -> Any:
    """ONNX Runtime, told to report nothing."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime  # noqa: PLC0415 - only after the line above

    return onnxruntime
