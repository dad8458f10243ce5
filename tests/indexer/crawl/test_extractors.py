"""Real extractors of yt-dlp over pages served here: within the rules of every other request.

The extractor for PeerTube knows its servers by name. A name of its list is served from loopback:
every connection goes by a proxy of the test's own, which ends at the test's own site.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from scrapy.http import Response

from indexer.crawl.client import CrawlClient
from indexer.crawl.discovery import Discovered, reading_of
from indexer.crawl.extractors import MAX_REQUESTS, Extractors
from indexer.crawl.messages import Fetch, FoundLink, MediumFetched, PageSeen, Scope
from tests.fixtures import hostile_site as hostile
from tests.fixtures.clips import encoded, moving
from tests.fixtures.ended_processes import have_ended
from tests.fixtures.hostile_site import LOOPBACK, HostileSite, hostile_site
from tests.fixtures.local_tls import make_local_tls
from tests.fixtures.socks_proxy import AskingProxy, socks_proxy
from tests.fixtures.stubbed_crawl_child import starter

HOST = "framatube.org"
MEDIA_HOST = "media.example.net"
VIDEO = "9c9de5e8-0a1e-484a-b099-e80766180a6d"
WATCH = f"https://{HOST}/videos/watch/{VIDEO}"
API = f"/api/v1/videos/{VIDEO}/"
CATALOG = "/Mediasite/Catalog/catalogs/lectures"
SHELL = hostile.page('<title>Player</title><div id="app"></div><a href="/about">about</a>')


@pytest.fixture(scope="module")
def tls_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HostileSite, Path]]:
    local = make_local_tls(tmp_path_factory.mktemp("tls"), LOOPBACK, HOST, MEDIA_HOST)
    with hostile_site(local.wrap) as running:
        yield running, local.authority_file


@pytest.fixture(scope="module")
def proxy(tls_site: tuple[HostileSite, Path]) -> Iterator[AskingProxy]:
    with socks_proxy(tls_site[0].port) as running:
        yield running


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("connections") / "log"


@pytest.fixture(scope="module")
def child(tls_site: tuple[HostileSite, Path], log: Path) -> Iterator[CrawlClient]:
    start = starter({}, log, SSL_CERT_FILE=str(tls_site[1]))
    with CrawlClient(max_open=1, grace_s=20.0, start=start) as client:
        yield client


@pytest.fixture
def tube(tls_site: tuple[HostileSite, Path], proxy: AskingProxy) -> HostileSite:
    """A site that answers as the extractor's servers do, empty."""
    site = tls_site[0]
    site._table.clear()
    site.requests.clear()
    site.robots = None
    proxy.asked.clear()
    site.put(f"/videos/watch/{VIDEO}", SHELL)
    return site


def scope_by(proxy: AskingProxy, **changes: Any) -> Scope:
    defaults: dict[str, Any] = {
        "allowed_hosts": (HOST,),
        "media_hosts": (MEDIA_HOST,),
        "delay_s": 0.0,
        "timeout_s": 5.0,
        "proxy": proxy.named,
        "extractors": True,
    }
    return Scope(**(defaults | changes))


def seen(client: CrawlClient, scope: Scope, url: str, slots: list[str] | None = None) -> PageSeen:
    def slot(host: str, delay_s: float) -> float:
        if slots is not None:
            slots.append(host)
        return 0.0

    (result,) = client.run_slice("s", scope, [Fetch("t", url, "page", 0)], slot)
    assert isinstance(result, PageSeen), result
    return result


def told(files: list[dict[str, Any]], **more: Any) -> hostile.Answer:
    """What the server's own interface says of a video."""
    video = {"name": "Holiday", "account": {"displayName": "Somebody"}, "files": files, **more}
    return hostile.body(json.dumps(video).encode(), "application/json")


def a_file(name: str, label: str, size: int = 1_000_000) -> dict[str, Any]:
    return {
        "fileUrl": f"https://{MEDIA_HOST}/{name}",
        "resolution": {"label": label},
        "size": size,
    }


