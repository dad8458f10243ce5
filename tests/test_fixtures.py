"""The fixtures that other tests stand on."""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy import inspect, select

from service.accounts.models import Organisation
from service.database import Base, Database
from tests.fixtures.clock import SettableClock


def test_every_table_is_there_in_a_fresh_database(database: Database) -> None:
    there = set(inspect(database.engine).get_table_names())
    assert there >= set(Base.metadata.tables)
    with database.read() as session:
        assert session.scalars(select(Organisation)).all() == []


def test_what_one_test_writes_is_not_in_the_next_one(
    database: Database, clock: SettableClock
) -> None:
    with database.write() as session:
        assert session.scalars(select(Organisation)).all() == []
        session.add(Organisation(id=uuid.uuid4(), slug="one", name="One", created_at=clock.now()))


def test_the_clock_moves_only_when_told(clock: SettableClock) -> None:
    began = clock.now()
    assert clock.now() == began
    clock.advance(seconds=5, days=1)
    assert clock.now() - began == timedelta(days=1, seconds=5)
