"""What `likeness doctor` says of the index of what was seen."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from service.clock import SystemClock
from service.database import Database
from service.settings import Settings
from service.sources.seen_index import SeenIndex
from service.work.doctor import Finding, examine_installation
from tests.service.sources.seen_factory import put_hash, random_pdq


@pytest.fixture
def settings(sqlite_database: Database, tmp_path: Path) -> Settings:
    url = sqlite_database.engine.url.render_as_string(hide_password=False)
    return Settings(data_dir=tmp_path, database_url=url)


def said(settings: Settings) -> Finding:
    (finding,) = (
        each for each in examine_installation(settings) if each.name == "index of what was seen"
    )
    return finding


def test_it_says_how_many_are_kept_and_how_many_wait(
    sqlite_database: Database, settings: Settings
) -> None:
    now = SystemClock().now()
    for number in range(3):
        put_hash(sqlite_database, random_pdq(number), now - timedelta(hours=1))
    put_hash(sqlite_database, random_pdq(9), now)
    index = SeenIndex(settings.seen_index_dir, SystemClock())
    assert index.follow(sqlite_database) == 3
    assert said(settings) == Finding(
        "index of what was seen",
        "good",
        "3 hashes are kept of 4; younger ones are looked up directly",
    )


def test_an_index_that_lacks_some_is_a_warning_that_mends_itself(
    sqlite_database: Database, settings: Settings
) -> None:
    long_ago = SystemClock().now() - timedelta(hours=1)
    put_hash(sqlite_database, random_pdq(1), long_ago, hash_id=7)
    index = SeenIndex(settings.seen_index_dir, SystemClock())
    index.follow(sqlite_database)
    put_hash(sqlite_database, random_pdq(2), long_ago, hash_id=3)
    assert said(settings).verdict == "warning"
    index.keep_up(sqlite_database, 5.0)
    assert said(settings).verdict == "good"


def test_a_damaged_one_is_said_and_the_look_changes_nothing(
    sqlite_database: Database, settings: Settings
) -> None:
    put_hash(sqlite_database, random_pdq(1), SystemClock().now() - timedelta(hours=1))
    SeenIndex(settings.seen_index_dir, SystemClock()).follow(sqlite_database)
    manifest = settings.seen_index_dir / "manifest.json"
    manifest.write_bytes(b"{")
    finding = said(settings)
    assert finding.verdict == "warning"
    assert "builds it anew by itself" in finding.words
    assert manifest.read_bytes() == b"{"
