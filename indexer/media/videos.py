"""Bytes of a video to upright RGB pixels. Runs inside the decoder process only.

1. Read through the container once, decoding nothing: when each frame is shown, where key frames
   are, how many frames there really are. What a header announces is not believed.
2. Choose what is looked at: one moment a second over the whole, and frames between (`timeline`).
3. Read through it again and decode what is needed for them, in order, within the budget of pixels
   and of time; a frame that is damaged costs itself, a file that breaks off what is missing.
4. Each wanted frame: made grey and small, turned upright, handed over a handful at a time; some are
   shown in colour, where faces are looked for.
5. A few of them, spread evenly and not plain, are kept in full size.

Where single frames are asked for, steps 2 to 5 are done for those alone.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from indexer.media.containers import BROKEN, opened, picture_stream
from indexer.media.errors import TooManyPixelsError, TooMuchMemoryError, UnreadableError
from indexer.media.messages import ChildSettings, DecodedFrames
from indexer.media.picture import VideoLooked
from indexer.media.shown_frames import FrameShow, Show
from indexer.media.timeline import (
    MAX_GROUP_MS,
    Group,
    Pace,
    PacketTime,
    Timeline,
    Wanted,
)
from indexer.media.video_frames import ChosenFrames, FrameWriter, HandOver

_WIDEST_PIXEL = 5.0
_EXACT_BEFORE_MS = 150
"""Frames that nothing refers to are skipped, except so close before a moment."""
_SPARSE_FRAME_MS = 50
"""Where frames last longer, all of them are decoded: too few would be left between moments."""
_NOT_ALL_THERE = 1.2


def decode_video_into(
    content: bytes,
    container_name: str,
    output: memoryview,
    limits: ChildSettings,
    hand_over: HandOver,
    show: Show | None = None,
    frame_indexes: tuple[int, ...] = (),
) -> DecodedFrames:
    """Decode `content`; full-size frames lie at the beginning of `output` in the end.

    Small frames are written behind `max_pixels * 3` bytes and handed over on the way; with `show`,
    some are shown in colour behind those. `frame_indexes` asks for these frames alone. Raises a
    `MediaError` with the reason when nothing of the video can be looked at.
    """
    started = time.monotonic()
    try:
        with opened(content, container_name, max_pixels=limits.max_pixels) as container:
            stream, others = picture_stream(container, container_name)
            timeline, reason = _read_timeline(container, stream, limits)
            announced_ms = _announced_ms(container)
            pixel_shape = _pixel_shape(stream)
        if not len(timeline):
            raise UnreadableError(f"the {container_name} video holds no picture at all")
        frame_show = None
        writer: FrameWriter | ChosenFrames
        if frame_indexes:
            groups = timeline.groups_of_frames(frame_indexes)
            writer = ChosenFrames(output, limits, timeline, pixel_shape)
        else:
            groups = timeline.groups(limits.max_video_moments)
            if show is not None:
                frame_show = FrameShow(output, limits, timeline, pixel_shape, show)
            writer = FrameWriter(output, limits, timeline, pixel_shape, hand_over, frame_show)
        with opened(content, container_name, max_pixels=limits.max_pixels) as container:
            stream, _ = picture_stream(container, container_name)
            _check_size(stream.codec_context.width, stream.codec_context.height, limits)
            sweep = _Sweep(stream, timeline, groups, writer, frame_show, limits, started)
            sweep.run(container)
        writer.finish()
    except MemoryError as error:
        raise TooMuchMemoryError(
            "decoding this video needs more memory than a decoder may have"
        ) from error
    except BROKEN as error:
        raise UnreadableError(
            f"the {container_name} video is damaged and cannot be decoded"
        ) from error
    places = writer.places()
    if not places:
        raise UnreadableError(f"no picture of this {container_name} video can be decoded")
    reasons = [reason, sweep.left_out()]
    if frame_show is not None:
        reasons.append(frame_show.left_out())
    if announced_ms > _NOT_ALL_THERE * timeline.duration_ms + 1000:
        reasons.append(
            f"the file announces {_seconds(announced_ms)} and holds pictures for "
            f"{_seconds(timeline.duration_ms)}: it may be incomplete"
        )
    if others:
        reasons.append(f"{others} more streams of pictures in it were not looked at")
    return DecodedFrames(
        format_name=container_name,
        animated=True,
        width_px=places[0].width_px,
        height_px=places[0].height_px,
        frames_total=len(timeline),
        frames=places,
        video=VideoLooked(timeline.duration_ms, sweep.looked_ms, writer.samples),
        left_out="; ".join(each for each in reasons if each) or None,
    )


def _check_size(width: int, height: int, limits: ChildSettings) -> None:
    if width * height > limits.max_pixels or max(width, height) > limits.max_side_px:
        raise TooManyPixelsError(
            f"the video says that its pictures are {width} by {height} pixels, more than the "
            f"{limits.max_pixels} allowed"
        )


def _announced_ms(container: InputContainer) -> int:
    """What the header says of the length; microseconds in FFmpeg."""
    return 0 if container.duration is None else max(0, container.duration // 1000)


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.0f} s"


def _read_timeline(
    container: InputContainer, stream: VideoStream, limits: ChildSettings
) -> tuple[Timeline, str | None]:
    """All packets' times, and what could not be read of them."""
    listed: list[PacketTime] = []
    base = stream.time_base or Fraction(1, 1000)
    reason = None
    try:
        for packet in _packets(container, stream):
            if len(listed) >= limits.max_video_packets:
                reason = f"only its first {limits.max_video_packets} frames were looked at"
                break
            listed.append(
                PacketTime(_ms(packet.pts, base), _ms(packet.dts, base), packet.is_keyframe)
            )
    except BROKEN:
        reason = "the file breaks off or is damaged; what came before was looked at"
    return Timeline.of(listed), reason


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    """Packets with something in them: the same ones, in the same order, each time."""
    return (packet for packet in container.demux(stream) if packet.size)


