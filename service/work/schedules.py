"""What comes round by itself: due runs, leases that ran out, and what other rooms do in time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from service.accounts.actor import Actor
from service.clock import Clock
from service.database import Database
from service.sources import leasing
from service.sources.service import SourcesService

_ACTOR = Actor.system("schedule")


Chores = Mapping[str, Callable[[], int]]
"""Parts of upkeep that other rooms do, by name; each returns how many items it dealt with."""


@dataclass(frozen=True, slots=True)
class Upkeep:
    """The parts of upkeep. `each_minute` and `each_hour` are done by other rooms."""

    database: Database
    clock: Clock
    sources: SourcesService
    each_minute: Chores
    each_hour: Chores

    def start_due_runs(self) -> int:
        """Queue a run of each site whose scheduled moment has come."""
        with self.database.write() as session:
            return self.sources.start_due_runs(session, _ACTOR)

    def let_go_on(self) -> int:
        """Runs that stepped aside go on where nothing else is at work; places are made for sweeps
        that cannot wait. After the parts that want a site's turn.
        """
        with self.database.write() as session:
            control = self.sources.control
            return control.go_on_everywhere(session) + control.make_room(session)

    def release_expired(self) -> int:
        """Return addresses whose lease has run out: their worker is gone."""
        with self.database.write() as session:
            return leasing.release_expired(session, now=self.clock.now())
