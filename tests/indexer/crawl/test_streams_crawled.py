"""A real crawl child against a site that serves HLS and DASH streams, and what comes of them."""

from __future__ import annotations

import io
from pathlib import Path

import av
import pytest

from indexer.crawl.client import CrawlClient
from indexer.crawl.messages import Fetch, FetchRefused, MediumFetched, PageSeen, Scope
from tests.fixtures import hostile_site as hostile
from tests.fixtures.clips import Frame, moving
from tests.fixtures.hostile_site import HostileSite, hostile_site
from tests.fixtures.streams import put_folder, transport_piece, write_stream

Result = PageSeen | MediumFetched | FetchRefused
SECONDS = 6


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    return list(moving(("astronaut", "coffee"), seconds=SECONDS))


@pytest.fixture(scope="module")
def hls(tmp_path_factory: pytest.TempPathFactory, frames: list[Frame]) -> Path:
    folder = tmp_path_factory.mktemp("hls")
    write_stream(folder, "media.m3u8", frames, "hls", hls_time="1", hls_list_size="0")
    return folder


@pytest.fixture(scope="module")
def dash(tmp_path_factory: pytest.TempPathFactory, frames: list[Frame]) -> Path:
    folder = tmp_path_factory.mktemp("dash")
    write_stream(folder, "m.mpd", frames, "dash", seg_duration="1", use_timeline="1")
    return folder


def crawled(client: CrawlClient, scope: Scope, url: str, kind: str = "medium") -> Result:
    fetch = Fetch("t", url, kind, 0)  # type: ignore[arg-type]
    (result,) = client.run_slice("s", scope, [fetch], lambda host, delay_s: 0.0)
    return result  # type: ignore[return-value]


def medium(client: CrawlClient, scope: Scope, url: str, kind: str = "medium") -> MediumFetched:
    result = crawled(client, scope, url, kind)
    assert isinstance(result, MediumFetched), result
    return result


def refusal(client: CrawlClient, scope: Scope, url: str) -> FetchRefused:
    result = crawled(client, scope, url)
    assert isinstance(result, FetchRefused), result
    return result


def pictures_in(content: bytes) -> int:
    with av.open(io.BytesIO(content)) as container:
        return sum(1 for _ in container.decode(video=0))