def media_of(page: PageSeen) -> dict[str, str | None]:
    return {link.url: link.variant_of for link in page.links if link.kind == "medium"}


class TestWhatIsFound:
    def test_the_form_that_is_enough_for_faces_is_found_and_its_still_stands_for_it(
        self, tube: HostileSite, proxy: AskingProxy, child: CrawlClient
    ) -> None:
        files = [a_file("1080.mp4", "1080p"), a_file("720.mp4", "720p"), a_file("240.mp4", "240p")]
        tube.put(API, told(files, thumbnailPath="/lazy-static/thumbnails/a.jpg"))
        page = seen(child, scope_by(proxy), WATCH)
        full = f"https://{MEDIA_HOST}/720.mp4"
        assert media_of(page) == {
            full: None,
            f"https://{HOST}/lazy-static/thumbnails/a.jpg": full,
        }
        assert page.player_refused == ""
        assert {link.how for link in page.links if link.kind == "medium"} == {"extractor"}

    def test_what_is_found_is_fetched_like_any_other_medium(
        self, tube: HostileSite, proxy: AskingProxy, child: CrawlClient
    ) -> None:
        video = encoded(moving(("astronaut",), seconds=1))
        tube.put(API, told([a_file("a.mp4", "720p", len(video))]))
        tube.put("/a.mp4", hostile.body(video, "video/mp4"))
        scope = scope_by(proxy)
        (url,) = media_of(seen(child, scope, WATCH))
        (result,) = child.run_slice("s", scope, [Fetch("m", url, "medium", 0, WATCH)], lambda *_: 0)
        assert isinstance(result, MediumFetched)
        assert result.content == video

    def test_of_a_stream_its_own_playlist_is_found(
        self, tube: HostileSite, proxy: AskingProxy, child: CrawlClient
    ) -> None:
        master = f"https://{MEDIA_HOST}/master.m3u8"
        tube.put(API, told([], streamingPlaylists=[{"playlistUrl": master}]))
        forms = "".join(
            f"#EXT-X-STREAM-INF:BANDWIDTH={side}000,RESOLUTION={side * 2}x{side}\n{side}.m3u8\n"
            for side in (360, 720)
        )
        tube.put("/master.m3u8", hostile.body(f"#EXTM3U\n{forms}".encode(), "audio/mpegurl"))
        assert media_of(seen(child, scope_by(proxy), WATCH)) == {master: None}

    def test_a_form_that_would_not_fit_gives_way_to_a_smaller_one(
        self, tube: HostileSite, proxy: AskingProxy, child: CrawlClient
    ) -> None:
        files = [a_file("720.mp4", "720p", 90_000_000), a_file("480.mp4", "480p", 20_000_000)]
        tube.put(API, told(files))
        page = seen(child, scope_by(proxy), WATCH)
        assert media_of(page) == {f"https://{MEDIA_HOST}/480.mp4": None}

    def test_nothing_that_names_somebody_is_kept(
        self, tube: HostileSite, proxy: AskingProxy, child: CrawlClient
    ) -> None:
        tube.put(API, told([a_file("a.mp4", "720p")]))
        assert "Somebody" not in repr(seen(child, scope_by(proxy), WATCH))

    def test_lists_are_pages_to_visit(self, site: HostileSite, crawler: CrawlClient) -> None:
        html = '<script>var a = {CatalogId: "631f9e48530d454381549f955d08c75e21"}</script>'
        url = site.put(CATALOG, hostile.page(html))
        page = seen(crawler, site.scope(extractors=True), url)
        following = site.at("/Mediasite/Catalog/Full/631f9e48530d454381549f955d08c75e21")
        assert [link.url for link in page.links if link.kind == "page"] == [following]


