"""What goes in and out of the JSON API of candidates and intake."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from service.candidates.documents import SeenAt
from service.candidates.links import GivenLink
from service.candidates.resolution import Resolution
from service.candidates.views import CandidateView, HaltedItem, PersonFind, QueueItem

_ID = "3f0c7f0e-5d0e-4a55-9a43-1d8d7a1f2b6c"
_MOMENT = "2026-11-23T09:30:00Z"
_URL = "https://site.example/picture.jpg"


def _example(values: JsonDict) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [values]})


class AddressOut(BaseModel):
    """One address of a find."""

    model_config = _example(
        {"media_url": _URL, "page_url": None, "host": "site.example", "seen_at": _MOMENT}
    )

    media_url: str | None
    page_url: str | None
    host: str
    seen_at: str

    @classmethod
    def of(cls, seen: SeenAt) -> AddressOut:
        """From the document."""
        return cls(
            media_url=seen.media_url,
            page_url=seen.page_url,
            host=seen.host,
            seen_at=seen.seen_at,
        )


class QueueItemOut(BaseModel):
    """One line of the queue."""

    model_config = _example(
        {
            "candidate_id": _ID,
            "person_id": _ID,
            "kind": "face",
            "host": "site.example",
            "addresses": 2,
            "medium": "picture",
            "found_at": _MOMENT,
            "held_until": _MOMENT,
            "decided_by_me": False,
            "waits_for": "your decision",
            "strength": "",
            "event": "",
        }
    )

    candidate_id: uuid.UUID
    person_id: uuid.UUID
    kind: str
    host: str
    addresses: int
    medium: str
    found_at: datetime
    held_until: datetime
    decided_by_me: bool
    waits_for: str
    strength: str
    event: str

    @classmethod
    def of(cls, item: QueueItem) -> QueueItemOut:
        """From the line."""
        return cls(
            candidate_id=item.candidate_id,
            person_id=item.person_id,
            kind=item.kind,
            host=item.host,
            addresses=item.addresses,
            medium=item.medium,
            found_at=item.found_at,
            held_until=item.held_until,
            decided_by_me=item.mine,
            waits_for=item.waits_for,
            strength=item.strength,
            event=item.event,
        )


class AssessmentOut(BaseModel):
    """What the search said, in words; only for those who have decided."""

    model_config = _example(
        {
            "sentence": "Automated search returned a candidate match.",
            "similarity": "The faces are very similar.",
            "chance": "About 1 chance match in 40,000 pictures like these.",
            "copies": [],
            "manipulation": "Signs of manipulation: weak support",
            "manipulation_reasons": [],
            "declared": [],
            "not_looked_at": [],
            "looked": ["Looked at 1:04 of 1:04, in 65 of its 1920 frames."],
            "cautions": [],
        }
    )

    sentence: str
    similarity: str
    chance: str
    copies: list[str]
    manipulation: str
    manipulation_reasons: list[str]
    declared: list[str]
    not_looked_at: list[str]
    looked: list[str]
    cautions: list[str]


class CandidateOut(BaseModel):
    """One candidate, as the caller may see it now; no picture."""

    model_config = _example(
        {
            "candidate_id": _ID,
            "person_id": _ID,
            "kind": "face",
            "state": "waiting",
            "host": "site.example",
            "addresses": [
                {"media_url": _URL, "page_url": None, "host": "site.example", "seen_at": _MOMENT}
            ],
            "medium": "picture",
            "found_at": _MOMENT,
            "held_until": _MOMENT,
            "my_verdict": None,
            "needs_reviewer": True,
            "needs_person": True,
            "statements": ["I saw no sign that it may show somebody under 18."],
            "assessment": None,
            "halted_reason": "",
            "basis": [],
            "strength": "",
            "is_reserved": False,
            "same_event": [],
            "shown": "shown from 0:42 to 0:47 and at 3:10",
            "names": [],
            "came_back": False,
        }
    )

    candidate_id: uuid.UUID
    person_id: uuid.UUID
    kind: str
    state: str
    host: str
    addresses: list[AddressOut]
    medium: str
    found_at: datetime
    held_until: datetime
    my_verdict: str | None
    needs_reviewer: bool
    needs_person: bool
    statements: list[str]
    assessment: AssessmentOut | None
    halted_reason: str
    basis: list[str]
    strength: str
    is_reserved: bool
    same_event: list[uuid.UUID]
    shown: str
    names: list[str]
    came_back: bool

    @classmethod
    def of(cls, view: CandidateView) -> CandidateOut:
        """From the view."""
        said = view.assessment
        return cls(
            candidate_id=view.candidate_id,
            person_id=view.person_id,
            kind=view.kind,
            state=view.state,
            host=view.host,
            addresses=[AddressOut.of(seen) for seen in view.addresses],
            medium=view.medium,
            found_at=view.found_at,
            held_until=view.held_until,
            my_verdict=view.my_verdict,
            needs_reviewer=view.needs_reviewer,
            needs_person=view.needs_person,
            statements=list(view.statements),
            assessment=AssessmentOut(
                sentence=said.sentence,
                similarity=said.similarity,
                chance=said.chance,
                copies=list(said.copies),
                manipulation=said.manipulation,
                manipulation_reasons=list(said.manipulation_reasons),
                declared=list(said.declared),
                not_looked_at=list(said.not_looked_at),
                looked=list(said.looked),
                cautions=list(said.cautions),
            )
            if said is not None
            else None,
            halted_reason=view.halted_reason,
            basis=list(view.basis),
            strength=view.strength,
            is_reserved=view.is_reserved,
            same_event=list(view.same_event),
            shown=view.shown,
            names=list(view.names),
            came_back=view.came_back,
        )


class VerdictIn(BaseModel):
    """A reviewer's verdict. "same" needs every statement of the candidate, word for word."""

    model_config = _example(
        {
            "verdict": "different",
            "reason": "another_person",
            "statements": [],
            "never_again": True,
        }
    )

    verdict: Literal["same", "different", "cannot_tell"]
    reason: str = Field(default="", max_length=2000)
    statements: list[str] = Field(default_factory=list, max_length=10)
    never_again: bool = False
    never_on_site: bool = False


