"""Periodic reports as data: counts, names of sites, times; nothing of any person."""

from __future__ import annotations

import uuid
from datetime import datetime

import msgspec

from service.reports.periods import PeriodKind
from service.reports.views import ReasonCount


class SitePeriod(msgspec.Struct, frozen=True):
    """One site in one period. Sizes in bytes, times in seconds.

    `could_not_look`: there were runs and none of them could look, so nothing can be said of the
    site. `coverage` is the share of the known pages that were visited. `requests` counts each
    attempt at an address; robots.txt and redirects are not among them. `media_gone`: the server
    said that nothing is at the address any more; `media_not_met_again`: it was not come by;
    both None where there are no two whole runs to compare. `pages_unchanged` and `media_unchanged`
    are those of the seen ones of which the server said so; `pages_not_due` were known and left
    alone, because they hardly ever change, and count as not visited in `coverage`. `media_small`
    were previews of others, `media_only_small` were seen in no other form.
    """

    site_id: uuid.UUID
    site_name: str
    site_state: str
    runs: int
    runs_finished: int
    runs_blind: int
    runs_failed: int
    runs_cancelled: int
    could_not_look: bool
    reasons: tuple[ReasonCount, ...]
    pages_seen: int
    pages_known: int
    coverage: float | None
    media_seen: int
    media_examined: int
    media_unreadable: int
    media_new: int
    media_known_before: int | None
    media_gone: int | None
    media_not_met_again: int | None
    faces_counted: int
    candidates_found: int
    finds_held_back: int
    refusals: int
    requests: int
    bytes_fetched: int
    examine_seconds: float
    run_seconds: float
    sentence: str
    pages_unchanged: int = 0
    pages_not_due: int = 0
    media_unchanged: int = 0
    media_small: int = 0
    media_only_small: int = 0
    media_in_part: int = 0


class PeriodTotal(msgspec.Struct, frozen=True):
    """All sites together in one period: one row of the trend. Sizes in bytes, times in seconds."""

    begins_at: datetime
    ends_at: datetime
    runs: int
    runs_blind: int
    runs_failed: int
    pages_seen: int
    media_seen: int
    media_examined: int
    faces_counted: int
    candidates_found: int
    refusals: int
    bytes_fetched: int
    examine_seconds: float


class PeriodReport(msgspec.Struct, frozen=True):
    """What crawls did in a day, week or month. `sentences` are what may be said of it.

    `trend` ends with this period. `errors` are addresses that were refused or failed, by reason.
    `complete` is false for a period that has not ended. `runs_paused` are among `runs_going_on`.
    """

    kind: PeriodKind
    begins_at: datetime
    ends_at: datetime
    complete: bool
    sentences: tuple[str, ...]
    total: PeriodTotal
    requests: int
    media_new: int
    media_gone: int
    runs_going_on: int
    sites: tuple[SitePeriod, ...]
    errors: tuple[ReasonCount, ...]
    trend: tuple[PeriodTotal, ...]
    made_at: datetime
    runs_paused: int = 0


class KeptReport(msgspec.Struct, frozen=True):
    """A periodic report in the list."""

    id: uuid.UUID
    kind: PeriodKind
    begins_at: datetime
    ends_at: datetime
    made_at: datetime
    runs: int
    runs_blind: int
    mailed_at: datetime | None
    mail_problem: str
