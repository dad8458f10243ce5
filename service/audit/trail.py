"""The audit trail: who did what to which row, when, in a chain that shows any alteration.

1. An entry is canonical JSON (RFC 8785) of its fields and the hash of the entry before it.
2. Its own hash is the SHA-256 of that; its number is the next one, taken in the same transaction,
   as the last thing before it is committed (`gathered.py`).
3. `verify` walks the chain from the first entry and names the first one that does not fit.

Only ids and counts go in, never anything of a person. The database refuses updates and deletes
of entries (triggers of the first migration); the chain shows what someone does in spite of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.audit.gathered import (
    FIRST_PREVIOUS_HASH,
    Detail,
    GatheredEntry,
    entry_hash,
    gather,
)
from service.audit.models import AuditEntry
from service.clock import Clock
from service.errors import NotAllowedError

MAX_DETAIL_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """What `verify` found. `head_hash` may be noted elsewhere: it fixes all entries so far."""

    entries: int
    head_hash: str
    problem: str | None

    @property
    def intact(self) -> bool:
        """Whether every entry fits the one before it."""
        return self.problem is None


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One entry as it is shown."""

    number: int
    at: datetime
    actor: str
    action: str
    object_kind: str
    object_id: str
    detail: str
    hash: str

    @classmethod
    def of(cls, row: AuditEntry) -> AuditLine:
        """The view of a row."""
        return cls(
            number=row.number,
            at=row.at,
            actor=row.actor,
            action=row.action,
            object_kind=row.object_kind,
            object_id=row.object_id,
            detail=", ".join(f"{name}: {value}" for name, value in row.detail.items()),
            hash=row.hash,
        )


class AuditTrail:
    """Writes entries in the caller's unit of work, so that an act and its entry stand together."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def record(
        self,
        session: Session,
        actor: Actor,
        action: str,
        object_kind: str,
        object_id: object,
        **detail: Detail,
    ) -> None:
        """One entry, of now, appended when the unit of work is committed.

        `detail` holds ids and counts only; a long text is a `ValueError`.
        """
        for name, value in detail.items():
            if isinstance(value, str) and len(value) > MAX_DETAIL_CHARACTERS:
                raise ValueError(f"audit detail {name!r} is too long: ids and counts only")
        gather(
            session,
            GatheredEntry(
                at=self._clock.now(),
                organisation_id=actor.organisation_id,
                actor=actor.audit_name,
                action=action,
                object_kind=object_kind,
                object_id=str(object_id),
                detail=dict(detail),
            ),
        )

    def verify(self, session: Session) -> AuditCheck:
        """Walk the whole chain; the first entry that does not fit is named in `problem`.

        Entries cut off at the end leave a shorter chain that is intact in itself: compare `entries`
        and `head_hash` with figures noted elsewhere to notice that.
        """
        previous_hash = FIRST_PREVIOUS_HASH
        count = 0
        entries = session.scalars(
            select(AuditEntry).order_by(AuditEntry.number).execution_options(yield_per=1000)
        )
        for entry in entries:
            problem = _problem(entry, count + 1, previous_hash)
            if problem is not None:
                return AuditCheck(count, previous_hash, problem)
            previous_hash = entry.hash
            count += 1
            session.expunge(entry)
        return AuditCheck(count, previous_hash, None)

    def has_hash(self, session: Session, noted_hash: str) -> bool:
        """Whether an entry with this hash is there; shows that nothing before it was cut off."""
        found = session.scalar(select(AuditEntry.number).where(AuditEntry.hash == noted_hash))
        return found is not None

    def page(
        self, session: Session, actor: Actor, *, before: int | None, limit: int
    ) -> tuple[AuditLine, ...]:
        """Entries of the actor's organisation, the newest first, `before` a number if given."""
        if actor.role is not Role.OPERATOR:
            raise NotAllowedError("Only an operator may read the audit trail.")
        query = select(AuditEntry).where(AuditEntry.organisation_id == actor.organisation_id)
        if before is not None:
            query = query.where(AuditEntry.number < before)
        rows = session.scalars(query.order_by(AuditEntry.number.desc()).limit(limit))
        return tuple(AuditLine.of(row) for row in rows)


def _problem(entry: AuditEntry, expected_number: int, previous_hash: str) -> str | None:
    if entry.number != expected_number:
        return f"entry {expected_number} is missing (the next one there is {entry.number})"
    if entry.previous_hash != previous_hash:
        return f"entry {entry.number} does not follow from the entry before it"
    if entry_hash(entry) != entry.hash:
        return f"entry {entry.number} was altered"
    return None
