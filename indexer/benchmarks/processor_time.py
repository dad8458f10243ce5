"""Processor time of this process and of all that it started: what a busy machine changes little.

Threads that spin while they wait count as working: so they do to everybody beside them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_NANOSECONDS = 1e9


def processor_seconds() -> float:
    """So far, of those that run still; where the system does not tell of others, of this process
    alone.
    """
    return time.process_time() + sum(map(_seconds_of, _descendants(os.getpid())))


def _descendants(process: int) -> Iterator[int]:
    # A process or thread that ends meanwhile has nothing left to tell.
    with suppress(OSError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            with suppress(OSError):
                for child in (thread / "children").read_text().split():
                    yield int(child)
                    yield from _descendants(int(child))


def _seconds_of(process: int) -> float:
    total = 0
    with suppress(OSError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            with suppress(OSError, ValueError, IndexError):
                total += int((thread / "schedstat").read_text().split()[0])
    return total / _NANOSECONDS
