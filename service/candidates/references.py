"""From a candidate's row to what other rooms are told of it."""

from __future__ import annotations

from service.candidates.documents import SeenAt
from service.candidates.models import Candidate
from service.candidates.outcomes import CandidateRef


def reference_to(row: Candidate, addresses: tuple[SeenAt, ...], place: int = 0) -> CandidateRef:
    """The candidate as evidence knows it at one of its addresses: the first one, if not said."""
    there = addresses[place] if addresses else None
    return CandidateRef(
        id=row.id,
        person_id=row.person_id,
        organisation_id=row.organisation_id,
        host=there.host if there is not None and place else row.host,
        page_url=there.page_url if there else None,
        media_url=there.media_url if there else None,
        place=place,
    )
