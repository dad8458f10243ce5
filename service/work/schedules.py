"""What comes round by itself: due runs, leases that ran out, templates for a new model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from service.accounts.actor import Actor
from service.clock import Clock
from service.database import Database
from service.sources import frontier
from service.sources.service import SourcesService

_ACTOR = Actor.system("schedule")


@dataclass(frozen=True, slots=True)
class Upkeep:
    """The parts of upkeep, each returning how many items it dealt with."""

    database: Database
    clock: Clock
    sources: SourcesService
    missing_templates: Callable[[], int]

    def make_templates(self) -> int:
        """Make templates that are missing for the loaded model."""
        return self.missing_templates()

    def start_due_runs(self) -> int:
        """Queue a run of each site whose scheduled moment has come."""
        with self.database.write() as session:
            return self.sources.start_due_runs(session, _ACTOR)

    def release_expired(self) -> int:
        """Return addresses whose lease has run out: their worker is gone."""
        with self.database.write() as session:
            return frontier.release_expired(session, now=self.clock.now())
