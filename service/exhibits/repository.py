"""All SQL of captures, exhibits and custody, for one caller.

Every query starts from whom the caller may see. An operator sees nobody's evidence, only counts.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from service.accounts.actor import Actor
from service.enrolment.visibility import acute_people, visible_people
from service.errors import NotFoundError
from service.exhibits.models import Capture, CustodyEvent, Exhibit


class ExhibitRepository:
    """What `actor` may see of evidence at the moment `at`."""

    def __init__(self, session: Session, actor: Actor, at: datetime) -> None:
        self._session = session
        self._actor = actor
        self._at = at

    def add(self, row: object) -> None:
        """Write a new row."""
        self._session.add(row)
        self._session.flush()

    def exhibit(self, exhibit_id: uuid.UUID, *, for_update: bool = False) -> Exhibit:
        """One exhibit, or `NotFoundError` when there is none that the caller may see."""
        query = self._exhibits().where(Exhibit.id == exhibit_id)
        found = self._session.scalar(query.with_for_update() if for_update else query)
        if found is None:
            raise NotFoundError("There is no such exhibit, or you may not see it.")
        return found

    def exhibit_if_there(self, exhibit_id: uuid.UUID) -> Exhibit | None:
        """One exhibit for a worker, locked; None when it is gone with its person."""
        return self._session.scalar(
            self._exhibits().where(Exhibit.id == exhibit_id).with_for_update()
        )

    def exhibits(self, *, limit: int, offset: int) -> Sequence[Exhibit]:
        """Exhibits that the caller may see, the newest first."""
        return self._session.scalars(
            self._exhibits()
            .order_by(Exhibit.made_at.desc(), Exhibit.id)
            .limit(limit)
            .offset(offset)
        ).all()

    def exhibits_of(
        self, candidate_id: uuid.UUID, *, place: int | None = None
    ) -> Sequence[Exhibit]:
        """All versions for one candidate, or for one of its places, in order."""
        query = self._exhibits().where(Exhibit.candidate_id == candidate_id)
        if place is not None:
            query = query.where(Exhibit.place == place)
        return self._session.scalars(query.order_by(Exhibit.place, Exhibit.version)).all()

    def exhibits_of_person(self, person_id: uuid.UUID) -> Sequence[Exhibit]:
        """All exhibits of one person, the oldest first."""
        return self._session.scalars(
            self._exhibits().where(Exhibit.person_id == person_id).order_by(Exhibit.made_at)
        ).all()

    def unsealed_ids(self) -> Sequence[uuid.UUID]:
        """Exhibits that wait to be sealed and whose capture is there."""
        captured = exists().where(
            Capture.candidate_id == Exhibit.candidate_id,
            Capture.place == Exhibit.place,
            Capture.state == "held",
        )
        return self._session.scalars(
            select(Exhibit.id)
            .where(Exhibit.person_id.in_(self._people()), Exhibit.state == "unsealed", captured)
            .order_by(self._acute_first(Exhibit.person_id), Exhibit.made_at)
        ).all()

    def capture(self, capture_id: uuid.UUID, *, for_update: bool = False) -> Capture | None:
        """One capture, None when it is gone (with its person) or out of sight."""
        query = self._captures().where(Capture.id == capture_id)
        return self._session.scalar(query.with_for_update() if for_update else query)

    def captures_of(
        self, candidate_id: uuid.UUID, *, place: int | None = None, for_update: bool = False
    ) -> Sequence[Capture]:
        """All attempts for one candidate, or at one of its places, in order."""
        query = self._captures().where(Capture.candidate_id == candidate_id)
        if place is not None:
            query = query.where(Capture.place == place)
        query = query.order_by(Capture.place, Capture.attempt)
        return self._session.scalars(query.with_for_update() if for_update else query).all()

    def _acute_first(self, person_id: InstrumentedAttribute[uuid.UUID]) -> ColumnElement[bool]:
        return person_id.in_(acute_people(self._at)).desc()

    def wanted_capture_ids(self, limit: int) -> Sequence[uuid.UUID]:
        """Captures whose moment has come: for people in acute danger first, then the longest
        waiting.
        """
        return self._session.scalars(
            select(Capture.id)
            .where(
                Capture.person_id.in_(self._people()),
                Capture.state == "wanted",
                Capture.wanted_at <= self._at,
            )
            .order_by(self._acute_first(Capture.person_id), Capture.wanted_at)
            .limit(limit)
        ).all()

    def overdue_captures(self, held_before: datetime) -> Sequence[Capture]:
        """Captures held since before that moment that became no exhibit.

        Of a confirmed find's further places those, too, that hold other content.
        """
        promoted = exists().where(
            Exhibit.candidate_id == Capture.candidate_id, Exhibit.place == Capture.place
        )
        return self._session.scalars(
            self._captures().where(
                Capture.held_at < held_before,
                or_(
                    and_(Capture.state == "held", ~promoted),
                    Capture.state == "other_content",
                ),
            )
        ).all()

    def left_files(self) -> Sequence[Capture]:
        """Captures that ended and still name a file: it is to be deleted."""
        return self._session.scalars(
            self._captures().where(
                Capture.state.in_(("purged", "promoted", "failed")), Capture.file_id.is_not(None)
            )
        ).all()

    def left_bundles(self) -> Sequence[Exhibit]:
        """Exhibits that were withdrawn and still name a file: it is to be deleted."""
        return self._session.scalars(
            self._exhibits().where(Exhibit.state == "withdrawn", Exhibit.file_id.is_not(None))
        ).all()

    def custody(self, candidate_id: uuid.UUID) -> Sequence[CustodyEvent]:
        """The chain of one candidate, the oldest first."""
        return self._session.scalars(
            select(CustodyEvent)
            .where(
                CustodyEvent.candidate_id == candidate_id,
                CustodyEvent.person_id.in_(self._people()),
            )
            .order_by(CustodyEvent.number)
        ).all()

    def last_custody(self, candidate_id: uuid.UUID) -> CustodyEvent | None:
        """The end of the chain, locked so that two writers append one after the other."""
        return self._session.scalar(
            select(CustodyEvent)
            .where(CustodyEvent.candidate_id == candidate_id)
            .order_by(CustodyEvent.number.desc())
            .limit(1)
            .with_for_update()
        )

    def delete_all_of(self, person_id: uuid.UUID) -> tuple[tuple[str, int], ...]:
        """Delete every row of a person whom the caller may see; counts by what it was."""
        counts = []
        for what, table in (
            ("entries of custody", CustodyEvent),
            ("exhibits", Exhibit),
            ("captures", Capture),
        ):
            mine = (table.person_id == person_id, table.person_id.in_(self._people()))
            number = self._session.scalar(select(func.count()).select_from(table).where(*mine))
            self._session.execute(delete(table).where(*mine))
            counts.append((what, number or 0))
        return tuple(counts)

    def _people(self) -> Select[uuid.UUID]:
        return visible_people(self._actor, self._at)

    def _exhibits(self) -> Select[Exhibit]:
        return select(Exhibit).where(Exhibit.person_id.in_(self._people()))

    def _captures(self) -> Select[Capture]:
        return select(Capture).where(Capture.person_id.in_(self._people()))