class TestPagesThatChange:
    def test_a_page_that_only_a_script_would_fill_is_no_wall_where_its_player_was_read(
        self, tube: HostileSite, proxy: AskingProxy, child: CrawlClient
    ) -> None:
        empty = "<noscript>Please enable JavaScript to run this app.</noscript>"
        shell = hostile.page(f'{empty}<div id="app"></div><script src="/app.js"></script>')
        tube.put(f"/videos/watch/{VIDEO}", shell)
        without = seen(child, scope_by(proxy, extractors=False), WATCH)
        assert "script" in {sign.kind for sign in without.wall_signs}
        tube.put(API, told([a_file("a.mp4", "720p")]))
        page = seen(child, scope_by(proxy), WATCH)
        assert len(media_of(page)) == 1
        assert "script" not in {sign.kind for sign in page.wall_signs}

    def test_what_a_server_says_of_the_page_does_not_hold_for_its_player(
        self, tube: HostileSite, proxy: AskingProxy, child: CrawlClient
    ) -> None:
        # The page stays as it is for ever; what it plays may change every day.
        tube.put(f"/videos/watch/{VIDEO}", hostile.body(b"<p></p>", "text/html", ETag='"1"'))
        tube.put(API, told([a_file("a.mp4", "720p")]))
        assert seen(child, scope_by(proxy, extractors=False), WATCH).etag == '"1"'
        assert seen(child, scope_by(proxy), WATCH).etag is None

    def test_an_address_that_expired_is_asked_of_the_player_anew(
        self, tube: HostileSite, proxy: AskingProxy, child: CrawlClient
    ) -> None:
        tube.put(API, told([a_file("a.mp4?token=2", "720p")]))
        video = encoded(moving(("astronaut",), seconds=1))
        tube.put("/a.mp4?token=1", hostile.body(b"expired", "text/plain", 403))
        tube.put("/a.mp4?token=2", hostile.body(video, "video/mp4"))
        fetch = Fetch("m", f"https://{MEDIA_HOST}/a.mp4?token=1", "medium", 0, WATCH)
        (result,) = child.run_slice("s", scope_by(proxy), [fetch], lambda *_: 0)
        assert isinstance(result, MediumFetched)
        assert result.content == video


