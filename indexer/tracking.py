"""Faces of a medium that moves: looked for frame by frame while it is decoded, and put into tracks.

1. Frames come in the order of showing: of a video one a moment and after each cut, closer together
   while a face is there that was seen in few frames; of an animation those that are looked at.
2. Each frame's faces go into the tracks at once and are overwritten (`faces/tracks.py`).
3. What is left is one probe for each track, with the times at which its face was seen.

It belongs to one call: whoever makes it overwrites it (design rule 1). Limits of time and of faces
are kept, and said where one was met.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from indexer.faces import Appearance, FaceEngine, FaceTracks, FrameMoment, ProbeFaces
from indexer.faces.tracks import MAX_TRACKS
from indexer.media import MediaLimits, NextShown, Picture

MAX_FACES_A_FRAME: Final = 32
"""The surest ones of a frame: with more it is a crowd, of which other frames show others well."""


_NOT_KEPT: Final = 1.25


class FaceWatch:
    """A `FrameWatcher` that looks for faces."""

    def __init__(self, engine: FaceEngine, limits: MediaLimits) -> None:
        self._engine = engine
        # A decoder keeps to the limit itself, and spreads it over the length of a video.
        self._most_s = limits.faces_seconds * _NOT_KEPT
        self._tracks = FaceTracks(engine.model, engine.pack.calibration)
        self.begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._tracks.overwrite()

    def begin(self) -> None:
        """A medium is shown from its beginning, perhaps once more: nothing of it was seen yet."""
        self._tracks.overwrite()
        self.frames = 0
        self._spent_s = 0.0
        self._ended_at: FrameMoment | None = None
        self._crowded = 0

    def look(self, frame: Picture, in_full: Callable[[], Picture] | None = None) -> NextShown:
        """Look for faces in one frame, larger where one is small in it and that can be had."""
        moment = FrameMoment(frame.frame_index, frame.at_ms)
        if self._spent_s > self._most_s:
            self._ended_at = self._ended_at or moment
            return "none"
        started_s = time.monotonic()
        larger = in_full if frame.scale < 1 else None
        with self._engine.probe(frame, larger, at_most=MAX_FACES_A_FRAME) as faces:
            self._crowded += len(faces) == MAX_FACES_A_FRAME
            self._tracks.add(faces, moment)
        self.frames += 1
        self._spent_s += time.monotonic() - started_s
        return "closer" if self._tracks.wants_more else "usual"

    def done(self) -> tuple[tuple[ProbeFaces, Appearance], ...]:
        """One probe for each track, and when it was seen."""
        return self._tracks.done()

    def left_out(self) -> tuple[str, ...]:
        """What was not looked at for faces, in words. Ask before `done`."""
        said = []
        if self._ended_at is not None:
            at = self._ended_at
            where = f"frame {at.frame_index}" if at.at_ms is None else f"{at.at_ms / 1000:.0f} s"
            said.append(f"looking for faces took too long: they were looked for up to {where} only")
        if self._crowded:
            said.append(
                f"in {self._crowded} of its frames there are more faces than the "
                f"{MAX_FACES_A_FRAME} that are looked at in one frame"
            )
        if self._tracks.left_out:
            said.append(
                f"it shows more faces than the {MAX_TRACKS} that are looked at in one medium: "
                f"those that appear later were not compared"
            )
        return tuple(said)
