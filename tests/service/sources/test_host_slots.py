"""One lease a host, for everybody who sends requests."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from service.clock import SystemClock
from service.database import Database
from service.sources.host_slots import TOGETHER_S, HostSlots
from tests.fixtures.clock import SettableClock
from tests.fixtures.databases import PostgresServer


def test_the_first_request_leaves_at_once_and_each_later_one_keeps_its_distance(
    database: Database, clock: SettableClock
) -> None:
    slots = HostSlots(database, clock)
    assert [slots.reserve("a.example:443", 2.0) for _ in range(3)] == [0.0, 2.0, 4.0]


def test_hosts_do_not_wait_for_each_other(database: Database, clock: SettableClock) -> None:
    slots = HostSlots(database, clock)
    assert slots.reserve("a.example:443", 60.0) == 0.0
    assert slots.reserve("b.example:443", 60.0) == 0.0
    assert slots.reserve("a.example:8080", 60.0) == 0.0


def test_the_ports_of_http_and_https_are_one_host(database: Database, clock: SettableClock) -> None:
    slots = HostSlots(database, clock)
    assert slots.reserve("a.example:80", 60.0) == 0.0
    assert slots.reserve("a.example:443", 60.0) == 60.0
    assert slots.reserve("[2001:db8::1]:443", 60.0) == 0.0
    assert slots.reserve("[2001:db8::1]:80", 60.0) == 60.0


def test_short_delays_are_kept_though_several_moments_are_reserved_together(
    database: Database,
) -> None:
    one, other = HostSlots(database), HostSlots(database)
    moments: list[tuple[float, float]] = []
    for slots in (one, one, one, other, one, other, other):
        asked_s = time.monotonic()
        wait_s = slots.reserve("a.example:443", 0.1)
        moments.append((asked_s + wait_s, time.monotonic() + wait_s))
    # Each moment lies between the two: how long the machine took to answer is no distance.
    apart = [later[1] - sooner[0] for sooner, later in pairwise(sorted(moments))]
    assert min(apart) > 0.095
    assert moments[-1][1] - moments[0][0] > 0.5


def test_who_asks_without_a_delay_leaves_those_with_one_their_distance(
    database: Database, clock: SettableClock
) -> None:
    quick, slow = HostSlots(database, clock), HostSlots(database, clock)
    assert quick.reserve("a.example:443", 0.0) == 0.0
    assert slow.reserve("a.example:443", 5.0) == 5.0 + TOGETHER_S
    clock.advance(5.0 + TOGETHER_S)
    other = HostSlots(database, clock)
    assert other.reserve("a.example:443", 0.0) == 5.0


@pytest.mark.postgres
@pytest.mark.parametrize("wrong_by_s", [-7200, -40, 40, 7200])
def test_machines_whose_clocks_are_wrong_keep_the_distance(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch, wrong_by_s: int
) -> None:
    url = postgres_server.new_migrated_url()
    database = Database.open(url)
    try:
        assert HostSlots(database).reserve("a.example:443", 300.0) == 0.0
        wrong = datetime.now(UTC) + timedelta(seconds=wrong_by_s)
        monkeypatch.setattr(SystemClock, "now", lambda _clock: wrong)
        assert 200 < HostSlots(database).reserve("a.example:443", 300.0) <= 300
    finally:
        database.close()
        postgres_server.drop(url)


def test_time_that_passed_counts(database: Database, clock: SettableClock) -> None:
    slots = HostSlots(database, clock)
    slots.reserve("a.example:443", 5.0)
    clock.advance(4)
    assert slots.reserve("a.example:443", 5.0) == 1.0


def test_who_must_keep_a_longer_delay_counts_from_the_latest_request(
    database: Database, clock: SettableClock
) -> None:
    slots = HostSlots(database, clock)
    slots.reserve("a.example:443", 1.0)
    assert slots.reserve("a.example:443", 30.0) == 30.0


def test_the_lease_outlives_the_process_that_took_it(
    database: Database, clock: SettableClock
) -> None:
    HostSlots(database, clock).reserve("a.example:443", 9.0)
    assert HostSlots(database, clock).reserve("a.example:443", 9.0) == 9.0


def test_a_clock_that_was_set_back_does_not_stop_a_host_for_ever(
    database: Database, clock: SettableClock
) -> None:
    slots = HostSlots(database, clock)
    clock.advance(days=2)
    slots.reserve("a.example:443", 1.0)
    clock.advance(days=-2)
    assert slots.reserve("a.example:443", 1.0) == 0.0


def test_many_at_once_get_moments_that_are_all_apart(database: Database) -> None:
    slots = HostSlots(database, SystemClock())
    waits: list[float] = []

    def ask() -> None:
        waits.extend(slots.reserve("a.example:443", 50.0) for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(round(wait / 50.0) for wait in waits) == list(range(20))
