"""What the API says of periodic reports."""

from __future__ import annotations

import uuid
from datetime import datetime

import msgspec
from pydantic import BaseModel, ConfigDict
from pydantic.types import JsonValue

from service.reports.period_views import KeptReport, PeriodReport
from service.reports.periods import PeriodKind
from service.reports.schemas import ReasonOut

_ID = "7b0c2b6e-5f5e-4d1c-9a40-3c7d9c8f1a22"
_BEGINS, _ENDS, _MADE = "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z", "2026-11-23T00:07:02Z"
_TOTAL: dict[str, JsonValue] = {
    "begins_at": _BEGINS,
    "ends_at": _ENDS,
    "runs": 7,
    "runs_blind": 1,
    "runs_failed": 0,
    "pages_seen": 840,
    "media_seen": 2870,
    "media_examined": 2786,
    "faces_counted": 2030,
    "candidates_found": 1,
    "refusals": 49,
    "bytes_fetched": 568641969,
    "examine_seconds": 87.5,
}
_SITE: dict[str, JsonValue] = {
    "site_id": _ID,
    "site_name": "Example forum",
    "site_state": "active",
    "runs": 7,
    "runs_finished": 6,
    "runs_blind": 1,
    "runs_failed": 0,
    "runs_cancelled": 0,
    "could_not_look": False,
    "reasons": [],
    "pages_seen": 840,
    "pages_known": 850,
    "coverage": 0.9882,
    "media_seen": 2870,
    "media_examined": 2786,
    "media_unreadable": 3,
    "media_new": 41,
    "media_known_before": 398,
    "media_gone": 4,
    "media_not_met_again": 9,
    "faces_counted": 2030,
    "candidates_found": 1,
    "finds_held_back": 0,
    "refusals": 49,
    "requests": 3800,
    "bytes_fetched": 568641969,
    "examine_seconds": 87.5,
    "run_seconds": 2380.0,
    "sentence": "Looked at. 1 run of 7 could not look.",
    "pages_unchanged": 500,
    "pages_not_due": 120,
    "media_unchanged": 1900,
    "media_small": 310,
    "media_only_small": 12,
    "media_in_part": 3,
}


class PeriodReportIn(BaseModel):
    """Which period to report: the latest complete day, week or month."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"kind": "week"}]})

    kind: PeriodKind


class KeptReportOut(BaseModel):
    """A report in the list. `mail_problem` is a stable code, empty when there was none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": _ID,
                    "kind": "week",
                    "begins_at": _BEGINS,
                    "ends_at": _ENDS,
                    "made_at": _MADE,
                    "runs": 7,
                    "runs_blind": 1,
                    "mailed_at": _MADE,
                    "mail_problem": "",
                }
            ]
        }
    )

    id: uuid.UUID
    kind: PeriodKind
    begins_at: datetime
    ends_at: datetime
    made_at: datetime
    runs: int
    runs_blind: int
    mailed_at: datetime | None
    mail_problem: str

    @classmethod
    def of(cls, report: KeptReport) -> KeptReportOut:
        """From the view."""
        return cls.model_validate(msgspec.to_builtins(report))


class PeriodTotalOut(BaseModel):
    """All sites together in one period."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TOTAL]})

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


class SitePeriodOut(BaseModel):
    """One site in one period; `could_not_look`: nothing can be said of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SITE]})

    site_id: uuid.UUID
    site_name: str
    site_state: str
    runs: int
    runs_finished: int
    runs_blind: int
    runs_failed: int
    runs_cancelled: int
    could_not_look: bool
    reasons: list[ReasonOut]
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
    pages_unchanged: int
    pages_not_due: int
    media_unchanged: int
    media_small: int
    media_only_small: int
    media_in_part: int


class PeriodReportOut(BaseModel):
    """What crawls did in a day, week or month; `sentences` are what may be said of it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "week",
                    "begins_at": _BEGINS,
                    "ends_at": _ENDS,
                    "complete": True,
                    "sentences": ["1 run could not look; what those missed is not known."],
                    "total": _TOTAL,
                    "requests": 3800,
                    "media_new": 41,
                    "media_gone": 4,
                    "runs_going_on": 0,
                    "sites": [_SITE],
                    "errors": [],
                    "trend": [_TOTAL],
                    "made_at": _MADE,
                    "runs_paused": 0,
                }
            ]
        }
    )

    kind: PeriodKind
    begins_at: datetime
    ends_at: datetime
    complete: bool
    sentences: list[str]
    total: PeriodTotalOut
    requests: int
    media_new: int
    media_gone: int
    runs_going_on: int
    sites: list[SitePeriodOut]
    errors: list[ReasonOut]
    trend: list[PeriodTotalOut]
    made_at: datetime
    runs_paused: int

    @classmethod
    def of(cls, report: PeriodReport) -> PeriodReportOut:
        """From the report."""
        return cls.model_validate(msgspec.to_builtins(report))
