"""What was looked at is written together, without one medium harming another."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import replace

import msgspec
import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from indexer.crawl.messages import FoundLink
from indexer.observations import (
    Examination,
    ManipulationFinding,
    MediaHashes,
    PersonFinding,
)
from service.clock import Clock, SystemClock
from service.database import Database
from service.sources import frontier, leasing
from service.sources.frontier import Address
from service.sources.host_slots import HostSlots
from service.sources.leasing import Ending, Lease
from service.sources.media_ledger import Place
from service.sources.models import FrontierEntry, MediumSeen, Run, Sighting
from service.sources.views import RunCount, RunView
from service.work.completions import MAX_TOGETHER, Completions
from service.work.line_parts import LineParts
from service.work.new_addresses import NewAddresses
from service.work.outcomes import LookedAt, PageRead
from service.work.slice_leases import SliceLeases
from tests.fixtures.clock import SettableClock
from tests.service.sources.sources_factory import Sources, make_sources
from tests.service.work.work_factory import (
    MODEL,
    CandidatesOfATest,
    EyesOfATest,
    NoNames,
    NotListed,
)

WAIT_S = 20.0


def nothing_to_add(session: Session, held: Lease, links: Sequence[FoundLink]) -> int:
    """No page is left alone here."""
    raise AssertionError


class Bench:
    """A run with media that are leased and looked at, and the writer of one slice."""

    def __init__(self, database: Database, media: int, clock: Clock | None = None) -> None:
        self.sources: Sources = make_sources(database, SystemClock())
        self.database = database
        self.run: RunView = self.sources.running()
        self.parts = LineParts(
            database=database,
            clock=clock or SystemClock(),
            sources=self.sources.service,
            findings=CandidatesOfATest(),
            lists=NotListed(),
            names=NoNames(),
            slots=HostSlots(database, SystemClock()),
            eyes=EyesOfATest(),
            face_matching_on=lambda session, organisation_id: True,
            slice_pages=media + 10,
            stopping=threading.Event(),
        )
        with database.read() as session:
            self.site = self.sources.service.site(session, self.sources.system, self.run.site_id)
            scope = self.sources.service.scope(session, self.sources.system, self.run.site_id)
        urls = [f"http://forum.example/{number}.png" for number in range(media)]
        with database.write() as session:
            frontier.add(session, self.run.id, [Address(url, "medium", 1) for url in urls])
        self.leases = SliceLeases(self.parts, self.run, self.site, scope, "w", nothing_to_add)
        # The start page is leased, too: it is nobody's here.
        fetches = [*self.leases.next(media), *self.leases.next(media)]
        self.tickets = [fetch.ticket for fetch in fetches if fetch.kind == "medium"]
        assert len(self.tickets) == media

    def looked(self, number: int, kind: str = "still") -> LookedAt:
        held = self.leases.held(self.tickets[number])
        digest = hashlib.sha256(held.url.encode()).hexdigest()
        examination = Examination(
            hashes=MediaHashes(sha256=digest),
            kind=kind,  # type: ignore[arg-type]  # one test writes what no table takes
            width_px=8,
            height_px=8,
            frames_examined=1,
            faces_counted=2,
            findings=(),
            model=MODEL,
            watchlist_change=1,
            seconds=0.5,
        )
        organisation_id = self.run.organisation_id
        place = Place(organisation_id, held.url, None, self.run.site_id, self.run.id)
        count = RunCount(media_seen=1, bytes_fetched=10)
        return LookedAt(held, place, Ending(http_status=200), digest, count, examination)

    def completions(self) -> Completions:
        system = self.sources.system
        addresses = NewAddresses(self.parts, self.run, self.site)
        return Completions(self.parts, self.run, system, self.leases, addresses)

    def write_at_once(self, numbers: list[int]) -> list[BaseException | None]:
        """All of them are waiting before the writer begins; what became of each."""
        with self.completions() as completions:
            with self.writer_held_up():
                writing = [completions.write(self.looked(number)) for number in numbers]
            wait(writing, WAIT_S)
        return [future.exception() for future in writing]

    @contextmanager
    def writer_held_up(self) -> Iterator[None]:
        """Nobody can begin to write before the block ends."""
        with self.database.write() as session:
            session.execute(select(Run.id).where(Run.id == self.run.id).with_for_update())
            yield

    def states(self) -> list[str]:
        entry_ids = [int(ticket.split(".")[0]) for ticket in self.tickets]
        with self.database.read() as session:
            rows = session.execute(select(FrontierEntry.id, FrontierEntry.state)).all()
        by_id = {row[0]: row[1] for row in rows}
        return [by_id[entry_id] for entry_id in entry_ids]


def test_everything_that_waits_is_written_and_counted_once(sqlite_database: Database) -> None:
    bench = Bench(sqlite_database, MAX_TOGETHER + 3)
    commits: list[object] = []
    event.listen(sqlite_database.engine, "commit", commits.append)
    assert not any(bench.write_at_once(list(range(MAX_TOGETHER + 3))))
    # One is the test's own; the first medium may have been taken before the others were there.
    assert len(commits) <= 4
    assert set(bench.states()) == {"done"}
    run = bench.sources.look(bench.run)
    assert run.media_seen == run.media_examined == MAX_TOGETHER + 3
    assert run.faces_counted == 2 * (MAX_TOGETHER + 3)
    with sqlite_database.read() as session:
        assert len(session.scalars(select(MediumSeen)).all()) == MAX_TOGETHER + 3
        assert len(session.scalars(select(Sighting)).all()) == MAX_TOGETHER + 3
    assert bench.leases.completed == MAX_TOGETHER + 3


def test_finds_that_were_held_back_are_counted_in_the_run(sqlite_database: Database) -> None:
    bench = Bench(sqlite_database, 2)

    class HoldingBack(CandidatesOfATest):
        """Makes no find of anything."""

        def record_findings(self, *args, held_back=None, **named):  # type: ignore[no-untyped-def]
            held_back.count += 2
            return ()

    bench.parts = replace(bench.parts, findings=HoldingBack())
    assert not any(bench.write_at_once([0, 1]))
    run = bench.sources.look(bench.run)
    assert (run.finds_held_back, run.candidates_found) == (4, 0)


def written_together(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The entries of each transaction, as they are written from now on."""
    together: list[list[int]] = []
    finish_all = leasing.finish_all

    def noted(session, endings, *, now):  # type: ignore[no-untyped-def]
        together.append([held.entry_id for held, _ in endings])
        return finish_all(session, endings, now=now)

    monkeypatch.setattr(leasing, "finish_all", noted)
    return together


