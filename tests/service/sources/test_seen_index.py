"""The index of what was seen: exact, in step with its table, and made anew when it is not."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from indexer.hashing import MAX_PDQ_DISTANCE
from indexer.hashing.turning import TURNED_AS, turned_hashes
from service.database import Database
from service.sources import seen_index
from service.sources.errors import SeenIndexError
from service.sources.models import SeenHash
from service.sources.seen_index import SETTLED_AFTER, SeenIndex
from service.sources.seen_repository import SeenHashRepository
from tests.fixtures.clock import SettableClock
from tests.service.sources.seen_factory import LONG_AGO, flipped, put_hash, random_pdq


@pytest.fixture
def index(tmp_path: Path, clock: SettableClock) -> SeenIndex:
    return SeenIndex(tmp_path / "seen", clock)


def found(index: SeenIndex, database: Database, *pdqs: str) -> dict[uuid.UUID, int]:
    with database.read() as session:
        return {
            hit.medium_id: hit.distance
            for hit in index.search(session, [turned_hashes(pdq) for pdq in pdqs])
        }


def test_all_within_the_distance_are_found_and_none_beyond(
    database: Database, index: SeenIndex, clock: SettableClock
) -> None:
    known = random_pdq(1)
    wanted = {
        put_hash(database, flipped(known, bits), clock.now() - LONG_AGO): bits
        for bits in (0, 1, 15, MAX_PDQ_DISTANCE)
    }
    for number, bits in enumerate((MAX_PDQ_DISTANCE + 1, 60)):
        put_hash(database, flipped(known, bits, number), clock.now() - LONG_AGO)
    assert index.follow(database) == 6
    assert found(index, database, known) == wanted
    assert found(index, database, random_pdq(2)) == {}
    assert found(index, database) == {}


def test_what_was_turned_or_mirrored_is_found_and_named_by_its_turn(
    sqlite_database: Database, index: SeenIndex, clock: SettableClock
) -> None:
    known = random_pdq(3)
    turned = {
        put_hash(sqlite_database, pdq, clock.now() - LONG_AGO): name
        for name, pdq in zip(TURNED_AS, turned_hashes(known), strict=True)
    }
    index.follow(sqlite_database)
    with sqlite_database.read() as session:
        hits = index.search(session, [turned_hashes(known)])
    assert {hit.medium_id: hit.turned for hit in hits if hit.distance == 0} == turned


def test_young_rows_are_not_kept_yet_and_found_all_the_same(
    sqlite_database: Database, index: SeenIndex, clock: SettableClock
) -> None:
    old, young = random_pdq(4), random_pdq(5)
    put_hash(sqlite_database, old, clock.now() - LONG_AGO)
    medium_id = put_hash(sqlite_database, young, clock.now())
    assert index.follow(sqlite_database) == 1
    assert found(index, sqlite_database, young) == {medium_id: 0}
    clock.set(clock.now() + SETTLED_AFTER * 2)
    assert index.follow(sqlite_database) == 1
    assert found(index, sqlite_database, young) == {medium_id: 0}
    assert index.follow(sqlite_database) == 0


def test_an_older_row_behind_a_young_one_waits_too(
    sqlite_database: Database, index: SeenIndex, clock: SettableClock
) -> None:
    put_hash(sqlite_database, random_pdq(6), clock.now())
    put_hash(sqlite_database, random_pdq(7), clock.now() - LONG_AGO)
    assert index.follow(sqlite_database) == 0


def test_a_row_that_was_committed_late_makes_the_index_be_built_anew(
    sqlite_database: Database, index: SeenIndex, clock: SettableClock
) -> None:
    put_hash(sqlite_database, random_pdq(8), clock.now() - LONG_AGO, hash_id=5)
    index.follow(sqlite_database)
    late = random_pdq(9)
    medium_id = put_hash(sqlite_database, late, clock.now() - LONG_AGO, hash_id=4)
    assert found(index, sqlite_database, late) == {}
    assert not index.verify(sqlite_database)
    assert index.follow(sqlite_database) == 2
    assert index.verify(sqlite_database)
    assert found(index, sqlite_database, late) == {medium_id: 0}


def test_what_left_the_table_is_never_answered(
    sqlite_database: Database, index: SeenIndex, clock: SettableClock
) -> None:
    gone, halted = random_pdq(10), random_pdq(11)
    put_hash(sqlite_database, gone, clock.now() - LONG_AGO)
    halted_id = put_hash(sqlite_database, halted, clock.now() - LONG_AGO)
    index.follow(sqlite_database)
    with sqlite_database.write() as session:
        session.execute(delete(SeenHash).where(SeenHash.pdq == bytes.fromhex(gone)))
        SeenHashRepository(session).halt(halted_id, clock.now(), keep_hashes=True)
    assert found(index, sqlite_database, gone, halted) == {}
    # a few that answer nothing are no reason to build a large index anew
    with sqlite_database.read() as session:
        assert index.state(session).is_sound
    assert index.verify(sqlite_database)


def test_an_index_of_which_much_is_gone_is_built_anew(
    sqlite_database: Database,
    index: SeenIndex,
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(seen_index, "DELETED_ALLOWED", 1)
    monkeypatch.setattr(seen_index, "WINDOW", 4)
    for number in range(9):
        put_hash(sqlite_database, random_pdq(30 + number), clock.now() - LONG_AGO)
    index.follow(sqlite_database)
    assert index.verify(sqlite_database)
    with sqlite_database.write() as session:
        session.execute(delete(SeenHash).where(SeenHash.id.in_([2, 7])))
    with sqlite_database.read() as session:
        assert not index.state(session).is_sound
    assert not index.verify(sqlite_database)
    assert index.follow(sqlite_database) == 7
    assert index.verify(sqlite_database)


def test_a_late_row_is_noticed_although_another_one_left(
    database: Database, tmp_path: Path, clock: SettableClock
) -> None:
    index = SeenIndex(tmp_path / "any", clock)
    for hash_id in (2, 5, 6):
        put_hash(database, random_pdq(50 + hash_id), clock.now() - LONG_AGO, hash_id=hash_id)
    index.follow(database)
    with database.write() as session:
        session.execute(delete(SeenHash).where(SeenHash.id == 5))
    put_hash(database, random_pdq(60), clock.now() - LONG_AGO, hash_id=4)
    assert not index.verify(database)
    assert index.follow(database) == 3
    assert index.verify(database)


@pytest.mark.parametrize("file", ["manifest.json", "log-0"])
def test_a_damaged_index_is_built_anew(
    sqlite_database: Database, tmp_path: Path, index: SeenIndex, clock: SettableClock, file: str
) -> None:
    known = random_pdq(12)
    medium_id = put_hash(sqlite_database, known, clock.now() - LONG_AGO)
    index.follow(sqlite_database)
    (tmp_path / "seen" / file).write_bytes(b"{")
    again = SeenIndex(tmp_path / "seen", clock)
    again.keep_up(sqlite_database, 5.0)
    assert found(again, sqlite_database, known) == {medium_id: 0}


def test_two_processes_may_follow_the_same_folder(
    sqlite_database: Database, tmp_path: Path, clock: SettableClock
) -> None:
    one, other = (SeenIndex(tmp_path / "seen", clock) for _ in range(2))
    known = random_pdq(13)
    medium_id = put_hash(sqlite_database, known, clock.now() - LONG_AGO)
    assert one.follow(sqlite_database) == 1
    assert other.follow(sqlite_database) == 0
    assert found(other, sqlite_database, known) == {medium_id: 0}


def test_an_index_far_behind_says_so_instead_of_missing_something(
    sqlite_database: Database,
    index: SeenIndex,
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(seen_index, "MAX_YOUNG", 2)
    for number in range(3):
        put_hash(sqlite_database, random_pdq(20 + number), clock.now() - LONG_AGO)
    with pytest.raises(SeenIndexError, match="being built"):
        found(index, sqlite_database, random_pdq(20))
    index.follow(sqlite_database)
    assert len(found(index, sqlite_database, random_pdq(20))) == 1


def test_following_goes_in_batches_that_a_killed_process_may_leave(
    sqlite_database: Database,
    index: SeenIndex,
    tmp_path: Path,
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(seen_index, "BATCH", 2)
    hashes = [random_pdq(30 + number) for number in range(5)]
    for pdq in hashes:
        put_hash(sqlite_database, pdq, clock.now() - LONG_AGO)
    assert index.follow(sqlite_database, budget_s=0.0) == 0
    real, calls = SeenHashRepository.after, []

    def die_at_the_second(repository: SeenHashRepository, hash_id: int, limit: int) -> object:
        calls.append(hash_id)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(repository, hash_id, limit)

    monkeypatch.setattr(SeenHashRepository, "after", die_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        index.follow(sqlite_database)
    monkeypatch.setattr(SeenHashRepository, "after", real)
    again = SeenIndex(tmp_path / "seen", clock)
    assert again.follow(sqlite_database) == 3
    assert len(found(again, sqlite_database, *hashes)) == 5


def test_an_exact_index_agrees_with_comparing_one_by_one(
    sqlite_database: Database, index: SeenIndex, clock: SettableClock
) -> None:
    rng = np.random.default_rng(40)
    known = random_pdq(41)
    distances: dict[uuid.UUID, int] = {}
    for number in range(200):
        bits = int(rng.integers(0, 60))
        pdq = flipped(known, bits, number)
        distances[put_hash(sqlite_database, pdq, clock.now() - LONG_AGO)] = bits
    index.follow(sqlite_database)
    wanted = {each: bits for each, bits in distances.items() if bits <= MAX_PDQ_DISTANCE}
    assert found(index, sqlite_database, known) == wanted


def test_the_state_says_what_is_kept_and_what_waits(
    sqlite_database: Database, index: SeenIndex, clock: SettableClock
) -> None:
    put_hash(sqlite_database, random_pdq(50), clock.now() - LONG_AGO)
    put_hash(sqlite_database, random_pdq(51), clock.now())
    index.follow(sqlite_database)
    with sqlite_database.read() as session:
        state = index.state(session)
    assert (state.kept, state.in_table, state.waiting, state.is_sound) == (1, 1, 1, True)


def test_a_session_that_only_reads_is_enough(
    sqlite_database: Database, index: SeenIndex, clock: SettableClock
) -> None:
    put_hash(sqlite_database, random_pdq(60), clock.now() - LONG_AGO)
    with sqlite_database.read() as session:
        assert isinstance(session, Session)
        index.follow(sqlite_database)
        assert index.search(session, [turned_hashes(random_pdq(60))])
