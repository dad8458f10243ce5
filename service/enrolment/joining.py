"""Who can be found by their face now, and since when: what sweeps ask of enrolment.

The same people of whom templates go into the watch-list (`gallery.py`): wanted by everybody,
vouched for, of the model that searches.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from indexer.observations import ModelStamp
from service.clock import Clock
from service.enrolment.gallery import GallerySource
from service.enrolment.model_repository import ModelRepository
from service.enrolment.models import Attestation, Mandate, Person, StoredTemplate

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class LookedFor:
    """A person who can be found by their face now; not before `since`."""

    person_id: uuid.UUID
    organisation_id: uuid.UUID
    since: datetime


class Joining:
    """Asks the watch-list, of all organisations: a sweep belongs to the installation's upkeep."""

    def __init__(self, gallery: GallerySource, clock: Clock) -> None:
        self._gallery = gallery
        self._clock = clock

    def people_looked_for(self, session: Session) -> tuple[LookedFor, ...]:
        """Everybody of whom a template of the model that searches is compared now."""
        used = ModelRepository(session, self._clock.now()).any_in_use()
        if used is None:
            return ()
        model = ModelStamp(used.pack, used.digest, used.preprocessing)
        ids = self._gallery.people_compared(session, model)
        return tuple(
            found
            for start in range(0, len(ids), _AT_ONCE)
            for found in _since(session, ids[start : start + _AT_ONCE])
        )

    def gallery_change(self, session: Session) -> int:
        """How often the watch-list has changed so far."""
        return self._gallery.gallery_change(session)


def _since(session: Session, ids: Sequence[uuid.UUID]) -> list[LookedFor]:
    """Nobody is compared before a template was made, an advocate knew who it is, and the person
    gave the mandate to search.
    """
    made = (
        select(StoredTemplate.person_id, func.min(StoredTemplate.made_at).label("at"))
        .group_by(StoredTemplate.person_id)
        .subquery()
    )
    attested = (
        select(Attestation.person_id, func.min(Attestation.attested_at).label("at"))
        .where(Attestation.accepted.is_(True))
        .group_by(Attestation.person_id)
        .subquery()
    )
    wanted = (
        select(Mandate.person_id, func.min(Mandate.signed_at).label("at"))
        .where(Mandate.may_search.is_(True))
        .group_by(Mandate.person_id)
        .subquery()
    )
    rows = session.execute(
        select(Person.id, Person.organisation_id, made.c.at, attested.c.at, wanted.c.at)
        .join(made, made.c.person_id == Person.id)
        .join(attested, attested.c.person_id == Person.id)
        .join(wanted, wanted.c.person_id == Person.id)
        .where(Person.id.in_(ids))
        .order_by(Person.id)
    )
    return [
        LookedFor(person_id, organisation_id, max(moments))
        for person_id, organisation_id, *moments in rows
    ]
