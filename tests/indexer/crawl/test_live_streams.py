"""Streams that go on: what is offered now, within minutes, and said to be a part."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from indexer.crawl.client import CrawlClient
from indexer.crawl.messages import Fetch, MediumFetched
from indexer.crawl.streams import GOES_ON, StreamError, Track
from indexer.crawl.streams_dash import read_dash
from indexer.crawl.streams_hls import read_hls
from tests.fixtures import hostile_site as hostile
from tests.fixtures.clips import moving
from tests.fixtures.hostile_site import HostileSite
from tests.fixtures.streams import put_folder, write_stream

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
NOW_S = BEGAN.timestamp() + 3600
URL = "http://s.example/live/m"


def hls(count: int, *tags: str, ended: bool = False) -> Track:
    lines = ["#EXTM3U", *tags]
    for number in range(count):
        lines += ["#EXTINF:6,", f"{number}.ts"]
    read = read_hls("\n".join([*lines, "#EXT-X-ENDLIST"] if ended else lines), URL)
    assert isinstance(read, Track)
    return read


def dash(inside: str, attributes: str = "", now_s: float = NOW_S) -> Track:
    text = (
        f'<MPD type="dynamic" availabilityStartTime="2026-01-01T00:00:00Z" {attributes}>'
        '<Period start="PT0S"><AdaptationSet mimeType="video/mp4">'
        f'{inside}<Representation id="v"/></AdaptationSet></Period></MPD>'
    )
    (form,) = read_dash(text, URL, now_s)
    return form.track()


def names(track: Track) -> list[str]:
    return [piece.url.rpartition("/")[2] for piece in track.pieces]


class TestHls:
    def test_of_a_long_window_the_last_minutes_are_taken(self) -> None:
        track = hls(600)
        assert names(track) == [f"{number}.ts" for number in range(550, 600)]
        assert track.goes_on
        assert GOES_ON in track.left_out

    def test_what_only_grows_and_what_has_ended_is_taken_whole(self) -> None:
        assert len(hls(600, "#EXT-X-PLAYLIST-TYPE:EVENT").pieces) == 600
        ended = hls(600, ended=True)
        assert (len(ended.pieces), ended.goes_on, ended.left_out) == (600, False, ())

    def test_pieces_that_went_away_meanwhile_do_not_end_it(
        self, site: HostileSite, crawler: CrawlClient, tmp_path: Path
    ) -> None:
        frames = moving(("astronaut",), seconds=3)
        write_stream(tmp_path, "media.m3u8", frames, "hls", hls_time="1", hls_list_size="0")
        put_folder(site, tmp_path)
        gone = "".join(f"#EXTINF:1,\ngone{number}.ts\n" for number in range(10))
        there = "".join(f"#EXTINF:1,\nmedia{number}.ts\n" for number in range(3))
        url = site.put("/live.m3u8", hostile.body(f"#EXTM3U\n{gone}{there}".encode(), "x/y"))
        fetch = Fetch("t", url, "medium", 0)
        (came,) = crawler.run_slice("s", site.scope(), [fetch], lambda host, delay_s: 0.0)
        assert isinstance(came, MediumFetched)
        assert came.content == b"".join(
            (tmp_path / f"media{number}.ts").read_bytes() for number in range(3)
        )
        assert "3 of 13 pieces" in came.left_out
        assert GOES_ON in came.left_out


class TestDash:
    def test_without_a_list_the_newest_are_counted_by_the_clock(self) -> None:
        template = '<SegmentTemplate media="$Number$.m4s" duration="4" startNumber="10"/>'
        listed = names(dash(template, 'timeShiftBufferDepth="PT20S"'))
        # An hour in pieces of four seconds: 900 of them, the newest one left alone.
        assert listed == [f"{10 + number}.m4s" for number in range(895, 899)]

    def test_a_window_of_hours_is_cut_to_minutes(self) -> None:
        template = '<SegmentTemplate media="$Number$.m4s" duration="4"/>'
        listed = names(dash(template, 'timeShiftBufferDepth="PT50M"'))
        assert 70 <= len(listed) <= 75
        assert listed[-1] == "899.m4s"

    def test_a_time_line_without_an_end_ends_now(self) -> None:
        line = '<SegmentTimeline><S t="0" d="4" r="-1"/></SegmentTimeline>'
        template = f'<SegmentTemplate media="$Time$.m4s" timescale="1">{line}</SegmentTemplate>'
        listed = names(dash(template, 'timeShiftBufferDepth="PT20S"'))
        assert listed[-1] == "3596.m4s"
        assert len(listed) == 5

    def test_a_list_is_believed_where_the_clocks_disagree(self) -> None:
        line = '<SegmentTimeline><S t="100" d="4" r="2"/></SegmentTimeline>'
        template = f'<SegmentTemplate media="$Time$.m4s" timescale="1">{line}</SegmentTemplate>'
        assert names(dash(template)) == ["100.m4s", "104.m4s", "108.m4s"]

    @pytest.mark.parametrize("now_s", [0.0, BEGAN.timestamp() + 1], ids=["before", "just"])
    def test_what_has_not_begun_has_nothing_to_fetch(self, now_s: float) -> None:
        with pytest.raises(StreamError) as refused:
            dash('<SegmentTemplate media="$Number$.m4s" duration="4"/>', now_s=now_s)
        assert refused.value.code == "not_media"

    def test_a_beginning_that_is_no_date_is_no_clock(self) -> None:
        text = (
            '<MPD type="dynamic" availabilityStartTime="yesterday"><Period><AdaptationSet '
            'mimeType="video/mp4"><SegmentTemplate media="$Number$" duration="4"/>'
            "<Representation/></AdaptationSet></Period></MPD>"
        )
        with pytest.raises(StreamError):
            read_dash(text, URL, NOW_S)[0].track()
