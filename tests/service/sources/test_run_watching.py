"""How a run goes can be read at any moment: done, waiting, wrong, and the time left."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from service.database import Database
from service.errors import NotFoundError
from service.sources import frontier, leasing
from service.sources.frontier import Address
from service.sources.leasing import Ending
from service.sources.run_watching import RunWatch, duration, time_left, watch
from service.sources.views import RunCount, RunView
from tests.fixtures.clock import SettableClock
from tests.service.sources.sources_factory import (
    Sources,
    make_organisation,
    make_sources,
    operator_of,
)


@pytest.fixture
def sources(database: Database, clock: SettableClock) -> Sources:
    return make_sources(database, clock)


def _look(sources: Sources, run: RunView) -> RunWatch:
    with sources.database.read() as session:
        return watch(session, sources.operator, run.id, sources.clock.now())


def _visit(sources: Sources, run: RunView, count: int, *, media: int = 20) -> None:
    """The seed and media; `count` of them are fetched, each tenth is refused."""
    with sources.database.write() as session:
        links = [Address(f"http://forum.example/{n}.png", "medium", 0) for n in range(media)]
        frontier.add(session, run.id, links)
        leases = leasing.lease(
            session,
            run.id,
            worker="W",
            limit=count,
            kinds=("page", "medium"),
            now=sources.clock.now(),
            lease_s=60,
        )
        for number, held in enumerate(leases):
            refused = Ending("refused", "timeout", "no answer")
            ending = refused if number % 10 == 9 else Ending()
            leasing.finish(session, held, ending, now=sources.clock.now())
        counted = RunCount(pages_seen=1, media_seen=count - 1, faces_counted=4, candidates_found=1)
        sources.service.progress.count(session, sources.system, run.id, counted)


def test_a_run_that_waits_has_no_time_left_to_say(sources: Sources) -> None:
    watched = _look(sources, sources.run())
    assert (watched.done, watched.known, watched.share) == (0, 1, 0.0)
    assert watched.seconds_left is None
    assert time_left(watched) == "not known yet"


def test_what_is_done_waits_and_went_wrong_is_counted(
    sources: Sources, clock: SettableClock
) -> None:
    run = sources.running()
    clock.advance(10)
    _visit(sources, run, 10)
    watched = _look(sources, run)
    assert (watched.done, watched.known) == (10, 21)
    assert (watched.pages_waiting, watched.media_waiting) == (0, 11)
    assert [(error.kind, error.code, error.count) for error in watched.errors] == [
        ("medium", "timeout", 1)
    ]
    assert watched.errors[0].words == "no answer in time"
    assert (watched.run.faces_counted, watched.run.candidates_found) == (4, 1)
    assert watched.seconds_left == 11.0, "ten in ten seconds"
    assert time_left(watched) == "about 11 seconds for what is known by now"


def test_the_pace_is_the_one_of_the_last_minutes(sources: Sources, clock: SettableClock) -> None:
    run = sources.running()
    clock.advance(10)
    _visit(sources, run, 10)
    clock.advance(600)
    assert _look(sources, run).seconds_left is None, "nothing was done lately"


def test_what_the_budget_does_not_allow_is_not_waited_for(
    sources: Sources, clock: SettableClock
) -> None:
    run = sources.running(sources.site(media_budget=10))
    clock.advance(10)
    _visit(sources, run, 10)
    assert _look(sources, run).media_waiting == 1


def test_a_run_that_is_over_has_no_time_left(sources: Sources, clock: SettableClock) -> None:
    run = sources.running()
    clock.advance(10)
    with sources.database.write() as session:
        sources.service.progress.end(session, sources.system, run.id, "blind", "no_page")
    clock.advance(100)
    watched = _look(sources, run)
    assert (watched.seconds, watched.seconds_left) == (10.0, None)


def test_nobody_watches_another_organisations_run(sources: Sources) -> None:
    run = sources.run()
    stranger = operator_of(make_organisation(sources.database, sources.clock, "Other"))
    with sources.database.read() as session, pytest.raises(NotFoundError):
        watch(session, stranger, run.id, datetime.now(UTC))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 second"),
        (40, "40 seconds"),
        (720, "12 minutes"),
        (9000, "2 hours"),
        (200_000, "2 days"),
    ],
)
def test_times_are_said_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words
