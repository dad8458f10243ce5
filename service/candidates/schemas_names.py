"""What goes in and out of the JSON API of names that are looked for."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from service.candidates.names_floods import NameFloodView
from service.enrolment.names import ChosenNameView

_ID = "3f0c7f0e-5d0e-4a55-9a43-1d8d7a1f2b6c"
_MOMENT = "2026-11-23T09:30:00Z"


def _example(values: JsonDict) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [values]})


class NameIn(BaseModel):
    """A name or user name; `own_name` says that it is the person's own."""

    model_config = _example(
        {"name": "Ada Lovelace", "purpose": "posts that name me", "own_name": True}
    )

    name: str = Field(max_length=200)
    purpose: str = Field(max_length=1000)
    own_name: bool


class NameOut(BaseModel):
    """One name that is looked for. It `rests` while it was found on too many sites."""

    model_config = _example(
        {
            "name_id": _ID,
            "name": "Ada Lovelace",
            "purpose": "posts that name me",
            "by_advocate": False,
            "rests": False,
            "chosen_at": _MOMENT,
        }
    )

    name_id: uuid.UUID
    name: str
    purpose: str
    by_advocate: bool
    rests: bool
    chosen_at: datetime

    @classmethod
    def of(cls, view: ChosenNameView, resting: frozenset[uuid.UUID]) -> NameOut:
        """From the view."""
        return cls(
            name_id=view.name_id,
            name=view.text,
            purpose=view.purpose,
            by_advocate=view.by_advocate,
            rests=view.name_id in resting,
            chosen_at=view.chosen_at,
        )


class NameIdOut(BaseModel):
    """The name's id."""

    model_config = _example({"name_id": _ID})

    name_id: uuid.UUID


class RestingNameOut(BaseModel):
    """A name was found on too many sites too fast: no further finds of it are made until decided.

    Which name it is stands on the case's page, for those who may see the case.
    """

    model_config = _example(
        {
            "flood_id": _ID,
            "person_id": _ID,
            "name_id": _ID,
            "state": "open",
            "finds": 43,
            "sites": 9,
            "not_made": 12,
            "began_at": _MOMENT,
        }
    )

    flood_id: uuid.UUID
    person_id: uuid.UUID
    name_id: uuid.UUID
    state: str
    finds: int
    sites: int
    not_made: int
    began_at: datetime

    @classmethod
    def of(cls, view: NameFloodView) -> RestingNameOut:
        """From the view."""
        return cls(
            flood_id=view.flood_id,
            person_id=view.person_id,
            name_id=view.name_id,
            state=view.state,
            finds=view.finds,
            sites=view.sites,
            not_made=view.not_made,
            began_at=view.began_at,
        )


class RestingNameDecisionIn(BaseModel):
    """How to go on."""

    model_config = _example({"decision": "go_on"})

    decision: Literal["go_on", "stop"]


class RestingNameDecisionOut(BaseModel):
    """What became of it."""

    model_config = _example({"state": "going_on"})

    state: str
