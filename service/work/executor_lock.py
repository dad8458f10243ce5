"""One process for each worker name: the engine would otherwise "recover" work that still runs.

The name is held by a lock on a file in the data folder and, with PostgreSQL, by an advisory lock
of a session of its own as well, so that it holds across machines. Both end with the process,
however it ends; that the lock of a name is free is therefore the strict proof that its worker is
dead (a late heartbeat would not be).

A database that is started again frees every name at once. `keep`, called about once a second, takes
the own name again; only who has held its own name for a while may take another one for dead.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from service.work.errors import ExecutorBusyError


class ExecutorLock:
    """Holds one worker name until it is released or the process ends."""

    def __init__(self, name: str, folder: Path, engine: Engine) -> None:
        self._name = name
        self._path = folder / f"worker-{name}.lock"
        self._engine = engine
        self._file: int | None = None
        self._connection: Connection | None = None
        self._held_since_s = 0.0

    def take(self) -> None:
        """Take the name. Raises `ExecutorBusyError` when a living process has it."""
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(handle)
            raise ExecutorBusyError(
                f'a process already works here under the name "{self._name}"; stop it first, or '
                "give this one another name"
            ) from error
        self._file = handle
        if not self._take_in_database():
            self.release()
            raise ExecutorBusyError(
                f'a process on another machine works under the name "{self._name}"; give '
                "this one another name"
            )

    def keep(self) -> float:
        """Hold on to the name: take it again when the database's session has ended.

        Returns for how many seconds it has been held without a break; 0 while it is not held.
        """
        if self._file is None:
            return 0.0
        if self._connection is not None:
            try:
                self._connection.execute(text("SELECT 1"))
            except DBAPIError:
                self._end_session()
        if self._engine.dialect.name == "postgresql" and self._connection is None:
            try:
                taken = self._take_in_database()
            except DBAPIError:
                return 0.0  # the database is away
            if not taken:
                self._end_session()
                return 0.0
        return time.monotonic() - self._held_since_s

    def _take_in_database(self) -> bool:
        self._held_since_s = time.monotonic()
        if self._engine.dialect.name != "postgresql":
            return True
        self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        return _try_lock(self._connection, self._name)

    def _end_session(self) -> None:
        if self._connection is not None:
            # Closing alone would give the session, and the lock with it, back to the pool.
            self._connection.invalidate()
            self._connection.close()
            self._connection = None

    def release(self) -> None:
        """Give the name up."""
        self._end_session()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


@contextmanager
def proof_of_death(engine: Engine, name: str) -> Iterator[bool]:
    """Whether no living process works under `name`; while the context lasts none can begin to.

    Only with PostgreSQL, where several machines share the work; with SQLite there is one worker
    name and its restart takes its work up again.
    """
    if engine.dialect.name != "postgresql":
        yield False
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        taken = _try_lock(connection, name)
        try:
            yield taken
        finally:
            if taken:
                connection.execute(
                    text("SELECT pg_advisory_unlock(:key)"), {"key": _lock_key(name)}
                )


def _try_lock(connection: Connection, name: str) -> bool:
    row = connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _lock_key(name)})
    return bool(row.scalar_one())


def _lock_key(name: str) -> int:
    digest = hashlib.sha256(f"likeness/worker/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
