"""Rounds of looking back: known pictures that are due are compared with what was seen before.

Each is tried by itself: one that fails is tried again in a later round, and keeps no other one
waiting. Every part may run twice.
"""

from __future__ import annotations

import logging
import threading
import uuid
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.orm import Session

from indexer.errors import IndexerError
from service.database import Database
from service.errors import LikenessError

logger = logging.getLogger(__name__)


class LooksBack(Protocol):
    """`service.candidates.looking_back.LookBack`."""

    def due(self, session: Session) -> tuple[uuid.UUID, ...]:
        """Known pictures that are to be compared now."""
        ...

    def begin_again(self, database: Database) -> int:
        """Those of people who may not be looked for now begin from the start later."""
        ...

    def recount(self, database: Database) -> int:
        """Write down what crawls have noted meanwhile; returns for how many."""
        ...

    def look_back(self, database: Database, known_id: uuid.UUID) -> int:
        """Compare one; returns how many candidates are new."""
        ...


@dataclass(frozen=True, slots=True)
class LookBackRounds:
    """The parts of looking back that workers do."""

    database: Database
    look_back: LooksBack
    stopping: threading.Event

    def is_waiting(self) -> bool:
        """Whether anything is due."""
        with self.database.read() as session:
            return bool(self.look_back.due(session))

    def begin_again(self) -> int:
        """See `LooksBack.begin_again`."""
        return self.look_back.begin_again(self.database)

    def recount(self) -> int:
        """See `LooksBack.recount`."""
        return self.look_back.recount(self.database)

    def look_back_all(self) -> int:
        """Compare what is due; returns how many known pictures were compared."""
        with self.database.read() as session:
            due = self.look_back.due(session)
        done = 0
        for known_id in due:
            if self.stopping.is_set():
                break
            try:
                self.look_back.look_back(self.database, known_id)
            except (LikenessError, IndexerError) as error:
                logger.warning("looking back waits: %s", error.code)
                continue
            done += 1
        return done
