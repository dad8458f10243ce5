"""Runs by the real engine, crawl child and decoder over media as sites really serve them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from indexer.media.decoder import Decoder
from indexer.media.medium import Medium
from indexer.observations import Examination
from service.database import Database
from service.reports.words import conclusion
from service.sources.models import FrontierEntry, Sighting
from service.sources.views import RunView
from tests.fixtures.clips import moving
from tests.fixtures.hostile_site import Handler, HostileSite, body, hostile_site, page, picture
from tests.fixtures.streams import locked, put_folder, write_stream
from tests.service.work.planted_site import run_of
from tests.service.work.work_factory import Worker, make_worker, shown

SECONDS = 5


@pytest.fixture
def site() -> Iterator[HostileSite]:
    with hostile_site() as running:
        yield running


@pytest.fixture
def worker(sqlite_database: Database, tmp_path: Path, site: HostileSite) -> Iterator[Worker]:
    made = make_worker(sqlite_database, tmp_path, exceptions=(f"127.0.0.1:{site.port}",))
    made.engine.launch()
    yield made
    made.engine.close()


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streams")
    camera = list(moving(("astronaut", "chelsea"), seconds=SECONDS))
    write_stream(folder / "hls", "media.m3u8", camera, "hls", hls_time="1", hls_list_size="0")
    other = list(moving(("coffee", "rocket"), seconds=SECONDS))
    write_stream(folder / "dash", "m.mpd", other, "dash", seg_duration="1")
    return folder


def examined(worker: Worker) -> dict[str, bytes]:
    """What the eyes are given from now on, by the path of its address."""
    given: dict[str, bytes] = {}
    look = worker.eyes.examine

    def examine(content: bytes, *, media_url: str | None, **others: Any) -> Examination:
        given["/" + (media_url or "").split("/", 3)[3]] = content
        return look(content, media_url=media_url, **others)

    worker.eyes.examine = examine  # type: ignore[method-assign, assignment]
    return given


def finished(worker: Worker, run_id: uuid.UUID) -> RunView:
    assert worker.wait_for(run_id, "finished", "blind", "failed") == "finished"
    with worker.sources.database.read() as session:
        return worker.sources.service.run(session, worker.sources.system, run_id)


def test_streams_that_players_show_are_examined_whole(
    worker: Worker, site: HostileSite, streams: Path
) -> None:
    put_folder(site, streams)
    site.put("/", page('<title>x</title><a href="/1">1</a><a href="/2">2</a>'))
    site.put(
        "/1", page("<script>player.setup({file: '/hls/media.m3u8', image: '/p.jpg'})</script>")
    )
    site.put("/2", page("""<video data-setup='{"sources": [{"src": "/dash/m.mpd"}]}'></video>"""))
    site.put("/p.jpg", picture(shown(None, 1)))
    given = examined(worker)
    run = finished(worker, run_of(worker, site))
    assert set(given) == {"/hls/media.m3u8", "/dash/m.mpd", "/p.jpg"}
    with Decoder() as decoder:
        for path in ("/hls/media.m3u8", "/dash/m.mpd"):
            decoded = decoder.decode(Medium(given[path]))
            assert decoded.video is not None
            assert decoded.video.duration_ms == pytest.approx(SECONDS * 1000, abs=200)
            assert decoded.video.looked_ms == decoded.video.duration_ms
            assert decoded.left_out is None
    # The poster is a smaller form of the stream, and not one more medium.
    assert (run.media_seen, run.media_examined, run.media_small) == (3, 2, 1)
    assert (run.media_only_small, run.media_in_part, run.refusals) == (0, 0, 0)


def test_a_stream_of_which_a_part_is_lost_is_said_to_be_seen_in_part(
    worker: Worker, site: HostileSite, streams: Path
) -> None:
    put_folder(site, streams)
    site.put("/hls/media2.ts", body(b"", "text/plain", 410))
    site.put("/", page('<video src="/hls/media.m3u8"></video>'))
    run_id = run_of(worker, site)
    run = finished(worker, run_id)
    assert (run.media_examined, run.media_in_part) == (1, 1)
    with worker.sources.database.read() as session:
        entry = session.scalars(select(FrontierEntry).where(FrontierEntry.kind == "medium")).one()
    assert entry.state == "done"
    assert "4 of 5 pieces" in (entry.refusal_message or "")
    assert "1 medium was looked at only in part." in conclusion(
        state="finished",
        codes=(),
        candidates=0,
        media_examined=1,
        faces=True,
        media_in_part=run.media_in_part,
    )


def test_a_medium_seen_only_as_a_preview_does_not_count_as_looked_at(
    worker: Worker, site: HostileSite
) -> None:
    site.put(
        "/",
        page(
            '<a href="/full1.png"><img src="/small1.png"></a>'
            '<a href="/full2.png"><img src="/small2.png" srcset="/tiny2.png 50w"></a>'
            '<video poster="/poster.png" src="/gone.mp4"></video>'
        ),
    )
    for number, name in enumerate(("full1", "small1", "small2", "tiny2", "poster")):
        site.put(f"/{name}.png", picture(shown(None, number)))
    run = finished(worker, run_of(worker, site))
    assert (run.media_seen, run.media_examined, run.media_small) == (5, 1, 4)
    assert run.media_only_small == 2
    assert "2 media were seen only as a small preview." in conclusion(
        state="finished",
        codes=(),
        candidates=0,
        media_examined=1,
        faces=True,
        media_only_small=run.media_only_small,
    )


def test_an_encrypted_stream_is_refused_with_its_reason(worker: Worker, site: HostileSite) -> None:
    key = b'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="/key"\n#EXTINF:1,\n/0.ts\n'
    site.put("/", page('<title>x</title><video src="/a.m3u8"></video>'))
    site.put("/a.m3u8", body(key, "application/vnd.apple.mpegurl"))
    run_id = run_of(worker, site)
    run = finished(worker, run_id)
    assert (run.media_seen, run.refusals) == (0, 1)
    with worker.sources.database.read() as session:
        codes = session.scalars(
            select(FrontierEntry.refusal_code).where(FrontierEntry.kind == "medium")
        ).all()
        assert session.scalars(select(Sighting)).all() == []
    assert codes == ["encrypted"]


def test_a_stream_whose_key_lies_open_is_examined_where_the_operator_allows_it(
    worker: Worker, site: HostileSite, streams: Path
) -> None:
    service = worker.sources.service
    service._manners = replace(service._manners, open_stream_keys=True)
    pieces = [(streams / "hls" / f"media{number}.ts").read_bytes() for number in range(SECONDS)]
    listed = "".join(f"#EXTINF:1,\n/{number}.ts\n" for number in range(SECONDS))
    text = f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="/key"\n{listed}#EXT-X-ENDLIST\n'
    for number, piece in enumerate(pieces):
        iv = number.to_bytes(16, "big")
        site.put(f"/{number}.ts", body(locked(piece, b"k" * 16, iv), "video/mp2t"))
    site.put("/key", body(b"k" * 16, "application/octet-stream"))
    site.put("/a.m3u8", body(text.encode(), "application/vnd.apple.mpegurl"))
    site.put("/", page('<title>x</title><video src="/a.m3u8"></video>'))
    given = examined(worker)
    run = finished(worker, run_of(worker, site))
    assert (run.media_examined, run.media_in_part, run.refusals) == (1, 0, 0)
    # Byte for byte what it is without a lock, so that a known hash finds it.
    assert given == {"/a.m3u8": b"".join(pieces)}


def test_a_medium_that_every_page_signs_anew_is_one_medium(
    worker: Worker, site: HostileSite
) -> None:
    site.put("/", page('<title>x</title><a href="/1">1</a><img src="/a.png?token=1&w=2">'))
    site.put("/1", page('<title>x</title><img src="/a.png?token=2&w=2">'))
    for number in (1, 2):
        site.put(f"/a.png?token={number}&w=2", picture(shown(None, number)))
    run = finished(worker, run_of(worker, site))
    assert run.media_seen == 1
    assert len([path for path in site.paths if path.startswith("/a.png")]) == 1


def test_an_address_that_expired_is_taken_anew_and_kept_as_it_works(
    worker: Worker, site: HostileSite
) -> None:
    signed: list[int] = []

    def start(handler: Handler) -> None:
        signed.append(len(signed) + 1)
        page(f'<title>x</title><img src="/a.png?token={signed[-1]}">')(handler)

    site.put("/", start)
    site.put("/a.png?token=1", body(b"", "text/plain", 403))
    site.put("/a.png?token=2", picture(shown(None, 1)))
    run = finished(worker, run_of(worker, site))
    assert (run.media_examined, run.refusals) == (1, 0)
    with worker.sources.database.read() as session:
        sighting = session.scalars(select(Sighting)).one()
        assert sighting.media_url == site.at("/a.png?token=2")


@pytest.mark.parametrize("extractors", [True, False], ids=["on", "off"])
def test_a_player_that_could_not_be_read_counts_as_refused_where_it_was_asked_for(
    worker: Worker, site: HostileSite, extractors: bool
) -> None:
    # An extractor knows this kind of address, and would send data, which is never done.
    site.put("/", page('<a href="/Mediasite/Play/2db6c271681e4f199af3c60d1f82869b1d">watch</a>'))
    site.put(
        "/Mediasite/Play/2db6c271681e4f199af3c60d1f82869b1d",
        page('<title>player</title><a href="/more">more</a>'),
    )
    site.put("/more", page("<title>more</title>"))
    run_id = run_of(worker, site, extractors=extractors)
    run = finished(worker, run_id)
    assert run.refusals == int(extractors)
    assert "/more" in site.paths
    with worker.sources.database.read() as session:
        codes = session.scalars(
            select(FrontierEntry.refusal_code).where(FrontierEntry.refusal_code.is_not(None))
        ).all()
    assert [code for code in codes if code != "absent"] == ["extractor"] * extractors
