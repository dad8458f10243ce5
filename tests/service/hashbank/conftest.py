"""Rooms on a migrated SQLite database; `any_house` runs on PostgreSQL too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from service.accounts import passwords
from service.database import Database
from tests.fixtures.clock import SettableClock
from tests.fixtures.databases import SqliteTemplate
from tests.service.enrolment.people_factory import House, make_house


@pytest.fixture(autouse=True)
def cheap_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real hash with the least cost: its strength is not what these tests are about."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", cheap)


@pytest.fixture
def house(sqlite_template: SqliteTemplate, tmp_path: Path, clock: SettableClock) -> Iterator[House]:
    made = make_house(sqlite_template.new_migrated_url(tmp_path), tmp_path, clock)
    yield made
    made.rooms.close()


@pytest.fixture
def any_house(database_url: str, tmp_path: Path, clock: SettableClock) -> Iterator[House]:
    made = make_house(database_url, tmp_path, clock)
    yield made
    made.rooms.close()


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Database:
    """The database of the test's house."""
    name = "any_house" if "any_house" in request.fixturenames else "house"
    made: House = request.getfixturevalue(name)
    return made.rooms.database
