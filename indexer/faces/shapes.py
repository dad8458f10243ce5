"""Networks compiled for one shape of input, for the shapes that come often.

OpenVINO runs a network of open sizes by preparing it anew whenever the size changes: from one look
at a picture to the next that takes up to half as long as the look. A network compiled for one shape
needs none of it, gives the same in float32, and the same to a thousandth in bfloat16. It costs a
seventh of a second and about ten megabytes, so only shapes that came `USES_BEFORE` times get one,
and no more than `MOST_SHAPES`. Shared by all threads of a session.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

USES_BEFORE: Final = 12
MOST_SHAPES: Final = 16

Shape = tuple[int, ...]


class ShapedModels:
    """Counts shapes, and has those compiled that are worth it."""

    def __init__(self, compile_for: Callable[[Shape], Any]) -> None:
        """`compile_for` compiles the network for one shape. OpenVINO has no types."""
        self._compile_for = compile_for
        self._uses: Counter[Shape] = Counter()
        self._compiled: dict[Shape, Any] = {}
        self._lock = threading.Lock()

    def of(self, shape: Shape) -> Any | None:
        """The network compiled for this shape, or None where the one of open sizes is to be used.

        One thread compiles; the others go on with what there is.
        """
        found = self._compiled.get(shape)
        if found is not None or len(self._compiled) >= MOST_SHAPES:
            return found
        if not self._lock.acquire(blocking=False):
            return None
        try:
            self._uses[shape] += 1
            if self._uses[shape] < USES_BEFORE or len(self._compiled) >= MOST_SHAPES:
                return None
            compiled = self._compile_for(shape)
            self._compiled[shape] = compiled
            return compiled
        finally:
            self._lock.release()
