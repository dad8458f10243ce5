"""The one database: typed models' base, and the unit of work.

1. `Database.open(url)` makes the engine (SQLite in WAL mode, or PostgreSQL).
2. `with database.write() as session:` is a unit of work: committed at its end, rolled back on any
   error. On SQLite it takes the write lock at its beginning (`BEGIN IMMEDIATE`), so keep it short:
   do network, model and decoding work before the first statement. It is on the disk when the block
   ends, unless `on_disk=False` says that a power cut may undo it (a killed process never does).
3. `with database.read() as session:` never writes and takes no lock that hinders a writer.

Services never commit: the unit of work is the request or the step of a workflow.
"""

from __future__ import annotations

import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, Engine, MetaData, String, Uuid, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

_WRITE_OPTION = "likeness_write"
_MAY_VANISH_OPTION = "likeness_may_vanish_in_a_power_cut"
_SYNCHRONOUS = "likeness_synchronous"
_BUSY_TIMEOUT_S = 30
_WAL_RETRY_S = 0.05


class UtcDateTime(TypeDecorator[datetime]):
    """A moment with its zone, kept in UTC on every database; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse a moment without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """SQLite forgets the zone; it was UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Base of all tables. Constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        datetime: UtcDateTime,
        uuid.UUID: Uuid(as_uuid=True),
        str: String(),
    }


class Database:
    """An engine and the two kinds of session over it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._write_engine = engine.execution_options(**{_WRITE_OPTION: True})
        self._quick_engine = self._write_engine.execution_options(**{_MAY_VANISH_OPTION: True})
        self._turn = threading.Lock() if engine.dialect.name == "sqlite" else None

    @classmethod
    def open(cls, url: str) -> Database:
        """Connect to `url` (SQLAlchemy form). Creates no tables: migrations do."""
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            engine = create_engine(
                parsed, connect_args={"timeout": _BUSY_TIMEOUT_S, "check_same_thread": False}
            )
            _prepare_sqlite(engine)
        else:
            engine = create_engine(parsed, pool_pre_ping=True)
            _prepare_postgresql(engine)
        return cls(engine)

    @contextmanager
    def write(self, *, on_disk: bool = True) -> Iterator[Session]:
        """A unit of work: commits at its end, rolls back and re-raises on any error.

        With `on_disk=False` it does not wait for the disk, some milliseconds each time: only for
        what is worthless after a power cut, and is written for every request.
        """
        engine = self._write_engine if on_disk else self._quick_engine
        with (
            _in_turn(self._turn) if self._turn is not None else nullcontext(),
            Session(engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for looking only; whatever it changes is thrown away."""
        with Session(self.engine, expire_on_commit=False, autoflush=False) as session:
            yield session

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


@contextmanager
def _in_turn(turn: threading.Lock) -> Iterator[None]:
    """The writers of this process, one after the other: SQLite lets those who wait sleep in ever
    longer steps, so that threads that write often would mostly sleep.

    SQLite's own lock is what counts, also between processes: who has waited for as long as SQLite
    would goes on, and is told by SQLite. A request's write may end in another thread than the one
    in which it began, so the turn belongs to no thread.
    """
    taken = turn.acquire(timeout=_BUSY_TIMEOUT_S)
    try:
        yield
    finally:
        if taken:
            turn.release()


def _prepare_sqlite(engine: Engine) -> None:
    """WAL, foreign keys, overwritten deletes, and a write lock taken when a writer begins.

    A deferred transaction that turns into a writer fails at once when another one committed in
    between (SQLITE_BUSY_SNAPSHOT), which no timeout helps against: hence BEGIN IMMEDIATE.
    """

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_S * 1000}")
        _enter_wal(cursor)
        for pragma in (
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
        record.info[_SYNCHRONOUS] = "FULL"

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        options = connection.get_execution_options()
        write = options.get(_WRITE_OPTION, False)
        # In WAL mode NORMAL waits for the disk at checkpoints only; the next FULL commit writes
        # what came before it to the disk, too.
        wanted = "NORMAL" if options.get(_MAY_VANISH_OPTION, False) else "FULL"
        if connection.info.get(_SYNCHRONOUS) != wanted:
            connection.exec_driver_sql(f"PRAGMA synchronous={wanted}")
            connection.info[_SYNCHRONOUS] = wanted
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _prepare_postgresql(engine: Engine) -> None:
    """The same choice of waiting for the disk or not."""

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        if connection.get_execution_options().get(_MAY_VANISH_OPTION, False):
            connection.exec_driver_sql("SET LOCAL synchronous_commit TO OFF")


def _enter_wal(cursor: Any) -> None:
    """Switch to WAL. SQLite does not wait here when another process is switching the same file."""
    give_up_at = time.monotonic() + _BUSY_TIMEOUT_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > give_up_at:
                raise
            time.sleep(_WAL_RETRY_S)
        else:
            return