def test_a_find_has_a_transaction_of_its_own(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In one with others it would lock the audit trail and people's rows before media that another
    # worker has locked, which waits for the audit trail: on PostgreSQL one of the two would fail.
    bench = Bench(sqlite_database, 7)
    looked = [bench.looked(number) for number in range(7)]
    somebody = PersonFinding(str(uuid.uuid4()), (), (), ManipulationFinding("inconclusive", ()))
    examination = looked[4].examination
    assert examination is not None
    shows = msgspec.structs.replace(examination, findings=(somebody,))
    looked[4] = replace(looked[4], examination=shows)

    class Found(CandidatesOfATest):
        def record_findings(self, *args, examination, **named):  # type: ignore[no-untyped-def]
            return tuple(uuid.uuid4() for _ in examination.findings)

    bench.parts = replace(bench.parts, findings=Found())
    together = written_together(monkeypatch)
    with bench.completions() as completions:
        with bench.writer_held_up():
            writing = [completions.write(each) for each in looked]
        wait(writing, WAIT_S)
    assert not any(future.exception() for future in writing)
    assert [looked[4].held.entry_id] in together
    written = [entry_id for entry_ids in together for entry_id in entry_ids]
    assert written == [each.held.entry_id for each in looked]
    assert any(len(each) > 1 for each in together)
    assert set(bench.states()) == {"done"}
    assert bench.sources.look(bench.run).candidates_found == 1


def test_a_page_with_very_many_links_keeps_others_out_of_its_transaction(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.work.completions.MAX_LINKS_TOGETHER", 20)
    bench = Bench(sqlite_database, 6)
    links = tuple(Address(f"http://forum.example/p/{at}", "page", 9) for at in range(20))
    together = written_together(monkeypatch)
    with bench.completions() as completions:
        with bench.writer_held_up():
            writing = [
                completions.write(
                    PageRead(bench.leases.held(ticket), Ending(), RunCount(pages_seen=1), links)
                )
                for ticket in bench.tickets
            ]
        wait(writing, WAIT_S)
    assert not any(future.exception() for future in writing)
    assert [len(each) for each in together] == [1] * 6


def test_who_stops_does_not_wait_until_all_pages_that_are_not_due_were_left_alone(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(sqlite_database, 1)
    batches: list[int] = []

    def left_alone(room: int) -> bool:
        batches.append(room)
        bench.parts.stopping.set()
        assert len(batches) < 5, "it goes on"
        return True

    monkeypatch.setattr(bench.leases, "_lease_more", left_alone)
    assert bench.leases.next(4) == []
    assert len(batches) == 1


def test_a_lease_that_went_to_another_worker_writes_nothing_and_harms_no_other(
    sqlite_database: Database,
) -> None:
    bench = Bench(sqlite_database, 3)
    lost = bench.leases.held(bench.tickets[1])
    with sqlite_database.write() as session:
        row = session.get_one(FrontierEntry, lost.entry_id)
        row.fencing_token += 1
    assert not any(bench.write_at_once([0, 1, 2]))
    assert bench.states() == ["done", "leased", "done"]
    assert bench.sources.look(bench.run).media_examined == 2
    with sqlite_database.read() as session:
        addresses = set(session.scalars(select(Sighting.media_url)))
    assert lost.url not in addresses
    assert len(addresses) == 2
    assert bench.leases.completed == 2


def test_a_transaction_that_fails_says_so_and_leaves_all_of_it_leased(
    sqlite_database: Database,
) -> None:
    bench = Bench(sqlite_database, 2)
    looked = bench.looked(0, kind=None)  # type: ignore[arg-type]  # a row without it is refused
    with bench.completions() as completions:
        writing = completions.write(looked)
        with pytest.raises(IntegrityError):
            writing.result(WAIT_S)
    assert bench.states() == ["leased", "leased"]
    assert bench.sources.look(bench.run).media_seen == 0
    assert bench.leases.completed == 0


def test_leases_count_as_held_until_they_are_in_the_database(sqlite_database: Database) -> None:
    bench = Bench(sqlite_database, 1)
    with bench.completions() as completions:
        with bench.writer_held_up():
            writing = completions.write(bench.looked(0))
            assert bench.leases.held(bench.tickets[0]).ticket == bench.tickets[0]
        writing.result(WAIT_S)
    with pytest.raises(KeyError):
        bench.leases.held(bench.tickets[0])


def test_the_same_content_at_two_addresses_is_one_medium_and_two_sightings(
    sqlite_database: Database,
) -> None:
    bench = Bench(sqlite_database, 2)
    first, second = bench.looked(0), bench.looked(1)
    same = LookedAt(
        second.held, second.place, second.ending, first.digest, second.count, first.examination
    )
    with bench.completions() as completions:
        wait([completions.write(first), completions.write(same)], WAIT_S)
    with sqlite_database.read() as session:
        medium = session.scalars(select(MediumSeen)).one()
        sightings = session.scalars(select(Sighting)).all()
    assert medium.examined_model is not None
    assert {each.medium_id for each in sightings} == {medium.id}
    assert {each.media_url for each in sightings} == {first.place.media_url, second.place.media_url}
    assert isinstance(medium.id, uuid.UUID)


def test_what_a_slow_slice_holds_stays_its_own_after_it_has_stopped_taking_more(
    database: Database, clock: SettableClock
) -> None:
    bench = Bench(database, media=2, clock=clock)
    for _ in range(20):
        clock.advance(minutes=2)
        assert bench.leases.next(0) == []
    with database.write() as session:
        assert leasing.release_expired(session, now=clock.now()) == 0
