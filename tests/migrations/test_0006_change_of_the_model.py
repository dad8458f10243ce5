"""The revision that names the model in use: which one it takes, and what the way down leaves."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy import text

from service.database import Database
from service.database_migration import downgrade, upgrade


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def before(request: pytest.FixtureRequest) -> Any:
    """A database of the revision before, of both kinds."""
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    database = Database.open(url)
    upgrade(database, "0005")
    yield database
    database.close()


def test_the_model_of_the_newest_templates_is_the_one_in_use(before: Database) -> None:
    _template(before, "older", "2026-01-01 09:00:00+00:00")
    _template(before, "newer", "2026-02-01 09:00:00+00:00")
    upgrade(before, "0006")
    rows = _rows(before, "SELECT id, pack, digest, preprocessing FROM model_in_use")
    assert [tuple(row) for row in rows] == [(1, "newer", "digest of newer", 1)]
    assert _rows(before, "SELECT * FROM model_changes") == []


def test_where_there_are_no_templates_none_is_named(before: Database) -> None:
    upgrade(before, "0006")
    assert _rows(before, "SELECT * FROM model_in_use") == []


def test_the_way_down_keeps_every_template_and_the_way_up_names_the_model_again(
    before: Database,
) -> None:
    _template(before, "one", "2026-01-01 09:00:00+00:00")
    upgrade(before, "0006")
    downgrade(before, "0005")
    assert len(_rows(before, "SELECT id FROM templates")) == 1
    upgrade(before, "0006")
    assert [row[0] for row in _rows(before, "SELECT pack FROM model_in_use")] == ["one"]


def _template(database: Database, pack: str, made_at: str) -> None:
    organisation, person, photo = _new(), _new(), _new()
    _execute(
        database,
        "INSERT INTO organisations (id, slug, name, jurisdiction, face_matching, legal_basis, "
        "impact_assessment, keeps_media_bytes, created_at) VALUES (:id, :slug, '', '', true, '', "
        "'', false, :at)",
        id=organisation,
        slug=organisation,
        at=made_at,
    )
    _execute(
        database,
        "INSERT INTO people (id, organisation_id, state, case_number_lookup, passphrase_hash, "
        "deletion_code_hash, face_opt_in, document, created_at, changed_at) VALUES (:id, "
        ":organisation, 'active', :number, '', '', true, :bytes, :at, :at)",
        id=person,
        organisation=organisation,
        number=person,
        bytes=b"sealed",
        at=made_at,
    )
    _execute(
        database,
        "INSERT INTO reference_photos (id, person_id, file_id, document, added_at) VALUES (:id, "
        ":person, '', :bytes, :at)",
        id=photo,
        person=person,
        bytes=b"sealed",
        at=made_at,
    )
    _execute(
        database,
        "INSERT INTO templates (id, person_id, photo_id, model_pack, model_digest, "
        "model_preprocessing, vector, made_at) VALUES (:id, :person, :photo, :pack, :digest, 1, "
        ":bytes, :at)",
        id=_new(),
        person=person,
        photo=photo,
        pack=pack,
        digest=f"digest of {pack}",
        bytes=b"sealed",
        at=made_at,
    )


def _new() -> str:
    """As SQLite keeps it; PostgreSQL reads it too."""
    return uuid.uuid4().hex


def _execute(database: Database, statement: str, **values: object) -> None:
    with database.write() as session:
        session.execute(text(statement), values)


def _rows(database: Database, statement: str) -> list[Any]:
    with database.read() as session:
        return list(session.execute(text(statement)).all())
