"""All SQL of the hash bank, for one caller."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.enrolment.visibility import searchable_people, visible_people
from service.errors import NotFoundError
from service.hashbank.models import KnownMatch, KnownPicture


class HashBankRepository:
    """Known pictures of the people whom `actor` may see at the moment `at`."""

    def __init__(self, session: Session, actor: Actor, at: datetime) -> None:
        self._session = session
        self._actor = actor
        self._at = at

    def add(self, row: KnownPicture) -> None:
        """Write a new row for a visible person, else `NotFoundError`."""
        visible = visible_people(self._actor, self._at).subquery()
        seen = self._session.scalar(select(visible.c.id).where(visible.c.id == row.person_id))
        if seen is None:
            raise NotFoundError("There is no such case, or you may not see it.")
        self._session.add(row)
        self._session.flush()

    def of_person(self, person_id: uuid.UUID) -> Sequence[KnownPicture]:
        """Known pictures of one visible person, the oldest first."""
        return self._session.scalars(
            select(KnownPicture)
            .where(
                KnownPicture.person_id == person_id,
                KnownPicture.person_id.in_(visible_people(self._actor, self._at)),
            )
            .order_by(KnownPicture.added_at, KnownPicture.id)
        ).all()

    def known(self, known_id: uuid.UUID) -> KnownPicture:
        """One known picture of a visible person."""
        found = self.known_if_there(known_id)
        if found is None:
            raise NotFoundError("There is no such picture, or you may not see it.")
        return found

    def known_if_there(self, known_id: uuid.UUID) -> KnownPicture | None:
        """One known picture of a visible person; None when it was forgotten."""
        return self._session.scalar(
            select(KnownPicture).where(
                KnownPicture.id == known_id,
                KnownPicture.person_id.in_(visible_people(self._actor, self._at)),
            )
        )

    def of_photo(self, photo_id: uuid.UUID) -> Sequence[KnownPicture]:
        """What was kept for one reference photo of a visible person."""
        return self._session.scalars(
            select(KnownPicture).where(
                KnownPicture.photo_id == photo_id,
                KnownPicture.person_id.in_(visible_people(self._actor, self._at)),
            )
        ).all()

    def searchable(self) -> Sequence[KnownPicture]:
        """Known pictures of all visible people who may be looked for now."""
        return self._session.scalars(
            select(KnownPicture)
            .where(
                KnownPicture.person_id.in_(visible_people(self._actor, self._at)),
                KnownPicture.person_id.in_(searchable_people(self._at)),
            )
            .order_by(KnownPicture.id)
        ).all()

    def delete(self, row: KnownPicture) -> None:
        """Delete a row that one of these methods gave, and what it matched."""
        self._session.execute(delete(KnownMatch).where(KnownMatch.known_id == row.id))
        self._session.delete(row)
        self._session.flush()

    def delete_all_of(self, person_id: uuid.UUID) -> int:
        """Delete everything of a visible person; returns how many rows."""
        ids = [row.id for row in self.of_person(person_id)]
        self._session.execute(delete(KnownMatch).where(KnownMatch.known_id.in_(ids)))
        self._session.execute(delete(KnownPicture).where(KnownPicture.id.in_(ids)))
        return len(ids)
