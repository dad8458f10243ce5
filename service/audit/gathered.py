"""Entries of a unit of work, gathered while it goes on and appended at its end.

1. `gather` keeps an entry with the session; those of a savepoint that is rolled back go with it.
2. Before the session commits, all that it changed is written first; then the lock of the trail is
   taken, and the entries are numbered, chained and written.

So the trail's lock is the last that any unit of work takes. Whoever holds it waits for nobody: two
units of work cannot wait for each other on its account, and each holds it for a moment only.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import rfc8785
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session, SessionTransaction

from service.audit.models import AuditEntry

FIRST_PREVIOUS_HASH = "0" * 64
_POSTGRES_LOCK = 0x6C696B656E657373
"""Key of the advisory lock under which entries are numbered (the letters of "likeness")."""
_KEY = "likeness_audit_entries"

Detail = int | str | bool


@dataclass(frozen=True, slots=True)
class GatheredEntry:
    """What happened, before it has its number and its place in the chain."""

    at: datetime
    organisation_id: uuid.UUID | None
    actor: str
    action: str
    object_kind: str
    object_id: str
    detail: dict[str, Detail]


@dataclass
class _Gathered:
    """The entries of one session, and how many there were when each savepoint in it began."""

    entries: list[GatheredEntry] = field(default_factory=list)
    before: dict[SessionTransaction, int] = field(default_factory=dict)

    def began(self, _session: Session, transaction: SessionTransaction) -> None:
        if transaction.nested:
            self.before[transaction] = len(self.entries)

    def undone(self, _session: Session, transaction: SessionTransaction) -> None:
        if transaction.parent is None or transaction.nested:
            # a savepoint that is not known began before the first entry
            del self.entries[self.before.pop(transaction, 0) :]

    def commits(self, session: Session) -> None:
        if session.in_nested_transaction() or not self.entries:
            return
        session.flush()
        _append(session, self.entries)
        self.entries.clear()
        self.before.clear()


def gather(session: Session, entry: GatheredEntry) -> None:
    """Have `entry` appended when the unit of work of `session` is committed."""
    gathered = session.info.get(_KEY)
    if gathered is None:
        gathered = session.info[_KEY] = _Gathered()
        event.listen(session, "after_transaction_create", gathered.began)
        event.listen(session, "after_soft_rollback", gathered.undone)
        event.listen(session, "before_commit", gathered.commits)
    gathered.entries.append(entry)


def entry_hash(entry: AuditEntry) -> str:
    """SHA-256 (hex) of the entry's canonical JSON, its own hash left out."""
    return hashlib.sha256(rfc8785.dumps(dict(_content(entry)))).hexdigest()


def _append(session: Session, entries: list[GatheredEntry]) -> None:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
    last = session.execute(
        select(AuditEntry.number, AuditEntry.hash).order_by(AuditEntry.number.desc()).limit(1)
    ).one_or_none()
    number, previous_hash = (last.number, last.hash) if last else (0, FIRST_PREVIOUS_HASH)
    for each in entries:
        number += 1
        row = AuditEntry(
            number=number,
            at=each.at,
            organisation_id=each.organisation_id,
            actor=each.actor,
            action=each.action,
            object_kind=each.object_kind,
            object_id=each.object_id,
            detail=dict(each.detail),
            previous_hash=previous_hash,
        )
        row.hash = previous_hash = entry_hash(row)
        session.add(row)
    session.flush()


def _content(entry: AuditEntry) -> Mapping[str, object]:
    return {
        "action": entry.action,
        "actor": entry.actor,
        "at": entry.at.isoformat(timespec="microseconds"),
        "detail": entry.detail,
        "number": entry.number,
        "object_id": entry.object_id,
        "object_kind": entry.object_kind,
        "organisation_id": str(entry.organisation_id) if entry.organisation_id else None,
        "previous_hash": entry.previous_hash,
    }
