"""Templates that are missing for the loaded model are made from the encrypted reference photos.

After a person opted in, and after a new model pack was chosen (design rule 14). A photo that the
model refuses is not tried again until something about the watch-list has changed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Protocol

from sqlalchemy.orm import Session

from indexer.observations import ModelStamp
from service.database import Database
from service.enrolment.eyes import Eyes


class LackingPeople(Protocol):
    """Who lacks a template of the loaded model."""

    def people_lacking_templates(
        self, session: Session, model: ModelStamp
    ) -> tuple[uuid.UUID, ...]:
        """People who may be compared but have a photo without a template of this model."""
        ...

    def gallery_change(self, session: Session) -> int:
        """The change number of the watch-list."""
        ...


class TemplateMaker(Protocol):
    """What makes the templates of one person."""

    def rebuild_templates(self, database: Database, eyes: Eyes, person_id: uuid.UUID) -> int:
        """Make what is missing; returns how many."""
        ...


class MissingTemplates:
    """Looks for missing templates and has them made."""

    def __init__(
        self,
        database: Database,
        people: LackingPeople,
        maker: TemplateMaker,
        eyes: Eyes,
        faces_wanted: Callable[[Session], bool],
    ) -> None:
        self._database = database
        self._people = people
        self._maker = maker
        self._eyes = eyes
        self._faces_wanted = faces_wanted
        self._tried: tuple[int, frozenset[uuid.UUID]] = (-1, frozenset())

    def make(self) -> int:
        """Make templates for everybody who lacks one; returns how many were made."""
        with self._database.read() as session:
            if not self._faces_wanted(session):
                return 0
        model = self._eyes.model
        if model is None:
            return 0
        with self._database.read() as session:
            change = self._people.gallery_change(session)
            lacking = self._people.people_lacking_templates(session, model)
        seen_change, tried = self._tried
        wanted = [person for person in lacking if change != seen_change or person not in tried]
        made = sum(
            self._maker.rebuild_templates(self._database, self._eyes, person) for person in wanted
        )
        with self._database.read() as session:
            self._tried = (self._people.gallery_change(session), frozenset(lacking))
        return made
