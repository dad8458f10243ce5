"""Writes the entries of one list, so that an import of any size is all or nothing.

1. `begin` counts an attempt and clears away what a broken earlier one left.
2. `put` writes entries in short transactions, marked with the attempt: they are not in force.
3. `finish` brings them into force in one small transaction, and counts the change. When the whole
   list was given, entries that were not seen again fall out of force in the same moment.
4. Entries that are not in force any more are deleted afterwards, some thousand at a time.

`give_up` takes an attempt back. Another attempt that began meanwhile wins: each transaction locks
the one row of `hash_list_change` first, so that entries get their ids in the order of commits.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, delete, func, select, update
from sqlalchemy.orm import Session

from service.clock import Clock
from service.database import Database
from service.enrolment.gallery import GallerySource
from service.errors import NotFoundError
from service.hashbank.exchange.errors import ImportOvertakenError
from service.hashbank.exchange.models import HashList, HashListChange, HashListEntry
from service.hashbank.exchange.signals import HashKind

AT_ONCE: Final = 20_000
"""Rows in one transaction: others wait for the lock no longer than a fraction of a second."""
_CHANGE_ROW: Final = 1
_COLUMNS: Final = "list_id, kind, value, source_key, added_in, seen_in"
_SEEN_AGAIN: Final = (
    "ON CONFLICT (kind, value, list_id, source_key) DO UPDATE SET seen_in = excluded.seen_in "
    "WHERE hash_list_entries.seen_in <"
)
# Built by the driver alone: for a million rows the statements' builder takes five times as long.
_INSERT_SQLITE: Final = (
    f"INSERT INTO hash_list_entries ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) {_SEEN_AGAIN} ?"  # noqa: S608
)
_INSERT_POSTGRESQL: Final = (
    f"INSERT INTO hash_list_entries ({_COLUMNS}) "  # noqa: S608 - constants of this module
    "SELECT %s::uuid, given.*, %s::integer, %s::integer "
    "FROM unnest(%s::text[], %s::bytea[], %s::text[]) AS given "
    f"{_SEEN_AGAIN} %s"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A hash as it is written. `source_key`: the key of its record at an exchange."""

    kind: HashKind
    value: bytes
    source_key: str = ""


@dataclass(frozen=True, slots=True)
class Gone:
    """A record of an exchange that is no more, or is replaced: by its key, or by key and hash."""

    source_key: str
    kind: HashKind | None = None
    value: bytes | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """What an import changed of what is in force."""

    added: int
    removed: int
    entries: int


def in_force() -> ColumnElement[bool]:
    """Entries that count, in a query that joins their list."""
    return and_(
        HashList.removed_at.is_(None),
        HashListEntry.added_in <= HashList.live,
        HashListEntry.seen_in >= HashList.floor,
    )


def count_change(session: Session) -> int:
    """Count a change of what is in force; the new number. Locks out other writers of entries."""
    changed = session.execute(
        update(HashListChange)
        .where(HashListChange.id == _CHANGE_ROW)
        .values(change=HashListChange.change + 1)
        .returning(HashListChange.change)
    ).scalar_one_or_none()
    if changed is None:
        session.add(HashListChange(id=_CHANGE_ROW, change=1))
        session.flush()
        return 1
    return changed


_CHANGE = select(HashListChange.__table__.c.change)


def change_number(session: Session) -> int:
    """How often what is in force has changed so far."""
    return session.scalar(_CHANGE) or 0


