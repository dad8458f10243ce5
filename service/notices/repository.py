"""All SQL of notices, for one caller: every query starts from whom the caller may see."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.enrolment.visibility import visible_people
from service.errors import NotFoundError
from service.notices.models import Notice, NoticeItem, Receiver


class NoticeRepository:
    """What `actor` may see of notices at the moment `at`."""

    def __init__(self, session: Session, actor: Actor, at: datetime) -> None:
        self._session = session
        self._actor = actor
        self._at = at

    def add(self, row: object) -> None:
        """Write a new row."""
        self._session.add(row)
        self._session.flush()

    def notice(self, notice_id: uuid.UUID, *, for_update: bool = False) -> Notice:
        """One notice, or `NotFoundError` when there is none that the caller may see."""
        query = self._notices().where(Notice.id == notice_id)
        found = self._session.scalar(query.with_for_update() if for_update else query)
        if found is None:
            raise NotFoundError("There is no such notice, or you may not see it.")
        return found

    def notices(self, *, limit: int, offset: int) -> Sequence[Notice]:
        """Notices that the caller may see: running clocks first, by their end, then the newest."""
        return self._session.scalars(
            self._notices()
            .order_by(Notice.clock_ends_at.is_(None), Notice.clock_ends_at, Notice.made_at.desc())
            .limit(limit)
            .offset(offset)
        ).all()

    def notices_of_person(self, person_id: uuid.UUID) -> Sequence[Notice]:
        """All notices of one person, the oldest first."""
        return self._session.scalars(
            self._notices().where(Notice.person_id == person_id).order_by(Notice.made_at)
        ).all()

    def exhibit_ids(self, notice: Notice) -> Sequence[uuid.UUID]:
        """The exhibits that a visible notice was made of."""
        return self._session.scalars(
            select(NoticeItem.exhibit_id).where(
                NoticeItem.notice_id.in_(
                    self._notices().where(Notice.id == notice.id).with_only_columns(Notice.id)
                )
            )
        ).all()

    def receiver_for(self, organisation_id: uuid.UUID, host: str, regime: str) -> Receiver | None:
        """Where the caller's organisation sends notices for a host under a regime."""
        if self._actor.organisation_id not in (None, organisation_id):
            return None
        return self._session.scalar(
            select(Receiver).where(
                Receiver.organisation_id == organisation_id,
                Receiver.host == host,
                Receiver.regime == regime,
            )
        )

    def delete_all_of(self, person_id: uuid.UUID) -> tuple[tuple[str, int], ...]:
        """Delete every notice of a visible person with its items; counts by what it was."""
        mine = self._notices().where(Notice.person_id == person_id)
        ids = mine.with_only_columns(Notice.id)
        counts = []
        for what, table, column in (
            ("items of notices", NoticeItem, NoticeItem.notice_id),
            ("notices", Notice, Notice.id),
        ):
            wanted = self._session.scalars(ids).all()
            number = self._session.scalar(
                select(func.count()).select_from(table).where(column.in_(wanted))
            )
            self._session.execute(delete(table).where(column.in_(wanted)))
            counts.append((what, number or 0))
        return tuple(counts)

    def _notices(self) -> Select[Notice]:
        return select(Notice).where(Notice.person_id.in_(visible_people(self._actor, self._at)))
