"""What decisions on finds by face mean for further ones of the same person on the same site."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from indexer.observations import FaceMatch
from service.candidates.basis import finding_of
from service.candidates.documents import CandidateDocument
from service.candidates.look_alikes import LookAlikes
from service.candidates.models import Candidate, Confirmation
from service.candidates.places import found_at
from service.candidates.sealed import SealedCandidates
from service.candidates.statements import ANOTHER_PERSON, reason_words
from service.candidates.words import best_face
from service.vault import Vault


class Aftermath:
    """Tells look-alikes of what was decided, in the caller's transaction."""

    def __init__(self, vault: Vault, look_alikes: LookAlikes) -> None:
        self._sealed = SealedCandidates(vault)
        self._look_alikes = look_alikes

    def dismissed(
        self,
        session: Session,
        row: Candidate,
        before: CandidateDocument,
        confirmations: Sequence[Confirmation],
    ) -> None:
        """`before` is the document as it was: what was said of the face is in it no longer."""
        if row.kind != "face":
            return
        best, site = _face(row, before), self._site(row, before)
        if (
            best is not None
            and before.examination is not None
            and self._was_another(row, confirmations)
        ):
            model = before.examination.model
            self._look_alikes.dismissed(session, row.person_id, site, best, model)
        self._look_alikes.decided(session, row.person_id, site, row.event_key)

    def confirmed(self, session: Session, row: Candidate, document: CandidateDocument) -> None:
        """The person is there: what looks less like them is shown again."""
        if row.kind != "face":
            return
        site = self._site(row, document)
        self._look_alikes.confirmed(session, row.person_id, site)

    def ended(self, session: Session, row: Candidate, document: CandidateDocument) -> None:
        """Nobody decided in time."""
        if row.kind == "face":
            site = self._site(row, document)
            self._look_alikes.decided(session, row.person_id, site, row.event_key)

    def _was_another(self, row: Candidate, confirmations: Sequence[Confirmation]) -> bool:
        """A reviewer said that it is another person; not that it may stay, or is unclear."""
        another = reason_words(ANOTHER_PERSON)
        return any(
            each.by == "reviewer"
            and each.verdict == "different"
            and self._sealed.confirmation(row, each).reason == another
            for each in confirmations
        )

    def _site(self, row: Candidate, document: CandidateDocument) -> str:
        """Finds of before sites were written down have them in their addresses."""
        return row.site or found_at(document.addresses[0]).site


def _face(row: Candidate, document: CandidateDocument) -> FaceMatch | None:
    finding = finding_of(row, document.examination)
    return best_face(finding.faces) if finding is not None else None
