"""Whoever is shown frames of a video while it is decoded.

A video is too large to be held: its frames are shown one by one, at a working size, and each can be
had larger only while it is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from indexer.media.picture import NextShown, Picture


class FrameWatcher(Protocol):
    """Looks at frames, and says which it wants to see next."""

    def begin(self) -> None:
        """A video is shown from its beginning, perhaps once more: forget what was seen of it."""
        ...

    def look(self, frame: Picture, in_full: Callable[[], Picture]) -> NextShown:
        """One frame, with its time. `in_full` gives it larger, where it came smaller."""
        ...
