"""One worker of `likeness bench crawl`, in a process of its own: the real one, with counters.

It is the worker of `likeness worker` with two differences: what the database was given is counted,
and the eyes are either none (examination switched off) or the real ones with a counter around.
When it is asked to stop it writes what it counted.
"""

from __future__ import annotations

import dataclasses
import hashlib
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, event

from indexer.examiner.errors import ExaminerUnavailableError
from indexer.examiner.protocol import Enrolled, Hashed
from indexer.observations import Examination, MediaHashes, ModelStamp
from service.work import serving
from service.work.assembly import assemble, work_rooms
from service.work.bench_crawl_figures import WorkerFigures
from service.work.eyes import ExaminerEyes

NOT_LOOKING_AT_ONCE = 4
_WROTE = "likeness_bench_wrote"
_WRITING = ("INSERT", "UPDATE", "DELETE")


def run_worker(rooms: Any, name: str, figures: Path, *, looking: bool) -> None:
    """Work until a signal comes; then write `figures`."""
    writes = WritesCounted(rooms.database.engine)
    parts = work_rooms(rooms)
    eyes: LooksCounted = LooksCounted(rooms.examiner if looking else NotLooking())
    engine = assemble(dataclasses.replace(parts, eyes=eyes), name)
    serving.work(engine, lambda: print("works", flush=True))  # noqa: T201 - the parent reads it
    counted = WorkerFigures(
        transactions=writes.transactions,
        rows_written=writes.rows,
        looks=eyes.looks,
        looking_s=eyes.looking_s,
        kept_busy_s=eyes.kept_busy_s,
    )
    figures.write_bytes(msgspec.json.encode(counted))


class WritesCounted:
    """Counts the transactions that wrote something, and their rows."""

    def __init__(self, engine: Engine) -> None:
        self.transactions = self.rows = 0
        self._lock = threading.Lock()
        event.listen(engine, "after_cursor_execute", self._executed)
        event.listen(engine, "commit", self._committed)

    def _executed(
        self,
        connection: Connection,
        cursor: Any,
        statement: str,
        _parameters: Any,
        _context: Any,
        _many: bool,
    ) -> None:
        if statement.lstrip().startswith(_WRITING):
            connection.info[_WROTE] = True
            with self._lock:
                self.rows += max(0, cursor.rowcount)

    def _committed(self, connection: Connection) -> None:
        if connection.info.pop(_WROTE, False):
            with self._lock:
                self.transactions += 1


class NotLooking:
    """Eyes that are shut: examination switched off. A medium is known by its digest alone."""

    model: ModelStamp | None = None
    change = 0
    at_once = lanes = NOT_LOOKING_AT_ONCE

    def examine(
        self,
        content: bytes,
        *,
        declared_type: str | None,  # noqa: ARG002 - as the protocol wants
        media_url: str | None,  # noqa: ARG002
        page_url: str | None,  # noqa: ARG002
        only_person: str | None,  # noqa: ARG002
        with_faces: bool,  # noqa: ARG002
        run: str | None = None,  # noqa: ARG002
    ) -> Examination:
        """Say that nothing was looked at."""
        digest = hashlib.sha256(content).hexdigest()
        return Examination(MediaHashes(sha256=digest), "still", 1, 1, 1, 0)

    def enrol(self, content: bytes, others: Sequence[bytes]) -> Enrolled:  # noqa: ARG002
        """Nobody enrols here."""
        raise ExaminerUnavailableError("the examination is switched off")

    def hash(self, content: bytes) -> Hashed:  # noqa: ARG002
        """Nothing is hashed here."""
        raise ExaminerUnavailableError("the examination is switched off")

    def mask_person(self, person_ref: str) -> None:
        """Nobody is looked for."""

    def follow_gallery(self) -> None:
        """There is none."""

    def keep_up(self) -> None:
        """There is none."""


class LooksCounted:
    """Eyes with a counter of what is in their hands at each moment."""

    def __init__(self, eyes: ExaminerEyes | NotLooking) -> None:
        self._eyes = eyes
        self._lock = threading.Lock()
        self._in_hand = 0
        self._since_s = 0.0
        self._began_s: float | None = None
        self.looks = 0
        self.looking_s = self.kept_busy_s = 0.0

    @property
    def model(self) -> ModelStamp | None:
        """The loaded pack."""
        return self._eyes.model

    @property
    def change(self) -> int:
        """The change number of the gallery that is loaded."""
        return self._eyes.change

    @property
    def at_once(self) -> int:
        """How many media are worth handing over at a time."""
        return self._eyes.at_once

    def examine(
        self,
        content: bytes,
        *,
        declared_type: str | None,
        media_url: str | None,
        page_url: str | None,
        only_person: str | None,
        with_faces: bool,
        run: str | None = None,
    ) -> Examination:
        """Look, and count."""
        full = self._eyes.lanes
        self._moved(+1, full)
        try:
            return self._eyes.examine(
                content,
                declared_type=declared_type,
                media_url=media_url,
                page_url=page_url,
                only_person=only_person,
                with_faces=with_faces,
                run=run,
            )
        finally:
            self._moved(-1, full)

    def _moved(self, by: int, full: int) -> None:
        now = time.monotonic()
        with self._lock:
            if self._began_s is None:
                self._began_s = self._since_s = now
            if self._in_hand >= full:
                self.kept_busy_s += now - self._since_s
            self._since_s = now
            self._in_hand += by
            self.looks += int(by < 0)
            self.looking_s = now - self._began_s

    def enrol(self, content: bytes, others: Sequence[bytes]) -> Enrolled:
        """As the eyes do."""
        return self._eyes.enrol(content, others)

    def hash(self, content: bytes) -> Hashed:
        """As the eyes do."""
        return self._eyes.hash(content)

    def mask_person(self, person_ref: str) -> None:
        """As the eyes do."""
        self._eyes.mask_person(person_ref)

    def follow_gallery(self) -> None:
        """As the eyes do."""
        self._eyes.follow_gallery()

    def keep_up(self) -> None:
        """As the eyes do."""
        self._eyes.keep_up()
