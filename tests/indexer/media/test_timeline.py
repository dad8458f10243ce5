"""One clock for every video, whatever its file says of its times."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.media.timeline import FRAMES_A_MOMENT, MAX_GAP_MS, Pace, PacketTime, Timeline


def packets(times: list[float | None], every: int = 10) -> list[PacketTime]:
    return [PacketTime(at, at, place % every == 0) for place, at in enumerate(times)]


def moments(timeline: Timeline, most: int = 600) -> list[int]:
    return [
        wanted.at_ms
        for group in timeline.groups(most)
        for wanted in group.wanted
        if wanted.is_moment
    ]


def test_an_ordinary_video_keeps_its_times() -> None:
    timeline = Timeline.of(packets([place * 40.0 for place in range(250)]))
    assert timeline.moments_ms == tuple(place * 40 for place in range(250))
    assert timeline.duration_ms == 10_000
    assert moments(timeline) == [second * 1000 for second in range(10)]


def test_a_clip_that_begins_late_begins_at_zero_here() -> None:
    timeline = Timeline.of(packets([90_000 + place * 40.0 for place in range(50)]))
    assert timeline.moments_ms[0] == 0
    assert timeline.duration_ms == 2_000


def test_frames_stored_out_of_order_keep_the_order_in_which_they_are_shown() -> None:
    shown = [0.0, 120.0, 40.0, 80.0, 240.0, 160.0, 200.0]
    decoded = [-80.0, -40.0, 0.0, 40.0, 80.0, 120.0, 160.0]
    timeline = Timeline.of(
        PacketTime(at, order, place == 0)
        for place, (at, order) in enumerate(zip(shown, decoded, strict=True))
    )
    assert timeline.moments_ms == (0, 120, 40, 80, 240, 160, 200)


def test_a_second_part_that_begins_at_zero_again_comes_after_the_first() -> None:
    part = [place * 40.0 for place in range(250)]
    timeline = Timeline.of(packets([*part, *part]))
    assert timeline.duration_ms == pytest.approx(20_000, abs=100)
    assert moments(timeline) == [second * 1000 for second in range(20)]


def test_nothing_hides_behind_a_leap_of_years() -> None:
    timeline = Timeline.of(
        packets([*(place * 40.0 for place in range(100)), *(1e12 + 40 * at for at in range(100))])
    )
    assert timeline.duration_ms <= 8_500 + MAX_GAP_MS
    after = [at for at in moments(timeline) if at >= 4_000 + MAX_GAP_MS]
    assert len(after) >= 3


def test_missing_times_are_counted() -> None:
    timeline = Timeline.of(packets([None] * 100))
    assert timeline.moments_ms == tuple(40 * place for place in range(1, 101))


def test_a_thousand_frames_at_one_time_are_counted_too() -> None:
    timeline = Timeline.of(packets([0.0] * 1000))
    assert timeline.duration_ms == 40_000
    assert len(moments(timeline)) == 40


def test_a_short_clip_has_five_moments_as_in_a_browser() -> None:
    timeline = Timeline.of(packets([place * 40.0 for place in range(75)]))
    assert moments(timeline) == [0, 600, 1200, 1800, 2400]


def test_a_long_one_has_as_many_as_allowed_over_its_whole_length() -> None:
    timeline = Timeline.of(packets([place * 100.0 for place in range(36_000)]))
    found = moments(timeline, 600)
    assert len(found) == 600
    assert found[-1] == 3_600_000 - 6_000


def test_without_key_frames_the_first_packet_is_one() -> None:
    timeline = Timeline.of(PacketTime(place * 40.0, None, False) for place in range(100))
    (group,) = timeline.groups(600)
    assert (group.first, group.end) == (0, 100)


def test_no_packets_make_no_groups() -> None:
    assert Timeline.of(()).groups(600) == ()


times = st.one_of(st.none(), st.floats(), st.floats(-1e6, 1e6), st.sampled_from([0.0, 40.0, 1e15]))


@given(st.lists(st.tuples(times, times, st.booleans()), max_size=200))
def test_whatever_a_file_says_every_packet_has_a_place(
    said: list[tuple[float | None, float | None, bool]],
) -> None:
    timeline = Timeline.of(PacketTime(*each) for each in said)
    assert len(timeline) == len(said)
    assert all(0 <= at <= len(said) * (MAX_GAP_MS + 1000) for at in timeline.moments_ms)
    groups = timeline.groups(50)
    assert sum(group.end - group.first for group in groups) == len(said)
    wanted = [each.at_ms for group in groups for each in group.wanted]
    assert wanted == sorted(wanted)
    assert len(wanted) <= 50 * FRAMES_A_MOMENT
    if said:
        assert wanted[0] == 0


def test_the_budget_is_spread_over_the_whole_video() -> None:
    pace = Pace(budget=100.0, duration_ms=1000)
    assert pace.reaches(18.9, until_ms=100)
    assert not pace.reaches(20.0, until_ms=100)
    pace.spend(18.9)
    assert not pace.reaches(1.0, until_ms=100)
    assert not pace.reaches(81.1, until_ms=950), "some is left for the end"
    assert pace.reaches(81.0, until_ms=1000)
    assert not pace.reaches(math.inf, until_ms=1000)
