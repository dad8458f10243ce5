"""Evidence in rounds: hold what was found, seal what was confirmed, purge what was not.

Each item is tried by itself: one that fails is counted and tried again in a later round, and keeps
no other one waiting. Every part may run twice.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.orm import Session

from indexer.crawl.capture_client import CaptureClient
from indexer.errors import IndexerError
from service.accounts.actor import Actor
from service.database import Database
from service.errors import LikenessError
from service.sources.host_slots import HostSlots

logger = logging.getLogger(__name__)

_ACTOR = Actor.system("evidence")


class Exhibits(Protocol):
    """What exhibits let workers do."""

    def captures_to_hold(self, session: Session) -> tuple[uuid.UUID, ...]:
        """Captures whose moment has come."""
        ...

    def hold(
        self,
        database: Database,
        capture_client: CaptureClient,
        slots: HostSlots,
        capture_id: uuid.UUID,
    ) -> object:
        """Perform a wanted capture and hold it."""
        ...

    def exhibits_to_seal(self, session: Session) -> tuple[uuid.UUID, ...]:
        """Exhibits that are confirmed, captured, and not yet sealed."""
        ...

    def seal(self, database: Database, exhibit_id: uuid.UUID) -> object:
        """Seal one exhibit."""
        ...

    def purge_due(self, database: Database) -> int:
        """Purge what was held too long."""
        ...


class ExpiringCandidates(Protocol):
    """What candidates let workers do."""

    def expire_due(self, session: Session, actor: Actor) -> int:
        """End candidates that nobody decided in time; returns how many."""
        ...


@dataclass(frozen=True, slots=True)
class EvidenceRounds:
    """The parts of evidence that workers do, each returning how many items it dealt with."""

    database: Database
    exhibits: Exhibits
    candidates: ExpiringCandidates
    captures: CaptureClient
    slots: HostSlots
    stopping: threading.Event

    def is_waiting(self) -> bool:
        """Whether there is anything to hold or to seal."""
        with self.database.read() as session:
            return bool(
                self.exhibits.captures_to_hold(session) or self.exhibits.exhibits_to_seal(session)
            )

    def hold_captures(self) -> int:
        """Perform the captures that are wanted."""
        with self.database.read() as session:
            wanted = self.exhibits.captures_to_hold(session)
        return self._each(
            wanted,
            lambda item: self.exhibits.hold(self.database, self.captures, self.slots, item),
        )

    def seal_exhibits(self) -> int:
        """Seal the exhibits that are ready."""
        with self.database.read() as session:
            ready = self.exhibits.exhibits_to_seal(session)
        return self._each(ready, lambda item: self.exhibits.seal(self.database, item))

    def purge_held(self) -> int:
        """Purge captures that were held too long."""
        return self.exhibits.purge_due(self.database)

    def expire_due(self) -> int:
        """End candidates that nobody decided in time."""
        with self.database.write() as session:
            return self.candidates.expire_due(session, _ACTOR)

    def _each(self, items: Sequence[uuid.UUID], act: Callable[[uuid.UUID], object]) -> int:
        done = 0
        for item in items:
            if self.stopping.is_set():
                break
            try:
                act(item)
            except (LikenessError, IndexerError) as error:
                logger.warning("evidence %s: %s", item, error.code)
                continue
            done += 1
        return done
