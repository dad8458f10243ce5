"""What stays of an address when its signature changes, and addresses that have expired."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.crawl.client import CrawlClient
from indexer.crawl.messages import Fetch, FetchRefused, MediumFetched, PageSeen
from indexer.crawl.signed_addresses import is_signed, stable_address
from tests.fixtures import hostile_site as hostile
from tests.fixtures.hostile_site import PNG, HostileSite

AT = "http://cdn.example"


@pytest.mark.parametrize(
    ("address", "stable"),
    [
        ("/a.mp4?token=x&expires=1700000000", "/a.mp4"),
        ("/a.jpg?w=800&Expires=1&Signature=b%2F&Key-Pair-Id=K", "/a.jpg?w=800"),
        ("/get?id=7&X-Amz-Date=1&X-Amz-Signature=2&X-Amz-Expires=3", "/get?id=7"),
        ("/b/a?sv=1&se=2&sr=b&sp=r&sig=3", "/b/a"),
        ("/v/a.m3u8?hdnts=exp=1~acl=/*~hmac=2", "/v/a.m3u8"),
        ("/get_file/1.mp4/?md5=1&e=2&br=3", "/get_file/1.mp4/?br=3"),
    ],
)
def test_a_signature_is_no_part_of_a_medium(address: str, stable: str) -> None:
    assert stable_address(AT + address) == AT + stable
    assert is_signed(AT + address)


@pytest.mark.parametrize(
    "address",
    [
        "/a.mp4",
        "/a.jpg?id=3&v=2",
        "/image?token=abc",
        "/show.php?hash=123&e=1",
        "/get?signature=1",
        "/photo?sig=1&se=2",
        "/?",
        "[::?token=1&x=a.jpg",
    ],
)
def test_what_may_tell_one_medium_from_another_stays(address: str) -> None:
    assert stable_address(AT + address) == AT + address


@given(st.text(alphabet="abetoknxpirs=&-%?/.jpgm43u8", max_size=80))
def test_the_stable_part_is_stable(text: str) -> None:
    once = stable_address(f"{AT}/{text}")
    assert stable_address(once) == once


class TestExpired:
    def fetched(
        self, site: HostileSite, crawler: CrawlClient, path: str, referrer: str | None
    ) -> PageSeen | MediumFetched | FetchRefused:
        fetch = Fetch("t", site.at(path), "medium", 1, referrer)
        (result,) = crawler.run_slice("s", site.scope(), [fetch], lambda host, delay_s: 0.0)
        return result  # type: ignore[return-value]

    @pytest.mark.parametrize("status", [401, 403, 410])
    def test_an_expired_address_is_taken_anew_from_its_page(
        self, site: HostileSite, crawler: CrawlClient, status: int
    ) -> None:
        site.put("/a.png?token=old", hostile.body(b"", "text/plain", status))
        site.put("/a.png?token=new", hostile.picture())
        page = site.put(
            "/p",
            hostile.page('<img src="/b.png?token=1"><img src="/a.png?token=new">'),
        )
        came = self.fetched(site, crawler, "/a.png?token=old", page)
        assert isinstance(came, MediumFetched)
        assert (came.content, came.url) == (PNG, site.at("/a.png?token=old"))
        assert came.final_url == site.at("/a.png?token=new")

    def test_it_is_asked_for_once_more_and_no_further(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        gone = hostile.body(b"", "text/plain", 403)
        site.put("/a.png?token=1", gone)
        site.put("/a.png?token=2", gone)
        page = site.put("/p", hostile.page('<img src="/a.png?token=2">'))
        came = self.fetched(site, crawler, "/a.png?token=1", page)
        assert isinstance(came, FetchRefused)
        assert came.status == 403
        asked = [path for path in site.paths if path != "/robots.txt"]
        assert asked == ["/a.png?token=1", "/p", "/a.png?token=2"]

    @pytest.mark.parametrize(
        "html", ["", '<img src="/a.png?token=1">', '<img src="/c.png?token=2">']
    )
    def test_a_page_that_names_nothing_newer_leaves_the_first_answer(
        self, site: HostileSite, crawler: CrawlClient, html: str
    ) -> None:
        site.put("/a.png?token=1", hostile.body(b"", "text/plain", 410))
        page = site.put("/p", hostile.page(html))
        came = self.fetched(site, crawler, "/a.png?token=1", page)
        assert isinstance(came, FetchRefused)
        assert (came.code, came.status) == ("http_status", 410)

    def test_the_page_is_asked_only_within_scope_and_robots(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        site.robots = "User-agent: *\nDisallow: /p"
        site.put("/a.png?token=1", hostile.body(b"", "text/plain", 403))
        for page in (site.at("/p"), "http://192.0.2.1/p", None):
            came = self.fetched(site, crawler, "/a.png?token=1", page)
            assert isinstance(came, FetchRefused)
            assert came.status == 403
        assert "/p" not in site.paths

    def test_an_address_without_a_signature_is_simply_forbidden(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        site.put("/a.png", hostile.body(b"", "text/plain", 403))
        page = site.put("/p", hostile.page('<img src="/a.png?token=1">'))
        assert isinstance(self.fetched(site, crawler, "/a.png", page), FetchRefused)
        assert "/p" not in site.paths
