"""What playlists say, read without a network; most of them lie."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.crawl.stream_fetching import coarse_to_fine, together
from indexer.crawl.streams import (
    MAX_LISTED_PIECES,
    MAX_PLAYLIST_BYTES,
    ByteRange,
    Form,
    Piece,
    StreamError,
    Track,
    chosen_form,
    playlist_text,
    stream_kind,
)
from indexer.crawl.streams_dash import DashForm, read_dash
from indexer.crawl.streams_hls import HlsForm, read_hls

ENDLESS_TIME_LINE = (
    '<SegmentTemplate media="$Time$"><SegmentTimeline><S d="1" r="999999999999999"/>'
    "</SegmentTimeline></SegmentTemplate>"
)
AT = "http://site.example/v/a.m3u8"

NOW_S = 1_800_000_000.0


def track(text: str) -> Track:
    read = read_hls(text, AT)
    assert isinstance(read, Track)
    return read


def manifest(period: str, *, attributes: str = 'mediaPresentationDuration="PT10S"') -> str:
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<!-- by hand -->\n'
        f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" {attributes}><Period>'
        f'<AdaptationSet mimeType="video/mp4">{period}</AdaptationSet></Period></MPD>'
    )


def only(forms: tuple[DashForm, ...]) -> Track:
    (form,) = forms
    return form.track()


class TestWhatIsAStream:
    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            (b"#EXTM3U\n", "hls"),
            (b"\xef\xbb\xbf\n #EXTM3U", "hls"),
            (b"<MPD xmlns='x'>", "dash"),
            (b"<?xml version='1.0'?>\n<!-- <html> --><d:MPD >", "dash"),
            (b"<html><body><MPD > is an element</body>", None),
            (b"not #EXTM3U", None),
            (b"<" * 5000, None),
            (b"<!--" * 2000, None),
            (b" " * 5000 + b"<MPD>", None),
            (b"", None),
        ],
    )
    def test_is_told_by_how_it_begins(self, body: bytes, kind: str | None) -> None:
        assert stream_kind(body) == kind

    def test_a_playlist_without_an_end_is_too_large(self) -> None:
        with pytest.raises(StreamError) as refused:
            playlist_text(b"#EXTM3U\n" + bytes(MAX_PLAYLIST_BYTES))
        assert refused.value.code == "too_large"


class TestWhichForm:
    FORMS = (Form(240, 300_000), Form(480, 1_000_000), Form(720, 2_500_000), Form(1080, 6_000_000))

    def test_about_720p_is_enough(self) -> None:
        assert chosen_form(self.FORMS, 60, 60_000_000) == 2

    def test_a_long_stream_is_taken_smaller_but_never_too_small_for_faces(self) -> None:
        assert chosen_form(self.FORMS, 400, 60_000_000) == 1
        assert chosen_form(self.FORMS, 4000, 60_000_000) == 1

    def test_where_all_are_larger_the_smallest_is_taken(self) -> None:
        assert chosen_form((Form(2160, 20_000_000), Form(1080, 6_000_000)), 10, 60_000_000) == 1

    def test_where_no_size_is_said_the_rate_tells(self) -> None:
        forms = (Form(None, 400_000), Form(None, 3_000_000), Form(None, 9_000_000))
        assert chosen_form(forms, 10, 60_000_000) == 1
        assert chosen_form((Form(None, None),), 10, 60_000_000) == 0


class TestHls:
    def test_names_forms_with_pictures_by_their_canonical_address(self) -> None:
        text = (
            '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",URI="sound.m3u8"\n'
            '#EXT-X-STREAM-INF:BANDWIDTH=9,NAME="a,b=c",CODECS="avc1.64001f,mp4a.40.2",'
            "RESOLUTION=720x1280,AVERAGE-BANDWIDTH=5\n../w/./b.m3u8?x=1#y\n"
            '#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="mp4a.40.2"\nonly-sound.m3u8\n'
        )
        assert read_hls(text, AT) == (HlsForm("http://site.example/w/b.m3u8?x=1", Form(720, 5)),)

    def test_ranges_go_on_where_the_last_one_of_the_file_ended(self) -> None:
        text = "#EXTM3U\n#EXT-X-BYTERANGE:10@5\na\n#EXT-X-BYTERANGE:3\na\n#EXT-X-BYTERANGE:2\nb\n"
        assert [piece.part for piece in track(text).pieces] == [(5, 14), (15, 17), (0, 1)]

    @pytest.mark.parametrize("text", ["-5@-3", "5@-3", "0", "1e9", "5@9999999999999999", "٣", ""])
    def test_a_range_that_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(StreamError) as refused:
            track(f"#EXTM3U\n#EXT-X-BYTERANGE:{text}\na\n")
        assert refused.value.code == "bad_playlist"

    def test_pieces_behind_another_beginning_are_left_out_and_said(self) -> None:
        text = (
            '#EXTM3U\n#EXT-X-MAP:URI="ad"\n0\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="film"\n1\n2\n'
            "#EXT-X-ENDLIST"
        )
        read = track(text)
        assert [piece.url[-1] for piece in read.pieces] == ["1", "2"]
        assert read.left_out == ("1 pieces of another form",)
        assert read.init == Piece("http://site.example/v/film")

    def test_a_stream_that_goes_on_is_said(self) -> None:
        assert "goes on" in track("#EXTM3U\n#EXTINF:2.5,x\n0\n").left_out[0]

    def test_no_key_means_not_encrypted(self) -> None:
        assert track("#EXTM3U\n#EXT-X-KEY:METHOD=NONE\n0\n").pieces
        with pytest.raises(StreamError) as refused:
            track('#EXTM3U\n0\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://x"\n1\n')
        assert refused.value.code == "encrypted"

    def test_of_a_million_pieces_the_first_are_taken_and_the_others_counted(self) -> None:
        text = "#EXTM3U\n" + "a\n" * ((MAX_PLAYLIST_BYTES - 8) // 2)
        read = track(text)
        assert len(read.pieces) == MAX_LISTED_PIECES
        assert "beyond the first" in read.left_out[0]

    @given(st.text(max_size=400))
    def test_any_text_gives_pieces_or_a_reason(self, text: str) -> None:
        for playlist in (f"#EXTM3U\n{text}", f"#EXTM3U\n#EXT-X-STREAM-INF:{text}"):
            try:
                read = read_hls(playlist, AT)
            except StreamError as refused:
                assert refused.code in ("bad_playlist", "encrypted", "not_media")
                continue
            urls = [each.url for each in (read.pieces if isinstance(read, Track) else read)]
            assert all(url.startswith(("http://", "https://")) for url in urls)


class TestDash:
    def test_a_template_by_number_is_filled_for_the_whole_length(self) -> None:
        template = (
            '<SegmentTemplate timescale="1000" duration="4000" startNumber="7" '
            'initialization="$RepresentationID$/i.mp4" media="$Bandwidth$-$Number%04d$$$.m4s"/>'
            '<Representation id="a b" bandwidth="5" width="1280" height="720"/>'
        )
        (form,) = read_dash(manifest(template), "http://s.example/d/m.mpd", NOW_S)
        read = form.track()
        assert form.form == Form(720, 5)
        assert [piece.url for piece in read.pieces] == [
            f"http://s.example/d/5-{number:04d}$.m4s" for number in (7, 8, 9)
        ]
        assert read.init == Piece("http://s.example/d/a%20b/i.mp4")

    def test_a_time_line_that_repeats_ends_with_the_period(self) -> None:
        template = (
            '<Representation id="v"><SegmentTemplate timescale="10" media="$Time$">'
            "<SegmentTimeline>"
            '<S t="5" d="20" r="1"/><S d="10" r="-1"/></SegmentTimeline></SegmentTemplate>'
            "</Representation>"
        )
        pieces = only(read_dash(manifest(template), "http://s.example/m", NOW_S)).pieces
        assert [piece.url.rsplit("/", 1)[1] for piece in pieces] == [
            str(moment) for moment in (5, 25, 45, 55, 65, 75, 85, 95)
        ]

    def test_a_list_of_ranges_of_one_file(self) -> None:
        listed = (
            "<Representation><BaseURL>all.mp4</BaseURL><SegmentList>"
            '<Initialization range="0-99"/><SegmentURL mediaRange="100-199"/>'
            '<SegmentURL mediaRange="200-299"/></SegmentList></Representation>'
        )
        read = only(read_dash(manifest(listed), "http://s.example/m", NOW_S))
        assert read.init == Piece("http://s.example/all.mp4", ByteRange(0, 99))
        assert together(read.pieces) == (Piece("http://s.example/all.mp4", ByteRange(100, 299)),)

    def test_small_manifests_of_endless_streams_are_bounded(self) -> None:
        for template in (
            '<SegmentTemplate duration="1" timescale="9999999999" media="$Number$"/>',
            ENDLESS_TIME_LINE,
        ):
            forms = read_dash(
                manifest(template + "<Representation/>" * 1000), "http://s.example/m", NOW_S
            )
            assert len(forms) == 200
            read = forms[0].track()
            assert len(read.pieces) == MAX_LISTED_PIECES
            assert "beyond the first" in read.left_out[-1]

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("<MPD", "bad_playlist"),
            ("<MPD/>", "bad_playlist"),
            ('<!DOCTYPE x [<!ENTITY a "b">]><MPD>&a;</MPD>', "bad_playlist"),
            (manifest("<Representation><ContentProtection/></Representation>"), "encrypted"),
            (manifest(""), "not_media"),
            (manifest("<Representation><BaseURL>file:///x</BaseURL></Representation>"), None),
            (manifest('<SegmentTemplate media="$Number$"/><Representation/>'), "not_media"),
            (
                manifest(
                    '<Representation><SegmentList><SegmentURL mediaRange="9--3"/></SegmentList>'
                    "</Representation>"
                ),
                "bad_playlist",
            ),
            (
                manifest(
                    '<SegmentTemplate duration="2" media="$Number$"/><Representation/>',
                    attributes='type="dynamic"',
                ),
                "not_media",
            ),
        ],
    )
    def test_what_cannot_be_fetched_has_its_reason(self, text: str, code: str | None) -> None:
        with pytest.raises(StreamError) as refused:
            for form in read_dash(text, "http://s.example/m", NOW_S):
                form.track()
        assert refused.value.code == (code or "bad_playlist")

    def test_pictures_for_seeking_and_sound_are_passed_over(self) -> None:
        text = (
            '<MPD><Period duration="PT1S"><AdaptationSet contentType="audio"><Representation/>'
            '</AdaptationSet><AdaptationSet mimeType="image/jpeg"><Representation/></AdaptationSet>'
            '<AdaptationSet mimeType="video/mp4"><EssentialProperty '
            'schemeIdUri="http://dashif.org/guidelines/trickmode"/><Representation/>'
            '</AdaptationSet><AdaptationSet contentType="video"><Representation height="9" '
            'width="16"/></AdaptationSet></Period></MPD>'
        )
        (form,) = read_dash(text, "http://s.example/m", NOW_S)
        assert form.form == Form(9, None)

    def test_of_several_periods_the_longest_counts_and_the_others_are_said(self) -> None:
        video = '<AdaptationSet mimeType="video/mp4"><Representation><BaseURL>{}</BaseURL>'
        end = "</Representation></AdaptationSet></Period>"
        text = (
            f'<MPD mediaPresentationDuration="PT1M"><Period>{video.format("ad")}{end}'
            f'<Period start="PT10S">{video.format("film")}{end}</MPD>'
        )
        read = only(read_dash(text, "http://s.example/m", NOW_S))
        assert read.pieces == (Piece("http://s.example/film"),)
        assert (read.seconds, read.left_out) == (50.0, ("1 other parts of the presentation",))


class TestPeriods:
    """A film with advertisements in it comes in several periods."""

    def period(self, seconds: int, first: int, count: int, init: str, name: str = "v") -> str:
        line = f'<SegmentTimeline><S t="{first}" d="1" r="{count - 1}"/></SegmentTimeline>'
        return (
            f'<Period duration="PT{seconds}S"><AdaptationSet mimeType="video/mp4">'
            f'<SegmentTemplate media="{init}/$Time$" initialization="{init}/init" '
            f'presentationTimeOffset="{first}" timescale="1">{line}</SegmentTemplate>'
            f'<Representation id="{name}"/></AdaptationSet></Period>'
        )

    def read(self, *periods: str) -> Track:
        return only(read_dash(f"<MPD>{''.join(periods)}</MPD>", "http://s.example/m", NOW_S))

    def test_what_an_advertisement_divides_is_one_film_again(self) -> None:
        track = self.read(
            self.period(3, 0, 3, "film"),
            self.period(2, 0, 2, "ad"),
            self.period(5, 3, 5, "film"),
        )
        assert [piece.url for piece in track.pieces] == [
            f"http://s.example/film/{time}" for time in range(8)
        ]
        assert track.init == Piece("http://s.example/film/init")
        assert (track.seconds, track.left_out) == (8.0, ("1 other parts of the presentation",))

    def test_another_form_is_never_joined(self) -> None:
        track = self.read(self.period(5, 0, 5, "film"), self.period(3, 5, 3, "film", "other"))
        assert len(track.pieces) == 5
        assert track.left_out == ("1 other parts of the presentation",)

    def test_a_part_that_cannot_be_read_is_left_out(self) -> None:
        broken = self.period(3, 5, 3, "film").replace('d="1"', 'd="0"')
        track = self.read(self.period(5, 0, 5, "film"), broken, "<Period/>")
        assert len(track.pieces) == 5
        assert track.left_out == ("2 other parts of the presentation",)

    def test_many_long_parts_are_read_no_further_than_the_limit(self) -> None:
        track = self.read(*(self.period(9, 0, 19_000, f"f{number % 2}") for number in range(60)))
        assert len(track.pieces) == 19_000
        assert track.left_out == ("59 other parts of the presentation",)


class TestFetchingOrder:
    @given(st.integers(0, 2000))
    @settings(max_examples=50)
    def test_every_piece_has_its_turn_once(self, count: int) -> None:
        assert sorted(coarse_to_fine(count)) == list(range(count))

    def test_the_first_few_are_spread_over_the_whole(self) -> None:
        first = sorted(coarse_to_fine(100)[:7])
        assert first[0] == 0
        assert max(after - before for before, after in itertools.pairwise(first)) <= 32

    def test_only_ranges_that_touch_are_asked_for_together(self) -> None:
        pieces = [
            Piece("a", ByteRange(0, 9)),
            Piece("a", ByteRange(10, 19)),
            Piece("a", ByteRange(21, 29)),
            Piece("b", ByteRange(30, 39)),
            Piece("b"),
        ]
        assert together(pieces) == (Piece("a", ByteRange(0, 19)), *pieces[2:])
