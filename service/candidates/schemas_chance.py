"""What goes in and out of the JSON API of look-alikes and searches that rest."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.config import JsonDict

from service.candidates.floods import FloodView
from service.candidates.look_alikes import LookAlikeView

_ID = "3f0c7f0e-5d0e-4a55-9a43-1d8d7a1f2b6c"
_MOMENT = "2026-11-23T09:30:00Z"


def _example(values: JsonDict) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [values]})


class RestingSearchOut(BaseModel):
    """Finds of one person by face came in too fast: no further ones are made until decided."""

    model_config = _example(
        {
            "flood_id": _ID,
            "person_id": _ID,
            "state": "open",
            "finds": 43,
            "sites": 9,
            "not_made": 12,
            "began_at": _MOMENT,
        }
    )

    flood_id: uuid.UUID
    person_id: uuid.UUID
    state: str
    finds: int
    sites: int
    not_made: int
    began_at: datetime

    @classmethod
    def of(cls, view: FloodView) -> RestingSearchOut:
        """From the view."""
        return cls(
            flood_id=view.flood_id,
            person_id=view.person_id,
            state=view.state,
            finds=view.finds,
            sites=view.sites,
            not_made=view.not_made,
            began_at=view.began_at,
        )


class RestingDecisionIn(BaseModel):
    """How to go on: as before, above a higher threshold for this person, or not."""

    model_config = _example({"decision": "stop"})

    decision: Literal["go_on", "raise", "stop"]


class RestingDecisionOut(BaseModel):
    """Where it stands now."""

    model_config = _example({"state": "stopped"})

    state: str


class LookAlikeOut(BaseModel):
    """What was not shown of one person on one site; an empty `site` means on every site."""

    model_config = _example(
        {
            "limit_id": _ID,
            "site": "site.example",
            "weaker": 7,
            "further": 0,
            "until": _MOMENT,
        }
    )

    limit_id: uuid.UUID
    site: str
    weaker: int
    further: int
    until: datetime

    @classmethod
    def of(cls, view: LookAlikeView) -> LookAlikeOut:
        """From the view."""
        return cls(
            limit_id=view.limit_id,
            site=view.site,
            weaker=view.weaker,
            further=view.further,
            until=view.until,
        )
