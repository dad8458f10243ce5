"""A page that may show a minor is halted as a page: for everybody whose names are on it.

1. A sign in somebody's find by name halts the finds of all others on that page, of whomever.
2. A name that is found there later makes no find: the address is kept, halted, and reported.

Which page a find is of stands in its key, which differs by person: what is known of other people is
compared by making their key of the page in question.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.audit.trail import AuditTrail
from service.candidates.documents import CandidateDocument, HaltedDocument, SeenAt
from service.candidates.models import Candidate
from service.candidates.names_keys import page_key
from service.candidates.repository import CandidateRepository
from service.candidates.sealed import SealedCandidates
from service.candidates.statements import MINOR_REASON
from service.clock import Clock
from service.vault import Vault

HALTED_PAGE_REASON = f"{MINOR_REASON}: it is on a page that was halted"


def finds_on_page_of(
    vault: Vault, repository: CandidateRepository, row: Candidate, document: CandidateDocument
) -> Sequence[Candidate]:
    """All finds by name on the page of this one, of whomever; none of what is no find by name."""
    if row.page_key is None or row.site is None:
        return ()
    pages = {seen.page_url for seen in document.addresses if seen.page_url}
    ids = [
        each.id
        for each in repository.any_pages_on(row.site)
        if any(each.page_key == page_key(vault, each.person_id, page) for page in pages)
    ]
    return repository.any_locked(ids)


class HaltedPages:
    """Asked before a find by name is made; keeps the address where nothing may be made."""

    def __init__(self, vault: Vault, clock: Clock, audit: AuditTrail) -> None:
        self._vault = vault
        self._sealed = SealedCandidates(vault)
        self._clock = clock
        self._audit = audit

    def stops(
        self,
        session: Session,
        worker: Actor,
        person_id: uuid.UUID,
        key: str,
        site: str,
        seen: SeenAt,
        run_id: uuid.UUID | None,
    ) -> bool:
        """Whether this page was halted; then it is kept for this person as nothing but that."""
        now = self._clock.now()
        repository = CandidateRepository(session, worker, now)
        page = seen.page_url or ""
        if not any(
            each.page_key == page_key(self._vault, each.person_id, page)
            for each in repository.any_pages_on(site, "halted")
        ):
            return False
        row = Candidate(
            id=uuid.uuid4(),
            organisation_id=worker.organisation_id,
            person_id=person_id,
            run_id=run_id,
            kind="name",
            state="halted",
            host=seen.host,
            site=site,
            page_key=key,
            found_at=now,
            held_until=now,
            decided_at=now,
        )
        self._sealed.put(row, HaltedDocument((seen,), HALTED_PAGE_REASON, now.isoformat()))
        if repository.add_unless_there(row):
            self._audit.record(session, worker, "candidate.halted_again", "candidate", row.id)
        return True
