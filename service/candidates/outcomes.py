"""What becomes of a candidate's evidence: asked of the room above, given at composition."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.orm import Session

from service.accounts.actor import Actor


@dataclass(frozen=True, slots=True)
class CandidateRef:
    """A candidate as the room of evidence needs to know it. Addresses are None when unknown."""

    id: uuid.UUID
    person_id: uuid.UUID
    organisation_id: uuid.UUID
    host: str
    page_url: str | None
    media_url: str | None


class CandidateOutcomes(Protocol):
    """Capture when a candidate appears, an exhibit when it is confirmed, a purge when it is not."""

    def wanted(self, session: Session, actor: Actor, candidate: CandidateRef) -> None:
        """The candidate is new: capture it and hold the capture."""
        ...

    def confirmed(self, session: Session, actor: Actor, candidate: CandidateRef) -> None:
        """Everybody whose confirmation is needed confirmed: make an exhibit of it."""
        ...

    def dropped(self, session: Session, actor: Actor, candidate: CandidateRef, reason: str) -> None:
        """Dismissed, refused, expired, or it may show a minor: purge what was captured.

        `reason` is a short code without anything of the person; it is kept.
        """
        ...
