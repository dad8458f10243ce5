"""The doctor says how close a face has to be, and when an operator's figure cannot be kept to."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.candidates.operating_point import OperatingPoint, note
from service.database import Database
from service.database_migration import upgrade
from service.settings import Settings
from service.work.doctor import Finding, examine_installation


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(data_dir=tmp_path / "data")
    settings.data_dir.mkdir(mode=0o700)
    database = Database.open(settings.effective_database_url)
    upgrade(database)
    database.close()
    return settings


def stands(settings: Settings, expected_a_day: float) -> None:
    database = Database.open(settings.effective_database_url)
    with database.write() as session:
        point = OperatingPoint(1.0, 8192, 200, 0.489, expected_a_day, is_measured=True)
        note(session, point, datetime(2026, 11, 23, tzinfo=UTC))
    database.close()


def finding(settings: Settings) -> Finding:
    (found,) = (one for one in examine_installation(settings) if one.name == "chance matches")
    return found


def test_before_anybody_looked_for_faces_there_is_nothing_to_say(settings: Settings) -> None:
    assert finding(settings).words == "no examiner has looked for faces yet"


def test_what_is_borne_and_what_is_not(settings: Settings) -> None:
    stands(settings, 0.9)
    assert finding(settings).verdict == "good"
    assert "similarity from 0.489 on" in finding(settings).words
    stands(settings, 4.2)
    assert finding(settings).verdict == "warning"
    assert "about 4.2 a day" in finding(settings).words
