"""Pages that need JavaScript: what a browser finds, and where neither it nor its pages ever get.

Real chromium, in the sandbox that it has in use; every server here keeps a log of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from indexer.crawl.browser_start import MAX_REQUESTS_A_PAGE
from indexer.crawl.client import CrawlChildDied, CrawlClient
from indexer.crawl.messages import (
    AddressException,
    Condition,
    Fetch,
    FetchRefused,
    PageSeen,
    Rendering,
    Scope,
)
from indexer.crawl.walls import wall_among
from tests.fixtures import hostile_site as hostile
from tests.fixtures.ended_processes import have_ended
from tests.fixtures.forbidden_port import ForbiddenPort, forbidden_port
from tests.fixtures.hostile_site import LOOPBACK, PNG, HostileSite, hostile_site
from tests.fixtures.local_tls import make_local_tls
from tests.fixtures.socks_proxy import socks_proxy
from tests.fixtures.stubbed_crawl_child import starter

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("rendering_works")]

SPELLINGS = [
    "localhost",
    "127.1",
    "2130706433",
    "0x7f.1",
    "0177.0.0.1",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "127.0.0.1",
    "0",
]


def script(code: str, **headers: str) -> hostile.Answer:
    return hostile.body(code.encode(), "text/javascript", **headers)


def rendered_scope(site: HostileSite, **changes: Any) -> Scope:
    return site.scope(**{"rendering": Rendering(), **changes})


def visit(
    client: CrawlClient, scope: Scope, *urls: str, slots: Any = lambda host, delay_s: 0.0
) -> list[Any]:
    """The results for these pages, in their order, in one slice."""
    fetches = [Fetch(str(number), url, "page", 0) for number, url in enumerate(urls)]
    results = client.run_slice("s", scope, fetches, slots)
    return sorted(results, key=lambda result: int(result.ticket))


def media_of(page: Any) -> list[str]:
    assert isinstance(page, PageSeen), page
    return [link.url for link in page.links if link.kind == "medium"]


@pytest.fixture
def forbidden() -> Iterator[ForbiddenPort]:
    with forbidden_port() as port:
        yield port


class TestWhatIsFound:
    def test_a_gallery_that_scripts_build_is_found_and_its_pictures_are_fetched_by_nobody(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        html = "<title>Gallery</title><div id=root></div><script src=/app.js></script>"
        first, second = site.put("/1", hostile.page(html)), site.put("/2", hostile.page(html))
        site.put(
            "/app.js",
            script(
                "fetch('/list' + location.pathname).then(r => r.json()).then(list => {"
                " for (const each of list) document.getElementById('root')"
                ".insertAdjacentHTML('beforeend', `<a href=/p${each}>"
                "<img src=/${each}.png onerror=this.remove()></a>`);"
                " const full = new Image(); full.onload = () => document.body.insertAdjacentHTML("
                " 'beforeend', '<video poster=/after-a-picture.png></video>');"
                " full.src = '/not-in-the-page.png'; fetch('/clip.mp4').catch(() => 0);"
                " const x = new XMLHttpRequest(); x.open('GET', '/live/master.m3u8'); x.send();"
                " const inner = document.createElement('div'); document.body.append(inner);"
                " inner.attachShadow({mode: 'open'}).innerHTML = '<img src=/in-a-shadow.png>'; })"
            ),
        )
        site.put("/list/1", hostile.body(b"[1, 2]", "application/json"))
        site.put("/list/2", hostile.body(b"[3]", "application/json"))
        one, two = visit(crawler, rendered_scope(site), first, second)
        assert set(media_of(one)) == {
            site.at(path)
            for path in (
                *("/1.png", "/2.png", "/not-in-the-page.png"),
                *("/after-a-picture.png", "/clip.mp4", "/live/master.m3u8", "/in-a-shadow.png"),
            )
        }
        assert site.at("/3.png") in media_of(two)
        assert site.at("/p1") in {link.url for link in one.links if link.kind == "page"}
        assert one.title == "Gallery"
        assert (one.etag, one.last_modified) == (None, None)
        assert sorted(site.paths) == sorted(
            ["/robots.txt", "/1", "/2", "/app.js", "/list/1", "/list/2"]
        ), "the script of both pages is asked for once, and no picture at all"

    def test_what_comes_by_scrolling_is_found_up_to_a_bound(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        site.put(
            "/",
            hostile.page(
                "<title>Endless</title><body></body><script>let n = 0; const more = () => {"
                " for (let i = 0; i < 3; i++) document.body.insertAdjacentHTML('beforeend',"
                " `<img style='display:block;height:900px;width:9px' src=/${n++}.png>`); };"
                " more(); addEventListener('scroll', () => {"
                " if (scrollY + innerHeight > document.body.scrollHeight - 500) more(); })</script>"
            ),
        )
        (page,) = visit(crawler, rendered_scope(site), site.at("/"))
        assert 9 <= len(media_of(page)) <= 100
        assert site.paths == ["/robots.txt", "/"]

    def test_a_page_that_goes_on_by_itself_is_followed_to_pages_in_scope(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        site.put("/script", hostile.page("<script>location = '/hop'</script>"))
        site.put("/meta", hostile.page("<meta http-equiv=refresh content='0;url=/hop'>"))
        site.put("/hop", hostile.redirect("/end"))
        site.put("/end", hostile.page("<title>End</title><img src=/e.png>"))
        for page in visit(crawler, rendered_scope(site), site.at("/script"), site.at("/meta")):
            assert media_of(page) == [site.at("/e.png")]
            assert page.final_url == site.at("/end")

    def test_cookies_of_servers_and_scripts_are_kept_for_the_slice(self, site: HostileSite) -> None:
        site.put(
            "/a",
            hostile.body(
                b"<script>document.cookie = 'seen=yes'</script><a href=/b>b</a>",
                "text/html",
                Set_Cookie="visit=1; HttpOnly",
            ),
        )
        site.put("/b", hostile.page("<title>b</title><a href=/c>c</a>"))
        with CrawlClient(max_open=1, grace_s=20.0) as client:
            visit(client, rendered_scope(site), site.at("/a"), site.at("/b"))
            visit(client, rendered_scope(site), site.at("/b"))
        sent = [r.headers.get("Cookie") for r in site.requests if r.path == "/b"]
        assert set((sent[0] or "").split("; ")) == {"visit=1", "seen=yes"}
        assert sent[1] is None, "another slice knows nothing of it"

    def test_a_page_is_never_asked_for_on_a_condition(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        url = site.put("/", hostile.page("<title>x</title>"))
        fetch = Fetch("0", url, "page", 0, condition=Condition(url, etag='"1"'))
        (page,) = crawler.run_slice("s", rendered_scope(site), [fetch], lambda host, delay_s: 0.0)
        assert isinstance(page, PageSeen)
        assert "If-None-Match" not in site.requests[-1].headers


class TestWhereItNeverGets:
    def test_whatever_a_page_tries_it_reaches_nothing_but_its_own_site(
        self, site: HostileSite, forbidden: ForbiddenPort, tmp_path: Path
    ) -> None:
        urls = ", ".join(f"'http://{host}:{forbidden.port}/x'" for host in SPELLINGS)
        frames = "".join(
            f"<{tag} src=http://{LOOPBACK}:{forbidden.port}/{tag}></{tag}>"
            for tag in ("iframe", "embed", "video", "script", "audio")
        )
        site.put(
            "/",
            hostile.page(
                f"<title>Hostile</title>{frames}"
                f"<link rel=prefetch href=http://{LOOPBACK}:{forbidden.port}/prefetch>"
                f"<link rel=preconnect href=http://{LOOPBACK}:{forbidden.port}>"
                f"<link rel=dns-prefetch href=//rebind.test>"
                f"<link rel=stylesheet href=http://{LOOPBACK}:{forbidden.port}/style.css>"
                f"<object data=http://{LOOPBACK}:{forbidden.port}/object></object>"
                f"<style>@import 'http://{LOOPBACK}:{forbidden.port}/import';</style>"
                f"<script>const urls = [{urls}]; const port = {forbidden.port};</script>"
                "<script src=/attack.js></script><a href=/ok>ok</a><p id=done></p>"
            ),
        )
        site.put(
            "/attack.js",
            script(
                """
                const quietly = (act) => { try { act() } catch (e) {} };
                for (const url of urls) {
                  quietly(() => fetch(url, {mode: 'no-cors'}).catch(() => 0));
                  quietly(() => { new Image().src = url });
                  quietly(() => { new WebSocket(url.replace('http', 'ws')) });
                  quietly(() => { new EventSource(url) });
                  quietly(() => { navigator.sendBeacon(url, 'x') });
                  quietly(() => { window.open(url) });
                  quietly(() => { new Worker(url) });
                  quietly(() => fetch('/redirect?' + encodeURIComponent(url)).catch(() => 0));
                }
                quietly(() => new WebTransport(`https://127.0.0.1:${port}/`).ready.catch(() => 0));
                const code = `fetch('http://127.0.0.1:${port}/worker', {mode: 'no-cors'})`;
                quietly(() => new Worker(URL.createObjectURL(new Blob([code]))));
                quietly(() => navigator.serviceWorker.register('/worker.js').catch(() => 0));
                quietly(() => {
                  const rtc = new RTCPeerConnection(
                    {iceServers: [{urls: `stun:127.0.0.1:${port}`}]});
                  rtc.createDataChannel('x');
                  rtc.createOffer().then(offer => rtc.setLocalDescription(offer));
                });
                quietly(() => fetch('http://rebind.test:' + port + '/x').catch(() => 0));
                quietly(() => fetch('/post', {method: 'POST', body: 'x'}).catch(() => 0));
                const form = document.createElement('form');
                form.method = 'post'; form.action = '/form'; document.body.append(form);
                form.submit();
                document.getElementById('done').textContent = 'all was tried';
                """
            ),
        )
        for host in SPELLINGS:
            escaped = f"http%3A%2F%2F{host}%3A{forbidden.port}%2Fx"
            for spelled in (escaped, escaped.replace("[", "%5B").replace("]", "%5D")):
                site.put(
                    f"/redirect?{spelled.replace(':', '%3A') if '%5B' in spelled else spelled}",
                    hostile.redirect(f"http://{host}:{forbidden.port}/x"),
                )
        # Even where the scope names these hosts the address guard holds.
        hosts = tuple(f"{host}:{forbidden.port}" for host in (*SPELLINGS, "rebind.test"))
        answers = {"rebind.test": [["127.0.0.1"]], "localhost": [["127.0.0.1"]]}
        log = tmp_path / "connections"
        with CrawlClient(max_open=1, grace_s=20.0, start=starter(answers, log)) as client:
            for allowed in ((site.host,), (site.host, *hosts)):
                scope = rendered_scope(
                    site, allowed_hosts=allowed, rendering=Rendering(script_hosts=hosts)
                )
                (page,) = visit(client, scope, site.at("/"))
                assert isinstance(page, PageSeen), page
                assert page.title == "Hostile"
                assert site.at("/ok") in {link.url for link in page.links}
        assert forbidden.came == []
        assert set(log.read_text().split("\n")) - {""} == {f"{LOOPBACK} {site.port}"}
        assert "/attack.js" in site.paths
        assert not {"/post", "/form", "/worker.js"} & set(site.paths), "it only ever asks"
        assert any(path.startswith("/redirect?") for path in site.paths)

    def test_a_page_that_shows_nothing_and_leads_elsewhere_is_refused_for_where_it_leads(
        self, site: HostileSite, forbidden: ForbiddenPort, crawler: CrawlClient
    ) -> None:
        away = f"http://{LOOPBACK}:{forbidden.port}/"
        stays = "<p>it stays</p><img src=/a.png>"
        pages = (
            f"<script>location.href = '{away}'</script>",
            f"<script>setTimeout(() => top.location.replace('{away}'))</script>",
            "<script>location = '/hop'</script>",
            f"<meta http-equiv=refresh content='0;url={away}'>",
            f"{stays}<script>location.href = '{away}'</script>",
            f"<form action={away}></form><script>document.forms[0].submit()</script>{stays}",
        )
        site.put("/hop", hostile.redirect("/hop2"))
        site.put("/hop2", hostile.redirect(away))
        urls = [site.put(f"/{n}", hostile.page(html)) for n, html in enumerate(pages)]
        scope = rendered_scope(site, allowed_hosts=(site.host, f"{LOOPBACK}:{forbidden.port}"))
        *nothing, named, after, before = visit(crawler, scope, *urls)
        assert [refused.code for refused in nothing] == ["address_not_public"] * 3
        # Its markup names it: a link like any other, which the door refuses when its turn comes.
        assert [link.url for link in named.links] == [away]
        assert media_of(after) == media_of(before) == [site.at("/a.png")]
        assert forbidden.came == []

    def test_hosts_that_pages_need_are_asked_for_scripts_and_no_others(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        with hostile_site() as needed, hostile_site() as other:
            needed.put(
                "/lib.js",
                script("document.body.insertAdjacentHTML('beforeend', '<img src=/a.png>')"),
            )
            other.put("/spy.js", script("document.title = 'spied'"))
            site.put(
                "/",
                hostile.page(
                    f"<title>t</title><body><script src={needed.at('/lib.js')}></script>"
                    f"<script src={other.at('/spy.js')}></script>"
                ),
            )
            scope = rendered_scope(
                site,
                rendering=Rendering(script_hosts=(needed.host,)),
                address_exceptions=tuple(
                    AddressException(LOOPBACK, each.port) for each in (site, needed, other)
                ),
            )
            (page,) = visit(crawler, scope, site.at("/"))
        assert media_of(page) == [site.at("/a.png")]
        assert page.title == "t"
        assert page.hosts_missing == (LOOPBACK,)
        assert needed.paths == ["/robots.txt", "/lib.js"]
        assert other.paths == [], "not even its robots.txt"

    def test_a_name_whose_address_changes_is_checked_for_each_request(
        self, site: HostileSite, tmp_path: Path
    ) -> None:
        host = f"rebind.test:{site.port}"
        site.put(
            "/",
            hostile.page(
                f"<title>t</title><script src=http://{host}/1.js></script>"
                f"<script>fetch('http://{host}/2').catch(() => 0)</script>"
            ),
        )
        site.put("/1.js", script("let here = true"))
        answers = {"rebind.test": [[LOOPBACK], [LOOPBACK], ["192.0.2.1", "10.0.0.1"]]}
        log = tmp_path / "connections"
        with CrawlClient(max_open=1, grace_s=20.0, start=starter(answers, log)) as client:
            scope = rendered_scope(site, rendering=Rendering(script_hosts=(host,)))
            (page,) = visit(client, scope, site.at("/"))
        assert isinstance(page, PageSeen)
        # Its robots.txt and the script; then the new answer is checked, and refused.
        assert site.paths.count("/1.js") == 1
        assert "/2" not in site.paths
        assert set(log.read_text().split("\n")) - {""} == {f"{LOOPBACK} {site.port}"}

    def test_cookies_do_not_go_along_where_a_script_redirects_to_another_host(
        self, site: HostileSite, tmp_path: Path
    ) -> None:
        shop, cdn = f"shop.test:{site.port}", f"cdn.test:{site.port}"
        markup = b"<title>t</title><script src=/lib.js></script>"
        site.put("/", hostile.body(markup, "text/html", Set_Cookie="visit=1"))
        site.put("/lib.js", hostile.redirect(f"http://{cdn}/there.js"))
        site.put("/there.js", script("document.title = 'loaded'"))
        answers = {"shop.test": [[LOOPBACK]], "cdn.test": [[LOOPBACK]]}
        with CrawlClient(grace_s=20.0, start=starter(answers, tmp_path / "log")) as client:
            scope = rendered_scope(
                site, allowed_hosts=(shop,), rendering=Rendering(script_hosts=(cdn,))
            )
            (seen,) = visit(client, scope, f"http://{shop}/")
        assert seen.title == "loaded"
        sent = {r.path: r.headers.get("Cookie") for r in site.requests}
        assert (sent["/lib.js"], sent["/there.js"]) == ("visit=1", None)

    def test_robots_txt_holds_for_what_pages_load(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        site.robots = "User-agent: *\nDisallow: /private/\n"
        site.put("/", hostile.page("<title>t</title><script src=/private/a.js></script>"))
        site.put("/private/a.js", script("document.title = 'forbidden'"))
        (page,) = visit(crawler, rendered_scope(site), site.at("/"))
        assert page.title == "t"
        assert "/private/a.js" not in site.paths

    def test_a_page_that_stays_empty_because_its_data_were_refused_says_so(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        site.robots = "User-agent: *\nDisallow: /private/\n"
        html = "<title>t</title><p>Latest pictures</p><script>fetch('{}').catch(() => 0)</script>"
        for path, data in (("/busy", "/data"), ("/kept-out", "/private/d"), ("/well", "/gone")):
            site.put(path, hostile.page(html.format(data)))
        site.put("/data", hostile.body(b"later", "text/plain", 503))
        urls = [site.at(path) for path in ("/busy", "/kept-out", "/well")]
        walls = [
            wall_among(page.wall_signs) for page in visit(crawler, rendered_scope(site), *urls)
        ]
        assert walls == ["script", "script", None]

    def test_everything_goes_by_the_proxy_where_one_is_set(
        self, site: HostileSite, tmp_path: Path
    ) -> None:
        log = tmp_path / "connections"
        site.put("/", hostile.page("<title>t</title><script src=//cdn.example.net/a.js></script>"))
        site.put(
            "/a.js",
            script(
                "fetch('/data').then(r => r.text()).then(t => {"
                " document.title = t }); fetch('http://db.internal/x')"
            ),
        )
        site.put("/data", hostile.body(b"by the proxy", "text/plain"))
        with socks_proxy(site.port) as proxy:
            scope = Scope(
                allowed_hosts=("pages.example.com", "db.internal"),
                delay_s=0.0,
                timeout_s=10.0,
                proxy=proxy.named,
                rendering=Rendering(script_hosts=("cdn.example.net",)),
            )
            with CrawlClient(grace_s=20.0, start=starter({}, log)) as client:
                (page,) = visit(client, scope, "http://pages.example.com/")
            assert page.title == "by the proxy"
            assert set(proxy.asked) == {("pages.example.com", 80), ("cdn.example.net", 80)}
            assert set(log.read_text().split("\n")) - {""} == {f"{LOOPBACK} {proxy.port}"}

    def test_certificates_are_checked_for_what_pages_load(
        self, site: HostileSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        another = tmp_path / "another"
        another.mkdir()
        known, stranger = make_local_tls(tmp_path), make_local_tls(another)
        monkeypatch.setenv("SSL_CERT_FILE", str(known.authority_file))
        with (
            hostile_site(known.wrap) as secure,
            hostile_site(stranger.wrap) as pretender,
            CrawlClient(grace_s=20.0) as client,
        ):
            secure.put("/a.js", script("document.title += ' loaded'"))
            pretender.put("/b.js", script("document.title = 'pretended'"))
            urls = (secure.at("/a.js"), pretender.at("/b.js"))
            tags = "".join(f"<script src={url}></script>" for url in urls)
            secure.put("/", hostile.page(f"<title>t</title>{tags}"))
            scope = rendered_scope(
                secure,
                rendering=Rendering(script_hosts=(pretender.host,)),
                address_exceptions=tuple(
                    AddressException(LOOPBACK, each.port) for each in (secure, pretender)
                ),
            )
            (page,) = visit(client, scope, secure.at("/"))
        assert page.title == "t loaded"
        assert pretender.requests == []

    def test_each_request_takes_the_hosts_lease_and_keeps_its_delay(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        delay_s = 0.3
        site.put(
            "/",
            hostile.page(
                "<title>t</title>" + "".join(f"<script src=/{n}.js></script>" for n in range(4))
            ),
        )
        for number in range(4):
            site.put(f"/{number}.js", script("1"))
        asked: list[tuple[str, float]] = []

        def slots(host: str, wanted_s: float) -> float:
            asked.append((host, wanted_s))
            return 0.0

        visit(crawler, rendered_scope(site, delay_s=delay_s), site.at("/"), slots=slots)
        assert asked == [(site.host, delay_s)] * len(site.requests)
        times = [request.at_s for request in site.requests]
        assert len(times) == 6
        assert all(b - a > delay_s * 0.9 for a, b in pairwise(times))

    def test_what_a_challenge_asks_of_a_browser_is_not_done(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        html = "<title>Just a moment...</title><script src=/cdn-cgi/challenge.js></script>"
        site.put("/", hostile.page(html))
        site.put("/later", hostile.page("<script>location = '/'</script>"))
        site.put("/cdn-cgi/challenge.js", script("document.title = 'passed'"))
        first, later = visit(crawler, rendered_scope(site), site.at("/"), site.at("/later"))
        assert isinstance(first, PageSeen)
        assert "challenge" in {sign.kind for sign in first.wall_signs}
        assert isinstance(later, FetchRefused)
        assert later.wall == "challenge"
        assert "/cdn-cgi/challenge.js" not in site.paths


class TestPagesThatFail:
    def test_a_page_that_is_too_much_fails_alone(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        grows = "const m = new Uint8Array(64e6); m.fill(7); all.push(m)"
        codes = (
            "while (true) {}",
            "while (true) alert('x')",
            f"const all = []; setInterval(() => {{ {grows} }}, 20)",
            "document.body.append(new Comment('x'.repeat(9e6)))",
            "document.title = 'good'",
        )
        urls = [
            site.put(f"/{n}", hostile.page(f"<a href=/x>x</a><body><script>{code}</script>"))
            for n, code in enumerate(codes)
        ]
        scope = rendered_scope(site, rendering=Rendering(memory_bytes=500 * 1024 * 1024))
        *failed, good = visit(crawler, scope, *urls)
        assert [(each.code, each.retry) for each in failed] == [("not_rendered", False)] * 4
        told = (*["did not let it be read"] * 2, "more than 500 MiB", "too large")
        assert all(words in each.message for words, each in zip(told, failed, strict=True))
        assert good.title == "good"

    def test_what_a_page_loads_is_limited_in_number_and_size(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        many = "for (let i = 0; i < 100; i++) fetch('/n?' + i).catch(() => 0)"
        site.put(
            "/",
            hostile.page(f"<title>t</title><script src=/big.js></script><script>{many}</script>"),
        )
        site.put("/big.js", script(f"document.title = 'large' // {'x' * 300_000}"))
        scope = rendered_scope(site, max_page_bytes=200_000)
        (page,) = visit(crawler, scope, site.at("/"))
        assert page.title == "t"
        assert "unloaded" in {sign.sign for sign in page.wall_signs}
        loaded = [path for path in site.paths if path not in ("/robots.txt", "/")]
        assert len(loaded) == MAX_REQUESTS_A_PAGE

    def test_a_browser_that_is_killed_is_one_failed_page_and_nothing_is_left_of_it(
        self, site: HostileSite
    ) -> None:
        slow = threading.Event()

        def wait(handler: hostile.Handler) -> None:
            slow.set()
            handler.server.site.stopping.wait(3.0)
            handler.plain(200, {"Content-Type": "text/javascript"}, b"1")

        site.put("/slow", hostile.page("<script src=/slow.js></script>"))
        site.put("/slow.js", wait)
        site.put("/good", hostile.page("<script>document.title = 'good'</script>"))
        with CrawlClient(max_open=1, grace_s=20.0) as client:
            results: list[Any] = []

            def crawl() -> None:
                urls = (site.at("/slow"), site.at("/good"))
                results.extend(visit(client, rendered_scope(site), *urls))

            crawling = threading.Thread(target=crawl)
            crawling.start()
            assert slow.wait(30.0)
            browsers = _browsers_of(client)
            assert browsers
            for each in browsers:
                with suppress(psutil.NoSuchProcess):  # they end with the first of them
                    each.kill()
            crawling.join(60.0)
            killed, good = results
            assert isinstance(killed, FetchRefused)
            assert killed.code == "not_rendered"
            assert good.title == "good"
            assert have_ended(_browsers_of(client)), "the browser ends with its slice"

    def test_no_browser_outlives_a_crawl_child_that_was_killed(self, site: HostileSite) -> None:
        slow = threading.Event()

        def wait(handler: hostile.Handler) -> None:
            slow.set()
            handler.server.site.stopping.wait()

        site.put("/", hostile.page("<script src=/slow.js></script>"))
        site.put("/slow.js", wait)
        with CrawlClient(grace_s=20.0) as client:
            died: list[str] = []

            def crawl() -> None:
                try:
                    visit(client, rendered_scope(site), site.at("/"))
                except CrawlChildDied as error:
                    died.append(error.code)

            crawling = threading.Thread(target=crawl)
            crawling.start()
            assert slow.wait(30.0)
            started = _browsers_of(client)
            assert any("chrom" in each.name() for each in started)
            assert client.process_id is not None
            psutil.Process(client.process_id).kill()
            crawling.join(60.0)
            assert died == ["crawl_child_died"]
            assert have_ended(started)

    def test_without_chromium_no_page_is_read_and_it_says_what_to_do(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        site.put("/", hostile.page("<title>t</title><img src=/a.png>"))
        scope = rendered_scope(site, rendering=Rendering(chromium="/nowhere/chromium"))
        (refused,) = visit(crawler, scope, site.at("/"))
        assert isinstance(refused, FetchRefused)
        assert (refused.code, refused.retry) == ("browser_missing", False)
        assert "correct the setting chromium" in refused.message

    def test_files_to_save_are_not_saved_and_pictures_in_disguise_are_media(
        self, site: HostileSite, crawler: CrawlClient
    ) -> None:
        site.put(
            "/",
            hostile.page(
                "<title>t</title><a id=a href=/file download>f</a><script>"
                "document.getElementById('a').click(); fetch('/api/raw?id=1').then(r => r.blob())"
                ".then(() => { document.title = 'it was given a picture' })</script>"
            ),
        )
        site.put(
            "/file",
            hostile.body(b"x" * 1000, "application/octet-stream", Content_Disposition="attachment"),
        )
        site.put("/api/raw?id=1", hostile.body(PNG, "application/octet-stream"))
        (page,) = visit(crawler, rendered_scope(site), site.at("/"))
        assert page.title == "t"
        assert media_of(page) == [site.at("/api/raw?id=1")]


def _browsers_of(client: CrawlClient) -> list[psutil.Process]:
    if client.process_id is None:
        return []
    return list(psutil.Process(client.process_id).children(recursive=True))
