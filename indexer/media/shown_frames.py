"""Which frames of a video are shown in colour, so that faces are looked for in them.

1. One a moment, and the first one of each scene: a face that is shown shortly begins with a cut.
2. Closer together, up to the next moment, where whoever looks asks for it: a face was seen there.
3. Each is shown at a working size, and given larger while it is there, if that is asked for.

What comes after cuts and closer together has a budget, and so has the time that looking takes; both
are spread over the whole length, so that no part of a video goes unseen for the sake of another.
Runs inside the decoder process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from indexer.media.containers import BROKEN
from indexer.media.limits import (
    IN_FULL_SIDE_PX,
    SAMPLE_BYTES,
    SAMPLES_AT_ONCE,
    SHOWN_BYTES,
    SHOWN_SIDE_PX,
)
from indexer.media.messages import ChildSettings, FramePlace, ShownFrame
from indexer.media.picture import NextShown, Pixels
from indexer.media.timeline import Pace, Timeline
from indexer.media.upright import copy_into, shape_of, upright

InFullSize = Callable[[], FramePlace | None]
Show = Callable[[ShownFrame, InFullSize], NextShown]
"""Told of a frame in place, and how to have it larger; returns when it was looked at."""

_EVERY_CLOSER = 2
"""Of the eight frames a second that are there anyway, each second one: a face hardly changes in an
eighth of a second."""
_POINT_STEP_PX = 4
_POINTS_OF_BLOCK = 8
_CUT_CHANGE = 24.0
"""Mean change of the grey levels of blocks from which on it is another scene: 38 and more where one
begins, 18 at most where a camera moves fast over photographs (376 frames)."""


@dataclass(slots=True)
class FrameShow:
    """Offered every wanted frame of a video, in the order in which they are shown."""

    output: memoryview
    limits: ChildSettings
    timeline: Timeline
    pixel_shape: float
    show: Show
    shown: int = 0
    _left_out: int = field(init=False, default=0)
    _late: int = field(init=False, default=0)
    _next: NextShown = field(init=False, default="usual")
    _since_shown: int = field(init=False, default=0)
    _blocks: NDArray[np.float32] | None = field(init=False, default=None)
    _extra: Pace = field(init=False)
    _time: Pace = field(init=False)
    _converter: VideoReformatter = field(init=False, default_factory=VideoReformatter)
    _in_full: VideoReformatter = field(init=False, default_factory=VideoReformatter)

    def __post_init__(self) -> None:
        extra = self.limits.max_shown_frames - self.limits.max_video_moments
        self._extra = Pace(float(max(0, extra)), self.timeline.duration_ms)
        self._time = Pace(self.limits.faces_seconds, self.timeline.duration_ms)

    def offer(self, frame: VideoFrame, at_ms: int, grey: Pixels, *, is_moment: bool) -> None:
        """One frame, and its small grey copy; it is shown when it is due."""
        is_cut = self._is_cut(grey)
        self._since_shown += 1
        is_close = self._next == "closer" and self._since_shown >= _EVERY_CLOSER
        if self._next == "none" or not (is_moment or is_cut or is_close):
            return
        if not self._time.reaches(0.0, at_ms):
            self._late += is_moment or is_cut
            return
        if not is_moment:
            if not self._extra.reaches(1.0, at_ms):
                self._left_out += is_cut
                return
            self._extra.spend(1.0)
        if self.shown < self.limits.max_shown_frames:
            self._show(frame, at_ms)

    def _show(self, frame: VideoFrame, at_ms: int) -> None:
        offset = self.limits.max_pixels * 3 + SAMPLES_AT_ONCE * SAMPLE_BYTES
        place = self._placed(frame, at_ms, SHOWN_SIDE_PX, offset, self._converter)
        if place is None:
            return
        self._since_shown = 0
        asked_s = time.monotonic()

        def in_full() -> FramePlace | None:
            behind = offset + SHOWN_BYTES
            return self._placed(frame, at_ms, IN_FULL_SIDE_PX, behind, self._in_full)

        self._next = self.show(ShownFrame(self.shown, place), in_full)
        self._time.spend(time.monotonic() - asked_s)
        self.shown += 1

    @property
    def waited_s(self) -> float:
        """How long others looked."""
        return self._time.spent

    def left_out(self) -> str | None:
        """What was due and was not shown, in words."""
        if self._late:
            return (
                f"looking for faces in it took too long: of the frames that were due, "
                f"{self._late} were left out"
            )
        if self._left_out:
            return "it has so many short scenes that faces were not looked for in all of them"
        return None

    def _placed(
        self,
        frame: VideoFrame,
        at_ms: int,
        side_px: int,
        offset_bytes: int,
        converter: VideoReformatter,
    ) -> FramePlace | None:
        """The frame in the shared memory, its longer side `side_px` at most."""
        width, height = shape_of(frame, self.pixel_shape)
        scale = min(1.0, side_px / max(width, height))
        inner = (max(1, round(width * scale)), max(1, round(height * scale)))
        how = "AREA" if scale < 1 else "BILINEAR"
        try:
            converted = converter.reformat(frame, *inner, "rgb24", interpolation=how, threads=1)
            pixels = upright(converted, frame)
        except BROKEN:
            return None  # a kind of pixels that cannot be converted
        copy_into(pixels, self.output, offset_bytes)
        is_turned = pixels.shape[:2] != (inner[1], inner[0])
        full = (height, width) if is_turned else (width, height)
        return FramePlace(
            self.timeline.index_at(at_ms),
            offset_bytes,
            pixels.shape[1],
            pixels.shape[0],
            *full,
            at_ms=at_ms,
        )

    def _is_cut(self, grey: Pixels) -> bool:
        """Whether this frame shows another scene than the one before it."""
        blocks = _blocks_of(grey)
        before, self._blocks = self._blocks, blocks
        if before is None or before.shape != blocks.shape:
            return True
        return float(np.abs(blocks - before).mean()) >= _CUT_CHANGE


def _blocks_of(grey: Pixels) -> NDArray[np.float32]:
    """Mean grey levels of blocks of 32 pixels; a frame smaller than one has its points."""
    points = grey[::_POINT_STEP_PX, ::_POINT_STEP_PX].astype(np.float32)
    side = _POINTS_OF_BLOCK if min(points.shape) >= _POINTS_OF_BLOCK else 1
    rows, columns = points.shape[0] // side, points.shape[1] // side
    whole = points[: rows * side, : columns * side]
    blocks: NDArray[np.float32] = whole.reshape(rows, side, columns, side).mean(axis=(1, 3))
    return blocks
