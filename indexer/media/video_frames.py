"""Frames of a video into the shared memory: many small grey ones, and a few in full size.

1. Each wanted frame is made grey and small, turned upright, and handed over with some others.
2. Where faces are looked for, some are shown in colour (`shown_frames`).
3. For each part of the video one frame is kept in full size: of its second half, and not plain,
   where there is such a one.

`ChosenFrames` takes its place where single frames are asked for: those alone, in full size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from indexer.media.containers import BROKEN
from indexer.media.limits import SAMPLE_BYTES, SAMPLE_SIDE_PX, SAMPLES_AT_ONCE
from indexer.media.messages import ChildSettings, FramePlace, SamplePlace
from indexer.media.shown_frames import FrameShow
from indexer.media.timeline import FRAMES_A_MOMENT, Timeline
from indexer.media.upright import copy_into, shape_of, upright

HandOver = Callable[[tuple[SamplePlace, ...]], None]
"""Told which small frames lie in the output; returns when they have been read."""

_PLAIN_DEVIATION = 12.0
"""Below this many grey levels a frame is a fade, a title's ground or nothing at all."""


@dataclass(slots=True)
class _Kept:
    """A full-size frame and how good a choice it is for its part of the video."""

    place: FramePlace
    merit: int


@dataclass(slots=True)
class FrameWriter:
    """Takes the wanted frames in the order in which they are shown."""

    output: memoryview
    limits: ChildSettings
    timeline: Timeline
    pixel_shape: float
    hand_over: HandOver
    show: FrameShow | None = None
    samples: int = 0
    _waiting: list[SamplePlace] = field(init=False, default_factory=list)
    _kept: dict[int, _Kept] = field(init=False, default_factory=dict)
    _parts: int = field(init=False, default=0)
    _slot_bytes: int = field(init=False, default=0)
    _shrinker: VideoReformatter = field(init=False, default_factory=VideoReformatter)
    _converter: VideoReformatter = field(init=False, default_factory=VideoReformatter)

    def take(self, frame: VideoFrame, at_ms: int, *, is_moment: bool) -> None:
        """One wanted frame."""
        if self.samples >= self.limits.max_video_moments * FRAMES_A_MOMENT:
            return
        try:
            width, height = min(frame.width, SAMPLE_SIDE_PX), min(frame.height, SAMPLE_SIDE_PX)
            shrunk = self._shrinker.reformat(
                frame, width, height, "gray", interpolation="AREA", threads=1
            )
            small = upright(shrunk, frame)
        except BROKEN:
            return  # a kind of pixels that cannot be converted
        window = self.limits.max_pixels * 3
        offset = window + len(self._waiting) * SAMPLE_BYTES
        height, width = small.shape
        copy_into(small, self.output, offset)
        self._waiting.append(SamplePlace(self.samples, at_ms, is_moment, offset, width, height))
        self.samples += 1
        if len(self._waiting) == SAMPLES_AT_ONCE:
            self._flush()
        if self.show is not None:
            self.show.offer(frame, at_ms, small, is_moment=is_moment)
        if is_moment:
            self._keep(frame, at_ms, plain=float(small.std()) < _PLAIN_DEVIATION)

    def finish(self) -> None:
        """Hand over the last small frames."""
        self._flush()

    def places(self) -> tuple[FramePlace, ...]:
        """The full-size frames, in the order in which they are shown."""
        return tuple(kept.place for _, kept in sorted(self._kept.items()))

    def _flush(self) -> None:
        if self._waiting:
            self.hand_over(tuple(self._waiting))
            self._waiting = []

    def _keep(self, frame: VideoFrame, at_ms: int, *, plain: bool) -> None:
        """The best frame of each part: not plain, and from its middle on."""
        width, height = shape_of(frame, self.pixel_shape)
        frame_pixels = width * height
        if not self._parts:
            fitting = self.limits.max_pixels // frame_pixels
            self._parts = max(1, min(self.limits.max_frames, fitting))
            self._slot_bytes = self.limits.max_pixels * 3 // self._parts
        duration_ms = max(1, self.timeline.duration_ms)
        part = min(self._parts - 1, at_ms * self._parts // duration_ms)
        middle_ms = (2 * part + 1) * duration_ms // (2 * self._parts)
        merit = 0 if plain else 2 if at_ms >= middle_ms else 1
        kept = self._kept.get(part)
        if (kept is not None and kept.merit >= merit) or frame_pixels * 3 > self._slot_bytes:
            return
        try:
            full = self._converter.reformat(frame, width, height, "rgb24", threads=1)
            pixels = upright(full, frame)
        except BROKEN:
            return
        offset = part * self._slot_bytes
        copy_into(pixels, self.output, offset)
        index = self.timeline.index_at(at_ms)
        place = FramePlace(index, offset, pixels.shape[1], pixels.shape[0], at_ms=at_ms)
        self._kept[part] = _Kept(place, merit)


@dataclass(slots=True)
class ChosenFrames:
    """Takes wanted frames and puts each into the output in full size, one after another."""

    output: memoryview
    limits: ChildSettings
    timeline: Timeline
    pixel_shape: float
    samples: int = 0
    _places: list[FramePlace] = field(init=False, default_factory=list)
    _used_bytes: int = field(init=False, default=0)
    _converter: VideoReformatter = field(init=False, default_factory=VideoReformatter)

    def take(self, frame: VideoFrame, at_ms: int, *, is_moment: bool) -> None:
        """One frame; left out where there is no room for it."""
        del is_moment
        width, height = shape_of(frame, self.pixel_shape)
        free_bytes = self.limits.max_pixels * 3 - self._used_bytes
        if len(self._places) == self.limits.max_frames or width * height * 3 > free_bytes:
            return
        try:
            full = self._converter.reformat(frame, width, height, "rgb24", threads=1)
            pixels = upright(full, frame)
        except BROKEN:
            return
        copy_into(pixels, self.output, self._used_bytes)
        index = self.timeline.index_at(at_ms)
        height, width = pixels.shape[:2]
        self._places.append(FramePlace(index, self._used_bytes, width, height, at_ms=at_ms))
        self._used_bytes += pixels.nbytes
        self.samples += 1

    def finish(self) -> None:
        """All are in place."""

    def places(self) -> tuple[FramePlace, ...]:
        """Where they lie, in the order in which they are shown."""
        return tuple(self._places)
