"""Erasing a person (design rule 7).

1. The examiner masks them at once.
2. One transaction deletes every row of theirs in every room, ends their sessions, leaves a
   tombstone, counts the gallery's change, and opens a receipt.
3. The person's key is destroyed, the key store made anew, and their files removed.
4. On SQLite the write-ahead log is emptied; the receipt is signed and finished.

A crash after 2 leaves a receipt that is not finished: `finish_interrupted`, at the next start, does
the rest. A crash before 2 leaves the person as they were.
"""

from __future__ import annotations

import secrets
import sqlite3
import uuid
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from service.accounts.actor import Actor, Role
from service.accounts.service import AccountService
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.database import Database
from service.enrolment.collaborators import ErasedCount, PersonEraser
from service.enrolment.eyes import Eyes
from service.enrolment.models import ErasureReceipt
from service.enrolment.receipts import SignedReceipt, sign_receipt
from service.enrolment.repository import EnrolmentRepository
from service.errors import ConflictError, NotAllowedError, NotFoundError
from service.vault import Vault

_DRAFTS_LAST = timedelta(days=14)


class _Opened(msgspec.Struct, frozen=True):
    """What an unfinished receipt keeps until it can be signed."""

    counts: tuple[tuple[str, int], ...]
    gallery_change: int


@dataclass(frozen=True, slots=True)
class FinishedErasure:
    """An erasure that is done, with its signed receipt."""

    receipt_id: uuid.UUID
    receipt: SignedReceipt
    counts: tuple[ErasedCount, ...]


class ErasureService:
    """Erases people wholly, and finishes what a crash interrupted.

    `erasers` are the rooms that hold something of people, those whose rows refer to others first.
    """

    def __init__(
        self,
        vault: Vault,
        clock: Clock,
        audit: AuditTrail,
        accounts: AccountService,
        erasers: tuple[PersonEraser, ...],
    ) -> None:
        self._vault = vault
        self._clock = clock
        self._audit = audit
        self._accounts = accounts
        self._erasers = erasers

    def erase(
        self, database: Database, actor: Actor, eyes: Eyes | None, person_id: uuid.UUID
    ) -> FinishedErasure:
        """Erase a person. `actor` is they themselves, or the system for an operator's command.

        `eyes` is None where no examiner runs (a command): running ones follow the gallery's change.
        """
        if actor.role not in (Role.PERSON, Role.SYSTEM):
            raise NotAllowedError("Only the person themselves can erase their case.")
        with database.read() as session:
            EnrolmentRepository(session, actor, self._clock.now()).person(person_id)
        if eyes is not None:
            eyes.mask_person(str(person_id))
        receipt_id = self._delete_rows(database, actor, person_id)
        return self._finish(database, receipt_id)

    def finish_interrupted(self, database: Database) -> int:
        """Finish erasures that a crash interrupted; called at every start. Returns how many."""
        actor = Actor.system("unfinished erasures")
        with database.read() as session:
            repository = EnrolmentRepository(session, actor, self._clock.now())
            unfinished = [receipt.id for receipt in repository.any_unfinished_erasures()]
        for receipt_id in unfinished:
            self._finish(database, receipt_id)
        return len(unfinished)

    def forget_stale_drafts(self, database: Database) -> int:
        """Erase cases that were begun and never handed in, 14 days after the last change."""
        actor = Actor.system("stale drafts")
        now = self._clock.now()
        with database.read() as session:
            drafts = EnrolmentRepository(session, actor, now).drafts_before(now - _DRAFTS_LAST)
        for person_id in drafts:
            self.erase(database, actor, None, person_id)
        return len(drafts)

    def receipt(self, database: Database, receipt_id: uuid.UUID) -> SignedReceipt:
        """A finished receipt by its unguessable id; it holds nothing of a person."""
        actor = Actor.system("receipt")
        with database.read() as session:
            row = EnrolmentRepository(session, actor, self._clock.now()).receipt(receipt_id)
        if row is None or row.finished_at is None:
            raise NotFoundError("There is no such receipt.")
        return SignedReceipt(row.content, row.signature)

    def _delete_rows(self, database: Database, actor: Actor, person_id: uuid.UUID) -> uuid.UUID:
        now = self._clock.now()
        with database.write() as session:
            repository = EnrolmentRepository(session, actor, now)
            person = repository.hold(person_id)
            if person.state == "erased":
                raise ConflictError("This case was erased already.")
            counts = [
                (count.what, count.count)
                for eraser in self._erasers
                for count in eraser.erase(session, person_id)
            ]
            counts += repository.delete_all_of(person_id)
            ended = self._accounts.end_person_sessions(session, person_id)
            counts.append(("signed-in sessions", ended))
            person.state = "erased"
            person.case_number_lookup = f"erased:{secrets.token_hex(16)}"
            person.passphrase_hash = person.deletion_code_hash = ""
            person.face_opt_in = False
            person.document = b""
            person.acute_until = None
            person.created_at = person.changed_at = now
            opened = _Opened(tuple(counts), repository.bump_gallery())
            row = ErasureReceipt(
                id=uuid.uuid4(),
                person_id=person_id,
                organisation_id=person.organisation_id,
                content=msgspec.json.encode(opened).decode(),
                signature=b"",
                asked_at=now,
                finished_at=None,
            )
            repository.add(row)
            who = Actor.system(actor.reason or "asked by the person", person.organisation_id)
            self._audit.record(session, who, "person.erase", "person", person_id)
        return row.id

    def _finish(self, database: Database, receipt_id: uuid.UUID) -> FinishedErasure:
        actor = Actor.system("unfinished erasures")
        with database.read() as session:
            row = EnrolmentRepository(session, actor, self._clock.now()).receipt(receipt_id)
        if row is None:
            raise NotFoundError("There is no such erasure.")
        self._vault.destroy_person_key(row.person_id)
        empty_write_ahead_log(database)
        opened = msgspec.json.decode(row.content, type=_Opened)
        counts = tuple(ErasedCount(what, count) for what, count in opened.counts)
        now = self._clock.now()
        signed = sign_receipt(
            self._vault.signing_key(row.organisation_id),
            receipt_id=row.id,
            organisation_id=row.organisation_id,
            counts=counts,
            gallery_change=opened.gallery_change,
            asked_at=row.asked_at,
            finished_at=now,
        )
        with database.write() as session:
            kept = EnrolmentRepository(session, actor, now).receipt(receipt_id)
            if kept is None:
                raise NotFoundError("There is no such erasure.")
            kept.content, kept.signature, kept.finished_at = signed.content, signed.signature, now
        return FinishedErasure(receipt_id, signed, counts)


def empty_write_ahead_log(database: Database) -> bool:
    """Move SQLite's write-ahead log into the database and cut it to nothing.

    Returns False where a reader holds it open just now (its bytes are sealed under a destroyed key
    in any case), True where it was emptied or the database has none.
    """
    if database.engine.dialect.name != "sqlite":
        return True
    connection = database.engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        row = cursor.fetchone()
        cursor.close()
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
    return row is not None and row[0] == 0
