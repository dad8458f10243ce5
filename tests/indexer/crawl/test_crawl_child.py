"""A real child process against a real site on loopback."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path

import pytest

from indexer.crawl.client import CrawlClient
from indexer.crawl.messages import (
    AddressException,
    Fetch,
    FetchRefused,
    MediumFetched,
    PageSeen,
    Scope,
)
from tests.fixtures import hostile_site as hostile
from tests.fixtures.hostile_site import PNG, HostileSite, hostile_site
from tests.fixtures.local_tls import make_local_tls

Result = PageSeen | MediumFetched | FetchRefused


def no_wait(host: str, delay_s: float) -> float:
    return 0.0


def crawl(client: CrawlClient, scope: Scope, fetches: Iterable[Fetch]) -> dict[str, Result]:
    return {result.ticket: result for result in client.run_slice("s", scope, fetches, no_wait)}


def fetch_one(client: CrawlClient, scope: Scope, url: str, kind: str = "medium") -> Result:
    return crawl(client, scope, [Fetch("t", url, kind, 0)])["t"]  # type: ignore[arg-type]


def refusal(client: CrawlClient, scope: Scope, url: str, kind: str = "medium") -> FetchRefused:
    result = fetch_one(client, scope, url, kind)
    assert isinstance(result, FetchRefused), result
    assert result.message
    return result


class TestPages:
    def test_a_page_gives_its_title_and_what_it_names(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        url = site.put("/", hostile.page("<title>Hello</title><img src=/a.png><a href=/b>b</a>"))
        seen = fetch_one(crawler, site.scope(), url, "page")
        assert isinstance(seen, PageSeen)
        assert (seen.title, seen.status, seen.final_url) == ("Hello", 200, url)
        assert [(link.url, link.kind) for link in seen.links] == [
            (site.at("/a.png"), "medium"),
            (site.at("/b"), "page"),
        ]

    def test_a_page_is_read_in_its_own_charset(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        html = "<meta charset=windows-1251><title>Привет</title><a href='/?q=Привет'>x</a>"
        url = site.put("/", hostile.body(html.encode("cp1251"), "text/html"))
        seen = fetch_one(crawler, site.scope(), url, "page")
        assert isinstance(seen, PageSeen)
        assert seen.title == "Привет"
        assert seen.links[0].url == site.at("/?q=%CF%F0%E8%E2%E5%F2")

    def test_a_page_that_is_a_picture_is_a_medium(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        url = site.put("/show", hostile.picture())
        medium = fetch_one(crawler, site.scope(), url, "page")
        assert isinstance(medium, MediumFetched)
        assert medium.content == PNG

    def test_a_page_that_is_a_picture_may_be_as_large_as_a_picture(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        url = site.put("/show", hostile.picture(PNG + bytes(5000)))
        scope = site.scope(max_page_bytes=1000, max_medium_bytes=10_000)
        assert isinstance(fetch_one(crawler, scope, url, "page"), MediumFetched)

    def test_a_page_that_leads_to_a_media_host_is_fetched_as_a_medium(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        with hostile_site() as cdn:
            picture = cdn.put("/x.png", hostile.picture())
            url = site.put("/show", hostile.redirect(picture))
            scope = site.scope(
                media_hosts=(cdn.host,),
                address_exceptions=(
                    AddressException(hostile.LOOPBACK, site.port),
                    AddressException(hostile.LOOPBACK, cdn.port),
                ),
            )
            medium = fetch_one(crawler, scope, url, "page")
        assert isinstance(medium, MediumFetched)
        assert medium.final_url == picture

    def test_a_page_that_is_neither_is_refused(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        url = site.put("/x", hostile.body(b"%PDF-1.7 ...", "application/pdf"))
        assert refusal(crawler, site.scope(), url, "page").code == "not_media"


class TestMedia:
    def test_a_medium_comes_whole_with_what_the_server_said_of_it(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        answer = hostile.body(
            PNG, "image/png", ETag='"e1"', Last_Modified="Mon, 02 Jan 2023 00:00:00 GMT"
        )
        medium = fetch_one(crawler, site.scope(), site.put("/a.png", answer))
        assert isinstance(medium, MediumFetched)
        assert medium.content == PNG
        assert (medium.declared_type, medium.etag) == ("image/png", '"e1"')
        assert medium.last_modified == "Mon, 02 Jan 2023 00:00:00 GMT"

    def test_bytes_count_and_not_the_declared_type(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        lying = site.put("/a.png", hostile.body(b"<html>sign in</html>", "image/png"))
        honest = site.put("/b.txt", hostile.body(PNG, "text/plain"))
        assert refusal(crawler, site.scope(), lying).code == "not_media"
        assert isinstance(fetch_one(crawler, site.scope(), honest), MediumFetched)

    def test_a_compressed_medium_is_unpacked(self, site: HostileSite, crawler: CrawlClient) -> None:
        packed = hostile.body(gzip.compress(PNG), "image/png", Content_Encoding="gzip")
        medium = fetch_one(crawler, site.scope(), site.put("/a.png", packed))
        assert isinstance(medium, MediumFetched)
        assert medium.content == PNG

    def test_the_referrer_is_whole_on_the_same_host_only(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        site.put("/a.png", hostile.picture())
        fetches = [
            Fetch("same", site.at("/a.png"), "medium", 1, site.at("/page")),
            Fetch("other", site.at("/a.png"), "medium", 1, "http://else.test/secret?x=1"),
        ]
        for fetch in fetches:
            crawl(crawler, site.scope(obey_robots=False), [fetch])
        assert [request.headers.get("Referer") for request in site.requests] == [
            site.at("/page"),
            "http://else.test/",
        ]

    def test_no_cookie_is_ever_sent_back(self, site: HostileSite, crawler: CrawlClient) -> None:
        answer = hostile.body(PNG, "image/png", Set_Cookie="id=1; Path=/")
        site.put("/a.png", answer)
        site.put("/b.png", answer)
        for path in ("/a.png", "/b.png"):
            fetch_one(crawler, site.scope(), site.at(path))
        assert all("Cookie" not in request.headers for request in site.requests)


class TestLimits:
    def test_a_body_announced_too_large_is_refused(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        url = site.put("/a.png", hostile.picture(PNG + bytes(20_000)))
        assert refusal(crawler, site.scope(max_medium_bytes=10_000), url).code == "too_large"

    def test_a_body_that_never_ends_is_refused(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        url = site.put("/a.png", hostile.endless())
        assert refusal(crawler, site.scope(max_medium_bytes=1_000_000), url).code == "too_large"

    def test_a_page_has_a_limit_of_its_own(self, site: HostileSite, crawler: CrawlClient) -> None:
        url = site.put("/", hostile.page("x" * 5000))
        assert refusal(crawler, site.scope(max_page_bytes=1000), url, "page").code == "too_large"

    def test_a_decompression_bomb_is_refused(self, site: HostileSite, crawler: CrawlClient) -> None:
        url = site.put("/", hostile.gzip_bomb(60_000_000))
        assert refusal(crawler, site.scope(), url, "page").code == "too_large"

    @pytest.mark.parametrize("coding", ["br", "gzip, " * 50 + "gzip", "zstd", "rot13"])
    def test_a_content_coding_that_was_not_offered_is_refused(
        self, site: HostileSite, crawler: CrawlClient, coding: str
    ) -> None:
        url = site.put("/a.png", hostile.body(PNG, "image/png", Content_Encoding=coding))
        assert refusal(crawler, site.scope(), url).code == "connection"

    def test_a_broken_compression_is_refused(self, site: HostileSite, crawler: CrawlClient) -> None:
        url = site.put("/a.png", hostile.body(PNG, "image/png", Content_Encoding="deflate"))
        assert refusal(crawler, site.scope(), url).code == "truncated"

    @pytest.mark.slow
    def test_a_page_made_to_be_slow_to_read_is_given_up_and_holds_up_nobody(
        self, site: HostileSite
    ) -> None:
        bomb = "<a " + " ".join(f"x{n}=1" for n in range(200_000)) + ">"
        fetches = [
            Fetch("bomb", site.put("/bomb", hostile.page(bomb)), "page", 0),
            Fetch("page", site.put("/page", hostile.page("<title>ok</title>")), "page", 0),
        ]
        with CrawlClient() as client:
            results = list(client.run_slice("s", site.scope(), fetches, no_wait))
            assert [result.ticket for result in results] == ["page", "bomb"]
            assert isinstance(results[1], FetchRefused)
            assert results[1].code == "too_large"
            # The next slice is served by a child that is not busy with the bomb.
            assert len(list(client.run_slice("s", site.scope(), fetches[1:], no_wait))) == 1

    @pytest.mark.parametrize("answer", [hostile.drip(0.05), hostile.silence()])
    def test_a_slow_answer_ends_at_the_time_limit(
        self, site: HostileSite, crawler: CrawlClient, answer: hostile.Answer
    ) -> None:
        url = site.put("/a.png", answer)
        refused = refusal(crawler, site.scope(timeout_s=0.5, medium_timeout_s=0.5), url)
        assert (refused.code, refused.retry) == ("timeout", True)

    def test_a_truncated_body_is_refused(self, site: HostileSite, crawler: CrawlClient) -> None:
        refused = refusal(crawler, site.scope(), site.put("/a.png", hostile.truncated()))
        assert (refused.code, refused.retry) == ("truncated", True)

    @pytest.mark.parametrize(
        "wire", [b"", b"what?\r\n\r\n", b"HTTP/1.1 abc OK\r\n\r\n", b"\x00" * 5000]
    )
    def test_what_is_not_http_is_refused(
        self, site: HostileSite, crawler: CrawlClient, wire: bytes
    ) -> None:
        refused = refusal(crawler, site.scope(), site.put("/a.png", hostile.raw(wire)))
        assert refused.code in ("connection", "truncated", "bad_address", "http_status")

    @pytest.mark.parametrize(
        ("status", "retry"), [(404, False), (403, False), (410, False), (429, True), (503, True)]
    )
    def test_other_statuses_are_refused_and_say_whether_to_try_again(
        self, site: HostileSite, crawler: CrawlClient, status: int, retry: bool
    ) -> None:
        url = site.put("/a.png", hostile.body(PNG, "image/png", status))
        refused = refusal(crawler, site.scope(), url)
        assert (refused.code, refused.status, refused.retry) == ("http_status", status, retry)

    def test_nothing_is_asked_twice(self, site: HostileSite, crawler: CrawlClient) -> None:
        site.put("/a.png", hostile.body(b"", "image/png", 503))
        site.put("/b.png", hostile.raw(b""))
        for path in ("/a.png", "/b.png"):
            refusal(crawler, site.scope(obey_robots=False), site.at(path))
        assert site.paths == ["/a.png", "/b.png"]


class TestRedirects:
    def test_a_redirect_is_followed_and_the_end_is_told(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        site.put("/2", hostile.redirect("3.png", 307))
        site.put("/3.png", hostile.picture())
        medium = fetch_one(crawler, site.scope(), site.put("/1", hostile.redirect("/2")))
        assert isinstance(medium, MediumFetched)
        assert (medium.url, medium.final_url) == (site.at("/1"), site.at("/3.png"))

    def test_a_redirect_in_a_circle_ends(self, site: HostileSite, crawler: CrawlClient) -> None:
        site.put("/2", hostile.redirect("/1"))
        refused = refusal(crawler, site.scope(), site.put("/1", hostile.redirect("/2")))
        assert refused.code == "too_many_redirects"
        assert site.paths.count("/1") == 1

    def test_a_redirect_that_goes_on_and_on_ends(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        for hop in range(10):
            site.put(f"/{hop}", hostile.redirect(f"/{hop + 1}"))
        refused = refusal(crawler, site.scope(max_redirects=3, obey_robots=False), site.at("/0"))
        assert refused.code == "too_many_redirects"
        assert site.paths == ["/0", "/1", "/2", "/3"]

    def test_a_redirect_out_of_scope_is_not_followed(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        with hostile_site() as other:
            url = site.put("/1", hostile.redirect(other.put("/a.png", hostile.picture())))
            scope = site.scope(
                address_exceptions=(
                    AddressException(hostile.LOOPBACK, site.port),
                    AddressException(hostile.LOOPBACK, other.port),
                )
            )
            assert refusal(crawler, scope, url).code == "out_of_scope"
            assert other.requests == []

    def test_a_redirect_to_an_unlisted_loopback_port_is_refused(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        with hostile_site() as other:
            url = site.put("/1", hostile.redirect(other.put("/a.png", hostile.picture())))
            scope = site.scope(allowed_hosts=(site.host, other.host))
            assert refusal(crawler, scope, url).code == "address_not_public"
            assert other.requests == []

    @pytest.mark.parametrize(
        "location", ["ftp://x.test/", "javascript:1", "http://[", "http://u:p@x.test/"]
    )
    def test_a_redirect_to_what_is_no_web_address_is_refused(
        self, site: HostileSite, crawler: CrawlClient, location: str
    ) -> None:
        url = site.put("/1", hostile.redirect(location))
        assert refusal(crawler, site.scope(), url).code == "bad_address"


class TestScope:
    def test_an_address_out_of_scope_is_not_asked_for(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        site.put("/private", hostile.page("x"))
        scope = site.scope(path_prefixes=("/public",))
        assert refusal(crawler, scope, site.at("/private"), "page").code == "out_of_scope"
        assert site.requests == []

    def test_a_page_deeper_than_the_limit_is_not_asked_for(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        fetch = Fetch("t", site.put("/", hostile.page("x")), "page", 4)
        result = crawl(crawler, site.scope(max_depth=3), [fetch])["t"]
        assert isinstance(result, FetchRefused)
        assert result.code == "out_of_scope"

    def test_one_slices_exceptions_do_not_serve_the_next(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        url = site.put("/a.png", hostile.picture())
        assert isinstance(fetch_one(crawler, site.scope(), url), MediumFetched)
        scope = site.scope(address_exceptions=())
        assert refusal(crawler, scope, url).code == "address_not_public"

    def test_many_addresses_are_answered_once_each(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        for number in range(60):
            site.put(f"/{number}.png", hostile.picture(PNG + bytes(number)))
        fetches = [Fetch(f"t{n}", site.at(f"/{n}.png"), "medium", 1) for n in range(60)]
        results = list(crawler.run_slice("s", site.scope(), fetches, no_wait))
        assert sorted(result.ticket for result in results) == sorted(f.ticket for f in fetches)
        assert all(isinstance(result, MediumFetched) for result in results)
        assert site.paths.count("/robots.txt") == 1


class TestRobots:
    def test_a_forbidden_address_is_refused_and_not_asked_for(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        site.robots = "User-agent: *\nDisallow: /no"
        url = site.put("/no/a.png", hostile.picture())
        assert refusal(crawler, site.scope(), url).code == "robots"
        assert site.paths == ["/robots.txt"]

    def test_a_redirect_into_a_forbidden_place_is_refused(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        site.robots = "User-agent: *\nDisallow: /no"
        site.put("/no/a.png", hostile.picture())
        url = site.put("/yes", hostile.redirect("/no/a.png"))
        assert refusal(crawler, site.scope(), url).code == "robots"
        assert "/no/a.png" not in site.paths

    def test_rules_for_our_name_come_first(self, site: HostileSite, crawler: CrawlClient) -> None:
        site.robots = "User-agent: *\nDisallow: /\n\nUser-agent: likeness\nDisallow: /no"
        url = site.put("/a.png", hostile.picture())
        scope = site.scope(user_agent="Likeness/1.0 (+https://example.org/bot)")
        assert isinstance(fetch_one(crawler, scope, url), MediumFetched)

    def test_robots_are_not_asked_when_the_operator_has_recorded_why_not(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        site.robots = "User-agent: *\nDisallow: /"
        url = site.put("/a.png", hostile.picture())
        medium = fetch_one(crawler, site.scope(obey_robots=False), url)
        assert isinstance(medium, MediumFetched)
        assert site.paths == ["/a.png"]

    def test_no_robots_file_allows_all(self, site: HostileSite, crawler: CrawlClient) -> None:
        url = site.put("/a.png", hostile.picture())
        assert isinstance(fetch_one(crawler, site.scope(), url), MediumFetched)

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_a_robots_file_that_cannot_be_had_now_allows_nothing_now(
        self, site: HostileSite, crawler: CrawlClient, status: int
    ) -> None:
        site.put("/robots.txt", hostile.body(b"", "text/plain", status))
        refused = refusal(crawler, site.scope(), site.put("/a.png", hostile.picture()))
        assert (refused.code, refused.retry) == ("robots", True)

    def test_a_robots_file_without_end_allows_nothing(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        site.put("/robots.txt", hostile.endless("text/plain"))
        refused = refusal(crawler, site.scope(), site.put("/a.png", hostile.picture()))
        assert refused.code == "robots"

    def test_a_redirected_robots_file_is_followed(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        site.put("/robots.txt", hostile.redirect("/rules"))
        site.put("/rules", hostile.body(b"User-agent: *\nDisallow: /", "text/plain"))
        refused = refusal(crawler, site.scope(), site.put("/a.png", hostile.picture()))
        assert (refused.code, refused.retry) == ("robots", False)

    def test_a_host_that_is_down_is_not_blamed_on_robots(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        with hostile_site() as gone:
            scope = gone.scope()
        refused = refusal(crawler, scope, gone.at("/a.png"))
        assert (refused.code, refused.retry) == ("connection", True)


class HeardError(Exception):
    """The test has heard what it wanted to hear and ends the slice."""


class TestSlots:
    def test_every_request_takes_a_lease_first(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        site.robots = "User-agent: *\nDisallow: /no"
        site.put("/1", hostile.redirect("/2.png"))
        site.put("/2.png", hostile.picture())
        site.put("/page", hostile.page("x"))
        asked: list[tuple[str, float, int]] = []

        def slots(host: str, delay_s: float) -> float:
            asked.append((host, delay_s, len(site.requests)))
            return 0.0

        fetches = iter(
            [
                Fetch("a", site.at("/1"), "medium", 0),
                Fetch("b", site.at("/page"), "page", 0),
                Fetch("c", site.at("/no/x"), "page", 0),
                Fetch("d", "http://192.0.2.1/", "page", 0),
            ]
        )
        scope = site.scope(delay_s=0.25)
        with CrawlClient(max_open=1) as one_by_one:
            list(one_by_one.run_slice("s", scope, fetches, slots))
        assert site.paths == ["/robots.txt", "/1", "/2.png", "/page"]
        assert asked == [(site.host, 0.25, number) for number in range(4)]

    def test_a_request_leaves_only_when_its_wait_is_over(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        with hostile_site() as other:
            fetches = [
                Fetch("waits", site.put("/a.png", hostile.picture()), "medium", 0),
                Fetch("goes", other.put("/b.png", hostile.picture()), "medium", 0),
            ]
            waits_s = {site.host: 1.0, other.host: 0.0}
            scope = site.scope(
                allowed_hosts=(site.host, other.host),
                obey_robots=False,
                address_exceptions=(
                    AddressException(hostile.LOOPBACK, site.port),
                    AddressException(hostile.LOOPBACK, other.port),
                ),
            )
            results = list(crawler.run_slice("s", scope, fetches, lambda host, _: waits_s[host]))
            assert [result.ticket for result in results] == ["goes", "waits"]
            assert other.requests[0].at_s < site.requests[0].at_s

    @pytest.mark.parametrize(
        ("wish", "delay_s"), [("7", 7.0), ("0.5", 1.0), ("86400", 60.0), ("soon", 1.0)]
    )
    def test_the_hosts_wish_for_a_longer_delay_is_heard(
        self, site: HostileSite, crawler: CrawlClient, wish: str, delay_s: float
    ) -> None:
        site.robots = f"User-agent: *\nCrawl-delay: {wish}\nDisallow: /no"
        delays: list[float] = []

        def slots(host: str, delay_s: float) -> float:
            delays.append(delay_s)
            if len(delays) == 2:
                raise HeardError  # what was wished for is not waited for here
            return 0.0

        fetch = Fetch("t", site.put("/a.png", hostile.picture()), "medium", 0)
        with pytest.raises(HeardError):
            list(crawler.run_slice("s", site.scope(delay_s=1.0), [fetch], slots))
        assert delays == [1.0, delay_s]


class TestTls:
    def test_a_verified_site_is_read_and_another_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        local_tls = make_local_tls(tmp_path)
        with hostile_site(local_tls.wrap) as site:
            url = site.put("/a.png", hostile.picture())
            with CrawlClient() as unknowing:
                refused = fetch_one(unknowing, site.scope(obey_robots=False), url)
            assert isinstance(refused, FetchRefused)
            assert refused.code == "tls"
            assert site.requests == []
            monkeypatch.setenv("SSL_CERT_FILE", str(local_tls.authority_file))
            with CrawlClient() as trusting:
                medium = fetch_one(trusting, site.scope(obey_robots=False), url)
        assert isinstance(medium, MediumFetched)
        assert medium.content == PNG
