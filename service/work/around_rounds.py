"""Each minute: slices around finds are opened, begun, ended, and forgotten when they have expired.

Each find and each slice in a transaction of its own; every part may run twice.
"""

from __future__ import annotations

from service.candidates.around_finds import AroundFinds
from service.database import Database
from service.sources.around import AroundService


class AroundRounds:
    """Belongs to workers."""

    def __init__(self, database: Database, around: AroundService, finds: AroundFinds) -> None:
        self._database = database
        self._around = around
        self._finds = finds

    def go_round(self) -> int:
        """Do what is due; returns how many runs have begun."""
        with self._database.write() as session:
            self._around.end_over(session)
            self._around.forget_expired(session)
        with self._database.read() as session:
            new = [
                candidate_id
                for candidate_id in self._finds.fresh(session)
                if not self._around.is_open(session, candidate_id)
            ]
        for candidate_id in new:
            with self._database.write() as session:
                find = self._finds.places_of(session, candidate_id)
                if find is not None:
                    self._around.open_find(session, find)
        with self._database.read() as session:
            ready = self._around.waiting(session)
        begun = 0
        for look_around_id in ready:
            with self._database.write() as session:
                begun += self._around.begin(session, look_around_id) is not None
        return begun
