"""What became of a signed notice: filed by people outside this system, received, the clock running.

Likeness sends nothing by itself: there is no mail and no request to a platform in this room. What
is kept here is what the advocate says they did, and the proof that they bring.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.database import Database
from service.errors import InvalidInputError, NotAllowedError
from service.exhibits.custody import custody_name, moment
from service.notices.documents import FilingDocument
from service.notices.errors import FilingTimeError, NotSignedError
from service.notices.models import Notice
from service.notices.regimes import regime_of
from service.notices.repository import NoticeRepository
from service.notices.sealed import SealedNotices
from service.vault import Vault

PROOF_CONTEXT = "notice.proof"
WAYS = (
    ("form", "The platform's own form"),
    ("e-mail", "E-mail, from our own mailbox"),
    ("post", "Post"),
    ("other", "Another way (say which in the reference)"),
)
_CLOCK_TOLERANCE = timedelta(minutes=5)
_MAX_REFERENCE_CHARS = 1000
_MAX_NAME_CHARS = 120


@dataclass(frozen=True, slots=True)
class Filing:
    """How and when a notice was filed. `received_at` None: the platform has not confirmed yet."""

    how: str
    filed_at: datetime
    received_at: datetime | None = None
    reference: str = ""
    proof: bytes | None = None
    proof_name: str = ""


class NoticeFilings:
    """Records filings and receipts; never makes them."""

    def __init__(
        self, vault: Vault, clock: Clock, audit: AuditTrail, *, max_proof_bytes: int
    ) -> None:
        self._vault = vault
        self._clock = clock
        self._audit = audit
        self._max_proof_bytes = max_proof_bytes
        self._sealed = SealedNotices(vault)

    def record_filing(
        self, database: Database, actor: Actor, notice_id: uuid.UUID, filing: Filing
    ) -> None:
        """Record that a signed notice was filed. Receipt, when known, starts the clock."""
        self._check(actor, filing)
        with database.read() as session:
            row = self._signed(session, actor, notice_id)
            person_id = row.person_id
        proof_id = None
        if filing.proof:
            proof_id = self._vault.put_file(person_id, PROOF_CONTEXT, filing.proof)
        try:
            with database.write() as session:
                row = self._signed(session, actor, notice_id)
                self._check_times(row, filing.filed_at, filing.received_at)
                self._write(session, actor, row, filing, proof_id)
        except Exception:
            # Whatever went wrong: no proof stays behind without the row that names it.
            if proof_id is not None:
                self._vault.delete_file(person_id, proof_id)
            raise

    def record_receipt(
        self, session: Session, actor: Actor, notice_id: uuid.UUID, received_at: datetime
    ) -> None:
        """Record when the platform received a filed notice, if that was not known before."""
        _require_people(actor)
        row = self._repository(session, actor).notice(notice_id, for_update=True)
        document = self._sealed.open(row)
        if row.filed_at is None or document.filing is None:
            raise NotSignedError("Record the filing first.")
        if row.received_at is not None:
            raise FilingTimeError("The receipt of this notice is recorded already.")
        self._check_times(row, row.filed_at, received_at)
        filing = msgspec.structs.replace(document.filing, received_at=moment(received_at))
        row.document = self._sealed.seal(
            row.person_id, row.id, msgspec.structs.replace(document, filing=filing)
        )
        self._start_clock(row, received_at)
        self._audit.record(session, actor, "notice.received", "notice", row.id)

    def proof(self, session: Session, actor: Actor, notice_id: uuid.UUID) -> tuple[str, bytes]:
        """The proof that was kept: its name and content."""
        row = self._repository(session, actor).notice(notice_id)
        filing = self._sealed.open(row).filing
        if filing is None or filing.proof_file_id is None:
            raise NotSignedError("No proof of filing was kept for this notice.")
        content = self._vault.get_file(row.person_id, PROOF_CONTEXT, filing.proof_file_id)
        self._audit.record(session, actor, "notice.exported", "notice", row.id, what="proof")
        return filing.proof_name, content

    def _check(self, actor: Actor, filing: Filing) -> None:
        _require_people(actor)
        if filing.how not in dict(WAYS):
            raise InvalidInputError(f"How it was filed: one of {', '.join(dict(WAYS))}.")
        if len(filing.reference) > _MAX_REFERENCE_CHARS:
            raise InvalidInputError(f"Reference: at most {_MAX_REFERENCE_CHARS} characters.")
        if filing.proof is not None and len(filing.proof) > self._max_proof_bytes:
            raise InvalidInputError(f"Proof: at most {self._max_proof_bytes} bytes.")

    def _check_times(self, row: Notice, filed_at: datetime, received_at: datetime | None) -> None:
        latest = self._clock.now() + _CLOCK_TOLERANCE
        if filed_at > latest or (received_at is not None and received_at > latest):
            raise FilingTimeError("A time of filing or receipt cannot lie in the future (UTC).")
        if row.signed_at is not None and filed_at < row.signed_at - _CLOCK_TOLERANCE:
            raise FilingTimeError("A notice cannot have been filed before it was signed (UTC).")
        if received_at is not None and received_at < filed_at - _CLOCK_TOLERANCE:
            raise FilingTimeError("A notice cannot have been received before it was filed (UTC).")

    def _write(
        self,
        session: Session,
        actor: Actor,
        row: Notice,
        filing: Filing,
        proof_id: str | None,
    ) -> None:
        document = self._sealed.open(row)
        kept = FilingDocument(
            how=filing.how,
            reference=filing.reference.strip(),
            filed_at=moment(filing.filed_at),
            received_at=moment(filing.received_at) if filing.received_at else None,
            recorded_by=custody_name(actor),
            proof_file_id=proof_id,
            proof_name=filing.proof_name[:_MAX_NAME_CHARS] if proof_id else "",
            proof_sha256=hashlib.sha256(filing.proof).hexdigest() if filing.proof else None,
        )
        row.document = self._sealed.seal(
            row.person_id, row.id, msgspec.structs.replace(document, filing=kept)
        )
        row.state, row.filed_at = "filed", filing.filed_at
        if filing.received_at is not None:
            self._start_clock(row, filing.received_at)
        self._audit.record(
            session,
            actor,
            "notice.filed",
            "notice",
            row.id,
            how=filing.how,
            has_proof=proof_id is not None,
        )

    def _start_clock(self, row: Notice, received_at: datetime) -> None:
        row.received_at = received_at
        row.clock_ends_at = received_at + regime_of(row.regime).removal_within

    def _signed(self, session: Session, actor: Actor, notice_id: uuid.UUID) -> Notice:
        row = self._repository(session, actor).notice(notice_id, for_update=True)
        if row.state != "signed":
            raise NotSignedError(
                "This notice is not signed yet."
                if row.state == "draft"
                else "The filing of this notice is recorded already."
            )
        return row

    def _repository(self, session: Session, actor: Actor) -> NoticeRepository:
        return NoticeRepository(session, actor, self._clock.now())


def _require_people(actor: Actor) -> None:
    if actor.role not in (Role.ADVOCATE, Role.PERSON):
        raise NotAllowedError("A filing is recorded by the person or by their advocate.")
