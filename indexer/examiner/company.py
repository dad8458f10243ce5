"""How many media may be under way with one examiner at a time: by their bytes, or one alone.

What waits in the examiner is memory, so that bytes are bounded; a larger one than the bound goes
when nothing else does. Alone goes what may have ended an examiner that looked at several.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Company:
    """Lets media in. Safe to share between threads."""

    def __init__(self, most_bytes: int) -> None:
        """`most_bytes` of all that are under way together."""
        self._most_bytes = most_bytes
        self._changed = threading.Condition()
        self._bytes = 0
        self._count = 0
        self._waiting_to_be_alone = 0

    @contextmanager
    def among_others(self, size_bytes: int) -> Iterator[None]:
        """Under way as soon as there is room, beside others."""
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    not self._waiting_to_be_alone
                    and (self._count == 0 or self._bytes + size_bytes <= self._most_bytes)
                )
            )
            self._enter(size_bytes)
        try:
            yield
        finally:
            self._leave(size_bytes)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Under way when nothing else is, and nothing else meanwhile."""
        with self._changed:
            self._waiting_to_be_alone += 1
            self._changed.wait_for(lambda: self._count == 0)
            self._enter(0)
        try:
            yield
        finally:
            with self._changed:
                self._waiting_to_be_alone -= 1
            self._leave(0)

    def _enter(self, size_bytes: int) -> None:
        self._count += 1
        self._bytes += size_bytes

    def _leave(self, size_bytes: int) -> None:
        with self._changed:
            self._count -= 1
            self._bytes -= size_bytes
            self._changed.notify_all()
