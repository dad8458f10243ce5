"""What goes in and out of the API on models."""

from __future__ import annotations

import uuid
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from indexer.observations import ModelStamp
from service.enrolment.model_views import ChangeReason, ChangeState, ChangeView, ModelStanding
from service.work.model_words import progress_words

_ID = "3f6f4c1e-6d0e-4d1b-9c39-0c7b2f1f6a10"
_MOMENT = "2027-03-01T09:00:00Z"
_STAMP: JsonDict = {"pack": "yunet-sface", "digest": "0" * 64, "preprocessing": 2}
_CHANGE: JsonDict = {
    "id": _ID,
    "state": "building",
    "reason": "chosen",
    "before": _STAMP,
    "after": {**_STAMP, "pack": "buffalo_l"},
    "photos": 500,
    "made": 120,
    "refused": 3,
    "people_without": 1,
    "people_lost": 1,
    "problem": "",
    "words": "buffalo_l is being built: 120 of 500 photos done.",
    "started_at": _MOMENT,
    "switched_at": None,
    "ended_at": None,
}


def _example(values: JsonDict) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [values]})


class StampOut(BaseModel):
    """A model exactly: its pack, the digest of its files, and how faces are prepared for it."""

    model_config = _example(_STAMP)

    pack: str
    digest: str
    preprocessing: int

    @classmethod
    def of(cls, stamp: ModelStamp) -> StampOut:
        """From the stamp."""
        return cls(pack=stamp.pack, digest=stamp.digest, preprocessing=stamp.preprocessing)


class ChangeOut(BaseModel):
    """A change of the model; counts are those of the caller's organisation."""

    model_config = _example(_CHANGE)

    id: uuid.UUID
    state: ChangeState
    reason: ChangeReason
    before: StampOut | None
    after: StampOut
    photos: int
    made: int
    refused: int
    people_without: int
    people_lost: int
    problem: str
    words: str
    started_at: datetime
    switched_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, change: ChangeView) -> ChangeOut:
        """From the view."""
        return cls(
            id=change.id,
            state=change.state,
            reason=change.reason,
            before=StampOut.of(change.before) if change.before else None,
            after=StampOut.of(change.after),
            photos=change.counts.photos,
            made=change.counts.made,
            refused=change.counts.refused,
            people_without=change.counts.people_without,
            people_lost=change.counts.people_lost,
            problem=change.problem,
            words=progress_words(change),
            started_at=change.started_at,
            switched_at=change.switched_at,
            ended_at=change.ended_at,
        )


class ModelsOut(BaseModel):
    """Which model searches, and the open change of it, or else the last one."""

    model_config = _example({"in_use": _STAMP, "since": _MOMENT, "change": _CHANGE, "refused": {}})

    in_use: StampOut | None
    since: datetime | None
    change: ChangeOut | None
    refused: dict[str, int] = Field(description="Photos that could not be used, by reason.")

    @classmethod
    def of(cls, standing: ModelStanding) -> ModelsOut:
        """From the standing."""
        used = standing.in_use
        return cls(
            in_use=StampOut.of(used.stamp) if used else None,
            since=used.since if used else None,
            change=ChangeOut.of(standing.change) if standing.change else None,
            refused=dict(standing.refusals),
        )


class ChangeIn(BaseModel):
    """Another model to build. `accept_licence` says that you may use its weights."""

    model_config = _example({"pack": "buffalo_l", "accept_licence": False})

    pack: str = Field(max_length=100)
    accept_licence: bool = False
    asks_before_switch: bool = False
