"""The house that tests of accounts work in, on both databases or on SQLite alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from service.accounts import passwords
from service.database import Database
from service.vault import Vault
from tests.fixtures.clock import SettableClock
from tests.service.accounts.house import House, make_house


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same algorithm with little memory: these tests make hundreds of hashes."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(1, 64, 1))
    passwords.hash_for_nobody.cache_clear()
    yield
    passwords.hash_for_nobody.cache_clear()


@pytest.fixture
def house(sqlite_database: Database, vault: Vault, clock: SettableClock) -> House:
    """An empty house."""
    return make_house(sqlite_database, vault, clock)


@pytest.fixture
def house_on_both(database: Database, vault: Vault, clock: SettableClock) -> House:
    """An empty house, on SQLite and on PostgreSQL."""
    return make_house(database, vault, clock)
