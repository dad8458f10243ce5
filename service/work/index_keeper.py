"""Keeps this machine's index of what was seen in step with the database, beside the engine.

A thread of each worker's own: building the index for the first time takes minutes where much was
seen, and nothing else has to wait for it.
"""

from __future__ import annotations

import logging
import threading
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from indexer.errors import IndexerError
from service.database import Database
from service.errors import LikenessError

logger = logging.getLogger(__name__)

FOLLOW_EVERY_S = 10.0
BUDGET_S = 5.0
STOP_LIMIT_S = 10.0


class SeenFollower(Protocol):
    """`service.sources.seen_index.SeenIndex`, as far as keeping it goes."""

    def keep_up(self, database: Database, budget_s: float) -> int:
        """Follow for about that long; returns how many hashes were added."""
        ...


class IndexKeeper:
    """One thread; `start` once, `stop` once."""

    def __init__(self, database: Database, seen: SeenFollower) -> None:
        self._database = database
        self._seen = seen
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to follow."""
        self._thread = threading.Thread(target=self._work, name="index of seen", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the batch at hand end, if that is soon: half of one is as good as none."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=STOP_LIMIT_S)
            self._thread = None

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                added = self._seen.keep_up(self._database, BUDGET_S)
            except (LikenessError, IndexerError) as error:
                logger.warning("the index of what was seen is not followed: %s", error.code)
                added = 0
            except SQLAlchemyError as error:
                # The database is busy or away: the rows wait, and so do we.
                logger.warning("the index of what was seen waits: %s", type(error).__name__)
                added = 0
            if not added:
                self._stop.wait(FOLLOW_EVERY_S)
