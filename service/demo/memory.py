"""The most memory that this process and its children held at one time, sampled while it runs."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

_PROC = Path("/proc")


class MemoryPeak:
    """Samples the resident memory of the process tree while the context lasts.

    Pages that several processes share are counted for each of them, so the figure is an upper
    bound. It is zero where the system has no /proc.
    """

    def __init__(self, every_s: float = 0.25) -> None:
        self._every_s = every_s
        self._peak_bytes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample_until_stopped, name="memory-peak")

    @property
    def peak_bytes(self) -> int:
        """The highest sum that was seen so far."""
        return self._peak_bytes

    def __enter__(self) -> Self:
        """Begin to sample."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take a last sample and end."""
        self._stop.set()
        self._thread.join()

    def _sample_until_stopped(self) -> None:
        while True:
            self._peak_bytes = max(self._peak_bytes, tree_resident_bytes(os.getpid()))
            if self._stop.wait(self._every_s):
                return


def tree_resident_bytes(root: int) -> int:
    """Resident memory of a process and all its descendants at this moment."""
    parents = _parents()
    children: dict[int, list[int]] = {}
    for process, parent in parents.items():
        children.setdefault(parent, []).append(process)
    waiting, total = [root], 0
    while waiting:
        process = waiting.pop()
        total += _resident_bytes(process)
        waiting.extend(children.get(process, ()))
    return total


def _parents() -> dict[int, int]:
    found: dict[int, int] = {}
    for folder in _PROC.glob("[0-9]*"):
        try:
            # The command's name, in parentheses, may hold spaces: fields count from its end.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found[int(folder.name)] = int(fields[1])
    return found


def _resident_bytes(process: int) -> int:
    try:
        pages = int((_PROC / str(process) / "statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
