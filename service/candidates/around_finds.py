"""Which finds are looked around, and where they are: read from their sealed documents.

A find that was confirmed, or a link that was brought to a verified case, while the person may be
looked for; never what was halted, dismissed or has expired.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from service.candidates.models import Candidate
from service.candidates.sealed import SealedCandidates
from service.clock import Clock
from service.enrolment.service import EnrolmentService
from service.sources.around import FindPlaces
from service.vault import Vault

FRESH_FOR = timedelta(days=3)
"""What is older when it is first met is left to the sites' own visits."""
MAX_FINDS = 1000
MAX_PAGES = 20


class AroundFinds:
    """Answers for workers alone."""

    def __init__(self, vault: Vault, clock: Clock, enrolment: EnrolmentService) -> None:
        self._sealed = SealedCandidates(vault)
        self._clock = clock
        self._enrolment = enrolment

    def fresh(self, session: Session) -> tuple[uuid.UUID, ...]:
        """Finds that were confirmed, and links that were brought, a short while ago."""
        since = self._clock.now() - FRESH_FOR
        rows = session.scalars(
            select(Candidate.id)
            .where(
                or_(
                    (Candidate.state == "confirmed") & (Candidate.decided_at > since),
                    (Candidate.state == "waiting")
                    & (Candidate.kind == "pointed")
                    & (Candidate.found_at > since),
                )
            )
            .order_by(Candidate.found_at.desc(), Candidate.id)
            .limit(MAX_FINDS)
        )
        return tuple(rows)

    def places_of(self, session: Session, candidate_id: uuid.UUID) -> FindPlaces | None:
        """Where a find is; None when nothing may be looked for on account of it."""
        row = session.get(Candidate, candidate_id)
        if row is None or not self._is_looked_around(row):
            return None
        if not self._enrolment.is_active(session, row.person_id, row.organisation_id):
            return None
        pages = [
            page
            for seen in self._sealed.document(row).addresses
            if (page := seen.page_url or (seen.media_url if row.kind == "pointed" else None))
        ]
        return FindPlaces(
            row.id, row.person_id, row.organisation_id, tuple(dict.fromkeys(pages))[:MAX_PAGES]
        )

    def _is_looked_around(self, row: Candidate) -> bool:
        return row.state == "confirmed" or (row.state == "waiting" and row.kind == "pointed")
