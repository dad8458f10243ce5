"""The revision of pages that need JavaScript: off for every site there is."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from service.database import Database
from service.database_migration import downgrade, upgrade


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def before(request: pytest.FixtureRequest) -> Any:
    """A database of the revision before, of both kinds, with one site."""
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    database = Database.open(url)
    upgrade(database, "0017")
    _add_a_site(database)
    yield database
    database.close()


def test_a_site_that_is_there_is_read_as_before(before: Database) -> None:
    upgrade(before, "0018")
    with before.read() as session:
        rows = session.execute(text("SELECT name, needs_script, script_hosts FROM sites")).all()
    ((name, needs_script, script_hosts),) = rows
    assert (name, bool(needs_script)) == ("Forum", False)
    assert script_hosts in ("[]", [])


def test_the_way_down_keeps_the_site(before: Database) -> None:
    upgrade(before, "0018")
    downgrade(before, "0017")
    with before.read() as session:
        assert session.execute(text("SELECT name FROM sites")).all() == [("Forum",)]
    upgrade(before, "0018")


def _add_a_site(database: Database) -> None:
    organisation, site = "a" * 32, "b" * 32
    if database.engine.dialect.name == "postgresql":
        organisation, site = (
            f"{i[:8]}-{i[:4]}-{i[:4]}-{i[:4]}-{i[:12]}" for i in (organisation, site)
        )
    with database.write() as session:
        session.execute(
            text(
                "INSERT INTO organisations (id, slug, name, jurisdiction, face_matching, "
                "legal_basis, impact_assessment, keeps_media_bytes, created_at) VALUES "
                "(:id, 'o', 'O', '', false, '', '', false, '2026-01-01 09:00:00+00:00')"
            ),
            {"id": organisation},
        )
        session.execute(
            text(
                "INSERT INTO sites (id, organisation_id, name, state, seeds, allowed_hosts, "
                "media_hosts, path_prefixes, max_depth, page_budget, media_budget, delay_s, "
                "obey_robots, robots_reason, purpose, legal_basis, monitoring_purpose, schedule, "
                "canaries, created_at) VALUES (:id, :organisation, 'Forum', 'active', '[]', '[]', "
                "'[]', '[]', 5, 10, 10, 2.0, true, '', 'p', 'l', '', '', '[]', "
                "'2026-01-01 09:00:00+00:00')"
            ),
            {"id": site, "organisation": organisation},
        )
