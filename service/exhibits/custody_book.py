"""Writes and reads the chain of custody in the database, one chain for each candidate."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.clock import Clock
from service.exhibits.custody import CustodyEntry, custody_name, moment, next_entry
from service.exhibits.models import CustodyEvent
from service.exhibits.repository import ExhibitRepository


class CustodyBook:
    """Appends in the caller's unit of work, so that an act and its entry stand together."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def append(
        self,
        session: Session,
        actor: Actor,
        person_id: uuid.UUID,
        candidate_id: uuid.UUID,
        action: str,
        detail: str = "",
    ) -> CustodyEntry:
        """Add one entry. `detail` holds ids, hashes and codes only, never an address or a name."""
        now = self._clock.now()
        repository = ExhibitRepository(session, Actor.system("custody"), now)
        session.flush()
        last = repository.last_custody(candidate_id)
        entry = next_entry(
            candidate_id,
            None if last is None else as_entry(last),
            action=action,
            actor=custody_name(actor),
            detail=detail,
            at=now,
        )
        repository.add(
            CustodyEvent(
                person_id=person_id,
                candidate_id=candidate_id,
                number=entry.number,
                action=entry.action,
                actor=entry.actor,
                detail=entry.detail,
                at=now,
                previous_hash=entry.previous_hash,
                hash=entry.hash,
            )
        )
        return entry

    def entries(
        self, session: Session, actor: Actor, candidate_id: uuid.UUID
    ) -> tuple[CustodyEntry, ...]:
        """The chain so far, for those who may see the candidate's person."""
        repository = ExhibitRepository(session, actor, self._clock.now())
        return tuple(as_entry(row) for row in repository.custody(candidate_id))


def as_entry(row: CustodyEvent) -> CustodyEntry:
    """A row as the entry whose hash was taken."""
    return CustodyEntry(
        row.number, row.action, row.actor, row.detail, moment(row.at), row.previous_hash, row.hash
    )
