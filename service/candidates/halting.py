"""Halting what may show a minor (design rule 6).

Any sign from anybody is enough. Every candidate of that content, of whomever, stops at once: its
face crop and verdicts are destroyed, captures are purged, its hashes leave the known pictures, and
all that stays is addresses, time and reason, which the operator reports where it belongs.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.audit.trail import AuditTrail
from service.candidates.documents import HaltedDocument
from service.candidates.models import Candidate
from service.candidates.outcomes import CandidateOutcomes
from service.candidates.references import reference_to
from service.candidates.repository import CandidateRepository
from service.candidates.resolution import Resolution
from service.candidates.sealed import SealedCandidates, delete_brought_after_commit
from service.candidates.statements import MINOR_REASON
from service.clock import Clock
from service.hashbank.service import HashBankService
from service.vault import Vault

MAX_REASON_CHARACTERS = 2000


class Halting:
    """Stops candidates for good."""

    def __init__(
        self, vault: Vault, clock: Clock, audit: AuditTrail, hashbank: HashBankService
    ) -> None:
        self._vault = vault
        self._sealed = SealedCandidates(vault)
        self._clock = clock
        self._audit = audit
        self._hashbank = hashbank

    def halt(
        self,
        session: Session,
        actor: Actor,
        outcomes: CandidateOutcomes,
        row: Candidate,
        reason: str,
    ) -> Resolution:
        """Halt `row` (which the caller may see, and has locked) and all others of its content."""
        said = reason.strip()[:MAX_REASON_CHARACTERS]
        whole = f"{MINOR_REASON}: {said}" if said else MINOR_REASON
        system = Actor.system("minor sign")
        everywhere = CandidateRepository(session, system, self._clock.now())
        rows = [row]
        if row.medium_id is not None:
            rows += [each for each in everywhere.any_of_medium(row.medium_id) if each.id != row.id]
        for each in rows:
            if each.state == "halted":
                continue
            # what somebody said of their own find goes no further than its organisation
            own_words = whole if each.organisation_id == row.organisation_id else MINOR_REASON
            self._halt_one(session, everywhere, outcomes, each, own_words)
        self._audit.record(
            session, actor, "candidate.halt", "candidate", row.id, candidates=len(rows)
        )
        return Resolution("halted", needs_reviewer=False, needs_person=False)

    def _halt_one(
        self,
        session: Session,
        repository: CandidateRepository,
        outcomes: CandidateOutcomes,
        row: Candidate,
        reason: str,
    ) -> None:
        document = self._sealed.document(row)
        system = Actor.system("minor sign", row.organisation_id)
        now = self._clock.now()
        for examination in (document.examination, document.captured_examination):
            if examination is not None:
                self._hashbank.forget_confirmed(session, system, row.person_id, examination.hashes)
        for confirmation in repository.confirmations(row.id):
            repository.delete(confirmation)
        delete_brought_after_commit(self._vault, session, row.person_id, document.brought)
        self._sealed.put(row, HaltedDocument(document.addresses, reason, now.isoformat()))
        row.state = "halted"
        row.face_crop = None
        row.decided_at = now
        outcomes.dropped(session, system, reference_to(row, document.addresses), MINOR_REASON)
