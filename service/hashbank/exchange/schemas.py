"""What goes in and out of the JSON API of the exchange. No hash and no credential comes out."""

from __future__ import annotations

import uuid
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from service.hashbank.exchange.consents import ProgrammeView
from service.hashbank.exchange.hand_over import HandOverView
from service.hashbank.exchange.list_service import Imported, ListDraft
from service.hashbank.exchange.views import FoundFromList, ListView

_ID = "3f0c7f0e-5d0e-4a55-9a43-1d8d7a1f2b6c"
_MOMENT = "2026-11-23T09:30:00Z"


class ListIn(BaseModel):
    """A list to add. `entitled`: the terms were checked, and they entitle to this use."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "Partners",
                    "action": "match",
                    "given_by": "A partner",
                    "terms": "Agreement of 2026-11-02",
                    "signed_by": "Olga O.",
                    "entitled": True,
                }
            ]
        },
    )

    name: str = Field(max_length=80)
    action: str = Field(max_length=20)
    given_by: str = Field(max_length=160)
    terms: str = Field(max_length=4000)
    signed_by: str = Field(max_length=80)
    entitled: bool
    connection_id: uuid.UUID | None = None
    selection: str = Field(default="", max_length=80)

    def draft(self) -> ListDraft:
        """As the service takes it."""
        return ListDraft(
            name=self.name,
            action=self.action,
            given_by=self.given_by,
            terms=self.terms,
            signed_by=self.signed_by,
            agreed=self.entitled,
            connection_id=self.connection_id,
            selection=self.selection,
        )


class ListOut(BaseModel):
    """A list; `entries` counts its hashes in force by kind."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "list_id": _ID,
                    "name": "Partners",
                    "action": "match",
                    "given_by": "A partner",
                    "connection_id": None,
                    "entries": {"pdq": 1200, "sha256": 0, "md5": 30},
                    "problem": "",
                    "changed_at": _MOMENT,
                }
            ]
        }
    )

    list_id: uuid.UUID
    name: str
    action: str
    given_by: str
    connection_id: uuid.UUID | None
    entries: dict[str, int]
    problem: str
    changed_at: datetime

    @classmethod
    def of(cls, view: ListView) -> ListOut:
        """From the view."""
        return cls(
            list_id=view.id,
            name=view.name,
            action=view.action,
            given_by=view.given_by,
            connection_id=view.connection_id,
            entries={str(kind): count for kind, count in view.counts},
            problem=view.problem,
            changed_at=view.changed_at,
        )


class ImportedOut(BaseModel):
    """What an import or a fetch did; `left_out` counts kinds of hashes that cannot be compared."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"added": 12, "removed": 0, "entries": 1212, "left_out": {"photodna": 3}}]
        }
    )

    added: int
    removed: int
    entries: int
    left_out: dict[str, int]

    @classmethod
    def of(cls, imported: Imported) -> ImportedOut:
        """From what the service says."""
        changed = imported.changed
        return cls(
            added=changed.added,
            removed=changed.removed,
            entries=changed.entries,
            left_out=dict(imported.left_out),
        )


class FoundOut(BaseModel):
    """An address that a list named. `distance` is in bits of 256."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "list_name": "Partners",
                    "action": "match",
                    "media_url": "https://forum.example/a.png",
                    "page_url": None,
                    "kind": "pdq",
                    "distance": 4,
                    "first_seen_at": _MOMENT,
                    "seen_at": _MOMENT,
                }
            ]
        }
    )

    list_name: str
    action: str
    media_url: str
    page_url: str | None
    kind: str
    distance: int
    first_seen_at: datetime
    seen_at: datetime

    @classmethod
    def of(cls, found: FoundFromList) -> FoundOut:
        """From the view."""
        return cls(
            list_name=found.list_name,
            action=found.action,
            media_url=found.media_url,
            page_url=found.page_url,
            kind=found.kind,
            distance=found.distance,
            first_seen_at=found.first_seen_at,
            seen_at=found.seen_at,
        )


class ProgrammeOut(BaseModel):
    """A programme for the person: what they would sign, and whether they did."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "programme_id": _ID,
                    "name": "Partner bank",
                    "run_by": "A partner",
                    "text": "What leaves …",
                    "agreed": False,
                    "given_at": None,
                    "withdrawn_at": None,
                    "hashes_to_take_back": 0,
                }
            ]
        }
    )

    programme_id: uuid.UUID
    name: str
    run_by: str
    text: str
    agreed: bool
    given_at: datetime | None
    withdrawn_at: datetime | None
    hashes_to_take_back: int

    @classmethod
    def of(cls, view: ProgrammeView) -> ProgrammeOut:
        """From the view."""
        return cls(
            programme_id=view.programme.id,
            name=view.programme.name,
            run_by=view.programme.run_by,
            text=view.text.whole,
            agreed=view.agreed,
            given_at=view.given_at,
            withdrawn_at=view.withdrawn_at,
            hashes_to_take_back=view.to_take_back,
        )


class ProgrammeSayIn(BaseModel):
    """The person's say for one programme: agree (with a signature), or withdraw."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"programme_id": _ID, "agree": True, "signature_name": "Ada L."}]
        },
    )

    programme_id: uuid.UUID
    agree: bool
    signature_name: str = Field(default="", max_length=120)


class HandOverOut(BaseModel):
    """A service to which only the person may submit, and when they say they did."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "service": "stopncii",
                    "name": "StopNCII.org",
                    "link": "https://stopncii.org/",
                    "done_on": "",
                }
            ]
        }
    )

    service: str
    name: str
    link: str
    done_on: str

    @classmethod
    def of(cls, view: HandOverView) -> HandOverOut:
        """From the view."""
        return cls(
            service=view.service.key,
            name=view.service.name,
            link=view.service.link,
            done_on=view.done_on,
        )
