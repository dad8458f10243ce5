"""The revisions of re-visits and of turns: what they give to rows of before, and the way back."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from service.database import Database
from service.database_migration import downgrade, upgrade

ORGANISATION, SITE, RUN = (f"{number}" * 32 for number in (1, 2, 3))
MOMENT = "2026-11-23 09:00:00+00:00"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def before(request: pytest.FixtureRequest) -> Any:
    """A database of the revision before, of both kinds, with a site, a run and an address."""
    url = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    database = Database.open(url)
    upgrade(database, "0015")
    _execute(
        database,
        "INSERT INTO organisations (id, slug, name, jurisdiction, face_matching, legal_basis, "
        "impact_assessment, keeps_media_bytes, created_at) "
        f"VALUES ('{ORGANISATION}', 'o', 'O', '', false, '', '', false, '{MOMENT}')",
        "INSERT INTO sites (id, organisation_id, name, state, seeds, allowed_hosts, media_hosts, "
        "path_prefixes, max_depth, page_budget, media_budget, delay_s, obey_robots, "
        "robots_reason, purpose, legal_basis, monitoring_purpose, schedule, canaries, extractors, "
        f"created_at) VALUES ('{SITE}', '{ORGANISATION}', 'S', 'active', '[]', '[]', '[]', '[]', "
        f"5, 10, 10, 1, true, '', 'p', 'l', '', '', '[]', false, '{MOMENT}')",
        "INSERT INTO runs (id, organisation_id, site_id, state, state_reason, serves, "
        "monitoring_purpose, generation, pages_seen, media_seen, media_examined, "
        "media_unreadable, media_without_faces, faces_counted, candidates_found, refusals, "
        "bytes_fetched, examine_seconds, kind, created_at) VALUES "
        f"('{RUN}', '{ORGANISATION}', '{SITE}', 'running', '', '[]', '', 1, 0, 0, 0, 0, 0, 0, 0, "
        f"0, 0, 0, 'crawl', '{MOMENT}')",
        "INSERT INTO frontier (id, run_id, url, url_key, kind, depth, how, state, attempts, "
        f"fencing_token) VALUES (1, '{RUN}', 'http://a.example/', 'k', 'page', 0, 'seed', "
        "'waiting', 0, 0)",
        "INSERT INTO known_addresses (id, site_id, url_key, kind, answered_url, reading, depth, "
        "looked_for, unchanged_in_a_row, read_at, seen_at) VALUES "
        f"(1, '{SITE}', 'k', 'page', 'http://a.example/', 'r', 0, 'links', 2, '{MOMENT}', "
        f"'{MOMENT}')",
    )
    yield database
    database.close()


def test_rows_of_before_are_read_in_each_run_and_keep_their_order(before: Database) -> None:
    upgrade(before)
    assert _row(before, "SELECT rank, state FROM frontier") == (60, "waiting")
    assert _row(before, "SELECT looks, changes, watched_s, fingerprint FROM known_addresses") == (
        0.0,
        0.0,
        0.0,
        None,
    )
    assert bool(_row(before, "SELECT adaptive FROM sites")[0])
    assert _row(
        before,
        "SELECT pages_not_due, times_lost, turn_began_at, steps_aside_at, paused_at, "
        "addresses_forgotten, addresses_forgotten_at FROM runs",
    ) == (0, 0, None, None, None, 0, None)


def test_the_way_back_leaves_no_state_that_a_program_of_before_does_not_know(
    before: Database,
) -> None:
    upgrade(before)
    _execute(
        before,
        "UPDATE runs SET state = 'yielded'",
        "UPDATE frontier SET state = 'not_due'",
    )
    downgrade(before, "0015")
    run = _row(before, "SELECT state, state_reason, finished_at IS NOT NULL FROM runs")
    assert (run[0], run[1], bool(run[2])) == ("cancelled", "cancelled", True)
    assert _row(before, "SELECT count(*) FROM frontier") == (0,)
    upgrade(before)
    assert _row(before, "SELECT state FROM runs") == ("cancelled",)


def _execute(database: Database, *statements: str) -> None:
    with database.write() as session:
        for statement in statements:
            session.execute(text(statement))


def _row(database: Database, query: str) -> tuple[Any, ...]:
    with database.read() as session:
        return tuple(session.execute(text(query)).one())
