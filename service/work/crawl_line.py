"""One slice of a run: the line from a leased address to what was found there.

1. Lease a few addresses at a time and stream them through the crawl child.
2. A page, a refusal, or what its server calls unchanged: judged at once (`page_results`).
3. A medium: looked at by the eyes (`looks`), several at a time, outside any transaction, in threads
   of their own, so that the child's requests go on.
4. What became of them is written by another thread, several in one transaction (`completions`).

A completion whose lease is no longer the newest writes nothing at all. Killing the worker or the
child anywhere leaves leased addresses behind, which are leased again; the same medium found twice
is one sighting and one candidate, by the database's unique keys.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from sqlalchemy.orm import Session

from indexer.crawl.client import CrawlChildDied
from indexer.crawl.messages import (
    Fetch,
    FetchKind,
    FoundLink,
    MediumFetched,
    PageSeen,
    Scope,
    Unchanged,
)
from service.accounts.actor import Actor
from service.sources import frontier
from service.sources.leasing import Lease
from service.sources.views import RunView, SiteView
from service.work.completions import MAX_TOGETHER, Completions
from service.work.host_watch import WatchedChild
from service.work.line_parts import CrawlChild, LineParts, Result, SliceOutcome
from service.work.looks import Looks
from service.work.new_addresses import NewAddresses
from service.work.outcomes import Outcome
from service.work.page_results import PageResults
from service.work.slice_leases import SLICE_MAX_S, SliceLeases

logger = logging.getLogger(__name__)


Pending = TypeVar("Pending", Future[None], Future[Future[None]])

MAX_LOOKERS = 96
"""Threads that wait for the examiner, each with one medium; the eyes say how many are worth it."""
WAITING_FOR_EACH_LOOKER = 2
MAX_BYTES_HELD = 256 * 1024 * 1024
MAX_WRITING = 2 * MAX_TOGETHER


class CrawlLine:
    """One slice of one run. Used once."""

    def __init__(
        self, parts: LineParts, run: RunView, site: SiteView, scope: Scope, worker: str
    ) -> None:
        self._parts = parts
        self._run = run
        self._scope = scope
        actor = Actor.system("crawl", run.organisation_id)
        self._addresses = NewAddresses(parts, run, site)
        self._leases = SliceLeases(parts, run, site, scope, worker, self._add_links)
        self._completions = Completions(parts, run, actor, self._leases, self._addresses)
        self._results = PageResults(parts, run, site, self._leases.unchanged)
        self._looks = Looks(parts, run, self._leases.unchanged)
        self._writing: set[Future[None]] = set()
        self._pages: set[Future[None]] = set()
        self._on_the_way: dict[str, Future[Future[None]]] = {}
        self._bytes_of: dict[Future[Future[None]], int] = {}

    def run_slice(self, child: CrawlChild) -> SliceOutcome:
        """Fetch and look until the slice is full, the run is over, or nothing is waiting."""
        slice_id = f"{self._run.id}.{self._run.generation}"
        lookers = max(1, min(MAX_LOOKERS, self._parts.eyes.at_once))
        most_looking = WAITING_FOR_EACH_LOOKER * lookers - 1
        results = WatchedChild(child, self._leases.hosts).run_slice(
            slice_id,
            self._leases.unchanged.names.scope(self._scope),
            self._next,
            self._parts.slots.reserve,
        )
        with (
            self._completions,
            ThreadPoolExecutor(lookers, thread_name_prefix="looking") as looking,
        ):
            pending: set[Future[Future[None]]] = set()
            try:
                for result in results:
                    self._leases.came_back()
                    if isinstance(result, MediumFetched):
                        pending.add(self._look(looking, result))
                    else:
                        self._judge(result)
                    pending = self._settle(pending, most_looking, MAX_WRITING)
                    while self._bytes_held(pending) > MAX_BYTES_HELD:
                        pending = self._settle(pending, len(pending) - 1, MAX_WRITING)
                    if self._parts.stopping.is_set():
                        break
                self._settle(pending, 0, 0)
            except CrawlChildDied as error:
                self._settle(pending, 0, 0)
                if not self._parts.stopping.is_set():
                    logger.warning("run %s: %s", self._run.id, error.code)
                    self._leases.report_lost()
            finally:
                # A generator that is not at its end keeps a child that fetches for nobody.
                _close(results)
        self._leases.put_back()
        return self._outcome()

    def _add_links(self, session: Session, held: Lease, links: Sequence[FoundLink]) -> int:
        """What a page named the last time stands; returns how many were left out."""
        return self._addresses.add(session, self._results.links(held, links))

    def _next(self, room: int) -> Sequence[Fetch]:
        """What to fetch next: pages that are being written may name more."""
        fetches = self._leases.next(room)
        while not fetches and self._pages:
            self._completions.hurry()
            wait(self._pages)
            self._pages = {page for page in self._pages if not page.done()}
            fetches = self._leases.next(room)
        return fetches

    def _judge(self, result: Result) -> None:
        held = self._leases.held(result.ticket)
        if isinstance(result, PageSeen):
            self._write(self._results.of_page(held, result), names_more=bool(result.links))
        elif isinstance(result, Unchanged):
            self._write(self._results.of_unchanged(held), names_more=True)
        elif not isinstance(result, MediumFetched):
            self._write(self._results.of_refusal(held, result), names_more=False)

    def _write(self, outcome: Outcome, *, names_more: bool) -> None:
        writing = self._completions.write(outcome)
        self._writing.add(writing)
        if names_more:
            self._pages = {page for page in self._pages if not page.done()} | {writing}

    def _settle(
        self, looking: set[Future[Future[None]]], most_looking: int, most_writing: int
    ) -> set[Future[Future[None]]]:
        """Wait until no more than that are under way; raises what one of them raised."""
        looked, looking = _settled(looking, most_looking)
        if not most_writing:
            self._completions.hurry()
        self._writing |= {future.result() for future in looked}
        written, self._writing = _settled(self._writing, most_writing)
        for future in written:
            future.result()
        return looking

    def _bytes_held(self, looking: set[Future[Future[None]]]) -> int:
        """How much of what was fetched waits or is looked at."""
        self._bytes_of = {each: size for each, size in self._bytes_of.items() if each in looking}
        return sum(self._bytes_of.values())

    # Looking

    def _look(self, looking: ThreadPoolExecutor, fetched: MediumFetched) -> Future[Future[None]]:
        """Have a medium looked at: the future gives the one of its writing."""
        digest = hashlib.sha256(fetched.content).hexdigest()
        if len(self._on_the_way) > MAX_WRITING:
            self._on_the_way = {
                each: look for each, look in self._on_the_way.items() if not _is_written(look)
            }
        look = looking.submit(self._medium, fetched, digest, self._on_the_way.get(digest))
        self._bytes_of[look] = len(fetched.content)
        self._on_the_way[digest] = look
        return look

    def _medium(
        self, fetched: MediumFetched, digest: str, the_same: Future[Future[None]] | None
    ) -> Future[None]:
        """Look at a medium and hand over what was seen."""
        if the_same is not None:
            # Its first look must be written, or the second would not know of it.
            wait([the_same])
            if the_same.exception() is None:
                self._completions.hurry()
                wait([the_same.result()])
        held = self._leases.held(fetched.ticket)
        return self._completions.write(self._looks.at(held, fetched, digest))

    # Around the slice

    def _outcome(self) -> SliceOutcome:
        with self._parts.database.read() as session:
            pages_left, media_left = self._leases.budget_left(session)
            kinds: list[FetchKind] = ["page"] if pages_left else []
            kinds += ["medium"] if media_left else []
            following = frontier.next_attempt_at(session, self._run.id, kinds) if kinds else None
        if following is None:
            return SliceOutcome(self._leases.completed, more=False)
        wait_s = (following - self._parts.clock.now()).total_seconds()
        return SliceOutcome(
            self._leases.completed, more=True, wait_s=min(max(wait_s, 0.0), SLICE_MAX_S)
        )


def _settled(pending: set[Pending], most: int) -> tuple[set[Pending], set[Pending]]:
    """Those that are done, once at most `most` are not; and the others."""
    done = {future for future in pending if future.done()}
    while len(pending) - len(done) > most:
        finished, _ = wait(pending - done, return_when=FIRST_COMPLETED)
        done |= finished
    return done, pending - done


def _is_written(look: Future[Future[None]]) -> bool:
    return look.done() and (look.exception() is not None or look.result().done())


def _close(results: Iterator[Result]) -> None:
    if isinstance(results, Generator):
        results.close()
