"""The frontier: each address once, one worker at a time, and no late word from a dead one."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from service.database import Database
from service.sources import frontier, leasing
from service.sources.errors import FencedOffError
from service.sources.frontier import Address
from service.sources.leasing import Ending, Lease
from service.sources.models import FrontierEntry, Run
from tests.fixtures.clock import SettableClock
from tests.service.sources.sources_factory import Sources, make_sources

DONE = Ending()


@pytest.fixture
def sources(database: Database, clock: SettableClock) -> Sources:
    return make_sources(database, clock)


@pytest.fixture
def run_id(sources: Sources) -> Iterator[uuid.UUID]:
    return sources.running().id


def lease(
    sources: Sources, run_id: uuid.UUID, limit: int = 10, **more: object
) -> tuple[Lease, ...]:
    with sources.database.write() as session:
        return leasing.lease(
            session,
            run_id,
            worker="W",
            limit=limit,
            kinds=("page", "medium"),
            now=sources.clock.now(),
            lease_s=60,
            **more,
        )


def add(sources: Sources, run_id: uuid.UUID, *addresses: Address) -> int:
    with sources.database.write() as session:
        return frontier.add(session, run_id, addresses)


def finish(sources: Sources, held: Lease, ending: Ending = DONE) -> None:
    with sources.database.write() as session:
        leasing.finish(session, held, ending, now=sources.clock.now())


def state_of(sources: Sources, entry_id: int) -> FrontierEntry:
    with sources.database.read() as session:
        entry = session.get(FrontierEntry, entry_id)
        assert entry is not None
        return entry


def pages(count: int) -> list[Address]:
    return [Address(f"http://forum.example/{number}", "page", 1) for number in range(count)]


class TestAdding:
    def test_an_address_is_in_once_however_often_it_is_found(
        self, sources: Sources, run_id: uuid.UUID
    ) -> None:
        assert add(sources, run_id, *pages(3)) == 3
        assert add(sources, run_id, *pages(4), *pages(4)) == 1

    def test_a_run_begins_with_its_seeds(self, sources: Sources, run_id: uuid.UUID) -> None:
        (held,) = lease(sources, run_id)
        assert (held.url, held.depth) == ("http://forum.example/start", 0)

    def test_very_many_addresses_go_in(self, sources: Sources, run_id: uuid.UUID) -> None:
        assert add(sources, run_id, *pages(1000)) == 1000


class TestLeasing:
    def test_what_is_nearest_to_the_start_comes_first(
        self, sources: Sources, run_id: uuid.UUID
    ) -> None:
        add(
            sources,
            run_id,
            Address("http://forum.example/far", "page", 3),
            Address("http://forum.example/near", "page", 1),
        )
        assert [held.depth for held in lease(sources, run_id)] == [0, 1, 3]

    def test_nobody_gets_what_somebody_else_holds(
        self, sources: Sources, run_id: uuid.UUID
    ) -> None:
        add(sources, run_id, *pages(40))
        taken: list[Lease] = []

        def take() -> None:
            while part := lease(sources, run_id, 3):
                taken.extend(part)

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({held.entry_id for held in taken}) == len(taken) == 41

    def test_tokens_only_grow(self, sources: Sources, run_id: uuid.UUID) -> None:
        (first,) = lease(sources, run_id)
        give_back(sources, run_id)
        (second,) = lease(sources, run_id)
        assert second.token > first.token


def give_back(sources: Sources, run_id: uuid.UUID) -> int:
    with sources.database.write() as session:
        return leasing.give_back(session, run_id, now=sources.clock.now())


class TestFinishing:
    def test_a_finished_address_is_done_with(self, sources: Sources, run_id: uuid.UUID) -> None:
        (held,) = lease(sources, run_id)
        finish(sources, held, Ending("refused", "robots", "robots.txt says no", 200))
        entry = state_of(sources, held.entry_id)
        assert (entry.state, entry.refusal_code) == ("refused", "robots")
        assert lease(sources, run_id) == ()

    def test_a_stale_token_writes_nothing_of_its_transaction(
        self, sources: Sources, run_id: uuid.UUID
    ) -> None:
        (stale,) = lease(sources, run_id)
        give_back(sources, run_id)
        (fresh,) = lease(sources, run_id)
        with pytest.raises(FencedOffError), sources.database.write() as session:
            session.get_one(Run, run_id).pages_seen = 99
            leasing.finish(session, stale, Ending(), now=sources.clock.now())
        with sources.database.read() as session:
            assert session.get_one(Run, run_id).pages_seen == 0
        finish(sources, fresh)

    def test_a_returned_lease_is_refused_before_anybody_else_has_it(
        self, sources: Sources, run_id: uuid.UUID
    ) -> None:
        (held,) = lease(sources, run_id)
        give_back(sources, run_id)
        with pytest.raises(FencedOffError):
            finish(sources, held)

    def test_finishing_twice_is_refused(self, sources: Sources, run_id: uuid.UUID) -> None:
        (held,) = lease(sources, run_id)
        finish(sources, held)
        with pytest.raises(FencedOffError):
            finish(sources, held)

    def test_what_a_server_said_is_stored_without_control_characters(
        self, sources: Sources, run_id: uuid.UUID
    ) -> None:
        (held,) = lease(sources, run_id)
        finish(sources, held, Ending("refused", "http_status", "a\x1b[31m\u202eb" + "x" * 999))
        message = state_of(sources, held.entry_id).refusal_message
        assert message is not None
        assert message.isprintable()
        assert len(message) == 300


class TestLosingWorkers:
    def test_an_expired_lease_goes_back(
        self, sources: Sources, run_id: uuid.UUID, clock: SettableClock
    ) -> None:
        (held,) = lease(sources, run_id)
        clock.advance(30)
        with sources.database.write() as session:
            assert leasing.extend(session, [held], now=clock.now(), lease_s=60) == 1
        clock.advance(45)
        with sources.database.write() as session:
            assert leasing.release_expired(session, now=clock.now()) == 0
        clock.advance(30)
        with sources.database.write() as session:
            assert leasing.release_expired(session, now=clock.now()) == 1
        assert len(lease(sources, run_id)) == 1

    def test_an_address_that_was_lost_twice_is_taken_up_alone(
        self, sources: Sources, run_id: uuid.UUID
    ) -> None:
        for _ in range(leasing.SUSPECT_ATTEMPTS):
            assert len(lease(sources, run_id)) == 1
            give_back(sources, run_id)
        assert lease(sources, run_id) == ()
        assert len(lease(sources, run_id, suspects=True)) == 1

    def test_an_address_that_always_kills_its_worker_has_failed_in_the_end(
        self, sources: Sources, run_id: uuid.UUID
    ) -> None:
        for attempt in range(leasing.MAX_ATTEMPTS):
            suspects = attempt >= leasing.SUSPECT_ATTEMPTS
            (held,) = lease(sources, run_id, suspects=suspects)
            give_back(sources, run_id)
        assert state_of(sources, held.entry_id).state == "failed"
        assert lease(sources, run_id, suspects=True) == ()

    def test_an_address_that_was_not_fetched_goes_back_without_an_attempt(
        self, sources: Sources, run_id: uuid.UUID
    ) -> None:
        leases = lease(sources, run_id)
        with sources.database.write() as session:
            assert leasing.put_back(session, leases) == 1
        assert lease(sources, run_id)[0].attempts == 1


class TestTryingLater:
    def test_a_later_attempt_waits_and_the_last_one_is_final(
        self, sources: Sources, run_id: uuid.UUID, clock: SettableClock
    ) -> None:
        busy = Ending("refused", "http_status", "busy", 503)
        for attempt in range(1, leasing.MAX_ATTEMPTS + 1):
            (held,) = lease(sources, run_id)
            with sources.database.write() as session:
                later = leasing.try_later(session, held, busy, now=clock.now())
            assert later == (attempt < leasing.MAX_ATTEMPTS)
            assert lease(sources, run_id) == ()
            if later:
                with sources.database.read() as session:
                    moment = frontier.next_attempt_at(session, run_id, ("page",))
                assert moment is not None
                assert moment > clock.now()
                clock.set(moment)
        entry = state_of(sources, held.entry_id)
        assert (entry.state, entry.refusal_code, entry.http_status) == (
            "refused",
            "http_status",
            503,
        )
        with sources.database.read() as session:
            assert frontier.next_attempt_at(session, run_id, ("page",)) is None


def test_counts_tell_kinds_and_states_apart(sources: Sources, run_id: uuid.UUID) -> None:
    add(sources, run_id, Address("http://forum.example/a.jpg", "medium", 0))
    finish(sources, lease(sources, run_id, 1)[0])
    with sources.database.read() as session:
        counted = {(row.kind, row.state): row.count for row in frontier.counts(session, run_id)}
        assert session.scalars(select(FrontierEntry.id)).all()
    assert counted == {("page", "done"): 1, ("medium", "waiting"): 1}
