"""A second run of a site over loopback: what did not change is neither sent nor looked at again."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from service.clock import SystemClock
from service.database import Database
from service.sources.known_addresses import FORGOTTEN_AFTER, MAX_UNCHANGED
from service.sources.models import FrontierEntry, KnownAddress, Sighting, Site
from service.sources.views import RunView, SiteView
from tests.fixtures.hostile_site import Answer, Handler, HostileSite, hostile_site, redirect
from tests.service.work.work_factory import Worker, make_person, make_worker, shown

DATE = "Mon, 02 Jan 2023 00:00:00 GMT"


@dataclass
class Archive:
    """A site that tells its ETags, or dates, and counts the bytes of bodies that it sends."""

    site: HostileSite
    bodies: dict[str, bytes] = field(default_factory=dict)
    sent_bytes: int = 0

    def put(self, path: str, content: bytes, *, by_date: bool = False) -> None:
        self.bodies[path] = content
        self.site.put(path, self._answer(path, by_date=by_date))

    def page(self, path: str, *names: str, by_date: bool = False) -> None:
        shown_here = "".join(
            f'<img src="{name}">' if name.endswith(".png") else f'<a href="{name}">x</a>'
            for name in names
        )
        self.put(path, f"<title>{path}</title>{shown_here}".encode(), by_date=by_date)

    def asked(self) -> list[tuple[str, bool]]:
        """(path, whether it was asked conditionally) since the last time, robots.txt left out."""
        seen = [
            (each.path, "If-None-Match" in each.headers or "If-Modified-Since" in each.headers)
            for each in self.site.requests
            if each.path != "/robots.txt"
        ]
        self.site.requests.clear()
        return sorted(seen)

    def _answer(self, path: str, *, by_date: bool) -> Answer:
        def answer(handler: Handler) -> None:
            content = self.bodies[path]
            etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
            unchanged = (
                handler.headers["If-Modified-Since"] == DATE
                if by_date
                else handler.headers["If-None-Match"] == etag
            )
            headers = {"Last-Modified": DATE} if by_date else {"ETag": etag}
            headers["Content-Type"] = "image/png" if path.endswith(".png") else "text/html"
            if unchanged:
                handler.plain(304, {**headers, "Content-Length": str(len(content))}, b"")
                return
            self.sent_bytes += len(content)
            handler.plain(200, headers, content)

        return answer


@pytest.fixture
def archive() -> Iterator[Archive]:
    with hostile_site() as running:
        made = Archive(running)
        made.page("/", "/list", "/cover.png")
        made.page("/list", "/deep", "/a.png", by_date=True)
        made.page("/deep", "/b.png")
        for number, name in enumerate(("/cover.png", "/a.png", "/b.png")):
            made.put(name, shown(None, number) + bytes(20_000), by_date=name == "/a.png")
        yield made


@pytest.fixture
def worker(sqlite_database: Database, tmp_path: Path, archive: Archive) -> Iterator[Worker]:
    made = make_worker(sqlite_database, tmp_path, exceptions=(f"127.0.0.1:{archive.site.port}",))
    made.engine.launch()
    yield made
    made.engine.close()


@pytest.fixture
def forum(worker: Worker, archive: Archive) -> SiteView:
    return worker.sources.site(name="forum", seeds=(archive.site.at("/"),))


def run(worker: Worker, forum: SiteView) -> RunView:
    run_id = worker.sources.run(forum).id
    assert worker.wait_for(run_id, "finished", "blind", "failed") == "finished"
    with worker.sources.database.read() as session:
        return worker.sources.service.run(session, worker.sources.system, run_id)


PATHS = ("/", "/a.png", "/b.png", "/cover.png", "/deep", "/list")


def test_a_second_run_asks_for_everything_and_is_sent_nothing(
    worker: Worker, archive: Archive, forum: SiteView
) -> None:
    first = run(worker, forum)
    assert archive.asked() == [(path, False) for path in PATHS]
    assert archive.sent_bytes == first.bytes_fetched > 60_000
    assert (first.pages_unchanged, first.media_unchanged) == (0, 0)
    archive.sent_bytes = 0
    second = run(worker, forum)
    assert archive.asked() == [(path, True) for path in PATHS]
    assert (archive.sent_bytes, second.bytes_fetched) == (0, 0)
    assert (second.pages_seen, second.media_seen) == (3, 3)
    assert (second.pages_unchanged, second.media_unchanged) == (3, 3)
    assert second.media_examined == 0
    assert len(worker.eyes.looked) == 3
    with worker.sources.database.read() as session:
        sightings = session.scalars(select(Sighting).where(Sighting.run_id == second.id)).all()
        entries = session.scalars(
            select(FrontierEntry).where(FrontierEntry.run_id == second.id)
        ).all()
    assert len(sightings) == 3
    assert {entry.http_status for entry in entries} == {304}


def test_what_hangs_below_an_unchanged_page_is_found_where_it_is_new(
    worker: Worker, archive: Archive, forum: SiteView
) -> None:
    run(worker, forum)
    archive.asked()
    archive.page("/deep", "/b.png", "/new.png")
    archive.put("/new.png", shown(None, 9))
    archive.put("/b.png", shown(None, 10))
    second = run(worker, forum)
    assert ("/new.png", False) in archive.asked()
    assert (second.pages_unchanged, second.media_unchanged) == (2, 2)
    assert second.media_examined == 2


def test_somebody_who_joined_is_looked_for_in_media_that_did_not_change(
    worker: Worker, archive: Archive, forum: SiteView
) -> None:
    run(worker, forum)
    archive.asked()
    worker.eyes.change += 1
    second = run(worker, forum)
    media = {path: conditional for path, conditional in archive.asked() if path.endswith("png")}
    assert media == {"/a.png": False, "/b.png": False, "/cover.png": False}
    assert (second.pages_unchanged, second.media_unchanged, second.media_examined) == (3, 0, 3)


def test_a_medium_that_showed_somebody_is_fetched_again(
    worker: Worker, archive: Archive, forum: SiteView
) -> None:
    archive.put("/b.png", shown(make_person(worker.sources), 5))
    run(worker, forum)
    archive.asked()
    second = run(worker, forum)
    assert ("/b.png", False) in archive.asked()
    assert (second.media_unchanged, second.media_examined) == (2, 1)


def test_a_page_that_was_read_within_a_narrower_scope_is_read_again(
    worker: Worker, archive: Archive, forum: SiteView
) -> None:
    run(worker, forum)
    archive.asked()
    with worker.sources.database.write() as session:
        session.execute(update(Site).where(Site.id == forum.id).values(media_hosts=["cdn.example"]))
    second = run(worker, forum)
    assert second.pages_unchanged == 0
    assert second.media_unchanged == 3


def test_pages_that_were_read_for_something_else_are_read_again(
    worker: Worker, archive: Archive, forum: SiteView
) -> None:
    run(worker, forum)
    with worker.sources.database.write() as session:
        session.execute(
            update(KnownAddress).where(KnownAddress.kind == "page").values(looked_for="less")
        )
    second = run(worker, forum)
    assert (second.pages_unchanged, second.media_unchanged) == (0, 3)


def test_a_server_that_always_says_unchanged_is_asked_for_the_whole_now_and_then(
    worker: Worker, archive: Archive, forum: SiteView
) -> None:
    run(worker, forum)
    archive.asked()
    with worker.sources.database.write() as session:
        session.execute(update(KnownAddress).values(unchanged_in_a_row=MAX_UNCHANGED))
    second = run(worker, forum)
    assert archive.asked() == [(path, False) for path in PATHS]
    assert (second.pages_unchanged, second.media_unchanged) == (0, 0)
    assert run(worker, forum).pages_unchanged == 3


def test_a_canary_is_always_read_whole(worker: Worker, archive: Archive) -> None:
    canary = f"1 {archive.site.at('/deep')}"
    forum = worker.sources.site(name="watched", seeds=(archive.site.at("/"),), canaries=(canary,))
    run(worker, forum)
    archive.asked()
    run(worker, forum)
    assert [path for path, conditional in archive.asked() if not conditional] == ["/deep"]


def test_a_condition_is_not_sent_to_where_an_address_redirects_since(
    worker: Worker, archive: Archive, forum: SiteView
) -> None:
    archive.page("/moved", "/b.png")
    archive.site.put("/deep", redirect("/moved"))
    run(worker, forum)
    archive.asked()
    archive.page("/elsewhere", "/b.png")
    archive.site.put("/deep", redirect("/elsewhere"))
    run(worker, forum)
    asked = archive.asked()
    assert ("/deep", False) in asked
    assert ("/elsewhere", False) in asked


def test_what_was_not_seen_for_long_is_forgotten_when_a_run_begins(
    worker: Worker, archive: Archive, forum: SiteView
) -> None:
    run(worker, forum)
    long_ago = SystemClock().now() - FORGOTTEN_AFTER - timedelta(days=1)
    with worker.sources.database.write() as session:
        session.execute(update(KnownAddress).values(seen_at=long_ago))
    run(worker, forum)
    with worker.sources.database.read() as session:
        kept = session.scalars(select(KnownAddress.seen_at)).all()
    assert len(kept) == len(PATHS)
    assert min(kept) > long_ago


def test_two_sites_know_nothing_of_one_another(
    worker: Worker, archive: Archive, forum: SiteView
) -> None:
    run(worker, forum)
    archive.asked()
    other = worker.sources.site(name=str(uuid.uuid4()), seeds=(archive.site.at("/"),))
    run(worker, other)
    assert archive.asked() == [(path, False) for path in PATHS]
