"""With a proxy nothing goes beside it, and it is asked only for what can be public."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.crawl.capture import capture
from indexer.crawl.capture_messages import CaptureRequest
from indexer.crawl.client import CrawlClient
from indexer.crawl.messages import (
    AddressException,
    Fetch,
    FetchRefused,
    MediumFetched,
    PageSeen,
    Scope,
    SocksProxy,
)
from indexer.crawl.proxy import Bound, ProxyError, check_bound, connected, greet_proxy
from tests.fixtures import hostile_site as hostile
from tests.fixtures.hostile_site import LOOPBACK, HostileSite, hostile_site
from tests.fixtures.local_tls import make_local_tls
from tests.fixtures.socks_proxy import AskingProxy, free_port, socks_proxy
from tests.fixtures.stubbed_crawl_child import starter
from tests.indexer.crawl.test_capture import records_of

NAME = "pictures.example.com"
OTHER = "media.example.net"
ONION = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion"
NEVER_PUBLIC = (
    "localhost intranet printer.local db.internal a.localhost router.lan nas.home.arpa x.test "
    f"x.invalid abc.i2p {ONION} 127.0.0.1 2130706433 0x7f.1 169.254.169.254 192.0.2.1 localhost."
).split()


@pytest.fixture
def proxy(site: HostileSite) -> Iterator[AskingProxy]:
    with socks_proxy(site.port) as running:
        yield running


class Child:
    """A crawl child without a name server; every connection that it tries is written down."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._client = CrawlClient(max_open=1, grace_s=20.0, start=starter({}, log))

    def fetch(self, scope: Scope, *fetches: tuple[str, str]) -> list[Any]:
        asked = [Fetch(str(n), url, kind, 0) for n, (url, kind) in enumerate(fetches)]
        return list(self._client.run_slice("s", scope, asked, lambda host, delay_s: 0.0))

    @property
    def connections(self) -> set[str]:
        return set(self._log.read_text().splitlines()) if self._log.exists() else set()

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    made = Child(tmp_path / "connections")
    yield made
    made.close()


def scope_by(proxy: SocksProxy, *hosts: str, **changes: Any) -> Scope:
    return msgspec.structs.replace(
        Scope(allowed_hosts=hosts or (NAME, OTHER), delay_s=0.0, timeout_s=5.0, proxy=proxy),
        **changes,
    )


def codes(results: list[Any]) -> list[str]:
    return [r.code if isinstance(r, FetchRefused) else type(r).__name__ for r in results]


def test_pages_media_robots_and_redirects_all_go_by_the_proxy(
    site: HostileSite, proxy: AskingProxy, child: Child
) -> None:
    site.put("/", hostile.page(f'<img src="http://{OTHER}/a.png"><a href="/b">b</a>'))
    site.put("/b", hostile.redirect(f"http://{OTHER}/c"))
    site.put("/c", hostile.page("<p>here</p>"))
    site.put("/a.png", hostile.picture())
    results = child.fetch(
        scope_by(proxy.named),
        (f"http://{NAME}/", "page"),
        (f"http://{NAME}/b", "page"),
        (f"http://{OTHER}/a.png", "medium"),
    )
    assert [type(result) for result in results] == [PageSeen, PageSeen, MediumFetched]
    assert {"/robots.txt", "/", "/b", "/c", "/a.png"} <= set(site.paths)
    assert set(proxy.asked) == {(NAME, 80), (OTHER, 80)}
    assert len(proxy.asked) == len({seen.connection for seen in site.requests})
    assert child.connections == {f"{LOOPBACK} {proxy.port}"}


def test_names_are_resolved_by_the_proxy_alone(
    site: HostileSite, proxy: AskingProxy, child: Child
) -> None:
    # The child's own name server knows no name, and the system's raises when it is asked.
    site.put("/a.png", hostile.picture())
    scope = scope_by(proxy.named, obey_robots=False)
    assert codes(child.fetch(scope, (f"http://{NAME}/a.png", "medium"))) == ["MediumFetched"]
    assert proxy.asked == [(NAME, 80)]


def test_what_cannot_be_public_is_refused_before_the_proxy_is_asked(
    proxy: AskingProxy, child: Child
) -> None:
    hosts = [*NEVER_PUBLIC, "[::1]", "[::ffff:10.0.0.1]"]
    allowed = [*hosts, *(host.rstrip(".") for host in hosts)]
    scope = scope_by(proxy.named, *allowed)
    results = child.fetch(scope, *((f"http://{host}/a.png", "medium") for host in hosts))
    assert codes(results) == ["address_not_public"] * len(hosts)
    assert proxy.asked == []
    assert child.connections == set()


