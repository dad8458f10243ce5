"""The leases of one slice: taken a few at a time, handed to the crawl child, completed or returned.

Safe to share between the thread that crawls and the one that looks.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy.orm import Session

from indexer.crawl.messages import Condition, Fetch, FetchKind, FoundLink, Scope
from service.accounts.actor import Actor
from service.sources import leasing
from service.sources.known_addresses import Known
from service.sources.leasing import Lease
from service.sources.views import RunCount, RunView, SiteView
from service.work.host_watch import HostWatch
from service.work.line_parts import LineParts
from service.work.unchanged import UnchangedAddresses

LEASE_BATCH = 8
QUICK_LEASE_BATCH = 32
QUICK_DELAY_S = 0.25
"""Under a shorter delay a batch is soon used up, and many small ones cost more than requests."""

ASKED_AGAIN_S = 1.0
"""An empty frontier is asked so often while others are out; at once when something was put in."""

LEAST_LEASE_S = 300.0
RENDERED_LEASE_S = 2400.0
"""One browser renders a slice's pages one after the other, each in up to two or three minutes;
and so are players read by extractors."""
SLICE_MAX_S = 600.0
ASK_EVERY_S = 2.0

AddLinks = Callable[[Session, Lease, Sequence[FoundLink]], int]
"""Puts what a page named into the frontier; returns how many looked endless."""


class SliceLeases:
    """What one slice holds of the frontier. Used once."""

    def __init__(
        self,
        parts: LineParts,
        run: RunView,
        site: SiteView,
        scope: Scope,
        worker: str,
        add_links: AddLinks,
    ) -> None:
        """`add_links` puts what a page named into the frontier, in the caller's transaction."""
        self._parts = parts
        self._add_links = add_links
        self._run_id = run.id
        self._generation = run.generation
        self._site = site
        self._worker = worker
        self._actor = Actor.system("crawl", run.organisation_id)
        # Long enough for everything that is open at once to wait its turn and to time out.
        self._lease_s = max(
            LEAST_LEASE_S,
            64 * scope.delay_s + 4 * scope.timeout_s * (scope.max_redirects + 1),
            RENDERED_LEASE_S if scope.rendering is not None or scope.extractors else 0.0,
        )
        self._batch = QUICK_LEASE_BATCH if scope.delay_s < QUICK_DELAY_S else LEASE_BATCH
        self._began_at = parts.clock.now()
        self._extended_at = self._began_at
        self.hosts = HostWatch(parts.database, parts.clock)
        self._lock = threading.Lock()
        self.turn = threading.Lock()
        """Held while a transaction of this slice writes the frontier: two that put the same
        addresses in, in another order, would wait for each other.
        """
        self._leases: dict[str, Lease] = {}
        self._ready: deque[Lease] = deque()
        self._conditions: dict[str, Condition] = {}
        self.unchanged = UnchangedAddresses(parts, run, site, scope)
        self._asked_at = self._began_at
        self._stopped = False
        self._taken = self._out = 0
        self._empty_at_s: float | None = None
        self._suspect_open = False
        self.completed = 0

    def next(self, room: int) -> Sequence[Fetch]:
        """Called by the client between results: the next addresses to fetch, at most `room`.

        What is held is kept meanwhile, also by a slice that takes nothing more: pages that are
        rendered one after the other may take longer than a lease.
        """
        self._keep_held()
        if self._suspect_open or self._parts.stopping.is_set():
            return ()
        while not self._ready and self._may_take_more() and not self._nothing_new():
            more = self._lease_more(max(room, self._batch))
            if not more or self._parts.stopping.is_set():
                break
        fetches: list[Fetch] = []
        while self._ready and len(fetches) < room and not self._must_stop():
            held = self._ready.popleft()
            condition = self._conditions.pop(held.ticket, None)
            fetches.append(
                Fetch(
                    held.ticket, held.url, held.kind, held.depth, held.referrer, condition, held.how
                )
            )
        self._out += len(fetches)
        return fetches

    def _must_stop(self) -> bool:
        """Whether the run was paused or cancelled, steps aside, or was handed out anew meanwhile;
        asked every two seconds.
        """
        now = self._parts.clock.now()
        if (now - self._asked_at).total_seconds() >= ASK_EVERY_S:
            self._asked_at = now
            with self._parts.database.read() as session:
                run = self._parts.sources.progress.now(session, self._actor, self._run_id)
            self._stopped = not run.goes_on(now, self._generation)
        return self._stopped

    def came_back(self) -> None:
        """The crawl child gave a result: one less is out."""
        self._out -= 1

    def news(self) -> None:
        """Addresses were put in, or put back: there may be something to lease again."""
        self._empty_at_s = None

    def _nothing_new(self) -> bool:
        """Whether the frontier had nothing a moment ago, and something else is still out."""
        if self._empty_at_s is None or not self._out:
            return False
        return time.monotonic() - self._empty_at_s < ASKED_AGAIN_S

    def _may_take_more(self) -> bool:
        elapsed_s = (self._parts.clock.now() - self._began_at).total_seconds()
        return self._taken < self._parts.slice_pages and elapsed_s < SLICE_MAX_S

    def _lease_more(self, room: int) -> bool:
        """Lease addresses; whether some of them ended at once, so that more may follow."""
        room = min(room, self._parts.slice_pages - self._taken)
        self._empty_at_s = None
        looking = self.unchanged.looking()
        with self.turn, self._parts.database.write() as session:
            self._extend(session)
            pages_left, media_left = self.budget_left(session)
            # Media first: what a page showed is looked at before the run goes further.
            leases = self._lease(session, "medium", min(room, media_left))
            leases += self._lease(session, "page", min(room - len(leases), pages_left))
            if not leases and not self._held():
                leases = self._lease(session, "medium", min(1, media_left), suspects=True)
                if not leases:
                    leases = self._lease(session, "page", min(1, pages_left), suspects=True)
                self._suspect_open = bool(leases)
            known = self.unchanged.of(session, leases)
            leases, not_due = self._leave_alone(session, leases, known)
            taken = len(leases)
            leases, given_up = self.hosts.without_resting(session, leases)
            self._suspect_open = self._suspect_open and bool(leases)
            if given_up:
                self._parts.sources.progress.count(
                    session, self._actor, self._run_id, RunCount(refusals=given_up)
                )
            if not (leases or given_up or not_due):
                # Before anybody else has their turn: what they put in is news.
                self._empty_at_s = time.monotonic()
            self._conditions |= self.unchanged.conditions(session, leases, known, looking)
        self.completed += given_up + not_due
        self._taken += taken
        self._ready.extend(leases)
        with self._lock:
            self._leases.update({held.ticket: held for held in leases})
        return given_up + not_due > 0

    def _leave_alone(
        self, session: Session, leases: tuple[Lease, ...], known: Mapping[str, Known]
    ) -> tuple[tuple[Lease, ...], int]:
        """The leases that are due, and how many were not: what those named stands."""
        not_due = self.unchanged.not_due(session, leases, known)
        if not not_due:
            return leases, 0
        left = [held for held, _ in not_due]
        leasing.leave(session, left)
        left_out = sum(self._add_links(session, held, before.links) for held, before in not_due)
        count = RunCount(pages_not_due=len(left), addresses_left_out=left_out)
        self._parts.sources.progress.count(session, self._actor, self._run_id, count)
        return tuple(held for held in leases if held not in left), len(left)

    def _lease(
        self, session: Session, kind: FetchKind, limit: int, *, suspects: bool = False
    ) -> tuple[Lease, ...]:
        return leasing.lease(
            session,
            self._run_id,
            worker=self._worker,
            limit=limit,
            kinds=(kind,),
            now=self._parts.clock.now(),
            lease_s=self._lease_s,
            suspects=suspects,
        )

    def budget_left(self, session: Session) -> tuple[int, int]:
        """Pages and media that may still be fetched; none when the run was stopped meanwhile."""
        run = self._parts.sources.progress.now(session, self._actor, self._run_id)
        if not run.goes_on(self._parts.clock.now(), self._generation):
            return 0, 0
        held = self._held()
        open_pages = sum(1 for lease in held if lease.kind == "page")
        return (
            max(0, self._site.draft.page_budget - run.pages_seen - open_pages),
            max(0, self._site.draft.media_budget - run.media_seen - (len(held) - open_pages)),
        )

    def _keep_held(self) -> None:
        if self._is_time_to_extend() and self._held():
            with self.turn, self._parts.database.write() as session:
                self._extend(session)

    def _extend(self, session: Session) -> None:
        if self._is_time_to_extend():
            now = self._parts.clock.now()
            leasing.extend(session, self._held(), now=now, lease_s=self._lease_s)
            self._extended_at = now

    def _is_time_to_extend(self) -> bool:
        elapsed_s = (self._parts.clock.now() - self._extended_at).total_seconds()
        return elapsed_s > self._lease_s / 3

    def _held(self) -> tuple[Lease, ...]:
        with self._lock:
            return tuple(self._leases.values())

    def put_back(self) -> None:
        """At the end of a slice: return what is still leased; no attempt is counted."""
        with self._parts.database.write() as session:
            leasing.put_back(session, self._held())

    def report_lost(self) -> None:
        """The crawl child died: what it had counts as an attempt, what it had not does not."""
        unused = tuple(self._ready)
        with self._parts.database.write() as session:
            leasing.put_back(session, unused)
            leasing.give_back(session, self._run_id, now=self._parts.clock.now())

    def held(self, ticket: str) -> Lease:
        """The lease behind a ticket, which stays held."""
        with self._lock:
            return self._leases[ticket]

    def end(self, ticket: str, *, completed: bool) -> None:
        """A lease is held no longer: it was completed in a transaction that has ended, or lost."""
        with self._lock:
            self.completed += int(completed)
            self._leases.pop(ticket, None)
        self._suspect_open = False
