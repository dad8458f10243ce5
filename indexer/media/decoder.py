"""Pictures from hostile bytes: a long-lived, confined child process does every bit of parsing.

1. Empty and oversized media are refused here, unread.
2. The bytes go to the child over a pipe; a watchdog kills it when the time is over.
3. Frames of a video are shown to the caller as they come, small ones in grey and some in colour,
   and kept by nobody here.
4. Its answer is checked like any stranger's; pixels are copied out of sealed shared memory, which
   is then emptied.
5. A child that dies is one failed medium: it is tried once more in a fresh child (it may have been
   killed for another reason), then refused as `decoder_crashed`. The next medium gets a new child.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import numpy as np

from indexer.errors import WireError
from indexer.media.child_process import ChildProcess
from indexer.media.errors import (
    DecoderCrashedError,
    DecoderTimeoutError,
    EmptyMediumError,
    TooLargeError,
    media_error,
)
from indexer.media.limits import IN_FULL_SIDE_PX, SHOWN_SIDE_PX, MediaLimits
from indexer.media.medium import Medium
from indexer.media.messages import (
    DeclaredFacts,
    DecodedFrames,
    DecodeRefused,
    DecodeRequest,
    FramePlace,
    FromChild,
    GoOn,
    InFull,
    SampledFrames,
    ShowInFull,
    ShownFrame,
)
from indexer.media.picture import Decoded, DecodedKind, NextShown, Picture, Pixels, Sample
from indexer.media.sniff import sniff
from indexer.media.timeline import FRAMES_A_MOMENT
from indexer.media.watching import FrameWatcher
from indexer.observations import DeclaredFact
from indexer.sandbox import SandboxSetting, SandboxState

_TRIES = 2

EachSample = Callable[[Sample], None]
"""Shown every small frame of a video while it is decoded; from number 0 again on a second try."""


class Decoder:
    """Decodes one medium at a time; safe to share between threads, which then wait their turn.

    `sandbox` is "auto" (bubblewrap where it works), "require" (or `SandboxUnavailableError` at the
    first decode) or "off" (resource limits only). The child starts with the first medium.
    """

    def __init__(self, limits: MediaLimits | None = None, sandbox: SandboxSetting = "auto") -> None:
        self.limits = limits if limits is not None else MediaLimits()
        self._setting: SandboxSetting = sandbox
        self._child: ChildProcess | None = None
        self._turn = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child. A later `decode` starts a new one."""
        with self._turn:
            self._drop_child()

    def start(self) -> SandboxState:
        """Start the child now, if it is not running, and say how it is confined.

        Raises `DecoderUnavailableError` (or its `SandboxUnavailableError`).
        """
        with self._turn:
            return self._running_child().sandbox

    def decode(
        self,
        medium: Medium,
        each_sample: EachSample | None = None,
        *,
        least_side_px: int | None = None,
        watcher: FrameWatcher | None = None,
        frame_indexes: tuple[int, ...] = (),
    ) -> Decoded:
        """Turn one medium into upright RGB pictures and what its file declares of itself.

        `each_sample` is shown small grey frames of a video, `watcher` some in colour. With
        `least_side_px` a JPEG may come smaller, by halves, as long as its shorter side keeps so
        many pixels and its longer one a quarter more (see `Picture.scale`). `frame_indexes` asks
        for these frames of an animation or a video alone, in full size; of a video nothing is shown
        then. Raises a `MediaError` whose `code` says why the medium cannot be looked at, and
        `DecoderUnavailableError` when no decoder can be started here at all.
        """
        size = len(medium.content)
        if size == 0:
            raise EmptyMediumError("the file is empty")
        if size > self.limits.max_content_bytes:
            raise TooLargeError(
                f"the file has {size} bytes, more than the {self.limits.max_content_bytes} allowed"
            )
        with self._turn:
            for _ in range(_TRIES):
                request = DecodeRequest(
                    medium.content, least_side_px, watcher is not None, frame_indexes
                )
                decoded = self._try(request, each_sample, watcher)
                if decoded is not None:
                    return decoded
        raise DecoderCrashedError("the decoder process died on this medium, twice")

    def _try(
        self,
        request: DecodeRequest,
        each_sample: EachSample | None,
        watcher: FrameWatcher | None,
    ) -> Decoded | None:
        """One attempt; None when the child died."""
        child = self._running_child()
        sniffed = sniff(request.content)
        is_video = sniffed is not None and sniffed.medium == "video"
        timeout_s = self.limits.video_timeout_s if is_video else self.limits.decode_timeout_s
        if watcher is not None:
            watcher.begin()
        with child.deadline(timeout_s) as deadline:
            try:
                child.channel.send(request)
                answer = self._answer(child, each_sample, watcher)
                if isinstance(answer, DecodeRefused):
                    # What it had decoded by then lies anywhere.
                    child.forget_pixels(self.limits.output_bytes)
                    self._retire_when_old(child, answer.cpu_s)
                    raise media_error(answer.code, answer.message)
                decoded = _expect_frames(answer)
                frames = self._collect(child, decoded)
            except WireError as error:
                self._drop_child()
                if deadline.passed:
                    raise DecoderTimeoutError(
                        f"decoding took longer than {timeout_s:g} s and was stopped"
                    ) from error
                return None
            facts, unread = self._declared(child)
        return Decoded(
            kind=_kind(decoded),
            format_name=decoded.format_name,
            width_px=decoded.width_px,
            height_px=decoded.height_px,
            frames=frames,
            frames_total=decoded.frames_total,
            declared=facts,
            declared_unread=unread,
            video=decoded.video,
            left_out=decoded.left_out,
        )

    def _answer(
        self, child: ChildProcess, each_sample: EachSample | None, watcher: FrameWatcher | None
    ) -> FromChild | None:
        """The next answer that is not about frames of a video; those are shown on the way."""
        samples = frames = 0
        answer = child.channel.receive()
        try:
            while True:
                next_shown: NextShown = "usual"
                if isinstance(answer, SampledFrames):
                    self._show_samples(child, answer, samples, each_sample)
                    samples += len(answer.samples)
                elif isinstance(answer, ShownFrame) and watcher is not None:
                    next_shown = self._show_frame(child, answer, frames, watcher)
                    frames += 1
                else:
                    return answer
                child.channel.send(GoOn(next_shown))
                answer = child.channel.receive()
        except BaseException:
            # The child waits for an answer that will not come.
            self._drop_child()
            raise

    def _show_samples(
        self,
        child: ChildProcess,
        answer: SampledFrames,
        shown: int,
        each_sample: EachSample | None,
    ) -> None:
        """Small grey frames. `shown`: how many there were before."""
        most = self.limits.max_video_moments * FRAMES_A_MOMENT
        for number, place in enumerate(answer.samples, start=shown):
            if place.number != number or number >= most:
                raise WireError("the decoder process handed over frames out of turn")
            shape = (place.height_px, place.width_px)
            grey = self._pixels(child, place.offset_bytes, shape)
            if each_sample is not None:
                each_sample(Sample(place.number, place.at_ms, place.is_moment, grey))

    def _show_frame(
        self, child: ChildProcess, answer: ShownFrame, shown: int, watcher: FrameWatcher
    ) -> NextShown:
        """One frame in colour, and larger when it is asked for. `shown`: how many were before."""
        if answer.number != shown or shown >= self.limits.max_shown_frames:
            raise WireError("the decoder process showed a frame out of turn")
        frame = self._shown(child, answer.place, SHOWN_SIDE_PX)

        def in_full() -> Picture:
            if frame.scale >= 1:
                return frame
            child.channel.send(ShowInFull())
            larger = child.channel.receive()
            if not isinstance(larger, InFull):
                raise WireError("the decoder process answered out of turn")
            if larger.place is None:
                return frame
            return self._shown(child, larger.place, IN_FULL_SIDE_PX)

        return watcher.look(frame, in_full)

    def _shown(self, child: ChildProcess, place: FramePlace, most_side_px: int) -> Picture:
        if max(place.width_px, place.height_px) > most_side_px or place.at_ms is None:
            raise WireError("the decoder process showed an impossible frame")
        return self._picture(child, place)

    def _pixels(self, child: ChildProcess, offset_bytes: int, shape: tuple[int, ...]) -> Pixels:
        """uint8 of this shape, copied out, believing no number that the child names."""
        size = math.prod(shape)
        if min(shape) <= 0 or not 0 <= offset_bytes <= self.limits.output_bytes - size:
            raise WireError("the decoder process named a place outside the shared memory")
        pixels = np.empty(shape, dtype=np.uint8)
        pixels.reshape(-1)[:] = np.frombuffer(
            child.memory, dtype=np.uint8, count=size, offset=offset_bytes
        )
        return pixels

    def _collect(self, child: ChildProcess, answer: DecodedFrames) -> tuple[Picture, ...]:
        """The full-size frames, and the shared memory emptied."""
        most = max(self.limits.max_frames, self.limits.max_animation_frames)
        if not 1 <= len(answer.frames) <= most:
            raise WireError("the decoder process named an impossible number of frames")
        pictures = tuple(self._picture(child, place) for place in answer.frames)
        ends = (
            place.offset_bytes + picture.pixels.nbytes
            for place, picture in zip(answer.frames, pictures, strict=True)
        )
        # Frames of a video that were shown on the way lay elsewhere.
        child.forget_pixels(max(ends) if answer.video is None else self.limits.output_bytes)
        return pictures

    def _picture(self, child: ChildProcess, place: FramePlace) -> Picture:
        full = (place.full_width_px or place.width_px, place.full_height_px or place.height_px)
        if full[0] < place.width_px or full[1] < place.height_px:
            raise WireError("the decoder process named a frame larger than its medium")
        return Picture(
            self._pixels(child, place.offset_bytes, (place.height_px, place.width_px, 3)),
            frame_index=place.frame_index,
            full_width_px=full[0],
            full_height_px=full[1],
            at_ms=place.at_ms,
        )

    def _declared(self, child: ChildProcess) -> tuple[tuple[DeclaredFact, ...], str | None]:
        """Second answer; the pixels are already safe, so a crash here costs only the facts."""
        try:
            answer = child.channel.receive()
        except WireError:
            answer = None
        if not isinstance(answer, DeclaredFacts):
            self._drop_child()
            return (), "reading what the file says of itself ended the decoder process"
        self._retire_when_old(child, answer.cpu_s)
        return answer.facts, None

    def _running_child(self) -> ChildProcess:
        """The child; a new one where there is none or where it ended between two media."""
        if self._child is not None and not self._child.is_alive():
            self._drop_child()
        if self._child is None:
            self._child = ChildProcess.start(self.limits, self._setting)
        return self._child

    def _retire_when_old(self, child: ChildProcess, cpu_s: float) -> None:
        """A fresh child long before the old one runs out of processor time, between two media."""
        if cpu_s > self.limits.cpu_lifetime_s / 2 and child is self._child:
            self._drop_child()

    def _drop_child(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


def _expect_frames(answer: FromChild | None) -> DecodedFrames:
    if not isinstance(answer, DecodedFrames):
        raise WireError("the decoder process answered out of turn")
    return answer


def _kind(answer: DecodedFrames) -> DecodedKind:
    if answer.video is not None:
        return "video"
    return "animation" if answer.animated else "still"
