"""A run goes first to where finds were made; dismissals count against a page."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from indexer.observations import Examination, MediaHashes
from service.audit.trail import AuditTrail
from service.database import Database
from service.sources.frontier import url_key
from service.sources.likelihood import (
    CONFIRMED,
    FOUND,
    NEAR,
    ROUTINE,
    SAME_HOST,
    Likely,
    MediumFind,
)
from service.sources.media_ledger import Place
from service.sources.models import FrontierEntry, KnownAddress
from service.sources.revisits import KNOWN
from service.sources.scopes import CrawlManners
from service.sources.service import SourcesService
from service.sources.views import RunView, SiteView
from tests.fixtures.clock import SettableClock
from tests.service.sources.sources_factory import Sources, make_sources

HOST = "http://forum.example"


@dataclass
class Finds:
    """What candidates would answer."""

    all: list[MediumFind] = field(default_factory=list)

    def of(self, _session: Session, _organisation_id: uuid.UUID) -> Sequence[MediumFind]:
        return self.all


@pytest.fixture
def finds() -> Finds:
    return Finds()


@pytest.fixture
def sources(database: Database, clock: SettableClock, finds: Finds) -> Sources:
    made = make_sources(database, clock)
    manners = CrawlManners("Likeness test", 0.0, ())
    service = SourcesService(clock, AuditTrail(clock), made.cases, manners, finds.of)
    return replace(made, service=service)


@pytest.fixture
def site(sources: Sources) -> SiteView:
    return sources.site(name="forum")


def seen_on(sources: Sources, site: SiteView, run: RunView, page: str) -> uuid.UUID:
    """A medium that a run saw on a page."""
    with sources.database.write() as session:
        examination = Examination(
            hashes=MediaHashes(sha256=url_key(page + uuid.uuid4().hex)),
            kind="still",
            width_px=1,
            height_px=1,
            frames_examined=1,
            faces_counted=0,
        )
        address = f"{HOST}/{uuid.uuid4().hex}.jpg"
        place = Place(site.organisation_id, address, page, site.id, run.id)
        return sources.service.record_examined(
            session, sources.system, place, examination, 1
        ).medium_id


def likely(sources: Sources, run: RunView) -> Likely:
    with sources.database.read() as session:
        return sources.service.revisits.likely(session, run)


def end(sources: Sources, run: RunView) -> None:
    with sources.database.write() as session:
        assert sources.service.progress.end(session, sources.system, run.id, "finished", "")


def begun_at(sources: Sources, run: RunView) -> list[tuple[str, int, str]]:
    with sources.database.read() as session:
        rows = session.scalars(
            select(FrontierEntry)
            .where(FrontierEntry.run_id == run.id)
            .order_by(FrontierEntry.rank, FrontierEntry.depth, FrontierEntry.id)
        )
        return [(row.url.removeprefix(HOST), row.rank, row.how) for row in rows]


def test_confirmed_comes_before_waiting_and_dismissals_count_against_a_page(
    sources: Sources, site: SiteView, finds: Finds
) -> None:
    run = sources.running(site)
    for page, states in {
        "/t/1": ["waiting"],
        "/t/2": ["confirmed", "dismissed"],
        "/t/3": ["waiting", "dismissed"],
        "/t/4": ["dismissed"],
        "/t/5": ["waiting", "waiting"],
    }.items():
        for state in states:
            finds.all.append(MediumFind(seen_on(sources, site, run, HOST + page), state))
    found = likely(sources, run)
    assert [(page.removeprefix(HOST), rank) for page, rank in found.pages.items()] == [
        ("/t/2", CONFIRMED),
        ("/t/5", FOUND),
        ("/t/1", FOUND),
    ]


def test_further_pages_of_a_thread_and_an_account_come_before_the_rest_of_the_host(
    sources: Sources, site: SiteView, finds: Finds
) -> None:
    run = sources.running(site)
    for page in ("/forum/thread-12", "/u/anna9/albums/3"):
        finds.all.append(MediumFind(seen_on(sources, site, run, HOST + page), "waiting"))
    rank = likely(sources, run).rank
    assert rank(f"{HOST}/forum/thread-12") == FOUND
    assert rank(f"{HOST}/forum/thread-12/page-2") == NEAR
    assert rank(f"{HOST}/forum/thread-12?page=2") == NEAR
    assert rank(f"{HOST}/u/anna9/about") == NEAR
    assert rank(f"{HOST}/forum/thread-123") == SAME_HOST
    assert rank("http://other.example/forum/thread-12") == ROUTINE


def test_a_run_begins_with_what_is_known_of_finds_and_changes_within_a_quarter_of_its_budget(
    sources: Sources, finds: Finds, clock: SettableClock
) -> None:
    site = sources.site(
        name="small", page_budget=12, canaries=(f"2 {HOST}/canary",), path_prefixes=("/",)
    )
    first = sources.running(site)
    finds.all.append(MediumFind(seen_on(sources, site, first, f"{HOST}/t/1"), "confirmed"))
    finds.all.append(
        MediumFind(seen_on(sources, site, first, "http://elsewhere.example/t/1"), "confirmed")
    )
    now = clock.now()
    with sources.database.write() as session:
        for number in range(6):
            url = f"{HOST}/list/{number}"
            session.add(
                KnownAddress(
                    site_id=site.id,
                    url_key=url_key(url),
                    kind="page",
                    answered_url=url,
                    reading="r",
                    depth=2,
                    looked_for="links",
                    read_at=now,
                    seen_at=now,
                    changed_at=now if number % 2 else None,
                )
            )
    end(sources, first)
    begun = begun_at(sources, sources.run(site))
    assert [how for _, _, how in begun] == ["canary", KNOWN, KNOWN, KNOWN, "seed"]
    assert begun[1][:2] == ("/t/1", CONFIRMED)
    assert {url for url, _, _ in begun[2:4]} < {"/list/1", "/list/3", "/list/5"}


def test_a_run_without_finds_begins_as_ever(sources: Sources, site: SiteView) -> None:
    assert begun_at(sources, sources.run(site)) == [("/start", ROUTINE, "seed")]
