"""The unit of work: whole or not at all, on both databases, with several writers."""

from __future__ import annotations

import multiprocessing
import threading
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError

from service.accounts.models import Organisation, RateBucket
from service.database import Database

NOON = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


def organisation(slug: str, created_at: datetime = NOON) -> Organisation:
    return Organisation(id=uuid.uuid4(), slug=slug, name=slug, created_at=created_at)


def count(database: Database) -> int:
    with database.read() as session:
        return session.scalars(select(func.count()).select_from(Organisation)).one()


def test_a_unit_of_work_is_committed_at_its_end(database: Database) -> None:
    with database.write() as session:
        session.add(organisation("one"))
    assert count(database) == 1


def test_a_unit_of_work_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as session:
        session.add(organisation("one"))
        session.flush()
        _ = 1 / 0
    assert count(database) == 0


def test_what_a_reading_session_changes_is_thrown_away(database: Database) -> None:
    with database.read() as session:
        session.add(organisation("one"))
        session.flush()
    assert count(database) == 0


def test_rows_stay_usable_after_the_unit_of_work(database: Database) -> None:
    with database.write() as session:
        row = organisation("one")
        session.add(row)
    assert row.slug == "one"


def test_foreign_keys_are_enforced(database: Database) -> None:
    from service.accounts.models import SignInSession

    with pytest.raises(IntegrityError), database.write() as session:
        session.add(
            SignInSession(
                id="x",
                role="advocate",
                organisation_id=uuid.uuid4(),
                created_at=NOON,
                last_seen_at=NOON,
                expires_at=NOON,
            )
        )


def test_moments_come_back_in_utc_with_their_microseconds(database: Database) -> None:
    summer = datetime(2027, 7, 1, 14, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    with database.write() as session:
        session.add(organisation("one", summer))
    with database.read() as session:
        found = session.scalars(select(Organisation.created_at)).one()
    assert found == summer
    assert found.utcoffset() == timedelta(0)
    assert found.isoformat() == "2027-07-01T12:30:00.123456+00:00"


def test_a_moment_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="time zone"), database.write() as session:
        session.add(organisation("one", datetime(2027, 7, 1, 12, 0)))  # noqa: DTZ001
        session.flush()


def test_a_reader_is_not_held_up_by_a_writer(database: Database) -> None:
    with database.write() as session:
        session.add(organisation("one"))
        session.flush()
        assert count(database) == 0
    assert count(database) == 1


def test_writers_of_several_threads_lose_nothing(database: Database) -> None:
    with database.write() as session:
        session.add(RateBucket(kind="k", subject="s", window_start=NOON, count=0))
    problems: list[BaseException] = []

    def add(times: int) -> None:
        try:
            for _ in range(times):
                with database.write() as session:
                    row = session.scalars(select(RateBucket).with_for_update()).one()
                    row.count += 1
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test must see it
            problems.append(error)

    threads = [threading.Thread(target=add, args=(15,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    with database.read() as session:
        assert session.scalars(select(RateBucket.count)).one() == 60


def test_processes_that_open_a_new_sqlite_file_at_once_all_succeed(sqlite_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(3)
    children = [context.Process(target=_open, args=(sqlite_url, start)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join(timeout=120)
    assert [child.exitcode for child in children] == [0, 0, 0]


def _open(url: str, start: Any) -> None:
    start.wait(60)
    database = Database.open(url)
    with database.write() as session:
        session.execute(text("CREATE TABLE IF NOT EXISTS t (n INTEGER)"))
        session.execute(text("INSERT INTO t VALUES (1)"))
    database.close()


def test_a_file_that_cannot_be_opened_is_said_at_once(tmp_path: Any) -> None:
    database = Database.open(f"sqlite:///{tmp_path}/no/such/folder/x.sqlite")
    with pytest.raises(OperationalError, match="unable to open"), database.read() as session:
        session.execute(text("SELECT 1"))


def test_sqlite_overwrites_what_is_deleted_and_syncs_every_commit(
    sqlite_database: Database,
) -> None:
    with sqlite_database.read() as session:
        pragmas = {
            name: session.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("secure_delete", "synchronous", "journal_mode", "foreign_keys")
        }
    assert pragmas == {
        "secure_delete": 1,
        "synchronous": 2,
        "journal_mode": "wal",
        "foreign_keys": 1,
    }


def test_a_write_that_ends_in_another_thread_lets_the_next_one_begin(
    sqlite_database: Database,
) -> None:
    """As a request's does: its beginning and its end are given to whichever thread is free."""
    unit = sqlite_database.write()
    unit.__enter__()
    ending = threading.Thread(target=unit.__exit__, args=(None, None, None))
    ending.start()
    ending.join(20)

    done = threading.Event()

    def write() -> None:
        with sqlite_database.write() as session:
            session.execute(text("SELECT 1"))
        done.set()

    threading.Thread(target=write, daemon=True).start()
    assert done.wait(20), "it waits for a turn that nobody gives back"
