"""What the API says of a run as it goes."""

from __future__ import annotations

import uuid
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from pydantic.types import JsonValue

from service.sources.run_watching import RunWatch
from service.sources.schemas import RunOut
from service.sources.sweep_views import SweepProgress

_ERROR: dict[str, JsonValue] = {
    "kind": "page",
    "code": "robots",
    "words": "robots.txt does not allow it",
    "count": 3,
}
_RUN: dict[str, JsonValue] = {
    "id": "7b0c2b6e-5f5e-4d1c-9a40-3c7d9c8f1a22",
    "site_id": "7b0c2b6e-5f5e-4d1c-9a40-3c7d9c8f1a22",
    "site_name": "Example forum",
    "state": "running",
    "state_reason": "",
    "cases_served": 2,
    "monitoring_purpose": "",
    "pages_seen": 120,
    "media_seen": 410,
    "media_examined": 398,
    "media_unreadable": 3,
    "faces_counted": 290,
    "candidates_found": 1,
    "refusals": 3,
    "pages_unchanged": 80,
    "media_unchanged": 210,
    "pages_not_due": 30,
    "addresses_left_out": 0,
    "media_small": 35,
    "media_only_small": 2,
    "media_in_part": 1,
    "bytes_fetched": 81234567,
    "created_at": "2026-11-23T09:30:00Z",
    "started_at": "2026-11-23T09:30:00Z",
    "finished_at": None,
}


class ErrorCountOut(BaseModel):
    """How many addresses of one kind were refused or failed for one reason."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ERROR]})

    kind: str
    code: str
    words: str
    count: int


_SWEEP: dict[str, JsonValue] = {
    "site_id": "7b0c2b6e-5f5e-4d1c-9a40-3c7d9c8f1a22",
    "site_name": "Example forum",
    "state": "going_on",
    "words": "Looked at 31,000 of 52,000 pictures again.",
    "addresses": 52_000,
    "looked_at": 31_000,
    "gone": 120,
    "began_at": "2026-11-23T09:30:00Z",
    "finishes_at": "2026-11-24T03:10:00Z",
}


class SweepOut(BaseModel):
    """How far known media of a site were looked at again for people who joined.

    `gone` are not there any more, or not to be had. `finishes_at` is when it is probably over, or
    was.
    """

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_SWEEP]})

    site_id: uuid.UUID
    site_name: str
    state: str
    words: str
    addresses: int
    looked_at: int
    gone: int
    began_at: datetime | None
    finishes_at: datetime | None

    @classmethod
    def of(cls, sweep: SweepProgress) -> SweepOut:
        """From the view."""
        return cls.model_validate(sweep)


class RunProgressOut(BaseModel):
    """A run as it goes.

    `done` of `known` addresses; more may become known. `seconds_left` is for what is known by now
    at the present pace, null while there is none. `sweep` is there for a run that is one part of
    looking at known media again.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "run": _RUN,
                    "pages_waiting": 40,
                    "media_waiting": 12,
                    "done": 533,
                    "known": 585,
                    "share": 0.9111,
                    "errors": [_ERROR],
                    "seconds": 340.5,
                    "seconds_left": 33.2,
                    "sweep": None,
                }
            ]
        }
    )

    run: RunOut
    pages_waiting: int
    media_waiting: int
    done: int
    known: int
    share: float
    errors: list[ErrorCountOut]
    seconds: float
    seconds_left: float | None
    sweep: SweepOut | None

    @classmethod
    def of(cls, watched: RunWatch, sweep: SweepProgress | None) -> RunProgressOut:
        """From the views."""
        return cls(
            run=RunOut.of(watched.run),
            pages_waiting=watched.pages_waiting,
            media_waiting=watched.media_waiting,
            done=watched.done,
            known=watched.known,
            share=round(watched.share, 4),
            errors=[
                ErrorCountOut(kind=e.kind, code=e.code, words=e.words, count=e.count)
                for e in watched.errors
            ],
            seconds=round(watched.seconds, 3),
            seconds_left=watched.seconds_left,
            sweep=SweepOut.of(sweep) if sweep is not None else None,
        )
