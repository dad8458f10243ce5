"""The rooms put together: what one room tells another through the composition."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.accounts.actor import Actor, Role
from service.app import Rooms, build_rooms, create_web
from service.settings import Settings
from tests.fixtures.clock import SettableClock
from tests.fixtures.databases import SqliteTemplate

JUSTIFIED = ("Austria", "Art. 9(2)(a) GDPR", "DPIA of 2026-10-01")


@pytest.fixture
def rooms(tmp_path: Path, sqlite_template: SqliteTemplate, clock: SettableClock) -> Iterator[Rooms]:
    sqlite_template.new_migrated_url(tmp_path)
    built = build_rooms(Settings(data_dir=tmp_path), clock=clock)
    yield built
    built.close()


def test_switching_face_matching_makes_examiners_load_the_watch_list_anew(rooms: Rooms) -> None:
    with rooms.database.write() as session:
        token = rooms.accounts.create_setup_link(session)
    with rooms.database.write() as session:
        view = rooms.accounts.set_up(session, token, "Helpline", "olga", "four unrelated words do")
    operator = Actor(Role.OPERATOR, view.organisation_id, account_id=view.id)
    changes = []
    for on in (True, False):
        with rooms.database.write() as session:
            rooms.accounts.set_face_matching(session, operator, on, *JUSTIFIED)
        with rooms.database.read() as session:
            changes.append(rooms.enrolment.gallery_change(session))
    assert 0 < changes[0] < changes[1]


def test_rooms_share_one_clock_and_the_data_folder_is_closed_to_others(
    rooms: Rooms, clock: SettableClock, tmp_path: Path
) -> None:
    assert rooms.clock is clock
    assert (tmp_path / "vault").stat().st_mode & 0o077 == 0
    assert (tmp_path / "files").stat().st_mode & 0o077 == 0
    assert (tmp_path / "vault" / "master.key").stat().st_mode & 0o077 == 0


def test_building_starts_no_examiner_and_loads_no_model(rooms: Rooms) -> None:
    import multiprocessing

    assert create_web(rooms) is not None
    assert multiprocessing.active_children() == []


def test_two_applications_over_the_same_rooms_do_not_disturb_each_other(rooms: Rooms) -> None:
    one, other = create_web(rooms), create_web(rooms)
    assert one is not other
    assert one.state.rooms is other.state.rooms
