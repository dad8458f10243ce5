"""What servers say of their answers is a stranger's text: one short line, or it counts not."""

from __future__ import annotations

import pytest
from scrapy.http import Response

from indexer.crawl.client import CrawlClient
from indexer.crawl.conditional import headers_of, validators_of
from indexer.crawl.discovery import reading_of
from indexer.crawl.messages import Condition, Fetch, FetchRefused, PageSeen, Scope, Unchanged
from tests.fixtures.hostile_site import HostileSite, body, page, raw, redirect

URL = "http://site.example/a"
DATE = "Mon, 02 Jan 2023 00:00:00 GMT"


def no_wait(host: str, delay_s: float) -> float:
    return 0.0


def answered(**headers: list[str]) -> Response:
    return Response(URL, headers={name.replace("_", "-"): value for name, value in headers.items()})


def ask(crawler: CrawlClient, scope: Scope, fetch: Fetch) -> object:
    return next(iter(list(crawler.run_slice("s", scope, [fetch], no_wait))))


@pytest.mark.parametrize("etag", ['"abc"', 'W/"abc"', "abc-without-quotes", '"' + "x" * 254 + '"'])
def test_an_etag_of_one_short_line_is_kept_as_it_is(etag: str) -> None:
    assert validators_of(answered(ETag=[etag])) == (etag, None)


@pytest.mark.parametrize(
    "etags",
    [["x" * 257], [""], ['"a\x00b"'], ['"ä"'], ['"a"', '"b"'], ['"a\tb"'], ['"a\r\nX-Evil: 1"']],
)
def test_any_other_etag_does_not_count(etags: list[str]) -> None:
    assert validators_of(answered(ETag=etags)) == (None, None)


@pytest.mark.parametrize(
    ("date", "kept"),
    [(DATE, DATE), ("yesterday", None), ("1" * 80, None), (DATE + "\r\nX: 1", None)],
)
def test_a_date_must_be_one(date: str, kept: str | None) -> None:
    assert validators_of(answered(Last_Modified=[date])) == (None, kept)


def test_a_condition_is_sent_to_its_own_address_only() -> None:
    condition = Condition(URL, '"e"', DATE)
    assert headers_of(condition, URL) == {"If-None-Match": '"e"', "If-Modified-Since": DATE}
    assert headers_of(condition, URL + "b") == {}
    assert headers_of(None, URL) == {}


def test_a_condition_that_would_smuggle_a_header_is_not_sent() -> None:
    assert headers_of(Condition(URL, '"e"\r\nCookie: a=b', "never"), URL) == {}


def test_pages_are_read_alike_only_where_the_same_addresses_are_kept() -> None:
    scope = Scope(allowed_hosts=("a.example", "b.example"))
    assert reading_of(scope) == reading_of(Scope(allowed_hosts=("b.example", "a.example")))
    others = (
        Scope(allowed_hosts=("a.example",)),
        Scope(allowed_hosts=scope.allowed_hosts, media_hosts=("c.example",)),
        Scope(allowed_hosts=scope.allowed_hosts, path_prefixes=("/x",)),
        Scope(allowed_hosts=scope.allowed_hosts, max_depth=2),
    )
    assert len({reading_of(each) for each in (scope, *others)}) == 5


class TestAnswers:
    def test_a_304_to_a_condition_is_unchanged(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        url = site.put("/a", raw(b'HTTP/1.1 304 x\r\nETag: "e"\r\nContent-Length: 900\r\n\r\n'))
        for kind in ("page", "medium"):
            fetch = Fetch("t", url, kind, 0, None, Condition(url, '"e"'))
            got = ask(crawler, site.scope(), fetch)
            assert isinstance(got, Unchanged)
            assert (got.ticket, got.url, got.final_url) == ("t", url, url)
        assert site.requests[-1].headers["If-None-Match"] == '"e"'

    def test_a_304_that_nobody_asked_for_is_no_answer(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        url = site.put("/a", body(b"", "text/html", status=304))
        got = ask(crawler, site.scope(), Fetch("t", url, "page", 0))
        assert isinstance(got, FetchRefused)
        assert (got.code, got.status) == ("http_status", 304)

    def test_a_304_of_another_address_is_no_answer(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        site.put("/b", body(b"", "text/html", status=304))
        url = site.put("/a", redirect("/b"))
        got = ask(crawler, site.scope(), Fetch("t", url, "page", 0, None, Condition(url, '"e"')))
        assert isinstance(got, FetchRefused)
        assert "If-None-Match" not in site.requests[-1].headers

    def test_a_page_says_what_it_may_be_asked_with_next_time(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        url = site.put("/a", body(b"<p>x</p>", "text/html", ETag='"e"', Last_Modified=DATE))
        got = ask(crawler, site.scope(), Fetch("t", url, "page", 0))
        assert isinstance(got, PageSeen)
        assert (got.etag, got.last_modified) == ('"e"', DATE)

    def test_a_changed_page_is_read_although_it_was_asked_conditionally(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        url = site.put("/a", page("<title>new</title>"))
        got = ask(crawler, site.scope(), Fetch("t", url, "page", 0, None, Condition(url, '"e"')))
        assert isinstance(got, PageSeen)
        assert got.title == "new"
