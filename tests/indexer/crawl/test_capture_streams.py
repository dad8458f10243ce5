"""Captures of videos that come in pieces: every request recorded, joined as in the crawl."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from indexer.crawl.capture import capture
from indexer.crawl.capture_messages import Captured, CapturedStream, CaptureRequest
from indexer.crawl.client import CrawlClient
from indexer.crawl.messages import Fetch, MediumFetched
from service.exhibits.warc_check import check_warc
from tests.fixtures import hostile_site as hostile
from tests.fixtures.clips import moving
from tests.fixtures.hostile_site import HostileSite, hostile_site
from tests.fixtures.streams import put_folder, write_stream
from tests.indexer.crawl.test_capture import records_of

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECONDS = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("streams")
    frames = list(moving(("astronaut",), seconds=SECONDS))
    write_stream(made / "hls", "media.m3u8", frames, "hls", hls_time="1", hls_list_size="0")
    ranged = {"hls_segment_type": "fmp4", "hls_flags": "single_file"}
    write_stream(
        made / "ranges", "media.m3u8", frames, "hls", hls_time="1", hls_list_size="0", **ranged
    )
    write_stream(made / "dash", "m.mpd", frames, "dash", seg_duration="1", use_timeline="1")
    return made


def take(site: HostileSite, *urls: str, **changes: Any) -> Captured:
    keep = changes.pop("keep_bodies", True)
    slots: list[str] = changes.pop("slots", [])

    def slot(host: str, delay_s: float) -> float:
        slots.append(host)
        return 0.0

    return capture(CaptureRequest(1, urls, site.scope(**changes), keep), slot, lambda: NOW)


def stream_of(captured: Captured) -> CapturedStream:
    stream = captured.resources[-1].stream
    assert stream is not None
    return stream


@pytest.mark.parametrize("kind", ["hls/media.m3u8", "ranges/media.m3u8", "dash/m.mpd"])
def test_a_capture_joins_what_the_crawl_joined(
    site: HostileSite, crawler: CrawlClient, folder: Path, kind: str
) -> None:
    put_folder(site, folder)
    url = site.at(f"/{kind}")
    fetch = Fetch("t", url, "medium", 0)
    (crawled,) = crawler.run_slice("s", site.scope(), [fetch], lambda host, delay_s: 0.0)
    assert isinstance(crawled, MediumFetched)
    captured = take(site, url)
    assert captured.medium_content == crawled.content
    assert stream_of(captured).sha256 == hashlib.sha256(crawled.content).hexdigest()
    assert (
        captured.resources[-1].body_sha256
        == hashlib.sha256((folder / kind).read_bytes()).hexdigest()
    )


def test_each_piece_takes_the_hosts_lease_and_stands_in_the_warc(
    site: HostileSite, folder: Path
) -> None:
    put_folder(site, folder / "hls")
    slots: list[str] = []
    captured = take(site, site.at("/media.m3u8"), slots=slots)
    assert slots == [site.host] * (1 + SECONDS)
    assert check_warc(captured.warc_gz).defects == ()
    responses = {r.url: r for r in records_of(captured.warc_gz) if r.kind == "response"}
    pieces = stream_of(captured).pieces
    assert [piece.url for piece in pieces] == [site.at(f"/media{n}.ts") for n in range(SECONDS)]
    for piece in pieces:
        body = responses[piece.url].block.split(b"\r\n\r\n", 1)[1]
        assert piece.body_sha256 == hashlib.sha256(body).hexdigest()


def test_ranges_are_asked_for_and_told(site: HostileSite, folder: Path) -> None:
    put_folder(site, folder / "ranges")
    pieces = stream_of(take(site, site.at("/media.m3u8"))).pieces
    assert all(piece.part.partition("-")[2].isdecimal() for piece in pieces)
    asked = [request.headers.get("Range") for request in site.requests]
    assert [f"bytes={piece.part}" for piece in pieces] == [each for each in asked if each]


def test_without_bodies_the_pieces_hashes_are_there(site: HostileSite, folder: Path) -> None:
    put_folder(site, folder / "hls")
    captured = take(site, site.at("/media.m3u8"), keep_bodies=False)
    piece = (folder / "hls" / "media0.ts").read_bytes()
    assert piece not in b"".join(record.block for record in records_of(captured.warc_gz))
    assert stream_of(captured).pieces[0].body_sha256 == hashlib.sha256(piece).hexdigest()


def test_a_piece_that_leads_to_a_forbidden_address_is_never_asked_for(
    site: HostileSite, folder: Path
) -> None:
    put_folder(site, folder / "hls")
    with hostile_site() as other:
        site.put("/media1.ts", hostile.redirect(other.at("/secret")))
        captured = take(site, site.at("/media.m3u8"))
        assert other.requests == []
    assert "2 of 3 pieces" in stream_of(captured).left_out
    refused = [r for r in records_of(captured.warc_gz) if b"refusal: out_of_scope" in r.block]
    assert len(refused) == 1


def test_what_cannot_be_joined_leaves_the_playlist_and_the_reason(site: HostileSite) -> None:
    playlist = b'#EXTM3U\n#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://x"\n#EXTINF:1,\na.ts\n'
    url = site.put("/a.m3u8", hostile.body(playlist, "application/vnd.apple.mpegurl"))
    captured = take(site, url)
    assert stream_of(captured).refusal == "encrypted"
    assert captured.medium_content is None
    assert site.paths == ["/a.m3u8"]


def test_a_page_is_no_stream(site: HostileSite) -> None:
    url = site.put("/page", hostile.page("<p>here</p>"))
    assert take(site, url).resources[-1].stream is None
