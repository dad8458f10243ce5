"""Deciding candidates: independent verdicts, the person's own word, and what follows from them.

1. Lock the candidate, check who decides (trained, not twice, never an operator).
2. Write the verdict: its wording, sealed under the person's key and signed.
3. Resolve (see `resolution.py`) and follow: confirmed, dismissed, halted; else it goes on waiting.

The face crop is destroyed with any decision (design rule 1). Nothing is filed by itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import cast

import msgspec
from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.accounts.service import AccountService
from service.audit.trail import AuditTrail
from service.candidates.aftermath import Aftermath
from service.candidates.confirmed_hashes import add_confirmed
from service.candidates.documents import (
    CandidateDocument,
    ConfirmationDocument,
)
from service.candidates.errors import (
    AlreadyDecidedError,
    NotAReviewerError,
    ReasonMissingError,
    StatementsMissingError,
)
from service.candidates.halting import MAX_REASON_CHARACTERS, Halting
from service.candidates.models import Candidate, Confirmation, NeverAgain
from service.candidates.names_finds import NameFinds
from service.candidates.outcomes import CandidateOutcomes
from service.candidates.references import reference_to
from service.candidates.repository import CandidateRepository
from service.candidates.resolution import Resolution, resolve
from service.candidates.sealed import SealedCandidates, delete_brought_after_commit
from service.candidates.statements import (
    OWN_PUBLICATION,
    Verdict,
    person_statements_for,
    reason_words,
    statements_for,
)
from service.clock import Clock
from service.enrolment.service import EnrolmentService
from service.errors import InvalidInputError, NotAllowedError
from service.hashbank.service import HashBankService
from service.vault import Vault

_VERDICTS = ("same", "different", "cannot_tell", "minor_sign")


class Review:
    """Takes verdicts and follows them."""

    def __init__(
        self,
        vault: Vault,
        clock: Clock,
        audit: AuditTrail,
        accounts: AccountService,
        enrolment: EnrolmentService,
        hashbank: HashBankService,
        halting: Halting,
        aftermath: Aftermath,
        names: NameFinds,
    ) -> None:
        self._vault = vault
        self._sealed = SealedCandidates(vault)
        self._clock = clock
        self._audit = audit
        self._accounts = accounts
        self._enrolment = enrolment
        self._hashbank = hashbank
        self._halting = halting
        self._aftermath = aftermath
        self._names = names

    def decide(
        self,
        session: Session,
        actor: Actor,
        outcomes: CandidateOutcomes,
        candidate_id: uuid.UUID,
        verdict: Verdict,
        reason: str,
        statements: tuple[str, ...],
        *,
        never_again: bool = False,
        never_on_site: bool = False,
    ) -> Resolution:
        """A reviewer's verdict. "same" needs every statement ticked, the others a reason."""
        _check_verdict(verdict)
        repository = CandidateRepository(session, actor, self._clock.now())
        row = repository.candidate(candidate_id, for_update=True)
        self._check_reviewer(session, actor, row)
        if row.state != "waiting":
            raise AlreadyDecidedError("This find is decided already.")
        if any(each.account_id == actor.account_id for each in repository.confirmations(row.id)):
            raise AlreadyDecidedError("You have decided this one; somebody else has to look too.")
        if verdict == "minor_sign":
            return self._halting.halt(session, actor, outcomes, row, reason)
        if verdict == "same":
            _check_statements(statements, statements_for(row.kind))
            if row.kind == "pointed" and not self._enrolment.may_act_for(session, row.person_id):
                raise NotAllowedError(
                    "Who this person is has to be attested first; then links can be confirmed."
                )
        elif not reason.strip():
            raise ReasonMissingError("Reason: choose one, or say it in a few words.")
        self._write(
            session,
            actor,
            repository,
            row,
            "reviewer",
            verdict,
            statements,
            reason,
            "",
            never_again=never_again or never_on_site,
            never_on_site=never_on_site,
        )
        return self.follow(session, actor, outcomes, row)

    def person_decides(
        self,
        session: Session,
        actor: Actor,
        outcomes: CandidateOutcomes,
        candidate_id: uuid.UUID,
        verdict: Verdict,
        statements: tuple[str, ...],
        signature_name: str,
    ) -> Resolution:
        """The person's own word. "same" needs both statements and their typed name."""
        _check_verdict(verdict)
        if actor.role is not Role.PERSON:
            raise NotAllowedError("Only the person may give their own word.")
        repository = CandidateRepository(session, actor, self._clock.now())
        row = repository.candidate(candidate_id, for_update=True)
        if row.state != "waiting":
            raise AlreadyDecidedError("This find is decided already.")
        earlier = _person_verdict(repository.confirmations(row.id))
        if earlier not in (None, "cannot_tell"):
            raise AlreadyDecidedError("You have answered this already.")
        if verdict == "minor_sign":
            return self._halting.halt(session, actor, outcomes, row, "")
        if verdict == "same":
            _check_statements(statements, person_statements_for(row.kind))
            if not signature_name.strip():
                raise InvalidInputError("Signature: type your name, as you would sign a letter.")
        self._write(
            session,
            actor,
            repository,
            row,
            "person",
            verdict,
            statements,
            "",
            signature_name.strip(),
            never_again=verdict == "different",
        )
        return self.follow(session, actor, outcomes, row)

    def declare(
        self,
        session: Session,
        actor: Actor,
        row: Candidate,
        statement: str,
        signature_name: str,
    ) -> None:
        """The person's declaration on something they pointed to counts as their own word."""
        repository = CandidateRepository(session, actor, self._clock.now())
        self._write(
            session,
            actor,
            repository,
            row,
            "person",
            "same",
            (statement,),
            "",
            signature_name,
            never_again=False,
        )

    def report_minor_sign(
        self,
        session: Session,
        actor: Actor,
        outcomes: CandidateOutcomes,
        candidate_id: uuid.UUID,
        reason: str,
    ) -> Resolution:
        """Anybody who may see a candidate may halt it, at any time, also after it was decided."""
        if actor.role not in (Role.ADVOCATE, Role.PERSON, Role.SYSTEM):
            raise NotAllowedError("Only those who look at candidates can halt one.")
        repository = CandidateRepository(session, actor, self._clock.now())
        row = repository.candidate(candidate_id, for_update=True)
        if row.state == "halted":
            return Resolution("halted", needs_reviewer=False, needs_person=False)
        return self._halting.halt(session, actor, outcomes, row, reason)

    def expire_due(self, session: Session, actor: Actor, outcomes: CandidateOutcomes) -> int:
        """End what the system found and nobody decided in time; returns how many.

        What a person pointed to waits on: it was their word, not a machine's guess.
        """
        repository = CandidateRepository(session, actor, self._clock.now())
        expired = [row for row in repository.overdue() if row.kind != "pointed"]
        for row in expired:
            document = self._sealed.document(row)
            self._end(session, actor, outcomes, row, document, "expired", "held too long")
            self._aftermath.ended(session, row, document)
            self._audit.record(session, actor, "candidate.expire", "candidate", row.id)
        return len(expired)

    def resolution(self, row: Candidate, confirmations: Sequence[Confirmation]) -> Resolution:
        """Where a candidate stands after what was said so far."""
        reviewers = [cast(Verdict, each.verdict) for each in confirmations if each.by == "reviewer"]
        return resolve(row.kind, reviewers, _person_verdict(confirmations))

    def _check_reviewer(self, session: Session, actor: Actor, row: Candidate) -> None:
        if actor.role is not Role.ADVOCATE or actor.account_id is None:
            raise NotAReviewerError("Only advocates decide candidates.")
        account = self._accounts.own_account(session, actor)
        if not account.active or (row.kind != "pointed" and not account.trained):
            raise NotAReviewerError(
                "Only trained reviewers confirm what the search found. "
                "Your operator records who was trained."
            )

    def _write(
        self,
        session: Session,
        actor: Actor,
        repository: CandidateRepository,
        row: Candidate,
        by: str,
        verdict: Verdict,
        statements: tuple[str, ...],
        reason: str,
        signature_name: str,
        *,
        never_again: bool,
        never_on_site: bool = False,
    ) -> None:
        now = self._clock.now()
        confirmation = Confirmation(
            id=uuid.uuid4(),
            candidate_id=row.id,
            by=by,
            account_id=actor.account_id if by == "reviewer" else None,
            verdict=verdict,
            decided_at=now,
        )
        document = ConfirmationDocument(
            verdict=verdict,
            statements=statements if verdict == "same" else (),
            reason=reason_words(reason.strip())[:MAX_REASON_CHARACTERS],
            by=by,
            account=str(actor.account_id) if by == "reviewer" else "",
            candidate=str(row.id),
            decided_at=now.isoformat(),
            signature_name=signature_name,
            never_again=never_again,
            never_on_site=never_on_site,
        )
        self._sealed.put_confirmation(row, confirmation, document)
        repository.add(confirmation)
        self._audit.record(
            session, actor, "candidate.decide", "candidate", row.id, verdict=verdict, by=by
        )

    def follow(
        self, session: Session, actor: Actor, outcomes: CandidateOutcomes, row: Candidate
    ) -> Resolution:
        """Resolve a candidate that the caller may see, and do what follows."""
        repository = CandidateRepository(session, actor, self._clock.now())
        confirmations = list(repository.confirmations(row.id))
        resolution = self.resolution(row, confirmations)
        if resolution.state == "confirmed":
            self._confirm(session, actor, outcomes, row)
        elif resolution.state == "dismissed":
            said = [self._sealed.confirmation(row, each) for each in confirmations]
            settled = any(each.never_again for each in said)
            document = self._sealed.document(row)
            self._end(session, actor, outcomes, row, document, "dismissed", "dismissed")
            self._count_collision(session, row, confirmations)
            self._aftermath.dismissed(session, row, document, confirmations)
            if settled and row.medium_id is not None:
                repository.add(
                    NeverAgain(
                        person_id=row.person_id,
                        medium_id=row.medium_id,
                        decided_at=self._clock.now(),
                    )
                )
            elif settled:
                on_site = any(each.never_on_site for each in said)
                self._names.settle(session, row, document, on_site=on_site)
            self._audit.record(
                session, actor, "candidate.dismiss", "candidate", row.id, never_again=settled
            )
        return resolution

    def _confirm(
        self, session: Session, actor: Actor, outcomes: CandidateOutcomes, row: Candidate
    ) -> None:
        document = self._sealed.document(row)
        system = Actor.system("confirmed find", row.organisation_id)
        row.state = "confirmed"
        row.face_crop = None
        row.decided_at = self._clock.now()
        for examination in (document.examination, document.captured_examination):
            if examination is not None:
                add_confirmed(self._hashbank, session, system, row.person_id, examination)
        if row.medium_id is not None:
            self._hashbank.matches.decided(
                session, system, row.person_id, row.medium_id, "confirmed"
            )
        self._aftermath.confirmed(session, row, document)
        self._audit.record(session, actor, "candidate.confirm", "candidate", row.id)
        outcomes.confirmed(session, actor, reference_to(row, document.addresses))

    def _count_collision(
        self, session: Session, row: Candidate, confirmations: Sequence[Confirmation]
    ) -> None:
        """A reviewer said that it is something else, not that it may stay: the hash was wrong."""
        may_stay = reason_words(OWN_PUBLICATION)
        collided = any(
            each.by == "reviewer"
            and each.verdict == "different"
            and self._sealed.confirmation(row, each).reason != may_stay
            for each in confirmations
        )
        if collided and row.medium_id is not None:
            system = Actor.system("dismissed find", row.organisation_id)
            self._hashbank.matches.decided(
                session, system, row.person_id, row.medium_id, "different"
            )

    def _end(
        self,
        session: Session,
        actor: Actor,
        outcomes: CandidateOutcomes,
        row: Candidate,
        document: CandidateDocument,
        state: str,
        reason: str,
    ) -> None:
        """Dismissed or expired: the crop and what was said of a face are gone, hashes stay."""
        delete_brought_after_commit(self._vault, session, row.person_id, document.brought)
        self._sealed.put(row, _bare(document))
        row.state = state
        row.face_crop = None
        row.decided_at = self._clock.now()
        outcomes.dropped(session, actor, reference_to(row, document.addresses), reason)


def _bare(document: CandidateDocument) -> CandidateDocument:
    found, captured = document.examination, document.captured_examination
    return msgspec.structs.replace(
        document,
        examination=msgspec.structs.replace(found, findings=()) if found else None,
        captured_examination=msgspec.structs.replace(captured, findings=()) if captured else None,
        brought=(),
        names=(),
    )


def _person_verdict(confirmations: Sequence[Confirmation]) -> Verdict | None:
    said = [cast(Verdict, each.verdict) for each in confirmations if each.by == "person"]
    return said[-1] if said else None


def _check_verdict(verdict: str) -> None:
    if verdict not in _VERDICTS:
        raise InvalidInputError(f"Verdict: one of {', '.join(_VERDICTS)}.")


def _check_statements(ticked: tuple[str, ...], needed: tuple[str, ...]) -> None:
    if set(ticked) != set(needed):
        raise StatementsMissingError(
            "Please read and tick every statement; each has to be true for you."
        )
