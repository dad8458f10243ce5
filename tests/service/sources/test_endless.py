"""What looks endless is bounded for each shape and noted once; everything else is taken."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from indexer.crawl import traps
from service.clock import SystemClock
from service.database import Database
from service.sources import endless, frontier, leasing
from service.sources.frontier import Address
from service.sources.models import FrontierEntry
from service.sources.views import RunView
from tests.service.sources.sources_factory import Sources, make_sources

YEAR = 2026


@pytest.fixture
def sources(database: Database) -> Sources:
    return make_sources(database, SystemClock())


def pages(*paths: str) -> list[Address]:
    return [Address(f"http://s.example{path}", "page", 1) for path in paths]


def add(sources: Sources, run: RunView, *paths: str) -> int:
    with sources.database.write() as session:
        sorted_out = endless.sort_out(session, run.id, pages(*paths), YEAR)
        frontier.add(session, run.id, sorted_out.taken)
        return sorted_out.left_out


def states(sources: Sources, run: RunView) -> dict[str, str | None]:
    with sources.database.read() as session:
        rows = session.scalars(select(FrontierEntry).where(FrontierEntry.run_id == run.id)).all()
    return {
        row.url.partition(".example")[2]: row.refusal_code for row in rows if row.how != "canary"
    }


def test_orders_of_a_list_are_taken_up_to_their_bound_and_its_pages_all(sources: Sources) -> None:
    run = sources.running()
    orders = [f"/list?sort={number}" for number in range(10)]
    numbered = [f"/list?sort=new&page={number}" for number in range(30)]
    assert add(sources, run, *orders) == 10 - traps.MOST_OF_SORTING
    assert add(sources, run, *numbered) == 0
    found = states(sources, run)
    assert [path for path in orders if found[path] is None] == orders[: traps.MOST_OF_SORTING]
    assert {found[path] for path in orders[traps.MOST_OF_SORTING :]} == {"endless_sorting"}
    assert all(found[path] is None for path in numbered)


def test_what_was_left_out_is_counted_once_and_never_leased(sources: Sources) -> None:
    run = sources.running()
    assert add(sources, run, "/a/a/a/", "/plain", "/a/a/a/") == 1
    assert add(sources, run, "/a/a/a/", "/a/a/a/a/") == 1
    with sources.database.write() as session:
        leases = leasing.lease(
            session,
            run.id,
            worker="w",
            limit=50,
            kinds=("page",),
            now=SystemClock().now(),
            lease_s=60,
        )
    assert not [held.url for held in leases if "/a/a" in held.url]
    assert [held.url for held in leases if held.url.endswith("/plain")]


def test_what_was_taken_stays_taken_when_it_is_named_again(sources: Sources) -> None:
    run = sources.running()
    orders = [f"/list?sort={number}" for number in range(traps.MOST_OF_SORTING)]
    assert add(sources, run, *orders) == 0
    assert add(sources, run, *orders) == 0
    assert set(states(sources, run).values()) == {None}


def test_a_trap_does_not_fill_the_database(
    sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endless, "MOST_NOTED", 5)
    run = sources.running()
    assert add(sources, run, *(f"/x/x/x/{number}" for number in range(8))) == 5
    assert add(sources, run, "/x/x/x/more") == 0


def test_media_and_ordinary_pages_have_no_bound(sources: Sources) -> None:
    run = sources.running()
    media = [Address(f"http://s.example/a/a/a/{n}.jpg?sort=1", "medium", 1) for n in range(3)]
    with sources.database.write() as session:
        sorted_out = endless.sort_out(session, run.id, media, YEAR)
    assert sorted_out.taken == tuple(media)
    assert add(sources, run, *(f"/thread/{number}" for number in range(50))) == 0