def test_a_redirect_into_the_proxys_own_network_is_refused(
    site: HostileSite, proxy: AskingProxy, child: Child
) -> None:
    site.put("/a.png", hostile.redirect("http://db.internal/secret.png"))
    scope = scope_by(proxy.named, NAME, "db.internal", obey_robots=False)
    assert codes(child.fetch(scope, (f"http://{NAME}/a.png", "medium"))) == ["address_not_public"]
    assert proxy.asked == [(NAME, 80)]


def test_onion_services_are_for_a_proxy_that_may(
    site: HostileSite, proxy: AskingProxy, child: Child
) -> None:
    site.put("/a.png", hostile.picture())
    named = SocksProxy(LOOPBACK, proxy.port, onion=True)
    scope = scope_by(named, ONION, obey_robots=False)
    assert codes(child.fetch(scope, (f"http://{ONION}/a.png", "medium"))) == ["MediumFetched"]
    assert proxy.asked == [(ONION, 80)]
    # Without a proxy the name is not even shown to a resolver.
    without = msgspec.structs.replace(scope, proxy=None)
    assert codes(child.fetch(without, (f"http://{ONION}/b.png", "medium"))) == [
        "address_not_public"
    ]


@pytest.mark.parametrize("bound", [("127.0.0.1", 51000), ("169.254.1.1", 80), ("10.0.0.7", 80)])
def test_a_connection_to_the_proxys_own_machine_or_network_is_dropped(
    site: HostileSite, proxy: AskingProxy, child: Child, bound: tuple[str, int]
) -> None:
    proxy.bound = bound
    scope = scope_by(proxy.named, obey_robots=False)
    assert codes(child.fetch(scope, (f"http://{NAME}/a.png", "medium"))) == ["address_not_public"]
    assert site.paths == []


def test_a_proxy_behind_a_router_may_be_used() -> None:
    check_bound(Bound("10.0.0.7", 51000), 443)
    check_bound(Bound("0.0.0.0", 0), 443)
    check_bound(Bound(None, 0), 443)
    check_bound(Bound("127.0.0.1", 9), 8080, (AddressException("127.0.0.1", 8080),))


def test_without_its_proxy_nothing_is_fetched(site: HostileSite, child: Child) -> None:
    # The site itself could be reached: its address and port are excepted.
    down = SocksProxy(LOOPBACK, free_port())
    site.put("/a.png", hostile.picture())
    scope = msgspec.structs.replace(site.scope(obey_robots=False), proxy=down)
    (refused,) = child.fetch(scope, (site.at("/a.png"), "medium"))
    assert isinstance(refused, FetchRefused)
    assert (refused.code, refused.retry) == ("proxy", True)
    assert site.paths == []
    assert child.connections == {f"{LOOPBACK} {down.port}"}


def test_where_robots_cannot_be_asked_for_the_page_is_not_fetched_either(
    site: HostileSite, child: Child
) -> None:
    down = SocksProxy(LOOPBACK, free_port())
    (refused,) = child.fetch(scope_by(down), (f"http://{NAME}/", "page"))
    assert isinstance(refused, FetchRefused)
    assert (refused.code, refused.retry) == ("proxy", True)
    assert site.paths == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"garbage": b"HTTP/1.1 400 Bad Request\r\n\r\n"}, "proxy"),
        ({"garbage": b"\x05"}, "proxy"),
        ({"method": 2}, "proxy"),
        ({"method": 255}, "proxy"),
        ({"reply": 4}, "connection"),
        ({"reply": 5}, "connection"),
    ],
)
def test_what_a_proxy_answers_is_told(
    proxy: AskingProxy, child: Child, changes: dict[str, Any], code: str
) -> None:
    for name, value in changes.items():
        setattr(proxy, name, value)
    scope = scope_by(proxy.named, obey_robots=False)
    url = f"http://{NAME}/a.png"
    assert codes(child.fetch(scope, (url, "medium"))) == [code]
    captured = capture(CaptureRequest(1, (url,), scope), lambda host, delay_s: 0.0)
    assert (captured.resources[0].refusal or "").startswith(f"{code}:")


def test_captures_go_by_the_proxy_and_say_so(site: HostileSite, proxy: AskingProxy) -> None:
    site.put("/a", hostile.redirect(f"http://{OTHER}/a.png"))
    site.put("/a.png", hostile.picture())

    def no_resolver(host: str, port: int) -> list[str]:
        raise AssertionError(f"{host} was resolved here")

    request = CaptureRequest(1, (f"http://{NAME}/a",), scope_by(proxy.named))
    captured = capture(request, lambda host, delay_s: 0.0, resolve=no_resolver)
    (resource,) = captured.resources
    assert (resource.status, resource.refusal) == (200, None)
    assert resource.server_address is None, "the proxy alone knows it"
    assert captured.medium_content == hostile.PNG
    assert proxy.asked == [(NAME, 80), (OTHER, 80)]


