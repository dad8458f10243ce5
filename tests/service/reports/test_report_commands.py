"""`likeness report period` builds a report now, and `likeness crawl --now` says how a run goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.accounts.actor import Actor
from service.accounts.models import Organisation
from service.app import build_rooms
from service.cli import run
from service.clock import SystemClock
from service.settings import Settings
from service.sources.run_watching import watch
from service.sources.site_draft import SiteDraft
from service.sources.views import RunCount
from service.work.run_watching import progress_line
from tests.fixtures.databases import SqliteTemplate


@pytest.fixture
def folder(tmp_path: Path, sqlite_template: SqliteTemplate) -> Path:
    """An installation with a site and a blind run that has just ended."""
    sqlite_template.new_migrated_url(tmp_path)
    rooms = build_rooms(Settings(data_dir=tmp_path))
    with rooms.database.write() as session:
        row = Organisation(slug="one", name="Helpline", created_at=SystemClock().now())
        session.add(row)
        session.flush()
        system = Actor.system("test", row.id)
        draft = SiteDraft(
            "A forum", ("http://forum.example/",), "Look for copies", "Mandates given"
        )
        site = rooms.sources.add_site(session, system, draft)
        going = rooms.sources.start_run(session, system, site.id, "a test of monitoring")
        rooms.sources.progress.begin(session, system, going.id)
        count = RunCount(pages_seen=3, media_seen=7, faces_counted=2)
        rooms.sources.progress.count(session, system, going.id, count)
    with rooms.database.read() as session:
        watched = watch(session, system, going.id, SystemClock().now())
    assert progress_line(watched) == (
        "going on: 3 pages (1 wait), 7 media (0 wait), 2 faces, 0 candidates, 0 refused"
    )
    with rooms.database.write() as session:
        rooms.sources.progress.end(session, system, going.id, "blind", "no_page")
    rooms.close()
    return tmp_path


def test_a_period_without_sight_ends_with_the_code_of_blind_runs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--data-dir", str(folder), "report", "period", "--kind", "day", "--so-far"]) == 4
    said = capsys.readouterr().out
    assert "On 1 site we could not look." in said
    assert "A forum: Could not look. Nothing can be concluded." in said


@pytest.mark.parametrize(("suffix", "beginning"), [("pdf", b"%PDF-"), ("html", b"<!doctype")])
def test_it_is_written_to_a_file(folder: Path, suffix: str, beginning: bytes) -> None:
    out = folder / f"report.{suffix}"
    assert run(["--data-dir", str(folder), "report", "period", "--out", str(out)]) == 0
    assert out.read_bytes().startswith(beginning)


def test_programs_read_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--data-dir", str(folder), "report", "period", "--so-far", "--json"]
    assert run(arguments) == 4
    assert json.loads(capsys.readouterr().out)["total"]["runs_blind"] == 1


@pytest.mark.parametrize("wrong", [["--kind", "year"], ["--out", "report.doc"]])
def test_what_cannot_be_is_refused(folder: Path, wrong: list[str]) -> None:
    assert run(["--data-dir", str(folder), "report", "period", *wrong]) != 0
