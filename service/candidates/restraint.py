"""What holds a find by face back, asked before it is made; a find by hash is never held back.

1. A flood of this person rests: see `floods.py`.
2. The face is weaker than somebody who was dismissed on this site: see `look_alikes.py`.
3. Enough finds from this page or account wait to be decided.

What is held back is counted, and forgotten like any other face (design rule 1).
"""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Session

from indexer.observations import FaceMatch, ModelStamp
from service.accounts.actor import Actor
from service.candidates.documents import SeenAt
from service.candidates.floods import FaceFloods
from service.candidates.look_alikes import LookAlikes
from service.candidates.models import Candidate
from service.candidates.places import event_key, found_at
from service.vault import Vault


class FaceRestraint:
    """Asks all that may hold a find back, in the worker's transaction."""

    def __init__(self, vault: Vault, look_alikes: LookAlikes, floods: FaceFloods) -> None:
        self._vault = vault
        self._look_alikes = look_alikes
        self._floods = floods

    def holds_back(
        self,
        session: Session,
        worker: Actor,
        person_id: uuid.UUID,
        match: FaceMatch,
        model: ModelStamp | None,
        seen: SeenAt,
        run_id: uuid.UUID | None,
    ) -> bool:
        """Whether no find is made of this person's face here; then it was counted."""
        place = found_at(seen)
        key = event_key(self._vault, person_id, place)
        alike = self._look_alikes
        return (
            self._floods.holds_back(session, worker, person_id)
            or alike.is_weaker(session, worker, person_id, place.site, match, model, run_id)
            or alike.has_enough(session, worker, person_id, place.site, key, run_id)
        )

    def place(self, row: Candidate, seen: SeenAt) -> None:
        """Write down on which site a find was made, and to which event it belongs."""
        place = found_at(seen)
        row.site = place.site
        row.event_key = event_key(self._vault, row.person_id, place)

    def found(self, session: Session, worker: Actor, row: Candidate) -> None:
        """A new find by face was made: it may be one too many."""
        self._floods.found(session, worker, row)
