"""A content that was halted, or looks like one that was, seen again: one more address to report.

Nothing of it is rendered, captured or kept but address, time and reason (design rule 6).
"""

from __future__ import annotations

import uuid

import msgspec
from sqlalchemy.orm import Session

from indexer.observations import Examination, PersonFinding
from service.accounts.actor import Actor
from service.audit.trail import AuditTrail
from service.candidates.documents import HaltedDocument, SeenAt
from service.candidates.halting import Halting
from service.candidates.models import Candidate
from service.candidates.outcomes import CandidateOutcomes
from service.candidates.repository import CandidateRepository
from service.candidates.sealed import SealedCandidates
from service.candidates.statements import LIKENESS_REASON, MINOR_REASON
from service.clock import Clock
from service.enrolment.service import EnrolmentService
from service.sources.halted_media import HaltedMedia
from service.vault import Vault


class HaltedAgain:
    """Knows what was halted, and keeps addresses of it."""

    def __init__(
        self,
        vault: Vault,
        clock: Clock,
        audit: AuditTrail,
        enrolment: EnrolmentService,
        halted: HaltedMedia,
        halting: Halting,
    ) -> None:
        self._sealed = SealedCandidates(vault)
        self._clock = clock
        self._audit = audit
        self._enrolment = enrolment
        self._halted = halted
        self._halting = halting

    def reason(
        self,
        session: Session,
        repository: CandidateRepository,
        medium_id: uuid.UUID,
        examination: Examination,
    ) -> str:
        """Why nothing may be made of this content; empty when something may."""
        if any(row.state == "halted" for row in repository.any_of_medium(medium_id)):
            return MINOR_REASON
        if not self._halted.stops(session, examination):
            return ""
        self._halting.take_out(session, medium_id)
        return f"{MINOR_REASON}: {LIKENESS_REASON}"

    def keep(
        self,
        session: Session,
        worker: Actor,
        outcomes: CandidateOutcomes,
        finding: PersonFinding,
        seen: tuple[SeenAt, ...],
        medium_id: uuid.UUID,
        run_id: uuid.UUID | None,
        reason: str,
    ) -> None:
        """The addresses join the halted candidate of this person and content; one is made."""
        person_id = uuid.UUID(finding.person_ref)
        if not self._enrolment.is_active(session, person_id, worker.organisation_id):
            return
        now = self._clock.now()
        repository = CandidateRepository(session, worker, now)
        row = repository.of_medium(person_id, medium_id)
        if row is None:
            row = Candidate(
                id=uuid.uuid4(),
                organisation_id=worker.organisation_id,
                person_id=person_id,
                medium_id=medium_id,
                run_id=run_id,
                kind="face" if finding.faces else "hash",
                state="halted",
                host=seen[0].host,
                found_at=now,
                held_until=now,
                decided_at=now,
            )
            self._sealed.put(row, HaltedDocument(seen, reason, now.isoformat()))
            repository.add(row)
        elif row.state != "halted":
            self._halting.halt(session, worker, outcomes, row, LIKENESS_REASON)
        else:
            document = self._sealed.halted(row)
            known = {(each.media_url, each.page_url) for each in document.addresses}
            new = tuple(each for each in seen if (each.media_url, each.page_url) not in known)
            if not new:
                return
            addresses = (*document.addresses, *new)
            self._sealed.put(row, msgspec.structs.replace(document, addresses=addresses))
        self._audit.record(session, worker, "candidate.halted_again", "candidate", row.id)