class TestHls:
    def test_a_streams_pieces_are_joined_to_one_video_with_every_picture(
        self, site: HostileSite, crawler: CrawlClient, hls: Path
    ) -> None:
        put_folder(site, hls)
        came = medium(crawler, site.scope(), site.at("/media.m3u8"))
        assert pictures_in(came.content) == SECONDS * 10
        assert came.left_out == ""
        assert len([path for path in site.paths if path.endswith(".ts")]) == SECONDS

    def test_a_stream_is_known_by_its_content_whatever_it_is_called(
        self, site: HostileSite, crawler: CrawlClient, hls: Path
    ) -> None:
        put_folder(site, hls)
        playlist = (hls / "media.m3u8").read_bytes()
        url = site.put("/watch", hostile.body(playlist, "text/plain"))
        for kind in ("page", "medium"):
            assert pictures_in(medium(crawler, site.scope(), url, kind).content) == 60

    def test_of_a_master_the_form_that_is_enough_for_faces_is_fetched(
        self, site: HostileSite, crawler: CrawlClient, hls: Path
    ) -> None:
        put_folder(site, hls, "/720/")
        master = (
            "#EXTM3U\n"
            '#EXT-X-STREAM-INF:BANDWIDTH=96000,CODECS="mp4a.40.2"\nsound/media.m3u8\n'
            "#EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=640x360\n360/media.m3u8\n"
            "#EXT-X-STREAM-INF:BANDWIDTH=8000000,RESOLUTION=1920x1080\n1080/media.m3u8\n"
            '#EXT-X-STREAM-INF:BANDWIDTH=2500000,CODECS="avc1,mp4a",RESOLUTION=1280x720\n'
            "720/media.m3u8\n"
        )
        url = site.put("/master.m3u8", hostile.body(master.encode(), "audio/mpegurl"))
        came = medium(crawler, site.scope(), url)
        assert pictures_in(came.content) == 60
        assert not [path for path in site.paths if path.startswith(("/360", "/1080", "/sound"))]

    def test_ranges_of_one_file_and_a_beginning_of_its_own_are_joined(
        self, site: HostileSite, crawler: CrawlClient, tmp_path: Path, frames: list[Frame]
    ) -> None:
        write_stream(
            tmp_path,
            "media.m3u8",
            frames,
            "hls",
            hls_time="1",
            hls_list_size="0",
            hls_segment_type="fmp4",
            hls_flags="single_file",
        )
        assert "#EXT-X-MAP" in (tmp_path / "media.m3u8").read_text()
        assert "#EXT-X-BYTERANGE" in (tmp_path / "media.m3u8").read_text()
        put_folder(site, tmp_path)
        came = medium(crawler, site.scope(), site.at("/media.m3u8"))
        assert pictures_in(came.content) == 60
        # Ranges that touch are asked for together: the playlist, the beginning, the pictures.
        assert len(site.paths) - site.paths.count("/robots.txt") == 3

    def test_a_server_that_knows_no_ranges_is_taken_at_its_whole_file(
        self, site: HostileSite, crawler: CrawlClient, frames: list[Frame]
    ) -> None:
        parts = [transport_piece(frames[at : at + 30]) for at in (0, 30)]
        site.put("/all.ts", hostile.body(b"".join(parts), "video/mp2t"))
        ranges = "".join(f"#EXT-X-BYTERANGE:{len(part)}\nall.ts\n" for part in parts)
        url = site.put("/a.m3u8", hostile.body(f"#EXTM3U\n{ranges}#EXT-X-ENDLIST".encode(), "x/y"))
        assert pictures_in(medium(crawler, site.scope(), url).content) == 60

    def test_a_picture_in_front_of_each_piece_hides_nothing(
        self, site: HostileSite, crawler: CrawlClient, frames: list[Frame]
    ) -> None:
        disguised = hostile.PNG + transport_piece(frames[:20])
        site.put("/0.png", hostile.picture(disguised))
        url = site.put("/a.m3u8", hostile.body(b"#EXTM3U\n#EXTINF:2,\n0.png\n#EXT-X-ENDLIST", "x"))
        assert pictures_in(medium(crawler, site.scope(), url).content) == 20

    def test_a_lost_piece_is_said_and_the_others_are_looked_at(
        self, site: HostileSite, crawler: CrawlClient, hls: Path
    ) -> None:
        put_folder(site, hls)
        site.put("/media3.ts", hostile.body(b"gone", "text/plain", 404))
        came = medium(crawler, site.scope(), site.at("/media.m3u8"))
        assert pictures_in(came.content) == 50
        assert "5 of 6 pieces" in came.left_out

    def test_what_does_not_fit_is_left_out_evenly_and_said(
        self, site: HostileSite, crawler: CrawlClient, hls: Path
    ) -> None:
        put_folder(site, hls)
        sizes = [len((hls / f"media{number}.ts").read_bytes()) for number in range(SECONDS)]
        limit = sizes[0] + sizes[4] + sizes[2] // 2
        scope = site.scope(max_medium_bytes=limit)
        came = medium(crawler, scope, site.at("/media.m3u8"))
        assert len(came.content) <= limit
        assert "2 of 6 pieces were fetched: the limit" in came.left_out

    def test_every_piece_takes_the_lease_of_its_host(
        self, site: HostileSite, crawler: CrawlClient, hls: Path
    ) -> None:
        put_folder(site, hls)
        asked: list[str] = []

        def slot(host: str, delay_s: float) -> float:
            asked.append(host)
            return 0.0

        fetch = Fetch("t", site.at("/media.m3u8"), "medium", 0)
        list(crawler.run_slice("s", site.scope(), [fetch], slot))
        assert asked == [site.host] * len(site.requests)
        assert len(asked) == 1 + 1 + SECONDS

    def test_robots_txt_holds_for_the_pieces(
        self, site: HostileSite, crawler: CrawlClient, hls: Path
    ) -> None:
        put_folder(site, hls)
        site.robots = "User-agent: *\nDisallow: /media0.ts\nDisallow: /media1.ts"
        came = medium(crawler, site.scope(), site.at("/media.m3u8"))
        assert "4 of 6" in came.left_out
        assert not {"/media0.ts", "/media1.ts"} & set(site.paths)


