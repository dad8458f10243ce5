"""`likeness run`: list, pause, resume and cancel, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.app import build_rooms
from service.cli import run
from service.clock import SystemClock
from service.database_migration import upgrade
from service.settings import Settings
from tests.service.sources.sources_factory import make_organisation

SITE = (
    *("site", "add", "Forum", "--seed", "https://forum.example/"),
    *("--purpose", "Copies were reported there", "--legal-basis", "Mandates of the people"),
    *("--monitoring", "Look whether the canary lives", "--read-all", "--json"),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIKENESS_DATA_DIR", str(tmp_path))
    rooms = build_rooms(Settings(data_dir=tmp_path))
    upgrade(rooms.database)
    make_organisation(rooms.database, SystemClock())
    rooms.close()
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert run(list(arguments)) == code
    captured = capsys.readouterr()
    return captured.out if code == 0 else captured.err


def test_a_run_is_paused_resumed_and_cancelled(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = json.loads(said(capsys, *SITE))
    assert site["adaptive"] is False
    said(capsys, "crawl", "Forum", "--json")
    (row,) = json.loads(said(capsys, "run", "list", "--json"))
    paused = json.loads(said(capsys, "run", "pause", row["id"], "--json"))
    assert (paused["state"], paused["state_reason"]) == ("paused", "run_paused")
    assert "paused (this run was paused by itself" in said(capsys, "run", "list")
    assert "already" in said(capsys, "run", "pause", row["id"], code=1)
    assert "waiting for a worker" in said(capsys, "run", "resume", row["id"])
    assert "cancelled" in said(capsys, "run", "cancel", row["id"])
    assert "run list" in said(capsys, "run", "cancel", "nonsense", code=1)
