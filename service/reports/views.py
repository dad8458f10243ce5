"""Reports as data: counts, hosts and times; nothing of any person is in a crawl report."""

from __future__ import annotations

import uuid
from datetime import datetime

import msgspec


class ReasonCount(msgspec.Struct, frozen=True):
    """How often one reason came up. `words` say the code to people."""

    kind: str
    code: str
    words: str
    count: int


class CandidateCount(msgspec.Struct, frozen=True):
    """How many candidates of one kind are in one state."""

    kind: str
    state: str
    count: int


class ModelCount(msgspec.Struct, frozen=True):
    """How many media one model looked at; `model` is empty where no face model did."""

    model: str
    media: int


class ListedCount(msgspec.Struct, frozen=True):
    """How many addresses one hash list named; `action` is what is done with them."""

    list_name: str
    action: str
    addresses: int


class CrawlReport(msgspec.Struct, frozen=True):
    """What one run did. Sizes in bytes, times in seconds.

    `blind` means that we could not look; `conclusion` is the sentence that may be said of the run.
    `media_repeated` were examined before with the same model and watch-list. `pages_waiting` and
    `media_waiting` were known and not visited; `pages_not_due` were known and left alone, because
    they hardly ever change: they count as not visited in `coverage`, too. `pages_unchanged` and
    `media_unchanged` are those of the seen ones of which the server said so.
    `faces_counted` is a number and nothing else. `listed` is of the organisation's hash lists:
    media, not people. For so many people as
    `face_searches_resting` says no find by face was made; `weaker_not_shown` look-alikes fell below
    a limit of their site. `chance` is a remark on chance matches, where there is one.
    """

    run_id: uuid.UUID
    site_id: uuid.UUID
    site_name: str
    state: str
    blind: bool
    conclusion: str
    reasons: tuple[ReasonCount, ...]
    cases_served: int
    monitoring_purpose: str
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float
    pages_seen: int
    pages_waiting: int
    coverage: float
    media_seen: int
    media_examined: int
    media_repeated: int
    media_unreadable: int
    media_waiting: int
    unreadable: tuple[ReasonCount, ...]
    faces_looked_for: bool
    faces_counted: int
    models: tuple[ModelCount, ...]
    candidates_found: int
    candidates: tuple[CandidateCount, ...]
    refusals: tuple[ReasonCount, ...]
    obeyed_robots: bool
    bytes_fetched: int
    examine_seconds: float
    pages_per_s: float
    media_per_s: float
    made_at: datetime
    listed: tuple[ListedCount, ...] = ()
    face_searches_resting: int = 0
    weaker_not_shown: int = 0
    finds_held_back: int = 0
    media_small: int = 0
    media_only_small: int = 0
    media_in_part: int = 0
    chance: str = ""
    pages_unchanged: int = 0
    media_unchanged: int = 0
    pages_not_due: int = 0


class PersonReport(msgspec.Struct, frozen=True):
    """For the person, in words: what was looked at, when, and what became of what was found.

    `runs_blind` could not look. `finds` are (state, count).
    """

    runs: int
    runs_going_on: int
    runs_blind: int
    sites: int
    pages_seen: int
    media_examined: int
    last_looked_at: datetime | None
    finds: tuple[tuple[str, int], ...]
    sentences: tuple[str, ...]
    made_at: datetime
