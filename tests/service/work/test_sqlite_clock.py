from __future__ import annotations

import sqlite3
import time

import pytest

from service.work.sqlite_clock import add_subsec


def test_an_older_sqlite_learns_parts_of_a_second_also_as_a_columns_default() -> None:
    connection = sqlite3.connect(":memory:")
    add_subsec(connection, (3, 40, 1))
    connection.execute(
        "CREATE TABLE t (n INTEGER, at BIGINT NOT NULL DEFAULT (unixepoch('subsec') * 1000))"
    )
    before = time.time()
    connection.execute("INSERT INTO t (n) VALUES (1)")
    ((at, kind),) = connection.execute("SELECT at, typeof(at) FROM t")
    assert kind == "integer"
    assert (before - 1) * 1000 < at <= time.time() * 1000


def test_any_other_use_of_it_is_refused_aloud() -> None:
    connection = sqlite3.connect(":memory:")
    add_subsec(connection, (3, 40, 1))
    with pytest.raises(sqlite3.OperationalError):
        connection.execute("SELECT unixepoch('now')")


def test_a_newer_sqlite_keeps_its_own() -> None:
    connection = sqlite3.connect(":memory:")
    before = connection.execute("SELECT unixepoch('2026-01-01')").fetchone()
    add_subsec(connection, (3, 42, 0))
    assert connection.execute("SELECT unixepoch('2026-01-01')").fetchone() == before
