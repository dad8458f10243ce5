"""Each hour: what is kept no longer is deleted, in short transactions and for a bounded time.

One transaction deletes at most a thousand rows, so that nobody waits for it long; what is not done
in a round is done in the next. A killed worker's round goes on where it was.
"""

from __future__ import annotations

import logging
import time

from service.database import Database
from service.sources.retention import Retention

logger = logging.getLogger(__name__)

ROUND_S = 20.0


class RetentionRounds:
    """Belongs to workers."""

    def __init__(self, database: Database, retention: Retention) -> None:
        self._database = database
        self._retention = retention

    def go_round(self) -> int:
        """Forget what is due, for at most `ROUND_S`; returns how many addresses were deleted."""
        ends_at = time.monotonic() + ROUND_S
        addresses = self._addresses(ends_at)
        thinned = self._sightings(ends_at)
        if addresses or thinned:
            logger.info(
                "retention: %d addresses deleted, sightings of %d runs thinned", addresses, thinned
            )
        return addresses

    def _addresses(self, ends_at: float) -> int:
        with self._database.read() as session:
            due = self._retention.due_for_addresses(session)
        deleted = 0
        for run_id in due:
            while time.monotonic() < ends_at:
                with self._database.write() as session:
                    count = self._retention.forget_addresses(session, run_id)
                deleted += count
                if not count:
                    break
        return deleted

    def _sightings(self, ends_at: float) -> int:
        with self._database.read() as session:
            due = self._retention.due_for_sightings(session)
        thinned = 0
        for run_id in due:
            after = None
            while time.monotonic() < ends_at:
                with self._database.write() as session:
                    after = self._retention.thin_sightings(session, run_id, after)
                if after is None:
                    thinned += 1
                    break
        return thinned
