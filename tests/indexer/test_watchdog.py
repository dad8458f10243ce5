"""One thread watches every request's deadline, and acts only on one that passed."""

from __future__ import annotations

import threading

from indexer.watchdog import Watchdog

LONG_S = 60.0
SHORT_S = 0.02
PATIENCE_S = 20.0


def _threads(name: str) -> int:
    return sum(thread.name == name for thread in threading.enumerate())


def test_a_deadline_that_passes_is_acted_on_once_and_says_so() -> None:
    acted = threading.Semaphore(0)
    watchdog = Watchdog("passes", acted.release)
    with watchdog.deadline(SHORT_S) as deadline:
        assert acted.acquire(timeout=PATIENCE_S)
    assert deadline.passed
    assert not acted.acquire(timeout=5 * SHORT_S)
    watchdog.close()


def test_a_deadline_that_was_kept_is_never_acted_on() -> None:
    acted = threading.Event()
    watchdog = Watchdog("kept", acted.set)
    with watchdog.deadline(SHORT_S) as deadline:
        pass
    assert not acted.wait(5 * SHORT_S)
    assert not deadline.passed
    watchdog.close()


def test_a_sooner_deadline_after_a_later_one_is_not_slept_through() -> None:
    acted = threading.Event()
    watchdog = Watchdog("sooner", acted.set)
    with watchdog.deadline(LONG_S):
        pass
    with watchdog.deadline(SHORT_S):
        assert acted.wait(PATIENCE_S)
    watchdog.close()


def test_after_a_passed_deadline_the_next_one_is_watched() -> None:
    acted = threading.Semaphore(0)
    watchdog = Watchdog("next", acted.release)
    for _ in range(2):
        with watchdog.deadline(SHORT_S):
            assert acted.acquire(timeout=PATIENCE_S)
    watchdog.close()


def test_many_requests_take_one_thread_that_ends_when_closed() -> None:
    watchdog = Watchdog("one-thread", lambda: None)
    for _ in range(50):
        with watchdog.deadline(LONG_S):
            assert _threads("one-thread") == 1
    watcher = next(thread for thread in threading.enumerate() if thread.name == "one-thread")
    watchdog.close()
    watcher.join(PATIENCE_S)
    assert not watcher.is_alive()


def test_a_watchdog_that_never_watched_has_no_thread_to_end() -> None:
    watchdog = Watchdog("idle", lambda: None)
    watchdog.close()
    assert _threads("idle") == 0
