"""One lease a host, for everybody who sends requests."""

from __future__ import annotations

import threading

from service.clock import SystemClock
from service.database import Database
from service.sources.host_slots import HostSlots
from tests.fixtures.clock import SettableClock


def test_the_first_request_leaves_at_once_and_each_later_one_keeps_its_distance(
    database: Database, clock: SettableClock
) -> None:
    slots = HostSlots(database, clock)
    assert [slots.reserve("a.example:443", 2.0) for _ in range(3)] == [0.0, 2.0, 4.0]


def test_hosts_do_not_wait_for_each_other(database: Database, clock: SettableClock) -> None:
    slots = HostSlots(database, clock)
    assert slots.reserve("a.example:443", 60.0) == 0.0
    assert slots.reserve("b.example:443", 60.0) == 0.0
    assert slots.reserve("a.example:80", 60.0) == 0.0


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
