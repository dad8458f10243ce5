"""From a candidate's row to what other rooms are told of it."""

from __future__ import annotations

from service.candidates.documents import SeenAt
from service.candidates.models import Candidate
from service.candidates.outcomes import CandidateRef


def reference_to(row: Candidate, addresses: tuple[SeenAt, ...]) -> CandidateRef:
    """The candidate as evidence knows it: its first address counts."""
    first = addresses[0] if addresses else None
    return CandidateRef(
        id=row.id,
        person_id=row.person_id,
        organisation_id=row.organisation_id,
        host=row.host,
        page_url=first.page_url if first else None,
        media_url=first.media_url if first else None,
    )
