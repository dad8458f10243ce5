"""How often a page changes, from the few times that we looked: when to look at it again.

A page "changed" between two looks when it names other addresses than before (or says something
else, where it is read for names). We see that it did, never how often: what Cho and Garcia-Molina
("Estimating frequency of change", ACM Transactions on Internet Technology 3(3), 2003) call
incomplete observation. Of n looks that could be compared and X that showed a change, their
bias-reduced estimator of the changes from one look to the next is −log((n − X + 0.5) / (n + 0.5)).
It supposes a Poisson process and even intervals; ours are nearly even, and we take their mean.
Older looks weigh less (`MEMORY`): a thread that was busy a year ago is not busy for ever.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from indexer.crawl.messages import FoundLink, PageWords
from service.sources.frontier import url_key

MEMORY: Final = 0.9
"""What a look weighs beside the one after it: about the last ten count."""
LEAST_LOOKS: Final = 2.5
"""Three comparisons, by weight: fewer say nothing, and the page is read in each run."""
WORTH_A_LOOK: Final = 0.25
"""A page is due as soon as it is so likely to have changed."""
LEAST_WAIT_S: Final = 3600.0
MAX_WAIT_S: Final = 30 * 86_400.0
_PART: Final = 32
"""Hex digits of each part of a fingerprint."""
_NUMBERS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Changes:
    """What was seen of one page's changes; looks and changes are weighed by age, times in seconds.

    `fingerprint` is of what it named when it was last read; None before anything was kept.
    `watched_s` is the time between the looks that are counted, weighed like them.
    """

    fingerprint: str | None = None
    looks: float = 0.0
    changes: float = 0.0
    watched_s: float = 0.0
    changed_at: datetime | None = None

    def after(self, fingerprint: str, elapsed: timedelta, now: datetime) -> Changes:
        """With one more look, `elapsed` after the last one, that found this fingerprint."""
        if self.fingerprint is None:
            return Changes(fingerprint)
        changed = _differ(self.fingerprint, fingerprint)
        return Changes(
            fingerprint,
            MEMORY * self.looks + 1.0,
            MEMORY * self.changes + float(changed),
            MEMORY * self.watched_s + max(0.0, elapsed.total_seconds()),
            now if changed else self.changed_at,
        )

    @property
    def changes_a_look(self) -> float:
        """How often the page changes in the mean time from one look to the next."""
        # weighed sums may exceed each other by rounding
        unchanged = max(0.0, self.looks - self.changes)
        return -math.log((unchanged + 0.5) / (self.looks + 0.5))

    @property
    def wait_s(self) -> float:
        """How long the page may be left alone after a look; 0 when it is due in each run.

        A page that never changed is left alone for as long as it was watched, at most 30 days.
        """
        if self.looks < LEAST_LOOKS:
            return 0.0
        longest_s = min(self.watched_s, MAX_WAIT_S)
        rate = self.changes_a_look
        mean_interval_s = self.watched_s / self.looks
        wait_s = longest_s
        if rate > 0.0:
            wait_s = min(longest_s, -math.log(1.0 - WORTH_A_LOOK) / rate * mean_interval_s)
        return wait_s if wait_s >= LEAST_WAIT_S else 0.0


def fingerprint_of(links: Iterable[FoundLink], words: PageWords | None = None) -> str:
    """Of the addresses that a page names, in whatever order: 32 hex digits.

    Where pages are read for names, 32 more of what it says; its numbers are left out, since many
    pages count their visitors and the minutes that have passed.
    """
    keys = sorted({f"{link.kind} {url_key(link.url)}" for link in links})
    of_links = _digits_of("\n".join(keys))
    if words is None:
        return of_links
    return of_links + _digits_of(_NUMBERS.sub("", f"{words.title}\n{words.text}"))


def _differ(one: str, other: str) -> bool:
    """Whether the page changed between two looks. What it says is compared where both read it:
    that names begin or end to be looked for is no change of the page.
    """
    if one[:_PART] != other[:_PART]:
        return True
    return min(len(one), len(other)) > _PART and one[_PART:] != other[_PART:]


def _digits_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:_PART]
