"""How often a page changes is estimated from few looks, and says when it is due again."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.crawl.messages import FoundLink, PageWords
from service.sources.page_changes import MAX_WAIT_S, MEMORY, Changes, fingerprint_of

NOW = datetime(2026, 11, 16, tzinfo=UTC)
DAY = timedelta(days=1)


def looked_at(changed: list[bool], every: timedelta = DAY) -> Changes:
    """Looks at even intervals; each says whether the page had changed."""
    changes, number = Changes("0"), 0
    for moment, did in enumerate(changed):
        number += did
        changes = changes.after(str(number), every, NOW + moment * every)
    return changes


def test_the_estimator_is_the_published_one() -> None:
    changes = Changes("0", looks=10.0, changes=3.0, watched_s=10 * 86_400.0)
    assert changes.changes_a_look == pytest.approx(-math.log((10 - 3 + 0.5) / (10 + 0.5)))


def test_a_page_that_changes_at_each_look_is_due_before_the_next_one() -> None:
    assert looked_at([True] * 10).wait_s < DAY.total_seconds()


def test_a_page_that_changes_every_second_look_is_due_at_each() -> None:
    assert looked_at([True, False] * 10).wait_s < DAY.total_seconds()


def test_a_page_that_never_changed_is_left_alone_for_as_long_as_it_was_watched() -> None:
    changes = looked_at([False] * 5)
    assert DAY.total_seconds() < changes.wait_s == changes.watched_s
    assert looked_at([False] * 40, 30 * DAY).wait_s == MAX_WAIT_S


@pytest.mark.parametrize("looks", [0, 1, 2])
def test_after_few_looks_a_page_is_read_in_each_run(looks: int) -> None:
    assert looked_at([False] * looks).wait_s == 0.0


def test_runs_that_follow_one_another_at_once_leave_nothing_out() -> None:
    assert looked_at([False] * 20, timedelta(seconds=30)).wait_s == 0.0


def test_what_was_busy_once_is_not_busy_for_ever() -> None:
    busy = looked_at([True] * 10)
    for _ in range(40):
        busy = busy.after(busy.fingerprint or "", DAY, NOW)
    assert busy.wait_s > 3 * DAY.total_seconds()


def test_the_rate_of_a_page_that_changes_by_chance_is_found() -> None:
    dice = random.Random(7)
    rate_a_day = 0.3
    seen = []
    for _ in range(400):
        found = looked_at([dice.random() < 1 - math.exp(-rate_a_day) for _ in range(60)])
        seen.append(found.changes_a_look)
    assert sum(seen) / len(seen) == pytest.approx(rate_a_day, rel=0.15)


@given(st.lists(st.tuples(st.booleans(), st.floats(-10, 1e7)), max_size=60))
def test_no_page_is_left_alone_for_longer_than_a_month(looks: list[tuple[bool, float]]) -> None:
    changes, number = Changes("0"), 0
    for did, elapsed_s in looks:
        number += did
        changes = changes.after(str(number), timedelta(seconds=elapsed_s), NOW)
    assert 0.0 <= changes.wait_s <= MAX_WAIT_S
    assert changes.looks <= 1 / (1 - MEMORY) + 1e-6


def test_what_a_page_says_counts_where_it_is_read_for_names_but_not_its_counters() -> None:
    def saying(text: str) -> str:
        return fingerprint_of([], PageWords("A thread", text))

    assert saying("Seen 12 times, 3 minutes ago") == saying("Seen 15 times, 41 minutes ago")
    assert saying("A new answer") != saying("An answer") != fingerprint_of([])


def test_the_order_of_links_and_their_signatures_are_no_change() -> None:
    one = FoundLink("http://a.example/1.jpg?X-Amz-Signature=1&X-Amz-Date=2", "medium", "img")
    two = FoundLink("http://a.example/2", "page", "a")
    again = FoundLink("http://a.example/1.jpg?X-Amz-Signature=9&X-Amz-Date=8", "medium", "img")
    assert fingerprint_of([one, two]) == fingerprint_of([two, again, two])
    assert fingerprint_of([one]) != fingerprint_of([one, two])


def test_that_names_begin_or_end_to_be_looked_for_is_no_change_of_a_page() -> None:
    link = FoundLink("http://a.example/2", "page", "a")
    words = PageWords("A thread", "What it says")
    plain, read = fingerprint_of([link]), fingerprint_of([link], words)
    changes = Changes(plain)
    for fingerprint in (read, read, plain, read):
        changes = changes.after(fingerprint, DAY, NOW)
    assert (changes.changes, changes.changed_at) == (0.0, None)
    other_words = fingerprint_of([link], PageWords("A thread", "Something else"))
    assert changes.after(other_words, DAY, NOW).changed_at == NOW
    assert changes.after(fingerprint_of([], words), DAY, NOW).changed_at == NOW
