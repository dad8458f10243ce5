"""What the ledger keeps of media seen, and what becomes of it when a medium is halted."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping

import msgspec
import pytest
from sqlalchemy import event, select

from indexer.hashing.turning import turned_hashes
from indexer.observations import Examination, FrameHash
from service.database import Database
from service.sources.halted_media import HaltedMedia
from service.sources.media_ledger import Place, Seen
from service.sources.models import HaltedHash, MediumSeen, SeenHash
from tests.fixtures.clock import SettableClock
from tests.service.sources.seen_factory import flipped, random_pdq, still
from tests.service.sources.sources_factory import Sources, make_sources


@pytest.fixture
def sources(database: Database, clock: SettableClock) -> Sources:
    return make_sources(database, clock)


def see(sources: Sources, examination: Examination, path: str = "a.jpg") -> uuid.UUID:
    place = Place(sources.operator.organisation_id, f"http://forum.example/{path}", None)  # type: ignore[arg-type]
    with sources.database.write() as session:
        return sources.service.record_examined(
            session, sources.system, place, examination, 9
        ).medium_id


def _values(parameters: object) -> Iterable[object]:
    """What a statement is given, by name or by place."""
    if isinstance(parameters, Mapping):
        return parameters.values()
    assert isinstance(parameters, list | tuple)
    return parameters


def hashes(database: Database) -> list[tuple[uuid.UUID, int, str, int]]:
    with database.read() as session:
        rows = session.scalars(select(SeenHash).order_by(SeenHash.id)).all()
    return [(row.medium_id, row.at_ms, row.pdq.hex(), row.quality) for row in rows]


def test_a_pictures_hash_is_kept_once_however_often_it_is_seen(sources: Sources) -> None:
    picture = still(random_pdq(1), 80)
    medium_id = see(sources, picture)
    assert see(sources, picture, "b.jpg") == medium_id
    assert hashes(sources.database) == [(medium_id, 0, random_pdq(1), 80)]


def test_known_media_are_changed_in_one_order_whatever_the_order_of_a_run(
    sources: Sources,
) -> None:
    # Two workers with the same media the other way round would wait for each other for ever.
    pictures = [still(random_pdq(number), 80) for number in range(20, 26)]
    ids = {see(sources, each): each.hashes.sha256 for each in pictures}
    changed: list[str] = []

    def noted(connection, cursor, statement, parameters, context, many):  # type: ignore[no-untyped-def]
        if statement.startswith("UPDATE medi"):
            changed.extend(
                digest
                for medium_id, digest in ids.items()
                if {medium_id, medium_id.hex} & set(_values(parameters))
            )

    event.listen(sources.database.engine, "before_cursor_execute", noted)
    place = Place(sources.operator.organisation_id, "http://forum.example/b.jpg", None)  # type: ignore[arg-type]
    for met in (pictures, pictures[::-1]):
        changed.clear()
        with sources.database.write() as session:
            later = [msgspec.structs.replace(each, watchlist_change=7) for each in met]
            records = sources.service.record_all_examined(
                session, sources.system, [Seen(place, each, 9) for each in later]
            )
            session.rollback()
        assert [ids[record.medium_id] for record in records] == [each.hashes.sha256 for each in met]
        assert changed == sorted(ids.values())


@pytest.mark.parametrize(("pdq", "quality"), [(None, 0), (random_pdq(2), 49)])
def test_flat_pictures_and_unreadable_files_have_none(
    sources: Sources, pdq: str | None, quality: int
) -> None:
    see(sources, still(pdq, quality))
    assert hashes(sources.database) == []


def test_a_video_has_one_for_each_distinct_frame(sources: Sources) -> None:
    frames = (
        FrameHash(0, random_pdq(3), 90),
        FrameHash(500, random_pdq(3), 90),
        FrameHash(1000, random_pdq(4), 20),
        FrameHash(1500, random_pdq(5), 70),
    )
    medium_id = see(sources, still(random_pdq(3), 90, frames=frames))
    assert hashes(sources.database) == [
        (medium_id, 0, random_pdq(3), 90),
        (medium_id, 1500, random_pdq(5), 70),
    ]


def test_what_people_brought_is_found_only_once_a_run_has_seen_it(sources: Sources) -> None:
    picture = still(random_pdq(6))
    with sources.database.write() as session:
        medium_id = sources.service.know_medium(session, sources.system, picture, 9)
    assert hashes(sources.database) == []
    assert see(sources, picture) == medium_id
    assert len(hashes(sources.database)) == 1


def test_what_could_not_be_read_at_first_is_noted_when_it_can(sources: Sources) -> None:
    see(sources, still(None, content=b"the same"))
    see(sources, still(random_pdq(7), content=b"the same"))
    assert len(hashes(sources.database)) == 1


def test_a_halted_medium_leaves_what_was_seen_and_never_comes_back(
    sources: Sources, clock: SettableClock
) -> None:
    picture = still(random_pdq(8))
    medium_id = see(sources, picture)
    halted = HaltedMedia(clock)
    for _ in range(2):
        with sources.database.write() as session:
            halted.halt(session, medium_id)
    see(sources, picture, "again.jpg")
    assert hashes(sources.database) == []
    with sources.database.read() as session:
        kept = session.scalars(select(HaltedHash)).all()
        row = session.get(MediumSeen, medium_id)
    assert [each.pdq.hex() for each in kept] == [random_pdq(8)]
    assert row is not None
    assert row.halted_at == clock.now()


@pytest.mark.parametrize("turn", range(8))
def test_what_looks_like_a_halted_medium_is_stopped_however_turned(
    sources: Sources, clock: SettableClock, turn: int
) -> None:
    halted, pdq = HaltedMedia(clock), random_pdq(9)
    copy = flipped(turned_hashes(pdq)[turn], 10)
    with sources.database.read() as session:
        assert not halted.stops(session, still(copy))
    medium_id = see(sources, still(pdq))
    with sources.database.write() as session:
        halted.halt(session, medium_id)
    with sources.database.read() as session:
        assert halted.stops(session, still(copy))
        assert halted.stops_hashes(session, still(copy).hashes)
        assert not halted.stops(session, still(copy, 49)), "flat pictures all look alike"
        assert not halted.stops(session, still(random_pdq(10)))
        in_a_video = still(None, frames=(FrameHash(0, random_pdq(11), 90), FrameHash(9, copy, 90)))
        assert halted.stops(session, in_a_video)


def test_the_bytes_of_a_halted_medium_without_any_picture_are_stopped(
    sources: Sources, clock: SettableClock
) -> None:
    halted, unreadable = HaltedMedia(clock), still(None, content=b"no picture")
    medium_id = see(sources, unreadable)
    with sources.database.write() as session:
        halted.halt(session, medium_id)
    with sources.database.read() as session:
        assert halted.stops(session, unreadable)
        assert halted.stops_hashes(session, unreadable.hashes)


def test_a_likeness_does_not_spread_from_look_alike_to_look_alike(
    sources: Sources, clock: SettableClock
) -> None:
    halted, pdq = HaltedMedia(clock), random_pdq(12)
    near, farther = flipped(pdq, 20, 1), flipped(flipped(pdq, 20, 1), 25, 2)
    first, second = see(sources, still(pdq)), see(sources, still(near), "b.jpg")
    with sources.database.read() as session:
        assert halted.look_alikes(session, [first], [first, second]) == (second,)
    with sources.database.write() as session:
        halted.halt(session, first)
        halted.halt_likeness(session, second)
    assert hashes(sources.database) == []
    with sources.database.read() as session:
        assert not halted.stops(session, still(farther))
        assert halted.stops(session, still(near))
