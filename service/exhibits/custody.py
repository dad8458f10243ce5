"""The chain of custody of one candidate's evidence: who did what with it, when.

Each entry carries the hash of the one before and of itself, over canonical JSON (RFC 8785), and
the first one is bound to the candidate: an entry that is altered, removed, added in the middle or
moved to another candidate breaks the chain, and `chain_defects` says where.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import rfc8785

from service.accounts.actor import Actor, Role


class CustodyEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that was done. `actor` is opaque (a role and an id), `at` is UTC."""

    number: int
    action: str
    actor: str
    detail: str
    at: str
    previous_hash: str
    hash: str


class CustodyRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All entries of one candidate up to a moment: the content of `custody.json`."""

    candidate_id: str
    entries: tuple[CustodyEntry, ...]


def custody_name(actor: Actor) -> str:
    """How an actor appears in custody: the person without an id, others by role and opaque id."""
    return "person" if actor.role is Role.PERSON else actor.audit_name


def moment(at: datetime) -> str:
    """A moment as evidence states it: UTC, microseconds, with its zone."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def first_link(candidate_id: uuid.UUID | str) -> str:
    """What the first entry names as the hash before it."""
    return hashlib.sha256(f"likeness/custody/v1/{candidate_id}".encode()).hexdigest()


def next_entry(
    candidate_id: uuid.UUID,
    previous: CustodyEntry | None,
    *,
    action: str,
    actor: str,
    detail: str,
    at: datetime,
) -> CustodyEntry:
    """The entry that follows `previous` (None: the first one)."""
    number = 1 if previous is None else previous.number + 1
    previous_hash = first_link(candidate_id) if previous is None else previous.hash
    unsigned = CustodyEntry(number, action, actor, detail, moment(at), previous_hash, "")
    return msgspec.structs.replace(unsigned, hash=entry_hash(unsigned))


def entry_hash(entry: CustodyEntry) -> str:
    """SHA-256 of everything in the entry but its own hash."""
    content: dict[str, str | int] = {
        "number": entry.number,
        "action": entry.action,
        "actor": entry.actor,
        "detail": entry.detail,
        "at": entry.at,
        "previous_hash": entry.previous_hash,
    }
    return hashlib.sha256(rfc8785.dumps(content)).hexdigest()


def chain_defects(candidate_id: uuid.UUID | str, entries: Sequence[CustodyEntry]) -> list[str]:
    """Every place where the chain is broken, in words; empty when it is whole."""
    defects: list[str] = []
    expected_previous = first_link(candidate_id)
    for position, entry in enumerate(entries, start=1):
        if entry.number != position:
            defects.append(f"entry {position} bears the number {entry.number}")
        if entry.previous_hash != expected_previous:
            defects.append(f"entry {position} does not follow the entry before it")
        if entry.hash != entry_hash(entry):
            defects.append(f"entry {position} was altered: its hash does not fit")
        expected_previous = entry.hash
    return defects
