"""Memory for a probe: its own pages, kept out of core dumps, forks and swap, and overwritable.

Python's own objects can't promise any of that; an anonymous mapping can.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

_LARGE_BYTES: Final = 4 * 1024 * 1024
"""From here on large pages are asked for: a search of a gallery that lies in ordinary ones takes
some 6 % longer."""


class PrivateBuffer:
    """Bytes that are set to zero by `wipe`, and at the latest when the buffer goes."""

    __slots__ = ("__length", "__pages")

    def __init__(self, length_bytes: int) -> None:
        self.__length = length_bytes
        # Shared pages, which are what mmap gives unless told otherwise, are never large ones.
        private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self.__pages = mmap.mmap(-1, max(1, length_bytes), flags=private)
        wanted = ["MADV_DONTDUMP", "MADV_DONTFORK"]
        if length_bytes >= _LARGE_BYTES:
            wanted.append("MADV_HUGEPAGE")
        for name in wanted:
            advice = getattr(mmap, name, None)
            if advice is not None:
                with contextlib.suppress(OSError):
                    self.__pages.madvise(advice)
        _keep_out_of_swap(self.__pages)

    def floats(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """The buffer itself, seen as float32: valid until `wipe`."""
        return np.frombuffer(self.__pages, np.float32, int(np.prod(shape))).reshape(shape)

    def octets(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """The buffer itself, seen as uint8: valid until `wipe`."""
        return np.frombuffer(self.__pages, np.uint8, int(np.prod(shape))).reshape(shape)

    def is_zero(self) -> bool:
        """Whether nothing is left in it."""
        return not any(self.__pages[: self.__length])

    def wipe(self) -> None:
        """Overwrite every byte with zero."""
        pages = np.frombuffer(self.__pages, np.uint8)
        pages.fill(0)

    def __repr__(self) -> str:
        return "<PrivateBuffer>"

    def __reduce__(self) -> str:
        raise TypeError("a private buffer is never copied, stored or sent")

    def __del__(self) -> None:
        # Also after an exception on the way to the comparison.
        with contextlib.suppress(AttributeError, TypeError):
            self.wipe()


@cache
def _libc() -> ctypes.CDLL:
    """Opened once: Python makes a new class each time, which takes longer than the rest."""
    return ctypes.CDLL(None, use_errno=True)


def _keep_out_of_swap(pages: mmap.mmap) -> None:
    """Lock the pages into memory where the account's limit allows it; without it, go on."""
    libc = _libc()
    if hasattr(libc, "mlock"):
        address = ctypes.addressof(ctypes.c_char.from_buffer(pages))
        libc.mlock(ctypes.c_void_p(address), ctypes.c_size_t(len(pages)))
