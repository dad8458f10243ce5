"""The keeper of the index of what was seen, and rounds of looking back: they outlive what fails."""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from indexer.hashing.index import HashIndexError
from service.database import Database
from service.sources.errors import SeenIndexError
from service.work import index_keeper
from service.work.index_keeper import IndexKeeper
from service.work.look_back_rounds import LookBackRounds


@dataclass
class Follower:
    """Does what the test says, one thing each time."""

    steps: list[int | Exception]
    done: threading.Event = field(default_factory=threading.Event)

    def keep_up(self, database: Database, budget_s: float) -> int:
        if not self.steps:
            self.done.set()
            return 0
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


def test_it_goes_on_after_whatever_fails(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_keeper, "FOLLOW_EVERY_S", 0.01)
    failures: list[int | Exception] = [
        3,
        SeenIndexError("the disk is full"),
        HashIndexError("not a hash"),
        OperationalError("SELECT", {}, Exception("away")),
        2,
    ]
    follower = Follower(failures)
    keeper = IndexKeeper(sqlite_database, follower)
    keeper.start()
    assert follower.done.wait(10)
    keeper.stop()
    assert follower.steps == []


def test_one_that_never_began_stops(sqlite_database: Database) -> None:
    IndexKeeper(sqlite_database, Follower([])).stop()


@dataclass
class Looker:
    """Known pictures that are due; some cannot be looked up now."""

    ids: list[uuid.UUID]
    failing: set[uuid.UUID]
    looked: list[uuid.UUID] = field(default_factory=list)

    def due(self, session: Session) -> tuple[uuid.UUID, ...]:
        return tuple(self.ids)

    def begin_again(self, database: Database) -> int:
        return 4

    def recount(self, database: Database) -> int:
        return 5

    def look_back(self, database: Database, known_id: uuid.UUID) -> int:
        if known_id in self.failing:
            raise SeenIndexError("being built")
        self.looked.append(known_id)
        return 1


def test_one_that_cannot_be_looked_up_keeps_no_other_waiting(sqlite_database: Database) -> None:
    ids = [uuid.uuid4() for _ in range(3)]
    looker = Looker(ids, {ids[1]})
    rounds = LookBackRounds(sqlite_database, looker, threading.Event())
    assert rounds.is_waiting()
    assert rounds.look_back_all() == 2
    assert looker.looked == [ids[0], ids[2]]
    assert (rounds.begin_again(), rounds.recount()) == (4, 5)


def test_a_round_ends_when_the_worker_stops(sqlite_database: Database) -> None:
    stopping = threading.Event()
    stopping.set()
    looker = Looker([uuid.uuid4()], set())
    assert LookBackRounds(sqlite_database, looker, stopping).look_back_all() == 0
    assert looker.looked == []
