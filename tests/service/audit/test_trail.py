"""The audit trail: every entry follows from the one before, and any alteration shows."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.audit import AuditTrail
from service.audit.gathered import FIRST_PREVIOUS_HASH, entry_hash
from service.audit.models import AuditEntry
from service.database import Database
from service.errors import NotAllowedError
from tests.fixtures.clock import SettableClock

HOUSE = uuid.UUID(int=7)
OPERATOR = Actor(Role.OPERATOR, HOUSE, account_id=uuid.UUID(int=8))


@pytest.fixture
def trail(clock: SettableClock) -> AuditTrail:
    return AuditTrail(clock)


def write(database: Database, trail: AuditTrail, entries: int, actor: Actor = OPERATOR) -> None:
    for number in range(entries):
        with database.write() as session:
            trail.record(session, actor, "thing.do", "thing", number, count=number, ok=True)


def without_triggers(session: Session) -> None:
    """What somebody with the database's own password can do."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("DROP TRIGGER audit_no_change ON audit"))
        return
    session.execute(text("DROP TRIGGER audit_no_update"))
    session.execute(text("DROP TRIGGER audit_no_delete"))


def test_entries_are_numbered_from_one_and_chained(database: Database, trail: AuditTrail) -> None:
    write(database, trail, 3)
    with database.read() as session:
        rows = session.scalars(select(AuditEntry).order_by(AuditEntry.number)).all()
        check = trail.verify(session)
    assert [row.number for row in rows] == [1, 2, 3]
    assert [row.previous_hash for row in rows] == [FIRST_PREVIOUS_HASH, rows[0].hash, rows[1].hash]
    assert (check.intact, check.entries, check.head_hash) == (True, 3, rows[2].hash)


def test_an_empty_trail_is_intact(database: Database, trail: AuditTrail) -> None:
    with database.read() as session:
        assert trail.verify(session).intact


def test_several_entries_of_one_unit_of_work_follow_each_other(
    database: Database, trail: AuditTrail
) -> None:
    with database.write() as session:
        for number in range(4):
            trail.record(session, OPERATOR, "thing.do", "thing", number)
    with database.read() as session:
        assert trail.verify(session).entries == 4


def test_an_entry_stands_and_falls_with_its_unit_of_work(
    database: Database, trail: AuditTrail
) -> None:
    write(database, trail, 1)
    with pytest.raises(ZeroDivisionError), database.write() as session:
        trail.record(session, OPERATOR, "thing.do", "thing", 1)
        _ = 1 / 0
    write(database, trail, 1)
    with database.read() as session:
        check = trail.verify(session)
    assert (check.intact, check.entries) == (True, 2)


def test_an_entry_of_a_savepoint_that_is_rolled_back_goes_with_it(
    database: Database, trail: AuditTrail
) -> None:
    with database.write() as session:
        trail.record(session, OPERATOR, "thing.do", "thing", "before")
        with pytest.raises(ZeroDivisionError), session.begin_nested():
            trail.record(session, OPERATOR, "thing.do", "thing", "undone")
            with session.begin_nested():
                trail.record(session, OPERATOR, "thing.do", "thing", "undone, too")
            _ = 1 / 0
        with session.begin_nested():
            trail.record(session, OPERATOR, "thing.do", "thing", "kept")
        trail.record(session, OPERATOR, "thing.do", "thing", "after")
    with database.write() as session, session.begin_nested():
        trail.record(session, OPERATOR, "thing.do", "thing", "first in a savepoint")
    with database.read() as session:
        rows = session.scalars(select(AuditEntry.object_id).order_by(AuditEntry.number)).all()
        assert trail.verify(session).intact
    assert rows == ["before", "kept", "after", "first in a savepoint"]


