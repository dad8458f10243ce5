"""No request leaves the scope, whatever a page, a sitemap, a redirect or robots.txt says."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.crawl.client import CrawlClient
from indexer.crawl.found import depth_of
from indexer.crawl.messages import AddressException, Fetch, PageSeen
from tests.fixtures.hostile_site import LOOPBACK, HostileSite, body, hostile_site, page, redirect

PATHS = ("/in/a", "/in/b.png", "/in/../out/c", "/out/d", "/in/%2e%2e/out/e", "/in/map.xml", "")
SPELLINGS = (
    "{scheme}://127.0.0.1:{port}{path}",
    "//127.0.0.1:{port}{path}",
    "{scheme}:\\\\127.0.0.1:{port}{path}",
    "http://2130706433:{port}{path}",
    "http://0x7f.1:{port}{path}",
    "http://[::ffff:127.0.0.1]:{port}{path}",
    "http://user@127.0.0.1:{port}{path}",
    " http://127.0.0.1:{port}{path}\n",
    "{path}",
)
PLACES = (
    '<a href="{0}">x</a>',
    '<img src="{0}" srcset="{0} 2x">',
    '<base href="{0}"><a href="f">x</a>',
    '<meta http-equiv="refresh" content="0;url={0}">',
    '<iframe src="{0}"></iframe><video src="{0}" poster="{0}"></video>',
    '<link rel="alternate" type="application/rss+xml" href="{0}">',
    '<link rel="next" href="{0}"><form action="{0}"></form><script src="{0}"></script>',
    '<script type="application/ld+json">{{"contentUrl": "{0}"}}</script>',
)


@pytest.fixture(scope="module")
def sites() -> Iterator[tuple[HostileSite, HostileSite]]:
    with hostile_site() as inside, hostile_site() as outside:
        yield inside, outside


@st.composite
def addresses(draw: st.DrawFn) -> tuple[str, str, bool]:
    return draw(st.sampled_from(SPELLINGS)), draw(st.sampled_from(PATHS)), draw(st.booleans())


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    named=st.lists(st.tuples(st.sampled_from(PLACES), addresses()), min_size=1, max_size=6),
    leads=addresses(),
    listed=addresses(),
)
def test_no_request_leaves_the_scope_whatever_is_said(
    sites: tuple[HostileSite, HostileSite],
    crawler: CrawlClient,
    named: list[tuple[str, tuple[str, str, bool]]],
    leads: tuple[str, str, bool],
    listed: tuple[str, str, bool],
) -> None:
    inside, outside = sites
    inside.requests.clear()
    outside.requests.clear()

    def written(address: tuple[str, str, bool]) -> str:
        spelling, path, is_outside = address
        port = outside.port if is_outside else inside.port
        return spelling.format(scheme="http", port=port, path=path)

    inside.robots = f"Sitemap: {written(listed).strip()}"
    html = "".join(place.format(written(address)) for place, address in named)
    for path in ("/in/", "/in/f", "/in/b.png"):
        inside.put(path, page(html))
    inside.put("/in/a", redirect(written(leads).strip()))
    entry = f"<url><loc>{written(listed)}</loc></url>"
    inside.put("/in/map.xml", body(f"<urlset>{entry}</urlset>".encode(), "application/xml"))
    # Both servers may be contacted: only the scope keeps the outer one from being asked.
    scope = inside.scope(
        path_prefixes=("/in/",),
        max_depth=3,
        address_exceptions=(
            AddressException(LOOPBACK, inside.port),
            AddressException(LOOPBACK, outside.port),
        ),
    )
    crawl(crawler, scope, inside.at("/in/"))
    assert outside.requests == []
    assert "/in/" in inside.paths
    # Media may stand anywhere on the host; whatever is asked for as a page is below the prefix.
    assert not [path for path in asked_as_pages(inside) if not path.startswith("/in/")]


def crawl(crawler: CrawlClient, scope: object, start: str) -> None:
    """Follow everything that the child names, as a worker would."""
    waiting = deque([Fetch("0", start, "page", 0)])
    known = {start}
    tickets = 0
    while waiting:
        fetches = {fetch.ticket: fetch for fetch in waiting}
        waiting.clear()
        results = crawler.run_slice("s", scope, fetches.values(), lambda host, delay_s: 0.0)  # type: ignore[arg-type]
        for result in results:
            if not isinstance(result, PageSeen):
                continue
            held = fetches[result.ticket]
            for link in result.links:
                if link.url in known:
                    continue
                known.add(link.url)
                tickets += 1
                depth = held.depth if link.kind == "medium" else depth_of(link.how, held.depth)
                waiting.append(
                    Fetch(f"n{tickets}", link.url, link.kind, depth, held.url, how=link.how)
                )


def asked_as_pages(site: HostileSite) -> list[str]:
    return [
        request.path
        for request in site.requests
        if request.path != "/robots.txt" and not request.headers["Accept"].startswith("image/")
    ]
