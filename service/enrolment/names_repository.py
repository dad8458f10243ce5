"""All SQL of chosen names, for one caller."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.enrolment.models import Person
from service.enrolment.names_models import ChosenName, NamesChange
from service.enrolment.visibility import searchable_people, visible_people
from service.errors import NotFoundError

_AT_ONCE = 500


class NamesRepository:
    """Names of the people whom `actor` may see at the moment `at`."""

    def __init__(self, session: Session, actor: Actor, at: datetime) -> None:
        self._session = session
        self._actor = actor
        self._at = at

    def add(self, row: ChosenName) -> None:
        """Write a new row; the caller has looked up its person."""
        self._session.add(row)
        self._session.flush()

    def of_person(self, person_id: uuid.UUID) -> Sequence[ChosenName]:
        """Names of one visible person, in the order in which they were chosen."""
        return self._session.scalars(
            select(ChosenName)
            .where(
                ChosenName.person_id == person_id,
                ChosenName.person_id.in_(visible_people(self._actor, self._at)),
            )
            .order_by(ChosenName.chosen_at, ChosenName.id)
        ).all()

    def name(self, name_id: uuid.UUID, person_id: uuid.UUID) -> ChosenName:
        """One name of a visible person."""
        found = self._session.scalar(
            select(ChosenName).where(
                ChosenName.id == name_id,
                ChosenName.person_id == person_id,
                ChosenName.person_id.in_(visible_people(self._actor, self._at)),
            )
        )
        if found is None:
            raise NotFoundError("There is no such name, or you may not see it.")
        return found

    def delete(self, row: ChosenName) -> None:
        """Delete a row that one of these methods gave."""
        self._session.delete(row)
        self._session.flush()

    def delete_all_of(self, person_id: uuid.UUID) -> int:
        """Delete all names of a visible person; returns how many."""
        ids = [row.id for row in self.of_person(person_id)]
        self._session.execute(delete(ChosenName).where(ChosenName.id.in_(ids)))
        return len(ids)

    def searchable(self, organisation_id: uuid.UUID) -> dict[uuid.UUID, int | None]:
        """Names of an organisation's people who may be looked for now, and since which change."""
        rows = self._session.execute(
            select(ChosenName.id, ChosenName.in_force_change)
            .join(Person, Person.id == ChosenName.person_id)
            .where(
                Person.organisation_id == organisation_id,
                ChosenName.person_id.in_(visible_people(self._actor, self._at)),
                ChosenName.person_id.in_(searchable_people(self._at)),
            )
        )
        return {name_id: change for name_id, change in rows}  # noqa: C416 - rows are no mapping

    def by_id(self, ids: Sequence[uuid.UUID]) -> list[ChosenName]:
        """Rows of names that `searchable` gave."""
        found: list[ChosenName] = []
        for start in range(0, len(ids), _AT_ONCE):
            found += self._session.scalars(
                select(ChosenName).where(
                    ChosenName.id.in_(ids[start : start + _AT_ONCE]),
                    ChosenName.person_id.in_(visible_people(self._actor, self._at)),
                )
            )
        return found

    def has_left_over(self, organisation_id: uuid.UUID, searchable: set[uuid.UUID]) -> bool:
        """Whether a name is noted to be looked for that may not be any more."""
        return bool(self._noted(organisation_id) - searchable)

    def put_in_force(self, ids: Sequence[uuid.UUID], change: int) -> None:
        """From this change on pages are searched for these names."""
        self._set(ids, change)

    def end_force(self, organisation_id: uuid.UUID, searchable: set[uuid.UUID]) -> None:
        """Names that may not be looked for now are new when they may be again."""
        self._set(tuple(self._noted(organisation_id) - searchable), None)

    def change(self, organisation_id: uuid.UUID) -> int:
        """How often names came into force in this organisation."""
        return (
            self._session.scalar(
                select(NamesChange.change).where(NamesChange.organisation_id == organisation_id)
            )
            or 0
        )

    def count_change(self, organisation_id: uuid.UUID) -> int:
        """Count one more; returns the new number."""
        on_postgresql = self._session.get_bind().dialect.name == "postgresql"
        insert = (postgresql if on_postgresql else sqlite).insert(NamesChange)
        changed: int = self._session.execute(
            insert.values(organisation_id=organisation_id, change=1)
            .on_conflict_do_update(
                index_elements=["organisation_id"], set_={"change": NamesChange.change + 1}
            )
            .returning(NamesChange.change)
        ).scalar_one()
        return changed

    def _noted(self, organisation_id: uuid.UUID) -> set[uuid.UUID]:
        return set(
            self._session.scalars(
                select(ChosenName.id)
                .join(Person, Person.id == ChosenName.person_id)
                .where(
                    Person.organisation_id == organisation_id,
                    ChosenName.in_force_change.is_not(None),
                )
            )
        )

    def _set(self, ids: Sequence[uuid.UUID], change: int | None) -> None:
        for start in range(0, len(ids), _AT_ONCE):
            self._session.execute(
                update(ChosenName)
                .where(ChosenName.id.in_(ids[start : start + _AT_ONCE]))
                .values(in_force_change=change)
            )