class TestWhenItIsAsked:
    def test_off_by_default(
        self, tube: HostileSite, proxy: AskingProxy, child: CrawlClient
    ) -> None:
        tube.put(API, told([a_file("a.mp4", "720p")]))
        page = seen(child, scope_by(proxy, extractors=False), WATCH)
        assert media_of(page) == {}
        assert API not in tube.paths

    def test_a_page_that_shows_its_video_needs_nobody_else(
        self, tube: HostileSite, proxy: AskingProxy, child: CrawlClient
    ) -> None:
        tube.put(f"/videos/watch/{VIDEO}", hostile.page('<video src="/own.mp4"></video>'))
        page = seen(child, scope_by(proxy), WATCH)
        assert media_of(page) == {f"https://{HOST}/own.mp4": None}
        assert API not in tube.paths

    def test_a_page_that_no_extractor_knows_costs_no_request(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        url = site.put("/thread/1", hostile.page("<p>no video</p>"))
        page = seen(crawler, site.scope(extractors=True), url)
        assert page.player_refused == ""
        assert set(site.paths) == {"/robots.txt", "/thread/1"}

    def test_pages_are_read_again_once_it_is_switched_on(self) -> None:
        scope = Scope(allowed_hosts=("a.example",))
        assert reading_of(scope) != reading_of(Scope(allowed_hosts=("a.example",), extractors=True))


class TestRules:
    def test_every_request_takes_the_hosts_lease_and_goes_by_the_proxy(
        self, tube: HostileSite, proxy: AskingProxy, child: CrawlClient, log: Path
    ) -> None:
        tube.put(API, told([a_file("a.mp4", "720p")]))
        slots: list[str] = []
        seen(child, scope_by(proxy), WATCH, slots)
        assert len(slots) == len(tube.requests)
        assert len(proxy.asked) == len({seen.connection for seen in tube.requests})
        assert set(proxy.asked) == {(HOST, 443)}
        assert set(log.read_text().splitlines()) == {f"{LOOPBACK} {proxy.port}"}

    def test_nothing_of_a_browser_is_pretended(
        self, tube: HostileSite, proxy: AskingProxy, child: CrawlClient
    ) -> None:
        tube.put(API, told([a_file("a.mp4", "720p")]))
        seen(child, scope_by(proxy), WATCH)
        assert {request.headers["User-Agent"] for request in tube.requests} == {"Likeness"}
        assert not any("Cookie" in request.headers for request in tube.requests)

    def test_robots_txt_is_obeyed(
        self, tube: HostileSite, proxy: AskingProxy, child: CrawlClient
    ) -> None:
        tube.robots = "User-agent: *\nDisallow: /api/"
        tube.put(API, told([a_file("a.mp4", "720p")]))
        page = seen(child, scope_by(proxy), WATCH)
        assert page.player_refused == "extractor"
        assert API not in tube.paths

    def test_media_outside_the_sites_hosts_are_counted_and_never_asked_for(
        self, tube: HostileSite, proxy: AskingProxy, child: CrawlClient
    ) -> None:
        tube.put(API, told([a_file("a.mp4", "720p")]))
        page = seen(child, scope_by(proxy, media_hosts=()), WATCH)
        assert media_of(page) == {}
        assert page.player_refused == "out_of_scope"
        assert page.links_out_of_scope == 1

    @pytest.mark.parametrize(
        "where",
        ["http://127.0.0.1:1/a", "http://169.254.169.254/latest", "https://elsewhere.example/"],
        ids=["loopback", "metadata", "elsewhere"],
    )
    def test_a_redirect_to_a_forbidden_address_is_not_followed(
        self, tube: HostileSite, proxy: AskingProxy, child: CrawlClient, where: str
    ) -> None:
        tube.put(API, hostile.redirect(where))
        assert seen(child, scope_by(proxy), WATCH).player_refused == "extractor"
        assert set(proxy.asked) == {(HOST, 443)}

    def test_only_reading_is_passed_on(self, site: HostileSite, crawler: CrawlClient) -> None:
        # This extractor sends data to the server before it knows anything.
        path = "/Mediasite/Play/2db6c271681e4f199af3c60d1f82869b1d"
        url = site.put(path, hostile.page("<p>a player</p>"))
        page = seen(crawler, site.scope(extractors=True), url)
        assert page.player_refused == "extractor"
        assert set(site.paths) == {"/robots.txt", path}


class TestHostilePages:
    @pytest.mark.parametrize(
        "answer",
        [
            hostile.body(b"{" * 100_000, "application/json"),
            hostile.body(b'{"name": []}', "application/json"),
            hostile.body(b'{"name": "a", "files": [null, 1, {"fileUrl": 5}]}', "application/json"),
            hostile.body(b"\x00" * 9_000_000, "application/json"),
            hostile.gzip_bomb(50_000_000, "application/json"),
            hostile.truncated(b"{}", "application/json"),
            hostile.endless("application/json"),
            hostile.body(b"no", "text/plain", 500),
        ],
        ids=["deep", "lists", "nulls", "huge", "bomb", "truncated", "endless", "error"],
    )
    def test_it_fails_alone_and_the_page_says_so(
        self, tube: HostileSite, proxy: AskingProxy, child: CrawlClient, answer: hostile.Answer
    ) -> None:
        tube.put(API, answer)
        page = seen(child, scope_by(proxy), WATCH)
        assert page.player_refused == "extractor"
        assert [link.url for link in page.links] == [f"https://{HOST}/about"]

    def test_a_slow_drip_ends(
        self, tube: HostileSite, proxy: AskingProxy, child: CrawlClient
    ) -> None:
        tube.put(API, hostile.drip(0.2, "application/json"))
        page = seen(child, scope_by(proxy, timeout_s=1.0), WATCH)
        assert page.player_refused == "extractor"

    def test_a_list_without_an_end_is_cut(
        self, tube: HostileSite, proxy: AskingProxy, child: CrawlClient
    ) -> None:
        entries = [{"shortUUID": f"{n:022d}", "name": "a"} for n in range(30)]
        tube.put("/c/somebody/videos", SHELL)
        tube.put("/api/v1/video-channels/somebody", hostile.body(b"{}", "application/json"))
        for number in range(40):
            listed = json.dumps({"data": entries}).encode()
            query = f"sort=-createdAt&start={30 * number}&count=30&nsfw=both"
            path = f"/api/v1/video-channels/somebody/videos?{query}"
            tube.put(path, hostile.body(listed, "application/json"))
        page = seen(child, scope_by(proxy), f"https://{HOST}/c/somebody/videos")
        asked = [path for path in tube.paths if path.startswith("/api/")]
        assert 2 <= len(asked) <= MAX_REQUESTS
        assert page.player_refused == ""
        assert len([link for link in page.links if "/w/" in link.url]) == 30


class _Door:
    """Answers nothing: what is asked here would be a mistake."""

    async def send(self, url: str, part: object, most_bytes: int) -> tuple[str, Response]:
        raise AssertionError(url)


def _program(source: str) -> Any:
    def start(module: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    return start


class TestTheProcess:
    @pytest.mark.parametrize(
        "source",
        ["raise SystemExit(3)", "import time; time.sleep(600)", "print('x' * 100)"],
        ids=["dies", "hangs", "babbles"],
    )
    def test_one_that_breaks_is_ended_and_the_page_says_so(
        self, source: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("indexer.crawl.extractors.MAX_THINKING_S", 1.0)
        found = Discovered("", (FoundLink("https://a.example/b", "page", "a"),), 0, 0)
        scope = Scope(allowed_hosts=("a.example",), extractors=True)
        reader = Extractors(scope, _program(source))
        door: Any = _Door()
        added = asyncio.run(reader.added(found, "https://a.example/", 0, door))
        assert added == (found, "extractor")
        assert reader._running is None

    def test_it_does_not_outlive_a_crawl_child_that_was_killed(self) -> None:
        crawl_child = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).resolve().parents[3])!r})
