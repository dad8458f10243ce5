"""The house that tests of accounts work in, on both databases or on SQLite alone."""

from __future__ import annotations

import pytest

from service.database import Database
from service.vault import Vault
from tests.fixtures.clock import SettableClock
from tests.service.accounts.house import House, make_house


@pytest.fixture
def house(sqlite_database: Database, vault: Vault, clock: SettableClock) -> House:
    """An empty house."""
    return make_house(sqlite_database, vault, clock)


@pytest.fixture
def house_on_both(database: Database, vault: Vault, clock: SettableClock) -> House:
    """An empty house, on SQLite and on PostgreSQL."""
    return make_house(database, vault, clock)
