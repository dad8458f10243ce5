"""Each hour: what is kept no longer is deleted, in short transactions and for a bounded time.

One transaction deletes at most a thousand rows, so that nobody waits for it long; what is not done
in a round is done in the next. A killed worker's round goes on where it was.
"""

from __future__ import annotations

import logging
import time
import uuid

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
        """Forget what is due, for at most `ROUND_S`; returns how many addresses were deleted.

        A run of which nothing can be deleted keeps no other waiting: its error is raised at the
        end of the round.
        """
        ends_at = time.monotonic() + ROUND_S
        failed: list[Exception] = []
        addresses = self._addresses(ends_at, failed)
        thinned = self._sightings(ends_at, failed)
        if addresses or thinned:
            logger.info(
                "retention: %d addresses deleted, sightings of %d runs thinned", addresses, thinned
            )
        if failed:
            logger.error("retention: %d runs could not be gone through", len(failed))
            raise failed[0]
        return addresses

    def _addresses(self, ends_at: float, failed: list[Exception]) -> int:
        """A part of each run in turn, so that a large one keeps no other waiting."""
        with self._database.read() as session:
            due = self._retention.due_for_addresses(session)
        deleted = 0
        while due:
            unfinished = []
            for run_id in due:
                if time.monotonic() >= ends_at:
                    return deleted
                try:
                    with self._database.write() as session:
                        count = self._retention.forget_addresses(session, run_id)
                except Exception as error:  # noqa: BLE001 - raised at the end of the round
                    failed.append(error)
                    continue
                deleted += count
                if count:
                    unfinished.append(run_id)
            due = tuple(unfinished)
        return deleted

    def _sightings(self, ends_at: float, failed: list[Exception]) -> int:
        with self._database.read() as session:
            due = self._retention.due_for_sightings(session)
        thinned = 0
        for run_id in due:
            try:
                thinned += self._thin(run_id, ends_at)
            except Exception as error:  # noqa: BLE001 - raised at the end of the round
                failed.append(error)
        return thinned

    def _thin(self, run_id: uuid.UUID, ends_at: float) -> bool:
        """Whether the sightings of this run were gone through to their end in time."""
        after = None
        while time.monotonic() < ends_at:
            with self._database.write() as session:
                after = self._retention.thin_sightings(session, run_id, after)
            if after is None:
                return True
        return False
