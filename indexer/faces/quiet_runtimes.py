"""Imports the inference runtimes without what they would tell their makers.

`import openvino` reports to Google Analytics unless its telemetry package is absent, asking
nobody, and leaves an identifier in the home folder. Nothing may leave a machine that looks for
victims' pictures, so that package is made unimportable first; OpenVINO then uses its own stub.
ONNX Runtime is told by its environment variable.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import Any, cast

# The runtimes have no types.


def openvino_module() -> Any:
    """OpenVINO, with its telemetry replaced by nothing."""
    # Python's import system: a None here makes the import fail with ModuleNotFoundError.
    for name in ("openvino_telemetry", "openvino_telemetry.backend"):
        sys.modules.setdefault(name, cast(ModuleType, None))
    import openvino  # noqa: PLC0415 - half a second, and only after the line above

    return openvino


def onnxruntime_module() -> Any:
    """ONNX Runtime, told to report nothing."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime  # noqa: PLC0415 - only after the line above

    return onnxruntime