from indexer.crawl.child import start_child
from indexer.crawl.extractor_messages import Extract, ReaderInbound, ReaderOutbound
from indexer.wire import Channel
started = start_child("indexer.crawl.extractor_child")
channel = Channel(started.stdout, started.stdin, ReaderOutbound)
channel.send(Extract("https://a.example/", 1))
assert channel.receive() is not None
print(started.pid, flush=True)
time.sleep(600)
"""
        with subprocess.Popen(
            [sys.executable, "-c", crawl_child], stdout=subprocess.PIPE
        ) as parent:
            assert parent.stdout is not None
            reader = psutil.Process(int(parent.stdout.readline()))
            # As one that an extractor keeps busy: it does not see that its pipe is closed.
            reader.suspend()
            parent.kill()
        ended = have_ended([reader])
        with suppress(psutil.NoSuchProcess):
            reader.kill()
        assert ended

    def test_it_writes_nothing_opens_no_connection_and_starts_nothing(self, tmp_path: Path) -> None:
        tried = f"""
import os, socket, subprocess, sys
sys.path.insert(0, {str(Path(__file__).resolve().parents[3])!r})
import yt_dlp
from indexer.crawl.extractor_walls import wall_in
wall_in()
allowed = []
for name, act in dict(
    write=lambda: open({str(tmp_path / "a")!r}, "w"),
    create=lambda: os.open({str(tmp_path / "b")!r}, os.O_CREAT | os.O_WRONLY),
    read=lambda: open("/etc/passwd"),
    own=lambda: open("/proc/self/environ"),
    folder=lambda: os.mkdir({str(tmp_path / "c")!r}),
    connect=lambda: socket.create_connection(("127.0.0.1", 9)),
    name=lambda: socket.getaddrinfo("localhost", 80),
    process=lambda: subprocess.Popen(["true"]),
    shell=lambda: os.system("true"),
    fork=lambda: os.fork(),
    memory=lambda: bytearray(2 * 1024 ** 3),
).items():
    try:
        act()
    except (PermissionError, MemoryError):
        continue
    allowed.append(name)
from yt_dlp.extractor.peertube import PeerTubeIE
os.write(1, repr(allowed).encode())
"""
        done = subprocess.run([sys.executable, "-c", tried], capture_output=True, check=False)
        assert (done.stdout, done.stderr) == (b"[]", b"")
        assert list(tmp_path.iterdir()) == []