class EntryWriter:
    """Writes one attempt for one list. `whole` says that it gives the list as it is from now on."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        gallery: GallerySource,
        list_id: uuid.UUID,
        *,
        whole: bool,
    ) -> None:
        self._database = database
        self._clock = clock
        self._gallery = gallery
        self._list_id = list_id
        self._whole = whole
        self._attempt = 0
        self._newest_before = 0
        self._follows_broken = False

    def begin(self) -> None:
        """Count the attempt; it may be given up, and never counts twice."""
        with self._database.write() as session:
            _lock(session)
            row = self._row(session)
            # what an attempt that was killed brought into force, nobody has counted
            self._follows_broken = row.attempt > row.live
            if self._follows_broken:
                self._recount(session, row)
            row.attempt += 1
            self._attempt = row.attempt
            row.tried_at = self._clock.now()
            self._newest_before = session.scalar(select(func.max(HashListEntry.id))) or 0
        self._delete_where(HashListEntry.added_in > self._live())

    def put(self, entries: Iterable[Entry]) -> int:
        """Write entries; returns how many were given. Those that are there already stay one."""
        count = 0
        for batch in _batches(entries):
            with self._database.write() as session:
                self._check_mine(session)
                self._upsert(session, batch, self._attempt)
            count += len(batch)
        return count

    def follow(self, gone: Iterable[Gone], entries: Iterable[Entry], checkpoint: str) -> None:
        """One step of an exchange: forget these records, then add; with where the exchange stands.

        What a record had and has again stays as it is. It is in force at once, so that a fetch that
        breaks later goes on from here; only a list that is fetched whole waits for `finish`.
        """
        new = {(entry.source_key, entry.kind, entry.value): entry for entry in entries}
        with self._database.write() as session:
            row = self._check_mine(session)
            for record in gone:
                self._forget(session, row, record, new)
            for batch in _batches(new.values()):
                self._upsert(session, batch, self._attempt if self._whole else row.live)
            if not self._whole:
                row.checkpoint = checkpoint

    def finish(self, checkpoint: str | None = None) -> Changed:
        """Bring the attempt into force, or count what `follow` brought into force already."""
        with self._database.write() as session:
            row = self._check_mine(session)
            before = sum(_counts(row))
            row.live = self._attempt
            if self._whole:
                row.floor = self._attempt
            if checkpoint is not None:
                row.checkpoint = checkpoint
            row.problem = ""
            row.changed_at = self._clock.now()
            session.flush()
            added = self._recount(session, row)
            entries = sum(_counts(row))
            removed = before + added - entries
            if added or removed or self._follows_broken:
                count_change(session)
                # media that were looked at before are looked at again
                self._gallery.bump_gallery(session)
        self._delete_where(HashListEntry.seen_in < self._floor())
        return Changed(added, removed, entries)

    def give_up(self) -> None:
        """Take back what was written; harmless when another attempt has begun."""
        with self._database.read() as session:
            row = session.get(HashList, self._list_id)
            mine = row is not None and row.attempt == self._attempt and row.live < self._attempt
        if mine:
            self._delete_where(HashListEntry.added_in == self._attempt)

    def _forget(
        self, session: Session, row: HashList, record: Gone, but: Container[tuple[str, str, bytes]]
    ) -> None:
        """Delete the entries of a record, `but` those that it has again."""
        of_record = and_(
            HashListEntry.list_id == self._list_id, HashListEntry.source_key == record.source_key
        )
        if record.value is not None:
            of_record = and_(
                of_record, HashListEntry.kind == record.kind, HashListEntry.value == record.value
            )
        for entry in session.scalars(select(HashListEntry).where(of_record)):
            if (entry.source_key, entry.kind, entry.value) in but:
                continue
            if self._whole and entry.added_in != self._attempt:
                # in force until the whole list is there
                entry.seen_in = row.live
            else:
                session.delete(entry)
        session.flush()

    def _upsert(self, session: Session, batch: Sequence[Entry], attempt: int) -> None:
        # what is in force already needs no writing, unless this list is the whole one
        least = attempt if self._whole else self._floor_of(session)
        # one statement may not write the same row twice; in order, fewer pages are touched
        unique = sorted({(entry.kind, entry.value, entry.source_key) for entry in batch})
        connection = session.connection()
        if connection.dialect.name == "postgresql":
            kinds, values, keys = ([*column] for column in zip(*unique, strict=True))
            connection.exec_driver_sql(
                _INSERT_POSTGRESQL,
                (self._list_id, attempt, attempt, kinds, values, keys, least),
            )
        else:
            mine = self._list_id.hex
            connection.exec_driver_sql(
                _INSERT_SQLITE, [(mine, *each, attempt, attempt, least) for each in unique]
            )

    def _check_mine(self, session: Session) -> HashList:
        _lock(session)
        row = self._row(session)
        if row.attempt != self._attempt:
            raise ImportOvertakenError(
                "Another import of this list began meanwhile. This one changed nothing."
            )
        return row

    def _row(self, session: Session) -> HashList:
        row = session.get(HashList, self._list_id, populate_existing=True)
        if row is None or row.removed_at is not None:
            raise NotFoundError("There is no such list any more.")
        return row

    def _recount(self, session: Session, row: HashList) -> int:
        """Count the list's entries anew; returns how many came with this attempt."""
        is_new = case((HashListEntry.id > self._newest_before, 1), else_=0)
        counted: dict[str, int] = {}
        added = 0
        for kind, count, new in session.execute(
            select(HashListEntry.kind, func.count(), func.sum(is_new))
            .join(HashList, HashList.id == HashListEntry.list_id)
            .where(HashListEntry.list_id == row.id, in_force())
            .group_by(HashListEntry.kind)
        ):
            counted[kind] = count
            added += new
        row.pdq_entries = counted.get("pdq", 0)
        row.sha256_entries = counted.get("sha256", 0)
        row.md5_entries = counted.get("md5", 0)
        return added

    def _live(self) -> int:
        with self._database.read() as session:
            return self._row(session).live

    def _floor(self) -> int:
        with self._database.read() as session:
            return self._floor_of(session)

    def _floor_of(self, session: Session) -> int:
        return session.scalar(select(HashList.floor).where(HashList.id == self._list_id)) or 0

    def _delete_where(self, which: ColumnElement[bool]) -> None:
        delete_entries(self._database, self._list_id, which)


def delete_entries(
    database: Database, list_id: uuid.UUID, which: ColumnElement[bool] | None = None
) -> int:
    """Delete entries of a list, some thousand in each transaction; returns how many."""
    of_list = HashListEntry.list_id == list_id
    wanted = of_list if which is None else and_(of_list, which)
    deleted = 0
    while True:
        with database.write() as session:
            _lock(session)
            ids = session.scalars(select(HashListEntry.id).where(wanted).limit(AT_ONCE)).all()
            if not ids:
                return deleted
            for some in _batches(ids, 500):
                session.execute(delete(HashListEntry).where(HashListEntry.id.in_(some)))
        deleted += len(ids)


def _counts(row: HashList) -> tuple[int, int, int]:
    return row.pdq_entries, row.sha256_entries, row.md5_entries


def _lock(session: Session) -> None:
    """Lock out other writers of entries (on SQLite a unit of work is alone in any case)."""
    row = session.scalar(
        select(HashListChange.id).where(HashListChange.id == _CHANGE_ROW).with_for_update()
    )
    if row is None:
        count_change(session)


def _batches(items: Iterable[Any], size: int | None = None) -> Iterator[list[Any]]:
    iterator = iter(items)
    while batch := list(itertools.islice(iterator, size or AT_ONCE)):
        yield batch
