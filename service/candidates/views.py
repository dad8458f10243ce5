"""What other rooms and pages are told of candidates: frozen, opened from the sealed documents."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from indexer.observations import Examination
from service.candidates.documents import Brought, Declaration, SeenAt
from service.candidates.statements import Verdict

CandidateKind = Literal["face", "hash", "name", "pointed"]
CandidateState = Literal["waiting", "confirmed", "dismissed", "halted", "expired"]


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the search said, in words; shown to a reviewer only after they have decided."""

    sentence: str
    similarity: str
    chance: str
    copies: tuple[str, ...]
    manipulation: str
    manipulation_reasons: tuple[str, ...]
    declared: tuple[str, ...]
    not_looked_at: tuple[str, ...]
    looked: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VerdictView:
    """What somebody decided. `account_id` is None for the person."""

    by: Literal["reviewer", "person"]
    account_id: uuid.UUID | None
    verdict: Verdict
    reason: str
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class QueueItem:
    """One line of the queue. `mine` says that this reviewer has decided already.

    Finds with the same `event` (opaque) are of one person and from one page, or of one account.
    """

    candidate_id: uuid.UUID
    person_id: uuid.UUID
    person_label: str
    kind: CandidateKind
    host: str
    addresses: int
    medium: str
    found_at: datetime
    held_until: datetime
    mine: bool
    waits_for: str
    strength: str = ""
    event: str = ""


@dataclass(frozen=True, slots=True)
class CandidateView:
    """One candidate, as this caller may see it now.

    `assessment` and `verdicts` are empty for a reviewer who has not decided yet: nothing may
    influence them. For a halted candidate only addresses, time and `halted_reason` are there.
    `basis` says in words what a find by hash is like, `strength` how much. While it `is_reserved`
    the person is not told where it is (see `basis.py`). `same_event` are other finds from the same
    page or account that wait for this reviewer. `shown` says when a video shows the person. `names`
    says which chosen names are on a page, and in what of it. `came_back` says that something was
    said of it before it expired and was found again; `earlier` is what was said then, told like
    `verdicts`, and counts no more.
    """

    candidate_id: uuid.UUID
    person_id: uuid.UUID
    person_label: str
    kind: CandidateKind
    state: CandidateState
    host: str
    addresses: tuple[SeenAt, ...]
    medium: str
    has_face: bool
    reference_faces: tuple[uuid.UUID, ...]
    declaration: Declaration | None
    brought: tuple[Brought, ...]
    note: str
    found_at: datetime
    held_until: datetime
    decided_at: datetime | None
    my_verdict: Verdict | None
    needs_reviewer: bool
    needs_person: bool
    statements: tuple[str, ...]
    assessment: Assessment | None
    verdicts: tuple[VerdictView, ...]
    halted_reason: str = ""
    basis: tuple[str, ...] = ()
    strength: str = ""
    is_reserved: bool = False
    never_show: str = ""
    same_event: tuple[uuid.UUID, ...] = ()
    shown: str = ""
    names: tuple[str, ...] = ()
    came_back: bool = False
    earlier: tuple[VerdictView, ...] = ()


@dataclass(frozen=True, slots=True)
class PersonFind:
    """One find in a person's own list, in words."""

    candidate_id: uuid.UUID
    kind: CandidateKind
    state: CandidateState
    host: str
    addresses: int
    medium: str
    found_at: datetime
    decided_at: datetime | None
    waits_for_me: bool
    waits_for: str
    waits_for_advocates: bool = False
    is_reserved: bool = False


@dataclass(slots=True)
class FindsHeldBack:
    """Counts finds by face that were not made while something is recorded: a number of no person,
    for whoever adds it to a run in the end.
    """

    count: int = 0


@dataclass(frozen=True, slots=True)
class HeldBack:
    """What of finds by face was not made, as numbers of a run and its organisation."""

    people_resting: int
    weaker_not_shown: int


@dataclass(frozen=True, slots=True)
class ConfirmedStatement:
    """One confirmation as evidence quotes it: wording, opaque account, time (ISO 8601, UTC)."""

    confirmation_id: uuid.UUID
    by: Literal["reviewer", "person"]
    account: str
    verdict: Verdict
    wording: tuple[str, ...]
    stated_at: str
    signature_name: str
    public_key: str
    signature: str


@dataclass(frozen=True, slots=True)
class ConfirmedFind:
    """A candidate as evidence needs it, in any state; `statements` are its confirmations.

    `examination` is what was seen when it was found (None for what the person pointed to),
    `captured_examination` what was seen of the capture, where it was examined again.
    """

    candidate_id: uuid.UUID
    person_id: uuid.UUID
    organisation_id: uuid.UUID
    kind: CandidateKind
    state: CandidateState
    host: str
    page_url: str | None
    media_url: str | None
    addresses: tuple[SeenAt, ...]
    run_id: uuid.UUID | None
    medium_id: uuid.UUID | None
    examination: Examination | None
    captured_examination: Examination | None
    declaration: Declaration | None
    brought: tuple[Brought, ...]
    statements: tuple[ConfirmedStatement, ...]
    sentence: str
    never_show: str = ""


@dataclass(frozen=True, slots=True)
class HaltedItem:
    """What an operator reports: address, time and reason; not whose, and never a picture."""

    candidate_id: uuid.UUID
    addresses: tuple[SeenAt, ...]
    reason: str
    halted_at: datetime | None
