"""What leaves the child: every connection it opens is recorded, names resolve as a test says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.crawl.client import CrawlClient
from indexer.crawl.messages import AddressException, Fetch, FetchRefused, MediumFetched, PageSeen
from tests.fixtures import hostile_site as hostile
from tests.fixtures.hostile_site import LOOPBACK, HostileSite
from tests.fixtures.stubbed_crawl_child import starter

Result = PageSeen | MediumFetched | FetchRefused


class Guarded:
    """A crawl child whose name server is `answers`."""

    def __init__(self, log: Path, site: HostileSite) -> None:
        self._log = log
        self._site = site
        self.answers: dict[str, list[list[str]]] = {}
        self._client: CrawlClient | None = None

    def fetch(self, *urls: str, hosts: tuple[str, ...] = ()) -> list[Result]:
        """Fetch `urls` one after the other, in one child and one slice."""
        if self._client is None:
            start = starter(self.answers, self._log)
            self._client = CrawlClient(max_open=1, grace_s=20.0, start=start)
        scope = self._site.scope(allowed_hosts=(self._site.host, *hosts), obey_robots=False)
        fetches = [Fetch(str(n), url, "medium", 0) for n, url in enumerate(urls)]
        return list(self._client.run_slice("s", scope, iter(fetches), lambda host, delay_s: 0.0))

    @property
    def connections(self) -> list[str]:
        """Every address and port that a connection was tried to, once each."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return list(dict.fromkeys(lines))

    def close(self) -> None:
        if self._client is not None:
            self._client.close()


@pytest.fixture
def guarded(tmp_path: Path, site: HostileSite) -> Iterator[Guarded]:
    child = Guarded(tmp_path / "connections", site)
    yield child
    child.close()


def codes(results: list[Result]) -> list[str]:
    return [r.code if isinstance(r, FetchRefused) else type(r).__name__ for r in results]


def test_a_redirect_to_a_test_net_address_is_refused_before_any_connection(
    site: HostileSite, guarded: Guarded
) -> None:
    url = site.put("/1", hostile.redirect("http://192.0.2.1/a.png"))
    results = guarded.fetch(url, hosts=("192.0.2.1",))
    assert codes(results) == ["address_not_public"]
    assert guarded.connections == [f"{LOOPBACK} {site.port}"]


def test_a_redirect_to_a_name_with_a_private_address_is_refused_before_any_connection(
    site: HostileSite, guarded: Guarded
) -> None:
    guarded.answers["inside.test"] = [["10.0.0.5", "::1", "192.0.2.1"]]
    url = site.put("/1", hostile.redirect("http://inside.test/a.png"))
    assert codes(guarded.fetch(url, hosts=("inside.test",))) == ["address_not_public"]
    assert guarded.connections == [f"{LOOPBACK} {site.port}"]


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a00:1]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
        "１２７.0.0.1",
        "127。0。0。1",
    ],
)
def test_no_spelling_reaches_an_address_of_our_own(
    site: HostileSite, guarded: Guarded, host: str
) -> None:
    guarded.answers["localhost"] = [["127.0.0.1"]]
    # The exception is for the site's port: no other port of the same address is open.
    other_port = site.port - 1 if site.port > 2000 else site.port + 1
    url = f"http://{host}:{other_port}/a.png"
    assert codes(guarded.fetch(url, hosts=(f"{host}:{other_port}",))) == ["address_not_public"]
    assert guarded.connections == []


def test_an_answer_that_changes_after_the_check_changes_nothing(
    site: HostileSite, guarded: Guarded
) -> None:
    guarded.answers["rebind.test"] = [[LOOPBACK], ["192.0.2.1"]]
    picture = f"http://rebind.test:{site.port}/a.png"
    site.put("/a.png", hostile.picture())
    results = guarded.fetch(picture, picture, hosts=(f"rebind.test:{site.port}",))
    # First: checked and used once. Then: the new answer is checked, and refused.
    assert codes(results) == ["MediumFetched", "address_not_public"]
    assert site.paths == ["/a.png"]
    assert guarded.connections == [f"{LOOPBACK} {site.port}"]


def test_only_the_good_addresses_of_a_name_are_contacted(
    site: HostileSite, guarded: Guarded
) -> None:
    guarded.answers["mixed.test"] = [["192.0.2.1", "10.0.0.1", LOOPBACK]]
    site.put("/a.png", hostile.picture())
    url = f"http://mixed.test:{site.port}/a.png"
    assert codes(guarded.fetch(url, hosts=(f"mixed.test:{site.port}",))) == ["MediumFetched"]
    assert guarded.connections == [f"{LOOPBACK} {site.port}"]


def test_an_unknown_name_may_be_tried_again_later(site: HostileSite, guarded: Guarded) -> None:
    (refused,) = guarded.fetch("http://nowhere.test/a.png", hosts=("nowhere.test",))
    assert isinstance(refused, FetchRefused)
    assert (refused.code, refused.retry) == ("connection", True)


def test_robots_files_go_through_the_same_door(site: HostileSite, guarded: Guarded) -> None:
    guarded.answers["inside.test"] = [["10.0.0.5"]]
    site.put("/robots.txt", hostile.redirect("http://inside.test/robots.txt"))
    site.put("/a.png", hostile.picture())
    client = CrawlClient(start=starter(guarded.answers, guarded._log))
    scope = site.scope(allowed_hosts=(site.host, "inside.test"))
    with client:
        results = list(
            client.run_slice(
                "s", scope, [Fetch("t", site.at("/a.png"), "medium", 0)], lambda host, delay_s: 0.0
            )
        )
    assert codes(results) == ["robots"]
    assert "/a.png" not in site.paths
    assert guarded.connections == [f"{LOOPBACK} {site.port}"]


def test_the_environments_proxy_is_not_used(
    site: HostileSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://192.0.2.1:3128")
    url = site.put("/a.png", hostile.picture())
    with CrawlClient() as client:
        results = list(
            client.run_slice(
                "s", site.scope(), [Fetch("t", url, "medium", 0)], lambda host, delay_s: 0.0
            )
        )
    assert codes(results) == ["MediumFetched"]


def test_an_exception_for_another_port_opens_nothing(site: HostileSite, guarded: Guarded) -> None:
    scope = site.scope(
        obey_robots=False, address_exceptions=(AddressException(LOOPBACK, site.port + 1),)
    )
    client = CrawlClient(start=starter({}, guarded._log))
    with client:
        results = list(
            client.run_slice(
                "s", scope, [Fetch("t", site.at("/a"), "page", 0)], lambda host, delay_s: 0.0
            )
        )
    assert codes(results) == ["address_not_public"]
    assert guarded.connections == []