class TestHostileStreams:
    def test_pieces_out_of_scope_are_never_asked_for(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        with hostile_site() as other:
            lines = f"#EXTM3U\n#EXTINF:1,\n{other.at('/0.ts')}\n#EXT-X-ENDLIST"
            url = site.put("/a.m3u8", hostile.body(lines.encode(), "x"))
            assert refusal(crawler, site.scope(), url).code == "out_of_scope"
            master = f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{other.at('/1.m3u8')}\n"
            url = site.put("/m.m3u8", hostile.body(master.encode(), "x"))
            assert refusal(crawler, site.scope(), url).code == "out_of_scope"
            site.put("/r.ts", hostile.redirect(other.at("/2.ts")))
            url = site.put("/r.m3u8", hostile.body(b"#EXTM3U\n#EXTINF:1,\nr.ts\n", "x"))
            assert refusal(crawler, site.scope(), url).code == "address_not_public"
            assert other.requests == []

    def test_a_piece_out_of_scope_among_others_is_left_out_and_never_asked_for(
        self, site: HostileSite, crawler: CrawlClient, hls: Path
    ) -> None:
        put_folder(site, hls)
        with hostile_site() as other:
            pieces = (site.at("/media0.ts"), other.at("/x.ts"), site.at("/media1.ts"))
            url = site.put("/a.m3u8", hostile.body("\n".join(("#EXTM3U", *pieces)).encode(), "x"))
            came = medium(crawler, site.scope(), url)
            assert pictures_in(came.content) == 20
            assert "2 of 3 pieces" in came.left_out
            assert other.requests == []

    @pytest.mark.parametrize(
        "address",
        [
            "file:///etc/passwd",
            "data:video/mp2t;base64,R0dH",
            "concat:a|b",
            "http://[::1",
            "ftp://x/",
        ],
    )
    def test_what_is_no_web_address_is_not_a_piece(
        self, site: HostileSite, crawler: CrawlClient, address: str
    ) -> None:
        url = site.put("/a.m3u8", hostile.body(f"#EXTM3U\n{address}\n".encode(), "x"))
        assert refusal(crawler, site.scope(), url).code == "bad_playlist"

    def test_playlists_that_lead_to_each_other_are_left(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        master = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n"
        url = site.put("/a.m3u8", hostile.body(master, "x"))
        assert refusal(crawler, site.scope(), url).code == "bad_playlist"
        assert len(site.requests) == 3

    def test_a_playlist_that_names_itself_as_its_pieces_is_no_video(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        lines = b"#EXTM3U\n" + b"#EXTINF:1,\na.m3u8\n" * 1000
        url = site.put("/a.m3u8", hostile.body(lines, "x"))
        assert refusal(crawler, site.scope(), url).code == "not_media"
        assert len(site.requests) <= 130

    def test_an_encrypted_stream_is_refused_and_its_key_is_not_asked_for(
        self, site: HostileSite, crawler: CrawlClient, hls: Path
    ) -> None:
        put_folder(site, hls)
        key = b'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="key"\n#EXTINF:1,\nmedia0.ts\n'
        url = site.put("/a.m3u8", hostile.body(key, "x"))
        assert refusal(crawler, site.scope(), url).code == "encrypted"
        assert "/key" not in site.paths

    def test_a_host_that_answers_no_piece_gives_its_reason_and_may_be_tried_again(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        site.put("/0.ts", hostile.body(b"", "x", 503))
        url = site.put("/a.m3u8", hostile.body(b"#EXTM3U\n0.ts\n#EXT-X-ENDLIST", "x"))
        refused = refusal(crawler, site.scope(), url)
        assert (refused.code, refused.status, refused.retry) == ("http_status", 503, True)

    def test_an_endless_piece_ends_at_the_limit(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        site.put("/0.ts", hostile.endless("video/mp2t"))
        url = site.put("/a.m3u8", hostile.body(b"#EXTM3U\n0.ts\n", "x"))
        scope = site.scope(max_medium_bytes=100_000)
        assert refusal(crawler, scope, url).code == "too_large"


class TestDash:
    def test_a_time_line_of_pieces_is_joined(
        self, site: HostileSite, crawler: CrawlClient, dash: Path
    ) -> None:
        assert "SegmentTimeline" in (dash / "m.mpd").read_text()
        put_folder(site, dash)
        came = medium(crawler, site.scope(), site.at("/m.mpd"))
        assert pictures_in(came.content) == 60
        assert came.left_out == ""

    def test_numbered_pieces_are_joined(
        self, site: HostileSite, crawler: CrawlClient, tmp_path: Path, frames: list[Frame]
    ) -> None:
        write_stream(tmp_path, "m.mpd", frames, "dash", seg_duration="1", use_timeline="0")
        assert "SegmentTimeline" not in (tmp_path / "m.mpd").read_text()
        put_folder(site, tmp_path)
        assert pictures_in(medium(crawler, site.scope(), site.at("/m.mpd")).content) == 60

    def test_one_file_with_an_index_is_fetched_as_it_is(
        self, site: HostileSite, crawler: CrawlClient, tmp_path: Path, frames: list[Frame]
    ) -> None:
        write_stream(
            tmp_path, "m.mpd", frames, "dash", seg_duration="1", single_file="1", use_template="0"
        )
        put_folder(site, tmp_path)
        assert pictures_in(medium(crawler, site.scope(), site.at("/m.mpd")).content) == 60
        manifest = (
            '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT6S"><Period>'
            '<AdaptationSet mimeType="video/mp4"><Representation id="0" bandwidth="1">'
            "<BaseURL>FILE</BaseURL><SegmentBase indexRange='100-200'/>"
            "</Representation></AdaptationSet></Period></MPD>"
        )
        (file,) = tmp_path.glob("*.mp4")
        whole = site.put(
            "/b.mpd", hostile.body(manifest.replace("FILE", file.name).encode(), "text/xml")
        )
        assert pictures_in(medium(crawler, site.scope(), whole).content) == 60

    def test_a_film_with_an_advertisement_in_it_is_joined_again(
        self, site: HostileSite, crawler: CrawlClient, dash: Path
    ) -> None:
        put_folder(site, dash)

        def period(first: int, count: int, folder: str = "") -> str:
            return (
                f'<Period duration="PT{count}S"><AdaptationSet mimeType="video/mp4">'
                f'<SegmentTemplate media="{folder}chunk-stream0-$Number%05d$.m4s" '
                f'initialization="{folder}init-stream0.m4s" startNumber="{first}" duration="1"/>'
                '<Representation id="0"/></AdaptationSet></Period>'
            )

        text = f"<MPD>{period(1, 2)}{period(1, 1, 'ad/')}{period(3, SECONDS - 2)}</MPD>"
        url = site.put("/film.mpd", hostile.body(text.encode(), "application/dash+xml"))
        came = medium(crawler, site.scope(), url)
        assert pictures_in(came.content) == SECONDS * 10
        assert came.left_out == "1 other parts of the presentation"
        assert not [path for path in site.paths if path.startswith("/ad/")]

    def test_an_encrypted_or_hostile_manifest_is_refused(
        self, site: HostileSite, crawler: CrawlClient, dash: Path
    ) -> None:
        put_folder(site, dash)
        plain = (dash / "m.mpd").read_text()
        locked = plain.replace("<SegmentTemplate", "<ContentProtection/><SegmentTemplate")
        bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]>'
        for text, code in (
            (locked, "encrypted"),
            (plain.replace("<MPD", bomb + "<MPD"), "not_media"),
            (plain.replace("<Period", f"{'<x>' * 100_000}<Period"), "bad_playlist"),
            (plain.replace("video/mp4", "audio/mp4").replace('"video"', '"audio"'), "not_media"),
        ):
            url = site.put("/h.mpd", hostile.body(text.encode(), "application/dash+xml"))
            refused = refusal(crawler, site.scope(), url)
            assert refused.code == code, text[:200]
