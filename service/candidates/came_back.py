"""What was said of a find that expired, when it is found again.

A find that comes back is judged anew: everybody who looks decides on what is there now, and nothing
that was said before counts, for or against. Earlier verdicts stay linked with it, signed as they
were and sealed, and are shown to whoever has decided.
"""

from __future__ import annotations

from service.candidates.documents import ConfirmationDocument
from service.candidates.models import Candidate
from service.candidates.repository import CandidateRepository
from service.candidates.sealed import SealedCandidates


def take_earlier_verdicts(
    sealed: SealedCandidates, repository: CandidateRepository, row: Candidate
) -> tuple[ConfirmationDocument, ...]:
    """All that was said of an expired find, the earliest first, for the document of the new one;
    what was said counts no more.
    """
    earlier = list(sealed.document(row).earlier)
    for confirmation in repository.confirmations(row.id):
        earlier.append(sealed.confirmation(row, confirmation))
        repository.delete(confirmation)
    return tuple(earlier)
