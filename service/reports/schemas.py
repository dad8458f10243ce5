"""What the JSON API of reports answers: the reports themselves, with examples."""

from __future__ import annotations

import uuid
from datetime import datetime

import msgspec
from pydantic import BaseModel, ConfigDict

from service.reports.views import CrawlReport, PersonReport

_ID = "3f0c7f0e-5d0e-4a55-9a43-1d8d7a1f2b6c"
_MOMENT = "2026-11-23T09:30:00Z"


class ReasonOut(BaseModel):
    """How often one reason came up."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "page",
                    "code": "robots",
                    "words": "robots.txt does not allow it",
                    "count": 3,
                }
            ]
        }
    )

    kind: str
    code: str
    words: str
    count: int


class CandidateCountOut(BaseModel):
    """How many candidates of one kind are in one state."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "face", "state": "waiting", "count": 1}]}
    )

    kind: str
    state: str
    count: int


class ModelCountOut(BaseModel):
    """How many media one model looked at; `model` is empty where no face model did."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"model": "yunet-sface/4f0c/1", "media": 398}]}
    )

    model: str
    media: int


class ListedCountOut(BaseModel):
    """How many addresses one hash list named."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"list_name": "Partners", "action": "match", "addresses": 3}]
        }
    )

    list_name: str
    action: str
    addresses: int


class CrawlReportOut(BaseModel):
    """What one run did. `blind`: we could not look, and nothing can be concluded."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "run_id": _ID,
                    "site_id": _ID,
                    "site_name": "Example forum",
                    "state": "finished",
                    "blind": False,
                    "conclusion": "Nothing new was found in what was looked at.",
                    "reasons": [],
                    "cases_served": 2,
                    "monitoring_purpose": "",
                    "started_at": _MOMENT,
                    "finished_at": _MOMENT,
                    "seconds": 340.5,
                    "pages_seen": 120,
                    "pages_waiting": 0,
                    "coverage": 0.97,
                    "media_seen": 410,
                    "media_examined": 398,
                    "media_repeated": 9,
                    "media_unreadable": 3,
                    "media_waiting": 0,
                    "unreadable": [],
                    "faces_looked_for": True,
                    "faces_counted": 290,
                    "models": [],
                    "candidates_found": 0,
                    "candidates": [],
                    "refusals": [],
                    "obeyed_robots": True,
                    "bytes_fetched": 81234567,
                    "examine_seconds": 12.5,
                    "pages_per_s": 0.352,
                    "media_per_s": 1.204,
                    "made_at": _MOMENT,
                    "listed": [],
                    "face_searches_resting": 0,
                    "weaker_not_shown": 0,
                    "finds_held_back": 0,
                    "chance": "",
                    "pages_unchanged": 80,
                    "media_unchanged": 210,
                    "pages_not_due": 30,
                }
            ]
        }
    )

    run_id: uuid.UUID
    site_id: uuid.UUID
    site_name: str
    state: str
    blind: bool
    conclusion: str
    reasons: list[ReasonOut]
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
    unreadable: list[ReasonOut]
    faces_looked_for: bool
    faces_counted: int
    models: list[ModelCountOut]
    candidates_found: int
    candidates: list[CandidateCountOut]
    refusals: list[ReasonOut]
    obeyed_robots: bool
    bytes_fetched: int
    examine_seconds: float
    pages_per_s: float
    media_per_s: float
    made_at: datetime
    listed: list[ListedCountOut]
    face_searches_resting: int
    weaker_not_shown: int
    finds_held_back: int
    chance: str
    pages_unchanged: int
    media_unchanged: int
    pages_not_due: int

    @classmethod
    def of(cls, report: CrawlReport) -> CrawlReportOut:
        """From the report."""
        return cls.model_validate(msgspec.to_builtins(report))


class StateCountOut(BaseModel):
    """How many finds are in one state."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"state": "waiting", "count": 1}]})

    state: str
    count: int


class PersonReportOut(BaseModel):
    """What was done for the person, in words and numbers."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "runs": 12,
                    "runs_going_on": 0,
                    "runs_blind": 1,
                    "sites": 3,
                    "pages_seen": 2400,
                    "media_examined": 9100,
                    "last_looked_at": _MOMENT,
                    "finds": [{"state": "waiting", "count": 1}],
                    "sentences": ["For you we looked at 2400 pages on 3 sites."],
                    "made_at": _MOMENT,
                }
            ]
        }
    )

    runs: int
    runs_going_on: int
    runs_blind: int
    sites: int
    pages_seen: int
    media_examined: int
    last_looked_at: datetime | None
    finds: list[StateCountOut]
    sentences: list[str]
    made_at: datetime

    @classmethod
    def of(cls, report: PersonReport) -> PersonReportOut:
        """From the report."""
        values = msgspec.to_builtins(report)
        values["finds"] = [{"state": state, "count": count} for state, count in report.finds]
        return cls.model_validate(values)