def test_writers_at_once_make_one_chain(database: Database, trail: AuditTrail) -> None:
    threads = [threading.Thread(target=write, args=(database, trail, 10)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as session:
        check = trail.verify(session)
    assert (check.intact, check.entries) == (True, 40)


@pytest.mark.parametrize(
    ("alteration", "problem"),
    [
        ("UPDATE audit SET action = 'other' WHERE number = 2", "entry 2 was altered"),
        ("UPDATE audit SET actor = 'nobody' WHERE number = 3", "entry 3 was altered"),
        ("UPDATE audit SET detail = '{}' WHERE number = 1", "entry 1 was altered"),
        ("UPDATE audit SET organisation_id = NULL WHERE number = 2", "entry 2 was altered"),
        ("UPDATE audit SET hash = previous_hash || 'x' WHERE number = 2", "entry 2 was altered"),
        ("DELETE FROM audit WHERE number = 2", "entry 2 is missing"),
        ("DELETE FROM audit WHERE number = 1", "entry 1 is missing"),
        ("UPDATE audit SET number = 9 WHERE number = 4", "entry 4 is missing"),
    ],
)
def test_any_alteration_is_found_and_named(
    database: Database, trail: AuditTrail, alteration: str, problem: str
) -> None:
    write(database, trail, 4)
    with database.write() as session:
        without_triggers(session)
        session.execute(text(alteration))
    with database.read() as session:
        check = trail.verify(session)
    assert not check.intact
    assert check.problem is not None
    assert check.problem.startswith(problem)


def test_an_entry_with_a_hash_made_anew_breaks_the_chain_after_it(
    database: Database, trail: AuditTrail
) -> None:
    write(database, trail, 3)
    with database.write() as session:
        without_triggers(session)
        row = session.get_one(AuditEntry, 2)
        row.action = "something.else"
        row.hash = entry_hash(row)
    with database.read() as session:
        check = trail.verify(session)
    assert check.problem == "entry 3 does not follow from the entry before it"


def test_entries_cut_off_at_the_end_show_against_a_noted_hash(
    database: Database, trail: AuditTrail
) -> None:
    write(database, trail, 4)
    with database.read() as session:
        noted = trail.verify(session).head_hash
        assert trail.has_hash(session, noted)
    with database.write() as session:
        without_triggers(session)
        session.execute(text("DELETE FROM audit WHERE number > 2"))
    with database.read() as session:
        assert trail.verify(session).intact
        assert not trail.has_hash(session, noted)


def test_a_long_text_is_refused(database: Database, trail: AuditTrail) -> None:
    with pytest.raises(ValueError, match="ids and counts"), database.write() as session:
        trail.record(session, OPERATOR, "thing.do", "thing", 1, note="x" * 201)


details = st.dictionaries(
    st.from_regex(r"[a-z_]{1,12}", fullmatch=True).filter(
        lambda name: name not in {"session", "actor", "action", "object_kind", "object_id", "self"}
    ),
    st.one_of(
        st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.text('aé😀"\\\n', max_size=9)
    ),
    max_size=4,
)


@given(detail=details)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_detail_is_written_verifies_after_reading(
    database: Database, trail: AuditTrail, detail: dict[str, Any]
) -> None:
    with database.write() as session:
        trail.record(session, OPERATOR, "thing.do", "thing", 1, **detail)
    with database.read() as session:
        assert trail.verify(session).intact


def test_a_page_shows_the_own_organisation_only_the_newest_first(
    database: Database, trail: AuditTrail
) -> None:
    write(database, trail, 3)
    write(database, trail, 2, Actor(Role.OPERATOR, uuid.UUID(int=9), account_id=uuid.uuid4()))
    with database.read() as session:
        first = trail.page(session, OPERATOR, before=None, limit=2)
        rest = trail.page(session, OPERATOR, before=first[-1].number, limit=2)
    assert [line.number for line in first] == [3, 2]
    assert [line.number for line in rest] == [1]


@pytest.mark.parametrize("role", [Role.PERSON, Role.ADVOCATE])
def test_only_operators_read_the_trail(database: Database, trail: AuditTrail, role: Role) -> None:
    with database.read() as session, pytest.raises(NotAllowedError):
        trail.page(session, Actor(role, HOUSE), before=None, limit=10)


@pytest.fixture
def likeness(
    tmp_path: Any, sqlite_template: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., int]:
    """The command line on an installation of this test's own."""
    from service.cli import run

    sqlite_template.new_migrated_url(tmp_path)
    monkeypatch.setenv("LIKENESS_DATA_DIR", str(tmp_path))
    return lambda *arguments: run(list(arguments))


def test_the_command_verifies_and_says_what_is_wrong(
    likeness: Callable[..., int],
    tmp_path: Any,
    trail: AuditTrail,
    capsys: pytest.CaptureFixture[str],
) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'likeness.sqlite'}")
    write(database, trail, 3)
    assert likeness("audit", "verify", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["intact"], said["entries"]) == (True, 3)
    assert likeness("audit", "verify", "--expect", said["head"]) == 0
    assert likeness("audit", "verify", "--expect", "0" * 64) == 1
    assert "NOT INTACT" in capsys.readouterr().out
    with database.write() as session:
        without_triggers(session)
        session.execute(text("UPDATE audit SET actor = 'x' WHERE number = 2"))
    assert likeness("audit", "verify", "--json") == 1
    assert "entry 2" in json.loads(capsys.readouterr().out)["problem"]
    database.close()
