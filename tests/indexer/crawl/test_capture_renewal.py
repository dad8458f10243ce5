"""A signed address that expired between the find and its capture is taken anew from its page."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.crawl.capture import capture
from indexer.crawl.capture_messages import Captured, CaptureRequest
from tests.fixtures import hostile_site as hostile
from tests.fixtures.clips import moving
from tests.fixtures.hostile_site import PNG, HostileSite, hostile_site
from tests.fixtures.streams import put_folder, write_stream
from tests.indexer.crawl.test_capture import records_of

EXPIRED = hostile.body(b"expired", "text/plain", 403)


def take(site: HostileSite, page: str, medium: str) -> Captured:
    request = CaptureRequest(1, (site.at(page), site.at(medium)), site.scope())
    return capture(request, lambda host, delay_s: 0.0)


def test_it_is_captured_from_where_its_page_names_it_now(site: HostileSite) -> None:
    site.put("/page", hostile.page('<img src="/a.png?w=2&token=new"><img src="/b.png?token=new">'))
    site.put("/a.png?w=2&token=old", EXPIRED)
    site.put("/a.png?w=2&token=new", hostile.picture())
    captured = take(site, "/page", "/a.png?w=2&token=old")
    medium = captured.resources[-1]
    assert (medium.url, medium.final_url) == (
        site.at("/a.png?w=2&token=old"),
        site.at("/a.png?w=2&token=new"),
    )
    assert (medium.status, medium.renewed, captured.medium_content) == (200, True, PNG)
    # Both stand in the capture: what the old address answers is a fact, too.
    asked = [record.url for record in records_of(captured.warc_gz) if record.kind == "request"]
    assert asked[-2:] == [medium.url, medium.final_url]


@pytest.mark.parametrize(
    ("named", "status"),
    [
        ("/a.png?id=2&token=new", 403),
        ("/other.png?id=1&token=new", 403),
        ("/a.png?id=1&token=old", 403),
        ("http://192.0.2.1/a.png?id=1&token=new", 403),
        ("", 403),
    ],
    ids=["another-medium", "another-path", "the-same", "another-host", "nothing"],
)
def test_another_medium_never_takes_its_place(site: HostileSite, named: str, status: int) -> None:
    site.put("/page", hostile.page(f'<img src="{named}">'))
    site.put("/a.png?id=1&token=old", EXPIRED)
    site.put("/a.png?id=2&token=new", hostile.picture())
    site.put("/other.png?id=1&token=new", hostile.picture())
    medium = take(site, "/page", "/a.png?id=1&token=old").resources[-1]
    assert (medium.status, medium.renewed) == (status, False)
    assert site.paths == ["/page", "/a.png?id=1&token=old"]


def test_an_address_that_is_not_signed_is_not_looked_for_elsewhere(site: HostileSite) -> None:
    site.put("/page", hostile.page('<img src="/a.png">'))
    site.put("/a.png", EXPIRED)
    assert take(site, "/page", "/a.png").resources[-1].status == 403
    assert site.paths == ["/page", "/a.png"]


def test_a_new_address_that_expires_at_once_is_asked_for_once(site: HostileSite) -> None:
    site.put("/page", hostile.page('<img src="/a.png?token=2">'))
    for number in (1, 2):
        site.put(f"/a.png?token={number}", EXPIRED)
    medium = take(site, "/page", "/a.png?token=1").resources[-1]
    assert (medium.status, medium.renewed) == (403, True)
    assert site.paths == ["/page", "/a.png?token=1", "/a.png?token=2"]


def test_a_new_address_that_leads_to_a_forbidden_one_is_refused(site: HostileSite) -> None:
    with hostile_site() as other:
        site.put("/page", hostile.page('<img src="/a.png?token=2">'))
        site.put("/a.png?token=1", EXPIRED)
        site.put("/a.png?token=2", hostile.redirect(other.at("/a.png")))
        medium = take(site, "/page", "/a.png?token=1").resources[-1]
        assert (medium.refusal or "").startswith("out_of_scope")
        assert other.requests == []


def test_a_video_in_pieces_is_renewed_like_a_file(site: HostileSite, tmp_path: Path) -> None:
    write_stream(tmp_path, "m.m3u8", moving(("astronaut",), seconds=2), "hls", hls_time="1")
    put_folder(site, tmp_path)
    playlist = (tmp_path / "m.m3u8").read_bytes()
    site.put("/page", hostile.page('<video src="/m.m3u8?token=2"></video>'))
    site.put("/m.m3u8?token=1", EXPIRED)
    site.put("/m.m3u8?token=2", hostile.body(playlist, "application/vnd.apple.mpegurl"))
    captured = take(site, "/page", "/m.m3u8?token=1")
    assert captured.resources[-1].renewed
    assert captured.medium_content == b"".join(
        (tmp_path / f"m{number}.ts").read_bytes() for number in range(2)
    )
