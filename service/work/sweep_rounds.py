"""Each minute: who joined is noted, sweeps that are over are ended, and parts that are due begin.

Each site in a transaction of its own; every part may run twice, and goes on after a kill.
"""

from __future__ import annotations

from service.accounts.actor import Actor
from service.database import Database
from service.sources.sweeps import SweepService

_ACTOR = Actor.system("sweeps")


class SweepRounds:
    """Belongs to workers."""

    def __init__(self, database: Database, sweeps: SweepService) -> None:
        self._database = database
        self._sweeps = sweeps

    def go_round(self) -> int:
        """Do what is due; returns how many parts have begun."""
        with self._database.write() as session:
            self._sweeps.note_joined(session, _ACTOR)
            self._sweeps.end_over(session, _ACTOR)
        with self._database.read() as session:
            sites = self._sweeps.sites_to_ask(session, _ACTOR)
        begun = 0
        for site_id in sites:
            with self._database.write() as session:
                begun += self._sweeps.begin_due(session, _ACTOR, site_id) is not None
        return begun