class AnswerIn(BaseModel):
    """The person's own word. "same" needs both statements and the typed name."""

    model_config = _example(
        {
            "verdict": "same",
            "statements": [
                "This shows me, or was made to look like me.",
                "I did not agree that it is spread there.",
            ],
            "signature_name": "Ada L.",
        }
    )

    verdict: Literal["same", "different", "cannot_tell", "minor_sign"]
    statements: list[str] = Field(default_factory=list, max_length=10)
    signature_name: str = Field(default="", max_length=200)


class MinorSignIn(BaseModel):
    """What was noticed."""

    model_config = _example({"reason": "looks young"})

    reason: str = Field(default="", max_length=2000)


class ResolutionOut(BaseModel):
    """Where the candidate stands now."""

    model_config = _example({"state": "waiting", "needs_reviewer": True, "needs_person": False})

    state: str
    needs_reviewer: bool
    needs_person: bool

    @classmethod
    def of(cls, resolution: Resolution) -> ResolutionOut:
        """From the resolution."""
        return cls(
            state=resolution.state,
            needs_reviewer=resolution.needs_reviewer,
            needs_person=resolution.needs_person,
        )


class PersonFindOut(BaseModel):
    """One find in a person's own list."""

    model_config = _example(
        {
            "candidate_id": _ID,
            "kind": "pointed",
            "state": "waiting",
            "host": "site.example",
            "addresses": 1,
            "medium": "link",
            "found_at": _MOMENT,
            "waits_for_me": True,
            "waits_for": "your advocates and the person",
            "is_reserved": False,
        }
    )

    candidate_id: uuid.UUID
    kind: str
    state: str
    host: str
    addresses: int
    medium: str
    found_at: datetime
    waits_for_me: bool
    waits_for: str
    is_reserved: bool

    @classmethod
    def of(cls, find: PersonFind) -> PersonFindOut:
        """From the find."""
        return cls(
            candidate_id=find.candidate_id,
            kind=find.kind,
            state=find.state,
            host=find.host,
            addresses=find.addresses,
            medium=find.medium,
            found_at=find.found_at,
            waits_for_me=find.waits_for_me,
            waits_for=find.waits_for,
            is_reserved=find.is_reserved,
        )


class HaltedOut(BaseModel):
    """What an operator reports."""

    model_config = _example(
        {
            "candidate_id": _ID,
            "addresses": [],
            "reason": "may show somebody under 18",
            "halted_at": _MOMENT,
        }
    )

    candidate_id: uuid.UUID
    addresses: list[AddressOut]
    reason: str
    halted_at: datetime | None

    @classmethod
    def of(cls, item: HaltedItem) -> HaltedOut:
        """From the item."""
        return cls(
            candidate_id=item.candidate_id,
            addresses=[AddressOut.of(seen) for seen in item.addresses],
            reason=item.reason,
            halted_at=item.halted_at,
        )


class LinkIn(BaseModel):
    """One link."""

    model_config = _example({"url": _URL, "page_url": "", "seen_at": "2026-11-20", "note": ""})

    url: str = Field(max_length=4000)
    page_url: str = Field(default="", max_length=4000)
    seen_at: str = Field(default="", max_length=40)
    note: str = Field(default="", max_length=1000)

    def given(self) -> GivenLink:
        """As intake takes it."""
        return GivenLink(self.url, self.page_url, self.seen_at, self.note)


class LinksIn(BaseModel):
    """Links that an advocate brings."""

    model_config = _example({"links": [{"url": _URL}]})

    links: list[LinkIn] = Field(min_length=1, max_length=2000)


class DeclaredLinksIn(BaseModel):
    """Links that the person brings, with their declaration on all of them."""

    model_config = _example(
        {"links": [{"url": _URL}], "declared": True, "signature_name": "Ada L."}
    )

    links: list[LinkIn] = Field(min_length=1, max_length=2000)
    declared: bool
    signature_name: str = Field(max_length=200)


class CandidateIdsOut(BaseModel):
    """The candidates that stand for the links."""

    model_config = _example({"candidates": [_ID]})

    candidates: list[uuid.UUID]
