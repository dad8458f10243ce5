"""Rooms on a migrated SQLite database; `any_house` runs on PostgreSQL too."""

from __future__ import annotations

from tests.fixtures.houses import any_house, cheap_secrets, database, house

__all__ = ["any_house", "cheap_secrets", "database", "house"]
