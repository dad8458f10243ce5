"""Streams that are encrypted with a key that lies open: real videos, really locked and opened."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from indexer.crawl.capture import capture
from indexer.crawl.capture_messages import CaptureRequest
from indexer.crawl.client import CrawlClient
from indexer.crawl.messages import Fetch, FetchRefused, MediumFetched
from indexer.crawl.streams import StreamError
from indexer.crawl.streams_hls import read_hls
from tests.fixtures import hostile_site as hostile
from tests.fixtures.clips import moving
from tests.fixtures.hostile_site import HostileSite, hostile_site
from tests.fixtures.streams import locked, ranged, write_stream

KEY = bytes(range(16))
OTHER_KEY = bytes(range(16, 32))
IV = bytes.fromhex("000102030405060708090a0b0c0d0e0f")
SECONDS = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("streams")
    frames = list(moving(("astronaut",), seconds=SECONDS))
    options = {"hls_time": "1", "hls_list_size": "0"}
    write_stream(made / "ts", "media.m3u8", frames, "hls", **options)
    write_stream(made / "fmp4", "media.m3u8", frames, "hls", hls_segment_type="fmp4", **options)
    return made


def number(sequence: int) -> bytes:
    return sequence.to_bytes(16, "big")


def put_locked(site: HostileSite, folder: Path, key_line: str, ivs: list[bytes]) -> str:
    """The transport stream of `folder`, each piece locked with `KEY` and its own IV."""
    for place, iv in enumerate(ivs):
        piece = (folder / "ts" / f"media{place}.ts").read_bytes()
        site.put(f"/media{place}.ts", hostile.body(locked(piece, KEY, iv), "video/mp2t"))
    text = (folder / "ts" / "media.m3u8").read_text()
    text = text.replace("#EXT-X-MEDIA-SEQUENCE:0", f"#EXT-X-MEDIA-SEQUENCE:7\n{key_line}")
    site.put("/key", hostile.body(KEY, "application/octet-stream"))
    return site.put("/media.m3u8", hostile.body(text.encode(), "application/vnd.apple.mpegurl"))


def plain_of(folder: Path) -> bytes:
    return b"".join((folder / "ts" / f"media{n}.ts").read_bytes() for n in range(SECONDS))


def crawled(
    client: CrawlClient, site: HostileSite, url: str, *, allowed: bool = True
) -> MediumFetched | FetchRefused:
    scope = site.scope(open_stream_keys=allowed)
    fetch = Fetch("t", url, "medium", 0)
    (result,) = client.run_slice("s", scope, [fetch], lambda host, delay_s: 0.0)
    assert isinstance(result, MediumFetched | FetchRefused)
    return result


def refusal(client: CrawlClient, site: HostileSite, url: str) -> str:
    result = crawled(client, site, url)
    assert isinstance(result, FetchRefused), result
    return result.code


class TestOpened:
    def test_by_the_number_of_the_piece(
        self, site: HostileSite, crawler: CrawlClient, folder: Path
    ) -> None:
        line = '#EXT-X-KEY:METHOD=AES-128,URI="key"'
        url = put_locked(site, folder, line, [number(7 + n) for n in range(SECONDS)])
        came = crawled(crawler, site, url)
        assert isinstance(came, MediumFetched)
        # The same bytes, and so the same hash, as the video without a lock.
        assert came.content == plain_of(folder)
        assert came.left_out == ""
        assert site.paths.count("/key") == 1

    def test_by_an_iv_of_its_own_and_a_named_format(
        self, site: HostileSite, crawler: CrawlClient, folder: Path
    ) -> None:
        line = f'#EXT-X-KEY:METHOD=AES-128,URI="/key",IV=0x{IV.hex()},KEYFORMAT="identity"'
        came = crawled(crawler, site, put_locked(site, folder, line, [IV] * SECONDS))
        assert isinstance(came, MediumFetched)
        assert came.content == plain_of(folder)

    def test_keys_that_change_and_end(
        self, site: HostileSite, crawler: CrawlClient, folder: Path
    ) -> None:
        pieces = [(folder / "ts" / f"media{n}.ts").read_bytes() for n in range(SECONDS)]
        site.put("/0.ts", hostile.body(locked(pieces[0], KEY, number(0)), "x/y"))
        site.put("/1.ts", hostile.body(locked(pieces[1], OTHER_KEY, number(1)), "x/y"))
        site.put("/2.ts", hostile.body(pieces[2], "x/y"))
        site.put("/key", hostile.body(KEY, "x/y"))
        site.put("/other", hostile.body(OTHER_KEY, "x/y"))
        text = (
            '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="key"\n#EXTINF:1,\n0.ts\n'
            '#EXT-X-DISCONTINUITY\n#EXT-X-KEY:METHOD=AES-128,URI="other"\n#EXTINF:1,\n1.ts\n'
            "#EXT-X-KEY:METHOD=NONE\n#EXTINF:1,\n2.ts\n#EXT-X-ENDLIST\n"
        )
        came = crawled(crawler, site, site.put("/a.m3u8", hostile.body(text.encode(), "x/y")))
        assert isinstance(came, MediumFetched)
        assert came.content == plain_of(folder)

    def test_ranges_of_one_file_behind_a_beginning_all_locked(
        self, site: HostileSite, crawler: CrawlClient, folder: Path
    ) -> None:
        names = ["init.mp4", *(f"media{n}.m4s" for n in range(SECONDS))]
        pieces = [(folder / "fmp4" / name).read_bytes() for name in names]
        whole, lines = b"", [f'#EXT-X-KEY:METHOD=AES-128,URI="key",IV=0x{IV.hex()}']
        for place, piece in enumerate(pieces):
            part = locked(piece, KEY, IV)
            where = f"{len(part)}@{len(whole)}"
            whole += part
            if place == 0:
                lines.append(f'#EXT-X-MAP:URI="all",BYTERANGE="{where}"')
            else:
                lines += ["#EXTINF:1,", f"#EXT-X-BYTERANGE:{where}", "all"]
        site.put("/all", ranged(whole, "video/mp4"))
        site.put("/key", hostile.body(KEY, "x/y"))
        text = "\n".join(["#EXTM3U", *lines, "#EXT-X-ENDLIST"])
        came = crawled(crawler, site, site.put("/a.m3u8", hostile.body(text.encode(), "x/y")))
        assert isinstance(came, MediumFetched)
        assert came.content == b"".join(pieces)

    def test_a_capture_opens_it_too_and_says_what_with(
        self, site: HostileSite, folder: Path
    ) -> None:
        line = f'#EXT-X-KEY:METHOD=AES-128,URI="/key",IV=0x{IV.hex()}'
        url = put_locked(site, folder, line, [IV] * SECONDS)
        request = CaptureRequest(1, (url,), site.scope(open_stream_keys=True))
        captured = capture(request, lambda host, delay_s: 0.0)
        assert captured.medium_content == plain_of(folder)
        stream = captured.resources[-1].stream
        assert stream is not None
        assert {(piece.key_url, piece.iv) for piece in stream.pieces} == {
            (site.at("/key"), IV.hex())
        }


class TestRefused:
    def test_unless_the_operator_allows_it(
        self, site: HostileSite, crawler: CrawlClient, folder: Path
    ) -> None:
        line = '#EXT-X-KEY:METHOD=AES-128,URI="key"'
        url = put_locked(site, folder, line, [number(7 + n) for n in range(SECONDS)])
        result = crawled(crawler, site, url, allowed=False)
        assert isinstance(result, FetchRefused)
        assert result.code == "encrypted"
        assert "/key" not in site.paths

    @pytest.mark.parametrize(
        "line",
        [
            'METHOD=SAMPLE-AES,URI="key"',
            'METHOD=SAMPLE-AES-CTR,URI="key",KEYFORMAT="urn:uuid:edef8ba9"',
            'METHOD=AES-128,URI="key",KEYFORMAT="com.apple.streamingkeydelivery"',
            'METHOD=AES-128,URI="skd://key"',
            'METHOD=AES-128,URI="data:text/plain;base64,AAAAAAAAAAAAAAAAAAAAAA=="',
            "METHOD=AES-128",
            'URI="key"',
        ],
        ids=["sample", "widevine", "fairplay", "skd", "data", "no-key", "no-method"],
    )
    def test_protection_is_never_gone_around(self, line: str) -> None:
        with pytest.raises(StreamError) as refused:
            read_hls(f"#EXTM3U\n#EXT-X-KEY:{line}\n0.ts\n", "http://s.example/a", open_keys=True)
        assert refused.value.code == "encrypted"

    def test_a_key_outside_the_scope_is_not_asked_for(
        self, site: HostileSite, crawler: CrawlClient, folder: Path
    ) -> None:
        with hostile_site() as other:
            line = f'#EXT-X-KEY:METHOD=AES-128,URI="{other.at("/key")}"'
            url = put_locked(site, folder, line, [IV] * SECONDS)
            assert refusal(crawler, site, url) == "encrypted"
            site.put("/moved", hostile.redirect(other.at("/key")))
            line = '#EXT-X-KEY:METHOD=AES-128,URI="/moved"'
            url = put_locked(site, folder, line, [IV] * SECONDS)
            assert refusal(crawler, site, url) == "address_not_public"
            assert other.requests == []

    def test_robots_txt_is_obeyed_for_keys(
        self, site: HostileSite, crawler: CrawlClient, folder: Path
    ) -> None:
        site.robots = "User-agent: *\nDisallow: /key"
        line = '#EXT-X-KEY:METHOD=AES-128,URI="key"'
        assert refusal(crawler, site, put_locked(site, folder, line, [IV] * SECONDS)) == "robots"
        assert "/key" not in site.paths

    @pytest.mark.parametrize(
        ("key", "code"),
        [
            (hostile.body(OTHER_KEY, "x/y"), "encrypted"),
            (hostile.body(b"short", "x/y"), "encrypted"),
            (hostile.body(b"", "x/y"), "encrypted"),
            (hostile.endless("x/y"), "too_large"),
            (hostile.body(KEY, "x/y", 403), "http_status"),
        ],
        ids=["wrong", "short", "empty", "endless", "forbidden"],
    )
    def test_a_key_that_is_none(
        self,
        site: HostileSite,
        crawler: CrawlClient,
        folder: Path,
        key: hostile.Answer,
        code: str,
    ) -> None:
        line = '#EXT-X-KEY:METHOD=AES-128,URI="key"'
        url = put_locked(site, folder, line, [number(7 + n) for n in range(SECONDS)])
        site.put("/key", key)
        assert refusal(crawler, site, url) == code

    def test_many_keys_are_bounded(
        self, site: HostileSite, crawler: CrawlClient, folder: Path
    ) -> None:
        piece = locked((folder / "ts" / "media0.ts").read_bytes(), KEY, IV)
        lines = []
        for place in range(200):
            lines.append(f'#EXT-X-KEY:METHOD=AES-128,URI="k{place}",IV=0x{IV.hex()}')
            lines += ["#EXTINF:1,", f"{place}.ts"]
            site.put(f"/k{place}", hostile.body(KEY, "x/y"))
            site.put(f"/{place}.ts", hostile.body(piece, "video/mp2t"))
        text = "\n".join(["#EXTM3U", *lines, "#EXT-X-ENDLIST"])
        url = site.put("/a.m3u8", hostile.body(text.encode(), "x/y"))
        crawled(crawler, site, url)
        assert len([path for path in site.paths if re.fullmatch(r"/k\d+", path)]) <= 50
