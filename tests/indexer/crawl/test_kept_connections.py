"""Connections that are kept for a slice: fewer handshakes, and no request without its lease."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from indexer.crawl.client import CrawlClient
from indexer.crawl.messages import Fetch, FetchRefused, MediumFetched
from tests.fixtures import hostile_site as hostile
from tests.fixtures.hostile_site import Handler, HostileSite


@pytest.fixture(scope="module")
def one_by_one() -> Iterator[CrawlClient]:
    """A child that works on one address after the other."""
    with CrawlClient(max_open=1, grace_s=20.0) as client:
        yield client


class Slices:
    """Fetches media of the site in slices, and counts the leases that were taken."""

    def __init__(self, crawler: CrawlClient, site: HostileSite) -> None:
        self._crawler = crawler
        self._site = site
        self.leases = 0

    def fetch(self, *paths: str, delay_s: float = 0.0) -> list[MediumFetched | FetchRefused]:
        scope = self._site.scope(obey_robots=False, delay_s=delay_s)
        fetches = [Fetch(path, self._site.at(path), "medium", 0) for path in paths]
        results = list(self._crawler.run_slice("s", scope, iter(fetches), self._slot))
        assert all(isinstance(result, MediumFetched | FetchRefused) for result in results)
        return results  # type: ignore[return-value]  # just checked

    def _slot(self, _host: str, _delay_s: float) -> float:
        self.leases += 1
        return 0.0


@pytest.fixture
def slices(one_by_one: CrawlClient, site: HostileSite) -> Slices:
    return Slices(one_by_one, site)


def ends_where_it_is_kept(site: HostileSite, times: int) -> hostile.Answer:
    """Ends the connection without a word when it has served before, `times` times in all."""
    left = [times]

    def answer(handler: Handler) -> None:
        used = [seen for seen in site.requests if seen.connection == handler.client_address[1]]
        if len(used) > 1 and left[0] > 0:
            left[0] -= 1
            handler.close_connection = True
            return
        handler.plain(200, {"Content-Type": "image/png"}, hostile.PNG)

    return answer


def test_one_connection_serves_the_requests_of_a_slice_and_no_other_slice(
    site: HostileSite, slices: Slices
) -> None:
    for path in ("/1.png", "/2.png", "/3.png"):
        site.put(path, hostile.picture())
    slices.fetch("/1.png", "/2.png")
    slices.fetch("/3.png")
    first, second, third = (seen.connection for seen in site.requests)
    assert first == second != third


def test_a_request_that_a_kept_connection_lost_is_sent_again_under_a_lease_of_its_own(
    site: HostileSite, slices: Slices
) -> None:
    site.put("/1.png", hostile.picture())
    site.put("/2.png", ends_where_it_is_kept(site, times=1))
    fetched = slices.fetch("/1.png", "/2.png", delay_s=0.5)
    assert [type(result) for result in fetched] == [MediumFetched, MediumFetched]
    assert site.paths == ["/1.png", "/2.png", "/2.png"]
    assert slices.leases == 3
    moments = [seen.at_s for seen in site.requests]
    # Half a second apart by the child's clock; the site reads each a moment later.
    assert all(later - earlier > 0.4 for earlier, later in itertools.pairwise(moments))


def test_the_second_time_is_by_a_new_connection_and_the_last(
    site: HostileSite, slices: Slices
) -> None:
    site.put("/1.png", hostile.picture())
    site.put("/2.png", hostile.raw(b""))
    kept, lost = slices.fetch("/1.png", "/2.png")
    assert isinstance(kept, MediumFetched)
    assert isinstance(lost, FetchRefused)
    assert (lost.code, lost.retry) == ("connection", True)
    assert site.paths == ["/1.png", "/2.png", "/2.png"]
    assert site.requests[1].connection != site.requests[2].connection


def test_an_answer_that_breaks_off_is_not_asked_for_again(
    site: HostileSite, slices: Slices
) -> None:
    site.put("/1.png", hostile.picture())
    site.put("/2.png", hostile.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"))
    _, broken = slices.fetch("/1.png", "/2.png")
    assert isinstance(broken, FetchRefused)
    assert broken.code == "truncated"
    assert site.paths == ["/1.png", "/2.png"]


def test_what_a_site_adds_to_an_answer_is_no_answer_to_the_next_request(
    site: HostileSite, slices: Slices
) -> None:
    lie = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Type: image/png\r\n\r\nlie"

    def two_answers(handler: Handler) -> None:
        handler.wfile.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
            % len(hostile.PNG)
            + hostile.PNG
            + lie
        )

    site.put("/1.png", two_answers)
    site.put("/2.png", hostile.picture())
    first, second = slices.fetch("/1.png", "/2.png")
    assert isinstance(first, MediumFetched)
    assert isinstance(second, MediumFetched)
    assert (first.content, second.content) == (hostile.PNG, hostile.PNG)
