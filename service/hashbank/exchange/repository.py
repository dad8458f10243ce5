"""All SQL of lists, connections and hits, for one caller: their own organisation's only."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, true, update
from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.errors import NotAllowedError, NotFoundError
from service.hashbank.exchange.models import (
    BankRemoval,
    HashConnection,
    HashList,
    HashListHit,
    ProgrammeExport,
)


class ExchangeRepository:
    """What `actor` may see of their organisation's exchange."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
        self._actor = actor

    def add(self, row: HashConnection | HashList | HashListHit) -> None:
        """Write a new row."""
        self._session.add(row)
        self._session.flush()

    def lists(self) -> Sequence[HashList]:
        """The organisation's lists, by name."""
        return self._session.scalars(
            select(HashList)
            .where(self._own(HashList), HashList.removed_at.is_(None))
            .order_by(HashList.name)
        ).all()

    def list(self, list_id: uuid.UUID) -> HashList:
        """One list, or `NotFoundError`."""
        found = self._session.scalar(
            select(HashList).where(
                HashList.id == list_id, self._own(HashList), HashList.removed_at.is_(None)
            )
        )
        if found is None:
            raise NotFoundError("There is no such list, or you may not see it.")
        return found

    def list_named(self, name: str) -> HashList | None:
        """One list by its name."""
        return self._session.scalar(
            select(HashList).where(
                HashList.name == name, self._own(HashList), HashList.removed_at.is_(None)
            )
        )

    def any_removed_lists(self) -> Sequence[HashList]:
        """Lists of every organisation whose entries are still to be deleted."""
        return self._session.scalars(select(HashList).where(HashList.removed_at.is_not(None))).all()

    def connections(self) -> Sequence[HashConnection]:
        """The organisation's connections that are open, by name."""
        return self._session.scalars(
            select(HashConnection)
            .where(self._own(HashConnection), HashConnection.closed_at.is_(None))
            .order_by(HashConnection.name)
        ).all()

    def connection(self, connection_id: uuid.UUID, *, also_closed: bool = False) -> HashConnection:
        """One connection, or `NotFoundError`."""
        found = self._session.scalar(
            select(HashConnection).where(
                HashConnection.id == connection_id, self._own(HashConnection)
            )
        )
        if found is None or (found.closed_at is not None and not also_closed):
            raise NotFoundError("There is no such connection, or you may not see it.")
        return found

    def lies_in_bank(self, connection_id: uuid.UUID) -> bool:
        """Whether something that was put into the bank of a connection is still there."""
        mine = select(HashConnection.id).where(
            HashConnection.id == connection_id, self._own(HashConnection)
        )
        pushed = select(ProgrammeExport.id).where(
            ProgrammeExport.connection_id.in_(mine),
            ProgrammeExport.form == "push",
            ProgrammeExport.state.in_(("done", "part")),
        )
        left = select(BankRemoval.id).where(BankRemoval.connection_id.in_(mine))
        return any(self._session.scalar(each.limit(1)) is not None for each in (pushed, left))

    def connection_named(self, name: str) -> HashConnection | None:
        """One connection by its name, also a closed one."""
        return self._session.scalar(
            select(HashConnection).where(HashConnection.name == name, self._own(HashConnection))
        )

    def lists_of_connection(self, connection_id: uuid.UUID) -> Sequence[HashList]:
        """Lists that are fetched over one connection."""
        return self._session.scalars(
            select(HashList).where(
                HashList.connection_id == connection_id,
                self._own(HashList),
                HashList.removed_at.is_(None),
            )
        ).all()

    def hits(
        self, actions: Sequence[str], *, limit: int, offset: int = 0
    ) -> Sequence[tuple[HashListHit, datetime]]:
        """The latest hit of each address, with when it was first seen; the newest first."""
        of_address = (HashListHit.list_name, HashListHit.address_key)
        latest = (
            select(
                HashListHit.id,
                func.min(HashListHit.seen_at).over(partition_by=of_address).label("first"),
                func.row_number()
                .over(partition_by=of_address, order_by=HashListHit.seen_at.desc())
                .label("place"),
            )
            .where(self._own(HashListHit), HashListHit.action.in_(actions))
            .subquery()
        )
        rows = self._session.execute(
            select(HashListHit, latest.c.first)
            .join(latest, latest.c.id == HashListHit.id)
            .where(latest.c.place == 1)
            .order_by(HashListHit.seen_at.desc(), HashListHit.id)
            .limit(limit)
            .offset(offset)
        )
        return [(row[0], row[1]) for row in rows]

    def hit_counts(self, run_id: uuid.UUID | None = None) -> Sequence[tuple[str, str, int]]:
        """(list, action, addresses) of the organisation, of one run if given."""
        of_run = true() if run_id is None else HashListHit.run_id == run_id
        rows = self._session.execute(
            select(
                HashListHit.list_name,
                HashListHit.action,
                func.count(func.distinct(HashListHit.address_key)),
            )
            .where(self._own(HashListHit), of_run)
            .group_by(HashListHit.list_name, HashListHit.action)
            .order_by(HashListHit.list_name, HashListHit.action)
        )
        return [(name, action, count) for name, action, count in rows]

    def was_hit(self, medium_id: uuid.UUID) -> bool:
        """Whether a list of the organisation named this content before."""
        return (
            self._session.scalar(
                select(HashListHit.id)
                .where(self._own(HashListHit), HashListHit.medium_id == medium_id)
                .limit(1)
            )
            is not None
        )

    def hit_of_run(
        self, list_id: uuid.UUID, run_id: uuid.UUID | None, address_key: str
    ) -> HashListHit | None:
        """The hit of this list at this address in this run."""
        of_run = HashListHit.run_id.is_(None) if run_id is None else HashListHit.run_id == run_id
        return self._session.scalar(
            select(HashListHit).where(
                self._own(HashListHit),
                HashListHit.list_id == list_id,
                HashListHit.address_key == address_key,
                of_run,
            )
        )

    def forget_list(self, row: HashList) -> None:
        """Delete a list's row; what was found from it keeps its name."""
        self._session.execute(
            update(HashListHit).where(HashListHit.list_id == row.id).values(list_id=None)
        )
        self._session.delete(row)
        self._session.flush()

    def _own(
        self, table: type[HashConnection] | type[HashList] | type[HashListHit]
    ) -> ColumnElement[bool]:
        """Rows of the caller's organisation; of all only for the system across organisations."""
        actor = self._actor
        if actor.role is Role.PERSON:
            raise NotAllowedError("Lists are for those who work here.")
        if actor.role is Role.SYSTEM and actor.organisation_id is None:
            return true()
        return table.organisation_id == actor.organisation_id


def media_on_lists(session: Session, medium_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Those of these media that a list named, of whatever organisation."""
    named = session.scalars(
        select(HashListHit.medium_id).where(HashListHit.medium_id.in_(medium_ids))
    )
    return {medium_id for medium_id in named if medium_id is not None}
