"""Ends a process that takes longer than agreed: one thread for the life of the process.

A thread (or a `threading.Timer`) for each request costs milliseconds on a busy machine, more than
looking at a small picture. This one sleeps until the deadline that it knew last: a deadline that
was kept in the meantime costs it nothing, and it is woken only for one that is sooner.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Deadline:
    """A moment on the monotonic clock, and whether it passed while it was watched."""

    at_s: float
    passed: bool = False


class Watchdog:
    """Watches one deadline at a time, for as long as its `deadline` block lasts."""

    def __init__(self, name: str, act: Callable[[], object]) -> None:
        """`act` is called in the watchdog's thread when a deadline passes; it must not block."""
        self._name = name
        self._act = act
        self._turn = threading.Condition()
        self._watched: Deadline | None = None
        self._wakes_at_s = math.inf
        self._thread: threading.Thread | None = None
        self._closed = False

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[Deadline]:
        """Act once when the block takes longer than `seconds`; never after it has ended."""
        deadline = Deadline(time.monotonic() + seconds)
        with self._turn:
            self._watched = deadline
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name=self._name, daemon=True)
                self._thread.start()
            elif deadline.at_s < self._wakes_at_s:
                self._turn.notify()
        try:
            yield deadline
        finally:
            with self._turn:
                self._watched = None

    def close(self) -> None:
        """Let the thread end; nothing is watched any more."""
        with self._turn:
            self._closed = True
            self._watched = None
            self._turn.notify()

    def _watch(self) -> None:
        with self._turn:
            while not self._closed:
                watched = self._watched
                left_s = math.inf if watched is None else watched.at_s - time.monotonic()
                if watched is not None and left_s <= 0:
                    watched.passed, self._watched = True, None
                    self._act()
                    continue
                self._wakes_at_s = math.inf if watched is None else watched.at_s
                self._turn.wait(None if watched is None else min(left_s, threading.TIMEOUT_MAX))
