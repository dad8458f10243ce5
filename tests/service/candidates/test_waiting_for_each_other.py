"""Workers that write finds and people who act at the same moment: nobody is turned away.

On PostgreSQL, where each unit of work locks the rows that it changes.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.candidates.models import Candidate
from service.database import Database
from service.enrolment.collaborators import ErasedCount
from service.enrolment.repository import EnrolmentRepository
from tests.fixtures.clock import SettableClock
from tests.fixtures.databases import PostgresServer
from tests.service.candidates.finds_factory import MEDIUM, WORKER, record, sees_medium
from tests.service.enrolment.people_factory import (
    House,
    examination,
    face_finding,
    make_house,
    make_person,
)

pytestmark = pytest.mark.postgres


@pytest.fixture
def postgres_house(
    postgres_server: PostgresServer, tmp_path: Path, clock: SettableClock, cheap_secrets: None
) -> Iterator[House]:
    url = postgres_server.new_migrated_url()
    house = make_house(url, tmp_path, clock)
    yield house
    house.rooms.database.close()
    postgres_server.drop(url)


def test_somebody_chooses_a_name_while_finds_of_them_and_another_are_written(
    postgres_house: House,
) -> None:
    house, rooms = postgres_house, postgres_house.rooms
    first, second = _two(house)
    worker = _writer_of_finds(house, first, second)
    person = Actor(Role.PERSON, house.organisation_id, person_id=second)
    with rooms.database.write() as session:
        EnrolmentRepository(session, person, house.clock.now()).hold(second)
        worker.start()
        # the find of the first person is written; that of the second waits for what is held here
        _until_somebody_waits(rooms.database)
        rooms.enrolment.names.choose(
            session, person, second, "Ada Lovelace", "posts that name me", statement_ticked=True
        )
    worker.ended()
    assert {person_id: len(_finds(house, person_id)) for person_id in (first, second)} == {
        first: 1,
        second: 1,
    }
    _chain_is_whole(house)


def test_somebody_is_erased_while_finds_of_them_and_another_are_written(
    postgres_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, rooms = postgres_house, postgres_house.rooms
    staying, leaving = _two(house)
    worker = _writer_of_finds(house, staying, leaving)

    class MeanwhileFound:
        def erase(self, _session: Session, _person_id: uuid.UUID) -> tuple[ErasedCount, ...]:
            worker.start()
            _until_somebody_waits(rooms.database)
            return ()

    monkeypatch.setattr(rooms.erasure, "_erasers", (*rooms.erasure._erasers, MeanwhileFound()))
    person = Actor(Role.PERSON, house.organisation_id, person_id=leaving)
    rooms.erasure.erase(rooms.database, person, None, leaving)
    worker.ended()
    assert len(_finds(house, staying)) == 1
    assert _finds(house, leaving) == []
    _chain_is_whole(house)


def test_two_runs_that_meet_the_same_content_at_the_same_moment_make_one_find(
    postgres_house: House,
) -> None:
    house, rooms = postgres_house, postgres_house.rooms
    _, case = make_person(house)
    content = b"met twice"
    medium_id = sees_medium(house, content)
    finding = face_finding(case.person_id)
    elsewhere = "http://elsewhere.test/picture.jpg"
    other = _Beside(lambda: record(house, medium_id, content, finding, url=elsewhere))
    with rooms.database.write() as session:
        (candidate_id,) = rooms.candidates.record_findings(
            session,
            WORKER,
            organisation_id=house.organisation_id,
            medium_id=medium_id,
            examination=examination(content, finding),
            media_url=MEDIUM,
            page_url=None,
            host="site.test",
            run_id=None,
        )
        other.start()
        _until_somebody_waits(rooms.database)
    other.ended()
    with rooms.database.read() as session:
        view = rooms.candidates.view(session, house.reviewers[0], candidate_id)
    assert [seen.media_url for seen in view.addresses] == [MEDIUM, elsewhere]
    assert _finds(house, case.person_id) == [candidate_id]
    _chain_is_whole(house)


def _two(house: House) -> tuple[uuid.UUID, uuid.UUID]:
    """Two people, in the order in which their finds are written."""
    one, other = (
        make_person(house, photos=(b"face:%d#1" % number,))[1].person_id for number in range(2)
    )
    return (one, other) if str(one) < str(other) else (other, one)


def _writer_of_finds(house: House, *people: uuid.UUID) -> _Beside:
    """A worker that found all of them in one picture."""
    content = b"a picture of two"
    medium_id = sees_medium(house, content)
    findings = [face_finding(person_id) for person_id in people]
    return _Beside(lambda: record(house, medium_id, content, *findings))


def _finds(house: House, person_id: uuid.UUID) -> list[uuid.UUID]:
    with house.rooms.database.read() as session:
        rows = session.scalars(select(Candidate).where(Candidate.person_id == person_id))
        return [row.id for row in rows]


def _chain_is_whole(house: House) -> None:
    with house.rooms.database.read() as session:
        assert house.rooms.audit.verify(session).intact


class _Beside:
    """Something that is done in a thread of its own; what went wrong there is told at its end."""

    def __init__(self, does: Callable[[], object]) -> None:
        self._does = does
        self._wrong: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ended(self) -> None:
        self._thread.join(timeout=60)
        assert not self._thread.is_alive()
        assert self._wrong == []

    def _run(self) -> None:
        try:
            self._does()
        except Exception as error:  # noqa: BLE001 - told to the test in its own thread
            self._wrong.append(error)


def _until_somebody_waits(database: Database) -> None:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    for _ in range(600):
        with database.read() as session:
            if session.scalar(waiting) >= 1:
                return
        time.sleep(0.05)
    pytest.fail("nobody waits for what is held here")
