"""What candidates tell the rooms above: that one appeared, was confirmed, or was dropped.

Implemented by the evidence room, given at composition; the calls are part of the caller's unit of
work.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.orm import Session

from service.accounts.actor import Actor


@dataclass(frozen=True, slots=True)
class CandidateRef:
    """A candidate, as much of it as evidence needs. At least one of the addresses is there.

    `place` counts its addresses: 0 where it was found, more where it appeared again.
    """

    id: uuid.UUID
    person_id: uuid.UUID
    organisation_id: uuid.UUID
    host: str
    page_url: str | None
    media_url: str | None
    place: int = 0


class CandidateOutcomes(Protocol):
    """What becomes of evidence when a candidate appears, is confirmed, or is dropped."""

    def wanted(self, session: Session, actor: Actor, candidate: CandidateRef) -> None:
        """The candidate should be captured and held at once."""
        ...

    def confirmed(self, session: Session, actor: Actor, candidate: CandidateRef) -> None:
        """All needed confirmations are there."""
        ...

    def appeared_again(self, session: Session, actor: Actor, candidate: CandidateRef) -> None:
        """A confirmed candidate's content is at one more address: capture and seal it there too."""
        ...

    def concealed(self, session: Session, actor: Actor, candidate: CandidateRef) -> None:
        """No picture of it may be kept: what is held with bytes is captured anew without them."""
        ...

    def dropped(self, session: Session, actor: Actor, candidate: CandidateRef, reason: str) -> None:
        """The candidate was dismissed, halted or expired: purge what was captured."""
        ...