@pytest.mark.parametrize("host", ["127.0.0.1", "db.internal", "localhost"])
def test_captures_are_guarded_as_crawls_are(proxy: AskingProxy, host: str) -> None:
    request = CaptureRequest(1, (f"http://{host}/a",), scope_by(proxy.named, host))
    (resource,) = capture(request, lambda host, delay_s: 0.0).resources
    assert (resource.refusal or "").startswith("address_not_public")
    assert proxy.asked == []


def test_certificates_are_verified_through_the_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_tls = make_local_tls(tmp_path)
    with hostile_site(local_tls.wrap) as secure, socks_proxy(secure.port) as proxy:
        fetch = Fetch("t", secure.put("/a.png", hostile.picture()), "medium", 0)
        scope = secure.scope(obey_robots=False, proxy=proxy.named)
        with CrawlClient() as unknowing:
            results = list(unknowing.run_slice("s", scope, [fetch], lambda host, delay_s: 0.0))
        assert codes(results) == ["tls"]
        assert secure.requests == []
        monkeypatch.setenv("SSL_CERT_FILE", str(local_tls.authority_file))
        with CrawlClient() as trusting:
            results = list(trusting.run_slice("s", scope, [fetch], lambda host, delay_s: 0.0))
        assert codes(results) == ["MediumFetched"]
        assert proxy.asked == [(LOOPBACK, secure.port)] * 2


def test_a_proxy_is_greeted_without_asking_it_for_anything(proxy: AskingProxy) -> None:
    greet_proxy(proxy.named, timeout_s=5.0)
    assert proxy.asked == []
    with pytest.raises(ProxyError, match="reached"):
        greet_proxy(SocksProxy(LOOPBACK, free_port()), timeout_s=5.0)


@given(st.binary(max_size=300))
def test_no_answer_of_a_proxy_is_read_beyond_its_end(answer: bytes) -> None:
    try:
        told = connected(answer)
    except ProxyError:
        return
    assert told is None or told[1] <= len(answer)


class TestPasswords:
    """RFC 1929: a name and a password, for the proxy alone."""

    SECRET = "pass wörd"

    def scope(self, proxy: AskingProxy, **changes: Any) -> Scope:
        proxy.user, proxy.password = "crawler", self.SECRET
        return scope_by(msgspec.structs.replace(proxy.named, **changes), obey_robots=False)

    def test_crawls_and_captures_are_let_in(
        self, site: HostileSite, proxy: AskingProxy, child: Child
    ) -> None:
        site.put("/a.png", hostile.picture())
        scope, url = self.scope(proxy), f"http://{NAME}/a.png"
        assert codes(child.fetch(scope, (url, "medium"))) == ["MediumFetched"]
        captured = capture(CaptureRequest(1, (url,), scope), lambda host, delay_s: 0.0)
        assert captured.medium_content == hostile.PNG
        assert proxy.logins == [(b"crawler", self.SECRET.encode())] * 2
        assert proxy.offered == [b"\x02"] * 2
        greet_proxy(proxy.named, timeout_s=5.0)

    def test_the_password_is_in_no_capture_and_no_words(
        self, site: HostileSite, proxy: AskingProxy
    ) -> None:
        site.put("/a.png", hostile.picture())
        scope = self.scope(proxy)
        request = CaptureRequest(1, (f"http://{NAME}/a.png",), scope)
        captured = capture(request, lambda host, delay_s: 0.0)
        blocks = [record.block for record in records_of(captured.warc_gz)]
        assert not [block for block in blocks if self.SECRET.encode() in block]
        assert not any(b"crawler" in block for block in blocks)
        assert self.SECRET not in repr(scope) + repr(request) + str(scope.proxy)
        sent = [value for seen in site.requests for value in seen.headers.values()]
        assert self.SECRET not in " ".join(sent)

    @pytest.mark.parametrize(
        "changes",
        [{"password": "wrong"}, {"user": "", "password": ""}, {"password": "x" * 256}],
        ids=["wrong", "none", "long"],
    )
    def test_without_the_right_one_nothing_is_fetched(
        self, site: HostileSite, proxy: AskingProxy, child: Child, changes: dict[str, str]
    ) -> None:
        scope, url = self.scope(proxy, **changes), f"http://{NAME}/a.png"
        assert codes(child.fetch(scope, (url, "medium"))) == ["proxy"]
        captured = capture(CaptureRequest(1, (url,), scope), lambda host, delay_s: 0.0)
        assert (captured.resources[0].refusal or "").startswith("proxy:")
        assert site.paths == []

    def test_a_proxy_that_takes_none_is_not_used_with_one(
        self, site: HostileSite, proxy: AskingProxy, child: Child
    ) -> None:
        named = msgspec.structs.replace(proxy.named, user="crawler", password=self.SECRET)
        url = f"http://{NAME}/a.png"
        assert codes(child.fetch(scope_by(named, obey_robots=False), (url, "medium"))) == ["proxy"]
        assert (site.paths, proxy.logins) == ([], [])