def _ms(ticks: int | None, base: Fraction) -> float | None:
    return None if ticks is None else float(ticks * base * 1000)


@dataclass(slots=True)
class _Sweep:
    """Step 3: decodes group by group, and gives the writer the frame of each wanted moment."""

    stream: VideoStream
    timeline: Timeline
    groups: tuple[Group, ...]
    writer: FrameWriter | ChosenFrames
    show: FrameShow | None
    limits: ChildSettings
    started_s: float
    looked_ms: int = 0
    _pace: Pace = field(init=False)
    _wanted: deque[Wanted] = field(init=False, default_factory=deque)
    _before: VideoFrame | None = field(init=False, default=None)
    _before_ms: int = field(init=False, default=0)
    _fed: bool = field(init=False, default=False)
    _key_only: int = field(init=False, default=0)
    _stopped: bool = field(init=False, default=False)
    _sparse: bool = field(init=False)

    def __post_init__(self) -> None:
        frame_ms = self.timeline.duration_ms / max(1, len(self.timeline))
        self._sparse = frame_ms > _SPARSE_FRAME_MS
        self._pace = Pace(float(self.limits.max_video_pixels), self.timeline.duration_ms)

    def run(self, container: InputContainer) -> None:
        """Decode all groups that have a wanted moment, as far as the budget goes."""
        packets = enumerate(_packets(container, self.stream))
        ahead: tuple[int, Packet[VideoStream]] | None = None
        for group in self.groups:
            if not group.wanted:
                continue
            if self._over_time(1.0):
                break
            whole = self._affordable(group)
            self._wanted = deque(
                group.wanted if whole else [Wanted(group.wanted[0].at_ms, is_moment=True)]
            )
            while self._wanted:
                try:
                    number, packet = ahead if ahead is not None else next(packets)
                except (StopIteration, *BROKEN):
                    break
                ahead = None
                if number < group.first:
                    continue
                if self._over_time(1.0):
                    break
                if number >= group.end or (not whole and number > group.first):
                    ahead = (number, packet)
                    break
                self._feed(number, packet)
            self._drain()
            self._key_only += not whole
            if self._over_time(1.0) and group is not self.groups[-1]:
                break
            self.looked_ms = min(group.ends_ms, self.timeline.duration_ms)
        else:
            self.looked_ms = self.timeline.duration_ms
            return
        self._stopped = True

    def left_out(self) -> str | None:
        """What the budget did not reach."""
        if self._stopped:
            looked, of = _seconds(self.looked_ms), _seconds(self.timeline.duration_ms)
            return f"looking at it took too long: only {looked} of {of} were looked at"
        if self._key_only:
            return "it is long: of parts of it only key frames were looked at"
        return None

    def _affordable(self, group: Group) -> bool:
        """Whether the whole group is decoded; else its key frame stands for it."""
        last_ms = group.wanted[-1].at_ms
        moments = self.timeline.moments_ms[group.first : group.end]
        frames = sum(moment <= last_ms for moment in moments)
        cost = frames * self.stream.codec_context.width * self.stream.codec_context.height
        long = group.ends_ms - group.begins_ms > MAX_GROUP_MS
        if long or (self._pace.reaches(cost, group.ends_ms) and not self._late(group)):
            self._pace.spend(cost)
            return True
        return frames <= 1

    def _late(self, group: Group) -> bool:
        share = 0.3 + group.begins_ms / max(1, self.timeline.duration_ms)
        return self._over_time(min(1.0, share))

    def _over_time(self, share: float) -> bool:
        """Whether that share of the time is spent, without the time in which others looked."""
        waited_s = self.show.waited_s if self.show is not None else 0.0
        return time.monotonic() - self.started_s - waited_s > self.limits.video_seconds * share

    def _feed(self, number: int, packet: Packet[VideoStream]) -> None:
        codec = self.stream.codec_context
        exact_from_ms = self.timeline.moments_ms[number] + _EXACT_BEFORE_MS
        near = any(each.is_moment for each in self._wanted if each.at_ms <= exact_from_ms)
        codec.skip_frame = "DEFAULT" if near or self._sparse else "NONREF"
        # The decoder carries this number through to the frame, whatever order it shows them in.
        packet.pts = packet.dts = number
        self._fed = True
        try:
            frames = codec.decode(packet)
        except BROKEN:
            return
        for frame in frames:
            self._shown(frame)

    def _drain(self) -> None:
        """Take what the decoder still holds, and let it begin anew with the next group."""
        if self._fed:
            codec = self.stream.codec_context
            try:
                for frame in codec.decode(None):
                    self._shown(frame)
            except BROKEN:
                pass  # what came out before the damage was taken
            codec.flush_buffers()
            self._fed = False
        if self._before is not None and self._wanted:
            is_moment = any(each.is_moment for each in self._wanted)
            self.writer.take(self._before, self._before_ms, is_moment=is_moment)
        self._before = None
        self._wanted.clear()

    def _shown(self, frame: VideoFrame) -> None:
        """Frames come in the order in which they are shown: a moment shows the last one before."""
        if frame.width * frame.height > self.limits.max_pixels:
            return
        number = frame.pts
        moments = self.timeline.moments_ms
        at_ms = moments[number] if number is not None and 0 <= number < len(moments) else 0
        at_ms = max(at_ms, self._before_ms if self._before is not None else 0)
        if self._wanted and self._before is not None and self._wanted[0].at_ms < at_ms:
            is_moment = False
            while self._wanted and self._wanted[0].at_ms < at_ms:
                is_moment |= self._wanted.popleft().is_moment
            self.writer.take(self._before, self._before_ms, is_moment=is_moment)
        self._before, self._before_ms = frame, at_ms


def _pixel_shape(stream: VideoStream) -> float:
    """How many times wider than high one stored pixel is shown."""
    ratio = stream.codec_context.sample_aspect_ratio
    shape = float(ratio) if ratio else 1.0
    return shape if 1 / _WIDEST_PIXEL <= shape <= _WIDEST_PIXEL else 1.0
