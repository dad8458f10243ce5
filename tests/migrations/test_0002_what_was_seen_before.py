"""The revision that makes hashes of media seen findable: what it takes over, and what it leaves."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy import text

from service.database import Database
from service.database_migration import downgrade, upgrade

_PDQ = "f0" * 32


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def before(request: pytest.FixtureRequest) -> Any:
    """A database of the first revision, of both kinds."""
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    database = Database.open(url)
    upgrade(database, "0001")
    yield database
    database.close()


def test_hashes_of_good_quality_are_taken_over_and_others_are_not(before: Database) -> None:
    good = _medium(before, _PDQ, 50)
    _medium(before, _PDQ, 49)
    _medium(before, None, None)
    upgrade(before, "0002")
    rows = _rows(before, "SELECT medium_id, at_ms, pdq, quality FROM seen_hashes")
    assert [(_id(row[0]), row[1], bytes(row[2]), row[3]) for row in rows] == [
        (good, 0, bytes.fromhex(_PDQ), 50)
    ]
    assert _rows(before, "SELECT * FROM halted_hashes") == []


def test_media_of_halted_candidates_are_kept_apart(before: Database) -> None:
    halted, other = _medium(before, _PDQ, 80), _medium(before, "0f" * 32, 80)
    _halted_candidate(before, halted)
    upgrade(before, "0002")
    apart = _rows(before, "SELECT medium_id FROM halted_hashes")
    assert [_id(row[0]) for row in apart] == [halted]
    assert [_id(row[0]) for row in _rows(before, "SELECT medium_id FROM seen_hashes")] == [other]
    marked = _rows(before, "SELECT id FROM media WHERE halted_at IS NOT NULL")
    assert [_id(row[0]) for row in marked] == [halted]


def test_captures_of_further_places_survive_the_way_down(before: Database) -> None:
    candidate_id, person_id = _halted_candidate(before, _medium(before, _PDQ, 80))
    upgrade(before, "0002")
    for place in (0, 1):
        _execute(
            before,
            "INSERT INTO captures (id, person_id, candidate_id, place, attempt, state, "
            "state_reason, wanted_at) VALUES (:id, :person, :candidate, :place, 1, 'held', '', "
            "'2026-11-23 09:00:00+00:00')",
            person=person_id,
            candidate=candidate_id,
            place=place,
        )
    downgrade(before, "0001")
    assert sorted(row[0] for row in _rows(before, "SELECT attempt FROM captures")) == [1, 1001]


def _medium(database: Database, pdq: str | None, quality: int | None) -> uuid.UUID:
    return _execute(
        database,
        "INSERT INTO media (id, content_sha256, pdq, pdq_quality, kind, width_px, height_px, "
        "content_bytes, examined_change, examined_at, first_seen_at) VALUES (:id, :sha256, :pdq, "
        ":quality, 'still', 9, 9, 9, 0, '2026-11-22 09:00:00+00:00', '2026-11-22 09:00:00+00:00')",
        sha256=uuid.uuid4().hex,
        pdq=pdq,
        quality=quality,
    )


def _halted_candidate(database: Database, medium_id: uuid.UUID) -> tuple[str, str]:
    organisation = _execute(
        database,
        "INSERT INTO organisations (id, slug, name, jurisdiction, face_matching, legal_basis, "
        "impact_assessment, keeps_media_bytes, created_at) VALUES (:id, :slug, 'Help', '', "
        "FALSE, '', '', FALSE, '2026-11-22 09:00:00+00:00')",
        slug=uuid.uuid4().hex,
    )
    person = _execute(
        database,
        "INSERT INTO people (id, organisation_id, state, case_number_lookup, passphrase_hash, "
        "deletion_code_hash, face_opt_in, document, created_at, changed_at) VALUES (:id, :org, "
        "'active', :lookup, '', '', FALSE, :document, '2026-11-22 09:00:00+00:00', "
        "'2026-11-22 09:00:00+00:00')",
        org=_text(database, organisation),
        lookup=uuid.uuid4().hex,
        document=b"sealed",
    )
    candidate = _execute(
        database,
        "INSERT INTO candidates (id, organisation_id, person_id, medium_id, kind, state, host, "
        "document, found_at, held_until) VALUES (:id, :org, :person, :medium, 'hash', 'halted', "
        "'a.example', :document, '2026-11-22 09:00:00+00:00', '2026-11-22 09:00:00+00:00')",
        org=_text(database, organisation),
        person=_text(database, person),
        medium=_text(database, medium_id),
        document=b"sealed",
    )
    return _text(database, candidate), _text(database, person)


def _execute(database: Database, statement: str, **values: object) -> uuid.UUID:
    new_id = uuid.uuid4()
    with database.write() as session:
        session.execute(text(statement), {"id": _text(database, new_id), **values})
    return new_id


def _rows(database: Database, statement: str) -> list[Any]:
    with database.read() as session:
        return list(session.execute(text(statement)).all())


def _text(database: Database, value: uuid.UUID) -> str:
    """As each database keeps it: SQLite as 32 digits."""
    return value.hex if database.engine.dialect.name == "sqlite" else str(value)


def _id(value: object) -> uuid.UUID:
    return uuid.UUID(str(value))
