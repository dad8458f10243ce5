"""A candidate as evidence needs it: everything that was seen and said, in any state but halted."""

from __future__ import annotations

import uuid
from typing import cast

from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.candidates.models import Candidate, Confirmation
from service.candidates.repository import CandidateRepository
from service.candidates.sealed import SealedCandidates
from service.candidates.statements import (
    CONFIRMED_SENTENCE,
    POINTED_CONFIRMED_SENTENCE,
    Verdict,
    found_sentence,
)
from service.candidates.views import (
    CandidateKind,
    CandidateState,
    ConfirmedFind,
    ConfirmedStatement,
)
from service.clock import Clock
from service.errors import ConflictError
from service.vault import Vault


class EvidenceShowing:
    """Opens candidates for the evidence room."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._sealed = SealedCandidates(vault)
        self._clock = clock

    def evidence(self, session: Session, actor: Actor, candidate_id: uuid.UUID) -> ConfirmedFind:
        """A candidate as evidence needs it; a halted one gives no evidence."""
        repository = CandidateRepository(session, actor, self._clock.now())
        row = repository.candidate(candidate_id)
        if row.state == "halted":
            raise ConflictError("This find was halted: nothing may be captured or kept of it.")
        document = self._sealed.document(row)
        first = document.addresses[0] if document.addresses else None
        confirmed = row.state == "confirmed"
        return ConfirmedFind(
            candidate_id=row.id,
            person_id=row.person_id,
            organisation_id=row.organisation_id,
            kind=cast(CandidateKind, row.kind),
            state=cast(CandidateState, row.state),
            host=row.host,
            page_url=first.page_url if first else None,
            media_url=first.media_url if first else None,
            addresses=document.addresses,
            run_id=row.run_id,
            medium_id=row.medium_id,
            examination=document.examination,
            captured_examination=document.captured_examination,
            declaration=document.declaration,
            brought=document.brought,
            statements=tuple(
                self._statement(row, each) for each in repository.confirmations(row.id)
            ),
            sentence=_sentence(row.kind) if confirmed else found_sentence(row.kind),
            never_show=document.never_show,
        )

    def _statement(self, row: Candidate, each: Confirmation) -> ConfirmedStatement:
        document = self._sealed.confirmation(row, each)
        return ConfirmedStatement(
            confirmation_id=each.id,
            by="person" if each.by == "person" else "reviewer",
            account=document.account,
            verdict=cast(Verdict, each.verdict),
            wording=document.statements,
            stated_at=document.decided_at,
            signature_name=document.signature_name,
            public_key=document.public_key,
            signature=document.signature,
        )


def _sentence(kind: str) -> str:
    if kind == "pointed":
        return POINTED_CONFIRMED_SENTENCE
    return f"{found_sentence(kind)} {CONFIRMED_SENTENCE}"
