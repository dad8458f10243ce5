"""Units of work wait for the disk, except those that say that they need not."""

from __future__ import annotations

from sqlalchemy import text

from service.database import Database

FULL, NORMAL = 2, 1


def _synchronous(database: Database, *, on_disk: bool) -> int:
    with database.write(on_disk=on_disk) as session:
        return int(session.execute(text("PRAGMA synchronous")).scalar_one())


def test_only_a_unit_of_work_that_says_so_does_not_wait(sqlite_database: Database) -> None:
    seen = [_synchronous(sqlite_database, on_disk=wait) for wait in (True, False, True, False)]
    assert seen == [FULL, NORMAL, FULL, NORMAL]


def test_a_reader_leaves_no_connection_that_does_not_wait(sqlite_database: Database) -> None:
    _synchronous(sqlite_database, on_disk=False)
    with sqlite_database.read() as session:
        session.execute(text("SELECT 1"))
    assert _synchronous(sqlite_database, on_disk=True) == FULL


def test_what_did_not_wait_is_seen_by_everybody_at_once(sqlite_database: Database) -> None:
    with sqlite_database.write() as session:
        session.execute(text("CREATE TABLE quick (number INTEGER)"))
    with sqlite_database.write(on_disk=False) as session:
        session.execute(text("INSERT INTO quick VALUES (7)"))
    other = Database.open(sqlite_database.engine.url.render_as_string(hide_password=False))
    try:
        with other.read() as session:
            assert session.execute(text("SELECT number FROM quick")).scalar_one() == 7
    finally:
        other.close()
