"""Lent reviewers: one organisation lets a trained reviewer of another one confirm finds of a case.

A lent reviewer sees the candidates of that case, and nothing else of it (design rule 12).
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.accounts.service import AccountService
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.enrolment.models import ReviewerLoan
from service.enrolment.repository import EnrolmentRepository
from service.enrolment.views import LoanView
from service.errors import InvalidInputError, NotAllowedError, NotFoundError

_LOAN_DAYS = 30
_MAX_LOAN_DAYS = 90


class ReviewerLoans:
    """Lends reviewers to cases and ends it."""

    def __init__(self, clock: Clock, audit: AuditTrail, accounts: AccountService) -> None:
        self._clock = clock
        self._audit = audit
        self._accounts = accounts

    def lend(
        self,
        session: Session,
        actor: Actor,
        person_id: uuid.UUID,
        reviewer_account_id: uuid.UUID,
        days: int = _LOAN_DAYS,
    ) -> uuid.UUID:
        """Let a trained reviewer of any organisation confirm candidates of this case.

        Whoever asks knows the reviewer's account number from them: accounts of other organisations
        are never listed.
        """
        if actor.role is not Role.ADVOCATE or actor.account_id is None:
            raise NotAllowedError("Only an advocate of the case may ask for a second reviewer.")
        if not 1 <= days <= _MAX_LOAN_DAYS:
            raise InvalidInputError(f"Loan: between 1 and {_MAX_LOAN_DAYS} days.")
        repository = EnrolmentRepository(session, actor, self._clock.now())
        repository.person(person_id)
        everyone = Actor.system("reviewer loan")
        reviewer = self._accounts.account(session, everyone, reviewer_account_id)
        if reviewer.role is not Role.ADVOCATE or not (reviewer.active and reviewer.trained):
            raise NotFoundError("There is no trained reviewer with this number.")
        now = self._clock.now()
        for earlier in repository.loans_to(person_id, reviewer_account_id):
            repository.delete(earlier)
        row = ReviewerLoan(
            id=uuid.uuid4(),
            person_id=person_id,
            account_id=reviewer_account_id,
            lent_by=actor.account_id,
            lent_at=now,
            expires_at=now + timedelta(days=days),
        )
        repository.add(row)
        self._audit.record(
            session,
            actor,
            "case.lend",
            "person",
            person_id,
            reviewer=str(reviewer_account_id),
            days=days,
        )
        return row.id

    def end(
        self, session: Session, actor: Actor, person_id: uuid.UUID, reviewer_account_id: uuid.UUID
    ) -> None:
        """The lent reviewer may not see the case's candidates any more."""
        if actor.role is not Role.ADVOCATE:
            raise NotAllowedError("Only an advocate of the case may end a loan.")
        repository = EnrolmentRepository(session, actor, self._clock.now())
        repository.person(person_id)
        for row in repository.loans_to(person_id, reviewer_account_id):
            repository.delete(row)
        self._audit.record(
            session, actor, "case.end_loan", "person", person_id, reviewer=str(reviewer_account_id)
        )

    def current(self, session: Session, actor: Actor, person_id: uuid.UUID) -> list[LoanView]:
        """Reviewers lent to a case now."""
        repository = EnrolmentRepository(session, actor, self._clock.now())
        return [
            LoanView(row.id, row.account_id, row.lent_at, row.expires_at)
            for row in repository.loans(person_id)
        ]
