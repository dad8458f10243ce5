"""The revision that brings finds by name: what the way down leaves of them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy import text

from service.database import Database
from service.database_migration import downgrade, upgrade

AT = "2026-01-01 09:00:00+00:00"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def after(request: pytest.FixtureRequest) -> Any:
    """A database of this revision, of both kinds."""
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    database = Database.open(url)
    upgrade(database, "0019")
    yield database
    database.close()


def test_on_the_way_down_no_find_that_waits_gets_by_with_one_reviewer(after: Database) -> None:
    person = _person(after)
    for state in ("waiting", "confirmed", "dismissed"):
        _candidate(after, person, "name", state)
    _candidate(after, person, "pointed", "waiting")
    downgrade(after, "0018")
    rows = _rows(after, "SELECT kind, state FROM candidates ORDER BY state")
    assert [tuple(row) for row in rows] == [
        ("pointed", "confirmed"),
        ("pointed", "dismissed"),
        ("pointed", "expired"),
        ("pointed", "waiting"),
    ]
    upgrade(after, "0019")
    assert {row[0] for row in _rows(after, "SELECT page_key FROM candidates")} == {None}


def _person(database: Database) -> str:
    organisation, person = uuid.uuid4().hex, uuid.uuid4().hex
    _execute(
        database,
        "INSERT INTO organisations (id, slug, name, jurisdiction, face_matching, legal_basis, "
        "impact_assessment, keeps_media_bytes, created_at) VALUES (:id, :slug, '', '', true, '', "
        "'', false, :at)",
        id=organisation,
        slug=organisation,
    )
    _execute(
        database,
        "INSERT INTO people (id, organisation_id, state, case_number_lookup, passphrase_hash, "
        "deletion_code_hash, face_opt_in, document, created_at, changed_at) VALUES (:id, "
        ":organisation, 'active', :number, '', '', false, :bytes, :at, :at)",
        id=person,
        organisation=organisation,
        number=person,
        bytes=b"sealed",
    )
    return person


def _candidate(database: Database, person: str, kind: str, state: str) -> None:
    _execute(
        database,
        "INSERT INTO candidates (id, organisation_id, person_id, kind, state, host, document, "
        "found_at, held_until, page_key) SELECT :id, organisation_id, id, :kind, :state, "
        "'forum.test', :bytes, :at, :at, :key FROM people WHERE id = :person",
        id=uuid.uuid4().hex,
        person=person,
        kind=kind,
        state=state,
        bytes=b"sealed",
        key=uuid.uuid4().hex,
    )


def _execute(database: Database, statement: str, **values: object) -> None:
    with database.write() as session:
        session.execute(text(statement), {"at": AT, **values} if ":at" in statement else values)


def _rows(database: Database, statement: str) -> list[Any]:
    with database.read() as session:
        return list(session.execute(text(statement)).all())
