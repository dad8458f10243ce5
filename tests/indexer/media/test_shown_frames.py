"""Frames of a video in colour, shown one by one while it is decoded, to whoever looks for faces."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from indexer.media import Decoder, DecoderPool, MediaLimits, Medium, NextShown, Picture, Sample
from tests.fixtures.clips import STREET, encoded, moving, photograph, plain, still


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as running:
        yield running


@dataclass
class Watcher:
    """Keeps what it is shown, and answers as it is told."""

    answer: Callable[[Picture], NextShown] = lambda _: "usual"
    in_full: bool = False
    begun: int = 0
    frames: list[Picture] = field(default_factory=list)
    larger: list[Picture] = field(default_factory=list)

    def begin(self) -> None:
        self.begun += 1
        self.frames.clear()

    def look(self, frame: Picture, in_full: Callable[[], Picture]) -> NextShown:
        self.frames.append(frame)
        if self.in_full:
            self.larger.append(in_full())
        return self.answer(frame)

    @property
    def times(self) -> list[int]:
        return [frame.at_ms for frame in self.frames if frame.at_ms is not None]


def shown(decoder: Decoder, content: bytes, watcher: Watcher | None = None) -> Watcher:
    watcher = watcher or Watcher()
    decoder.decode(Medium(content), watcher=watcher)
    return watcher


def like(one: np.ndarray, other: np.ndarray) -> bool:
    return float(np.abs(one.astype(int) - other.astype(int)).mean()) < 12


def test_one_frame_a_second_is_shown_upright_in_colour_with_its_number_and_time(
    decoder: Decoder,
) -> None:
    frames = list(moving(STREET[:1], seconds=6))
    watcher = shown(decoder, encoded(frames, crf=18, rotation=90))
    assert watcher.times == [0, 1000, 2000, 3000, 4000, 5000]
    for frame in watcher.frames:
        assert (frame.width_px, frame.height_px) == (240, 320)
        assert frame.scale == 1
        assert frame.frame_index == (frame.at_ms or 0) // 100
        assert like(frame.pixels, np.rot90(frames[frame.frame_index]))


def test_the_first_frame_of_each_scene_is_shown(decoder: Decoder) -> None:
    def clip() -> Iterator[np.ndarray]:
        for name in ("coffee", "rocket", "coffee", "chelsea", "coffee"):
            yield from still(photograph(name), seconds=1.5)

    times = shown(decoder, encoded(clip())).times
    assert set(times) >= {0, 1000, 2000, 3000, 4000, 5000, 6000, 7000}
    cuts = [at for at in times if at % 1000]
    assert len(cuts) == 2
    assert 1500 <= cuts[0] <= 1600
    assert 4500 <= cuts[1] <= 4600


def test_frames_are_shown_closer_together_as_long_as_that_is_asked_for(decoder: Decoder) -> None:
    def answer(frame: Picture) -> NextShown:
        return "closer" if 2000 <= (frame.at_ms or 0) < 4000 else "usual"

    content = encoded(moving(STREET[:1], seconds=8, rate=24), rate=24)
    times = np.array(shown(decoder, content, Watcher(answer)).times)
    between = times[(times >= 2000) & (times <= 4000)]
    assert len(between) >= 8
    assert np.diff(between).max() <= 300
    assert np.diff(times[times <= 2000]).min() >= 900


def test_nothing_more_is_shown_when_enough_was_seen_and_all_is_hashed(decoder: Decoder) -> None:
    content = encoded(moving(STREET, seconds=8))
    samples: list[Sample] = []
    watcher = Watcher(lambda frame: "none" if (frame.at_ms or 0) >= 3000 else "usual")
    decoded = decoder.decode(Medium(content), samples.append, watcher=watcher)
    assert watcher.times[-1] == 3000
    assert samples[-1].at_ms > 7000
    assert decoded.video is not None
    assert decoded.video.looked_ms == 8000


def test_small_frames_for_hashes_are_the_same_whether_others_are_shown_or_not(
    decoder: Decoder,
) -> None:
    content = encoded(moving(STREET, seconds=9), g=30)
    alone: list[Sample] = []
    beside: list[Sample] = []
    decoder.decode(Medium(content), alone.append)
    watcher = Watcher(lambda _: "closer", in_full=True)
    decoder.decode(Medium(content), beside.append, watcher=watcher)
    assert len(watcher.frames) > 20
    assert [(one.number, one.at_ms, one.is_moment) for one in alone] == [
        (one.number, one.at_ms, one.is_moment) for one in beside
    ]
    assert all(np.array_equal(a.grey, b.grey) for a, b in zip(alone, beside, strict=True))


def test_a_large_video_is_shown_smaller_and_in_full_where_that_is_asked_for(
    decoder: Decoder,
) -> None:
    frames = list(moving(STREET[:1], seconds=2, size=(1920, 1080), rate=5))
    watcher = shown(decoder, encoded(frames, rate=5, preset="ultrafast"), Watcher(in_full=True))
    for frame, larger in zip(watcher.frames, watcher.larger, strict=True):
        assert (frame.width_px, frame.height_px) == (1280, 720)
        assert (frame.full_width_px, frame.full_height_px) == (1920, 1080)
        assert (larger.width_px, larger.height_px, larger.scale) == (1920, 1080, 1)
        assert (larger.frame_index, larger.at_ms) == (frame.frame_index, frame.at_ms)
        assert like(larger.pixels, frames[frame.frame_index])


def test_stored_pixels_that_are_not_square_are_shown_square(decoder: Decoder) -> None:
    # 720 by 576 with the shape of a widescreen broadcast.
    content = encoded(
        moving(STREET[:1], seconds=1, size=(720, 576)),
        "mpeg2video",
        "mpegts",
        rate=25,
        aspect="16:9",
    )
    with Decoder() as other:
        decoded = other.decode(Medium(content))
        watcher = shown(other, content)
    assert (watcher.frames[0].width_px, watcher.frames[0].height_px) == (
        decoded.width_px,
        decoded.height_px,
    )


def test_single_frames_of_a_video_are_given_in_full_size(decoder: Decoder) -> None:
    frames = list(moving(STREET, seconds=12, size=(640, 480)))
    content = encoded(frames, crf=18, g=30)
    decoded = decoder.decode(Medium(content), frame_indexes=(97, 14, 14, 63, 5000))
    assert [frame.frame_index for frame in decoded.frames] == [14, 63, 97]
    for frame in decoded.frames:
        assert like(frame.pixels, frames[frame.frame_index])


def test_a_frame_that_was_shown_is_the_one_that_is_given_for_its_number(decoder: Decoder) -> None:
    content = encoded(moving(STREET, seconds=10), bf=3, g=50, crf=20)
    watcher = shown(decoder, content, Watcher(lambda _: "closer"))
    some = watcher.frames[3::7][:6]
    wanted = tuple(frame.frame_index for frame in some)
    again = decoder.decode(Medium(content), frame_indexes=wanted).frames
    assert [frame.frame_index for frame in again] == list(wanted)
    for one, other in zip(some, again, strict=True):
        assert np.array_equal(one.pixels, other.pixels)


def test_a_flashing_video_is_shown_no_more_often_than_allowed() -> None:
    def flashes() -> Iterator[np.ndarray]:
        for _ in range(60):
            yield from plain(20, seconds=0.1)
            yield from plain(230, seconds=0.1)

    limits = MediaLimits(max_video_moments=30, max_shown_frames=50)
    with Decoder(limits) as sparing:
        watcher = Watcher()
        decoded = sparing.decode(Medium(encoded(flashes(), crf=30, g=1)), watcher=watcher)
    assert 12 < len(watcher.frames) <= 50
    assert watcher.times[-1] >= 11_000, "spread over the whole length"
    assert "short scenes" in (decoded.left_out or "")


def test_the_time_for_looking_is_spread_over_the_whole_length() -> None:
    def slowly(_: Picture) -> NextShown:
        time.sleep(0.05)
        return "closer"

    content = encoded(moving(STREET, seconds=40))
    with Decoder(MediaLimits(faces_seconds=0.8)) as sparing:
        watcher = Watcher(slowly)
        decoded = sparing.decode(Medium(content), watcher=watcher)
    times = np.array(watcher.times)
    assert 8 <= len(times) <= 20
    assert times[-1] >= 35_000
    assert np.diff(times).max() <= 5_000
    assert "took too long" in (decoded.left_out or "")


def test_a_broken_off_video_shows_what_can_be_read(decoder: Decoder) -> None:
    content = encoded(moving(STREET, seconds=10), container="matroska", g=10)
    watcher = shown(decoder, content[: len(content) // 2])
    assert 2 <= len(watcher.frames) <= 8


def test_a_watcher_that_fails_is_told_and_the_next_medium_is_decoded(decoder: Decoder) -> None:
    def fail(_: Picture) -> NextShown:
        raise ZeroDivisionError

    content = encoded(moving(STREET, seconds=3))
    with pytest.raises(ZeroDivisionError):
        shown(decoder, content, Watcher(fail))
    assert len(shown(decoder, content).frames) >= 3


def test_a_video_that_is_tried_again_is_watched_from_its_beginning() -> None:
    content = encoded(moving(STREET[:1], seconds=5))
    with Decoder() as dying:

        def die_once(frame: Picture) -> NextShown:
            if watcher.begun == 1 and (frame.at_ms or 0) >= 2000:
                child = dying._child
                assert child is not None
                child.process.kill()
                child.process.wait()
            return "usual"

        watcher = Watcher(die_once)
        dying.decode(Medium(content), watcher=watcher)
    assert watcher.begun == 2
    assert watcher.times == [0, 1000, 2000, 3000, 4000]


def test_several_videos_are_watched_side_by_side() -> None:
    content = encoded(moving(STREET[:1], seconds=5))
    with DecoderPool(2) as pool:
        inner = Watcher()

        def look_at_another(frame: Picture) -> NextShown:
            if frame.at_ms == 1000:
                pool.decode(Medium(content), watcher=inner)
            return "usual"

        outer = Watcher(look_at_another)
        pool.decode(Medium(content), watcher=outer)
    assert outer.times == inner.times == [0, 1000, 2000, 3000, 4000]
