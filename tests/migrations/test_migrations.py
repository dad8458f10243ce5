"""The schema's revisions: up, down and up again on both databases, with rows in the tables."""

from __future__ import annotations

import multiprocessing
import uuid
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import (
    JSON,
    DateTime,
    LargeBinary,
    Table,
    event,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeDecorator

from migrations.rooms import ROOMS_WITH_TABLES
from service.database import Base, Database
from service.database_migration import (
    SchemaVersionError,
    check_current,
    current_revision,
    downgrade,
    newest_revision,
    upgrade,
)

for room in ROOMS_WITH_TABLES:
    import_module(f"service.{room}.models")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty(request: pytest.FixtureRequest) -> Any:
    """A database without any table, of both kinds."""
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    database = Database.open(url)
    yield database
    database.close()


def test_every_room_with_tables_is_known() -> None:
    service = Path(__file__).resolve().parents[2] / "service"
    with_models = {
        ".".join(path.relative_to(service).parts[:-1]) for path in service.rglob("models.py")
    }
    assert with_models == set(ROOMS_WITH_TABLES)


def test_models_and_migrated_schema_do_not_differ(empty: Database) -> None:
    upgrade(empty)
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_up_down_and_up_again_with_rows_in_every_table(empty: Database) -> None:
    upgrade(empty)
    filled = _fill_every_table(empty)
    assert filled == {table.name for table in Base.metadata.sorted_tables}
    upgrade(empty)
    assert _counts(empty) == dict.fromkeys(filled, 1)

    downgrade(empty)
    assert current_revision(empty.engine) is None
    assert set(inspect(empty.engine).get_table_names()) <= {"alembic_version"}

    upgrade(empty)
    check_current(empty)
    assert _counts(empty) == dict.fromkeys(filled, 0)
    _fill_every_table(empty)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit", "DELETE FROM audit WHERE number=1"],
)
def test_the_database_itself_refuses_to_change_the_audit_trail(
    empty: Database, statement: str
) -> None:
    upgrade(empty)
    _fill_every_table(empty)
    with pytest.raises(DBAPIError, match="append-only"), empty.write() as session:
        session.execute(text(statement))
    assert _counts(empty)["audit"] == 1


@pytest.mark.postgres
def test_postgresql_refuses_to_truncate_the_audit_trail(postgres_url: str) -> None:
    database = Database.open(postgres_url)
    upgrade(database)
    with pytest.raises(DBAPIError, match="append-only"), database.write() as session:
        session.execute(text("TRUNCATE audit"))
    database.close()


def test_two_first_starts_at_once_leave_one_whole_schema(empty: Database) -> None:
    url = empty.engine.url.render_as_string(hide_password=False)
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    children = [context.Process(target=_begin, args=(url, start)) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join(timeout=120)
    assert [child.exitcode for child in children] == [0, 0]
    check_current(empty)


def _begin(url: str, start: Any) -> None:
    database = Database.open(url)
    start.wait(60)
    upgrade(database)
    database.close()


def test_an_empty_database_is_said_to_be_empty(empty: Database) -> None:
    with pytest.raises(SchemaVersionError, match="likeness serve"):
        check_current(empty)


def test_a_database_of_a_newer_program_is_refused_and_left_alone(empty: Database) -> None:
    upgrade(empty)
    with empty.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaVersionError, match="9999"):
        check_current(empty)
    with pytest.raises(SchemaVersionError, match="newer program"):
        upgrade(empty)
    assert current_revision(empty.engine) == "9999"


def test_a_step_that_fails_leaves_the_schema_as_it_was(empty: Database) -> None:
    made = 0

    def fail_half_way(_c: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal made
        made += "CREATE TABLE" in statement
        if made > 5:
            raise RuntimeError("the power went out")

    event.listen(empty.engine, "before_cursor_execute", fail_half_way)
    with pytest.raises(RuntimeError, match="power"):
        upgrade(empty)
    event.remove(empty.engine, "before_cursor_execute", fail_half_way)
    assert made > 5
    assert inspect(empty.engine).get_table_names() == []
    upgrade(empty)
    check_current(empty)


def test_every_revision_says_what_it_changes_and_goes_both_ways() -> None:
    folder = Path(__file__).resolve().parents[2] / "migrations" / "versions"
    revisions = sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")
    assert revisions
    for path in revisions:
        content = path.read_text(encoding="utf-8")
        assert content.startswith('"""'), path.name
        assert "def upgrade()" in content, path.name
        assert "def downgrade()" in content, path.name
    assert newest_revision() == revisions[-1].name.partition("_")[0]


def _fill_every_table(database: Database) -> set[str]:
    """One row in each table, in an order that foreign keys allow."""
    made: dict[str, dict[str, Any]] = {}
    with database.write() as session:
        for table in Base.metadata.sorted_tables:
            values = _row_of(table, made)
            session.execute(insert(table).values(values))
            made[table.name] = values
    return set(made)


def _row_of(table: Table, made: dict[str, dict[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for column in table.columns:
        if column.foreign_keys:
            target = next(iter(column.foreign_keys)).column
            values[column.name] = made.get(target.table.name, {}).get(target.name)
        else:
            values[column.name] = _value_for(column.type)
    return values


def _value_for(kind: Any) -> Any:
    if isinstance(kind, TypeDecorator | DateTime):
        return datetime.now(UTC)
    if isinstance(kind, LargeBinary):
        return b"sealed"
    if isinstance(kind, JSON):
        return []
    python = kind.python_type
    if python is uuid.UUID:
        return uuid.uuid4()
    return {bool: True, int: 1, float: 1.0, date: date(2026, 1, 1)}.get(python, "text")


def _counts(database: Database) -> dict[str, int]:
    with database.read() as session:
        return {
            table.name: session.scalars(select(func.count()).select_from(table)).one()
            for table in Base.metadata.sorted_tables
        }
