"""All SQL on matches of known pictures, and on what was looked back at, for one caller."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Select, and_, delete, func, not_, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from indexer.observations import HashKind
from service.accounts.actor import Actor
from service.enrolment.visibility import searchable_people, visible_people
from service.errors import NotFoundError
from service.hashbank.models import KnownMatch, KnownPicture

Counted = TypeVar("Counted", uuid.UUID, int)

DIFFERENT = "different"
PART: HashKind = "pdq_part"


class KnownMatchRepository:
    """Matches of the known pictures of the people whom `actor` may see at the moment `at`."""

    def __init__(self, session: Session, actor: Actor, at: datetime) -> None:
        self._session = session
        self._actor = actor
        self._at = at

    def require_person(self, person_id: uuid.UUID) -> None:
        """`NotFoundError` when there is no such person whom the caller may see."""
        visible = visible_people(self._actor, self._at).subquery()
        if self._session.scalar(select(visible.c.id).where(visible.c.id == person_id)) is None:
            raise NotFoundError("There is no such case, or you may not see it.")

    def known_of(
        self, person_id: uuid.UUID, known_ids: Collection[uuid.UUID], *, for_update: bool = False
    ) -> Sequence[KnownPicture]:
        """Those of these known pictures that are a visible person's, in a fixed order."""
        query = (
            self._known()
            .where(KnownPicture.person_id == person_id, KnownPicture.id.in_(known_ids))
            .order_by(KnownPicture.id)
        )
        return self._session.scalars(query.with_for_update() if for_update else query).all()

    def put(self, row: KnownMatch) -> bool:
        """Write a match; a closer one replaces what was there. Whether the medium is new to it."""
        is_postgresql = self._session.get_bind().dialect.name == "postgresql"
        insert = postgresql_insert if is_postgresql else sqlite_insert
        values = {"kind": row.kind, "distance": row.distance, "band": row.band}
        made = self._session.execute(
            insert(KnownMatch)
            .values(
                id=row.id,
                known_id=row.known_id,
                medium_id=row.medium_id,
                matched_at=row.matched_at,
                verdict="",
                **values,
            )
            .on_conflict_do_nothing(index_elements=["known_id", "medium_id"])
            .returning(KnownMatch.id)
        ).scalar_one_or_none()
        if made is not None:
            return True
        self._session.execute(
            update(KnownMatch)
            .where(
                KnownMatch.known_id == row.known_id,
                KnownMatch.medium_id == row.medium_id,
                KnownMatch.distance > row.distance,
            )
            .values(**values)
        )
        return False

    def count(self, known_id: uuid.UUID, *, with_parts: bool = False) -> int:
        """How many media a known picture has matched as a whole, or in parts as well."""
        counted = select(func.count()).select_from(KnownMatch)
        counted = _kinds(counted.where(KnownMatch.known_id == known_id), with_parts=with_parts)
        return self._session.scalar(counted) or 0

    def with_other_counts(self, limit: int) -> Sequence[tuple[uuid.UUID, uuid.UUID]]:
        """(known picture, person) whose matches are not as many as was written down."""
        counted = (
            select(KnownMatch.known_id, func.count().label("media"))
            .where(KnownMatch.kind != PART)
            .group_by(KnownMatch.known_id)
            .subquery()
        )
        rows = self._session.execute(
            select(KnownPicture.id, KnownPicture.person_id)
            .join(counted, counted.c.known_id == KnownPicture.id)
            .where(
                KnownPicture.person_id.in_(visible_people(self._actor, self._at)),
                KnownPicture.media_matched != counted.c.media,
            )
            .order_by(KnownPicture.id)
            .limit(limit)
        )
        return [(row.id, row.person_id) for row in rows]

    def of_medium(self, person_id: uuid.UUID, medium_id: uuid.UUID) -> Sequence[KnownMatch]:
        """Matches of one visible person's known pictures with one medium."""
        return self._session.scalars(
            select(KnownMatch)
            .where(
                KnownMatch.medium_id == medium_id,
                KnownMatch.known_id.in_(self._ids().where(KnownPicture.person_id == person_id)),
            )
            .order_by(KnownMatch.known_id)
        ).all()

    def of_known(self, known_ids: Collection[uuid.UUID]) -> Sequence[KnownMatch]:
        """Matches of visible known pictures that nobody called different, the closest first."""
        return self._session.scalars(
            select(KnownMatch)
            .where(
                KnownMatch.known_id.in_(self._ids().where(KnownPicture.id.in_(known_ids))),
                KnownMatch.verdict != DIFFERENT,
            )
            .order_by(KnownMatch.distance, KnownMatch.medium_id)
        ).all()

    def any_forget_medium(self, medium_id: uuid.UUID) -> None:
        """A medium was halted: nothing of anybody says that it matched. Counts follow."""
        forgotten = self._session.execute(
            delete(KnownMatch)
            .where(KnownMatch.medium_id == medium_id)
            .returning(KnownMatch.known_id, KnownMatch.kind)
        )
        known_ids = [row.known_id for row in forgotten if row.kind != PART]
        self._session.execute(
            update(KnownPicture)
            .where(KnownPicture.id.in_(known_ids), KnownPicture.media_matched > 0)
            .values(media_matched=KnownPicture.media_matched - 1)
        )

    def due(self, before: datetime, limit: int) -> Sequence[uuid.UUID]:
        """Known pictures of people who may be looked for that wait for their first or second look.

        The second one is for what was looked at meanwhile with a watch-list that did not have them.
        """
        return self._session.scalars(
            select(KnownPicture.id)
            .where(
                KnownPicture.person_id.in_(visible_people(self._actor, self._at)),
                KnownPicture.person_id.in_(searchable_people(self._at)),
                or_(
                    KnownPicture.look_backs == 0,
                    and_(KnownPicture.look_backs == 1, KnownPicture.looked_back_at < before),
                ),
            )
            .order_by(KnownPicture.look_backs, KnownPicture.added_at, KnownPicture.id)
            .limit(limit)
        ).all()

    def begin_again(self) -> int:
        """Known pictures of people who may not be looked for now will be looked up from the start.

        What was seen while nobody looked for them was not compared with them. Returns how many.
        """
        return len(
            self._session.scalars(
                update(KnownPicture)
                .where(
                    KnownPicture.look_backs > 0,
                    KnownPicture.person_id.in_(visible_people(self._actor, self._at)),
                    not_(KnownPicture.person_id.in_(searchable_people(self._at))),
                )
                .values(look_backs=0)
                .returning(KnownPicture.id)
            ).all()
        )

    def _known(self) -> Select[KnownPicture]:
        return select(KnownPicture).where(
            KnownPicture.person_id.in_(visible_people(self._actor, self._at))
        )

    def _ids(self) -> Select[uuid.UUID]:
        return select(KnownPicture.id).where(
            KnownPicture.person_id.in_(visible_people(self._actor, self._at))
        )


def media_matched_by(known_id: uuid.UUID, *, with_parts: bool = False) -> Select[uuid.UUID]:
    """Ids of the media that a known picture has matched as a whole, or in parts as well: a query
    for other rooms.

    Whether the caller may see the known picture has to be known before.
    """
    matched = select(KnownMatch.medium_id).where(
        KnownMatch.known_id == known_id, KnownMatch.verdict != DIFFERENT
    )
    return _kinds(matched, with_parts=with_parts)


def _kinds(query: Select[Counted], *, with_parts: bool) -> Select[Counted]:
    return query if with_parts else query.where(KnownMatch.kind != PART)


def media_matched_within(known_ids: Collection[uuid.UUID]) -> Select[uuid.UUID]:
    """The same of several known pictures."""
    return select(KnownMatch.medium_id).where(
        KnownMatch.known_id.in_(known_ids), KnownMatch.verdict != DIFFERENT
    )


def media_that_match(session: Session, medium_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Those of these media that match a known picture, however people decided."""
    return set(
        session.scalars(select(KnownMatch.medium_id).where(KnownMatch.medium_id.in_(medium_ids)))
    )
