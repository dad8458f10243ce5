"""Whole runs over a site whose media have signed addresses that expire: no medium is doubled."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from service.database import Database
from service.sources.models import FrontierEntry, MediumSeen, Sighting
from service.sources.views import RunView, SiteView
from tests.fixtures.hostile_site import Handler, HostileSite, body, hostile_site, page, picture
from tests.service.work.work_factory import Worker, make_worker, shown


class Store:
    """Each time that its page is read, its pictures are signed anew; only the newest signature
    is taken. With `unchanged` the page itself is answered by 304, as if nothing had happened.
    """

    def __init__(self, site: HostileSite) -> None:
        self.site = site
        self.signature = 0
        self.always_expired = False
        self.lasts = 1
        self.medium = shown(None, 1)
        site.put("/", self._page)
        for number in range(100):
            site.put(f"/a.png?id=1&token={number}", self._picture(number))

    def _page(self, handler: Handler) -> None:
        etag = '"always the same"'
        if handler.headers["If-None-Match"] == etag:
            handler.plain(304, {"ETag": etag}, b"")
            return
        self.signature += 1
        html = f'<title>x</title><img src="/a.png?id=1&token={self.signature}">'
        body(html.encode(), "text/html", ETag=etag)(handler)

    def _picture(self, number: int) -> object:
        def answer(handler: Handler) -> None:
            if self.always_expired or number != self.signature:
                body(b"expired", "text/plain", 403)(handler)
                return
            etag = f'"{hashlib.sha256(self.medium).hexdigest()[:8]}"'
            if handler.headers["If-None-Match"] == etag:
                handler.plain(304, {"ETag": etag}, b"")
                return
            body(self.medium, "image/png", ETag=etag)(handler)

        return answer

    def asked(self) -> list[str]:
        """What was asked for since the last time, robots.txt left out."""
        paths = [path for path in self.site.paths if path != "/robots.txt"]
        self.site.requests.clear()
        return paths


@pytest.fixture
def site() -> Iterator[HostileSite]:
    with hostile_site() as running:
        yield running


@pytest.fixture
def store(site: HostileSite) -> Store:
    return Store(site)


@pytest.fixture
def worker(sqlite_database: Database, tmp_path: Path, site: HostileSite) -> Iterator[Worker]:
    made = make_worker(sqlite_database, tmp_path, exceptions=(f"127.0.0.1:{site.port}",))
    made.engine.launch()
    yield made
    made.engine.close()


@pytest.fixture
def shop(worker: Worker, site: HostileSite) -> SiteView:
    return worker.sources.site(name="shop", seeds=(site.at("/"),))


def run(worker: Worker, described: SiteView) -> RunView:
    run_id = worker.sources.run(described).id
    assert worker.wait_for(run_id, "finished", "blind", "failed") in ("finished", "blind")
    with worker.sources.database.read() as session:
        return worker.sources.service.run(session, worker.sources.system, run_id)


def count(worker: Worker, table: type) -> int:
    with worker.sources.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_between_two_runs_a_signature_expires_and_the_medium_stays_one(
    worker: Worker, store: Store, shop: SiteView
) -> None:
    first = run(worker, shop)
    assert (first.media_examined, first.refusals) == (1, 0)
    store.signature += 5  # somebody else looked at the page: the old signature is of no use
    second = run(worker, shop)
    # The page said "unchanged" and so named the old address; it was read anew for the medium.
    assert (second.pages_unchanged, second.media_seen, second.refusals) == (1, 1, 0)
    assert count(worker, MediumSeen) == 1


def test_a_medium_that_changed_under_a_new_signature_is_examined_again(
    worker: Worker, store: Store, shop: SiteView
) -> None:
    run(worker, shop)
    store.medium = shown(None, 2)
    store.signature += 1
    second = run(worker, shop)
    assert (second.media_seen, second.refusals) == (1, 0)
    assert count(worker, MediumSeen) == 2


def test_an_address_that_expires_again_and_again_is_given_up_and_never_counts_as_seen(
    worker: Worker, store: Store, shop: SiteView
) -> None:
    store.always_expired = True
    first = run(worker, shop)
    assert (first.media_seen, first.media_examined, first.refusals) == (0, 0, 1)
    # The page, the medium, the page anew, the medium anew: and no more.
    assert [path.partition("?")[0] for path in store.asked()] == ["/", "/a.png", "/", "/a.png"]
    with worker.sources.database.read() as session:
        entry = session.scalars(select(FrontierEntry).where(FrontierEntry.kind == "medium")).one()
    assert (entry.state, entry.http_status) == ("refused", 403)
    assert count(worker, Sighting) == 0


def test_previews_do_not_stand_for_a_full_file_whose_address_stays_expired(
    worker: Worker, site: HostileSite
) -> None:
    """Thumbnail, preview and storyboard are seen; the full file is not, and the run says so."""
    site.put(
        "/",
        page(
            '<title>x</title><a href="/f/full.png?token=1"><img src="/f/thumb.png?token=1" '
            'srcset="/f/preview.png?token=1 300w"></a>'
        ),
    )
    for number, name in enumerate(("thumb", "preview")):
        site.put(f"/f/{name}.png?token=1", picture(shown(None, number)))
    site.put("/f/full.png?token=1", body(b"", "text/plain", 403))
    seen = run(worker, worker.sources.site(name="gallery", seeds=(site.at("/"),)))
    assert (seen.media_seen, seen.media_small, seen.media_examined) == (2, 2, 0)
    assert seen.media_only_small == 1


def test_media_that_differ_in_more_than_a_signature_are_two(
    worker: Worker, site: HostileSite
) -> None:
    site.put(
        "/",
        page(
            '<title>x</title><img src="/a.png?id=1&token=1"><img src="/a.png?id=2&token=1">'
            '<img src="/a.png?id=1&token=2">'
        ),
    )
    for number, query in enumerate(("id=1&token=1", "id=2&token=1", "id=1&token=2")):
        site.put(f"/a.png?{query}", picture(shown(None, number)))
    seen = run(worker, worker.sources.site(name="gallery", seeds=(site.at("/"),)))
    assert seen.media_seen == 2
