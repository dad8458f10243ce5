"""A host that fails is left alone, longer each time, until it answers or is given up."""

from __future__ import annotations

from indexer.crawl.messages import FetchRefused
from service.database import Database
from service.sources.host_rests import (
    GIVE_UP_AFTER,
    LONGEST_REST_S,
    Rest,
    host_of,
    is_failure,
    note_answer,
    note_failure,
    troubled,
)
from tests.fixtures.clock import SettableClock

HOST = "a.example"


def fail(database: Database, clock: SettableClock) -> Rest:
    with database.write() as session:
        return note_failure(session, HOST, clock.now())


def known(database: Database, clock: SettableClock) -> dict[str, Rest]:
    with database.read() as session:
        return troubled(session, [HOST, "b.example"], clock.now())


def test_each_failure_after_a_rest_doubles_the_next_one_until_the_host_is_given_up(
    database: Database, clock: SettableClock
) -> None:
    rests: list[float] = []
    for _ in range(GIVE_UP_AFTER):
        rest = fail(database, clock)
        rests.append((rest.until - clock.now()).total_seconds())
        clock.set(rest.until)
    assert rests[:4] == [2.0, 4.0, 8.0, 16.0]
    assert max(rests) == LONGEST_REST_S
    assert rest.given_up
    assert "given up" in rest.words
    assert HOST in rest.words


def test_failures_of_requests_that_were_under_way_count_once(
    database: Database, clock: SettableClock
) -> None:
    first = fail(database, clock)
    assert fail(database, clock) == first
    assert known(database, clock) == {HOST: first}
    assert not first.given_up


def test_an_answer_ends_all_failures(database: Database, clock: SettableClock) -> None:
    fail(database, clock)
    with database.write() as session:
        note_answer(session, HOST)
    assert known(database, clock) == {}


def test_after_a_day_a_host_begins_anew(database: Database, clock: SettableClock) -> None:
    for _ in range(5):
        clock.set(fail(database, clock).until)
    clock.advance(days=2)
    assert known(database, clock) == {}
    assert fail(database, clock).failures == 1


def test_what_is_about_one_address_is_no_failure_of_its_host() -> None:
    def refused(code: str, *, status: int | None = None, retry: bool = False) -> FetchRefused:
        return FetchRefused("1", "http://a.example/", code, "", status, retry)

    assert is_failure(refused("http_status", status=503, retry=True))
    assert is_failure(refused("timeout", retry=True))
    assert not is_failure(refused("http_status", status=404))
    assert not is_failure(refused("truncated", status=200, retry=True))
    assert not is_failure(refused("robots"))


def test_http_and_https_fail_together() -> None:
    assert host_of("http://a.example/x") == host_of("https://a.example/y") == HOST
    assert host_of("http://a.example:8080/") == "a.example:8080"
    assert host_of("no address") == ""
