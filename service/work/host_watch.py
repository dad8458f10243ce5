"""What a slice notes of hosts that fail, and which of its leases wait because of it.

1. Every result that comes from the crawl child is looked at on its way: a failure of its host is
   written, an answer of a host that had failed ends its failures.
2. Newly leased addresses of a host that rests go back and wait for the end of its rest; those of a
   host that was given up are refused, with words. No request is made for either.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from sqlalchemy.orm import Session

from indexer.crawl.messages import FetchRefused, Scope
from service.clock import Clock
from service.database import Database
from service.sources import host_rests, leasing
from service.sources.host_rests import GIVEN_UP, Rest, host_of
from service.sources.leasing import Ending, Lease
from service.work.line_parts import CrawlChild, FetchSource, Result


class HostWatch:
    """The failing hosts of one slice. Used once, by the thread that crawls."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._troubled: dict[str, Rest] = {}

    def note(self, result: Result) -> None:
        """Write what a result says of its host, where that is something new."""
        host = host_of(result.url)
        if isinstance(result, FetchRefused) and host_rests.is_failure(result):
            now = self._clock.now()
            known = self._troubled.get(host)
            if known is not None and now < known.until:
                return  # it was under way when the host began to rest
            with self._database.write() as session:
                self._troubled[host] = host_rests.note_failure(session, host, now)
        elif host in self._troubled and _is_answer(result):
            with self._database.write() as session:
                host_rests.note_answer(session, host)
            del self._troubled[host]

    def without_resting(
        self, session: Session, leases: Sequence[Lease]
    ) -> tuple[tuple[Lease, ...], int]:
        """Those leases whose hosts may be asked now; and how many addresses were given up."""
        now = self._clock.now()
        by_host: dict[str, list[Lease]] = defaultdict(list)
        for held in leases:
            by_host[host_of(held.url)].append(held)
        for host in by_host:
            self._troubled.pop(host, None)
        self._troubled |= host_rests.troubled(session, by_host, now)
        given_up = 0
        resting: set[str] = set()
        for host, held_here in by_host.items():
            rest = self._troubled.get(host)
            if rest is None or now >= rest.until:
                continue
            resting.add(host)
            if rest.given_up:
                for held in held_here:
                    ending = Ending("refused", GIVEN_UP, rest.words)
                    leasing.finish(session, held, ending, now=now)
                given_up += len(held_here)
                host_rests.due_now(session, held_here[0].run_id, host)
            else:
                leasing.put_back(session, held_here)
                host_rests.wait_for(session, [held.entry_id for held in held_here], rest)
        return tuple(held for held in leases if host_of(held.url) not in resting), given_up


class WatchedChild:
    """A crawl child whose results are noted on their way."""

    def __init__(self, child: CrawlChild, watch: HostWatch) -> None:
        self._child = child
        self._watch = watch

    def run_slice(
        self,
        slice_id: str,
        scope: Scope,
        fetches: FetchSource,
        slots: Callable[[str, float], float],
    ) -> Iterator[Result]:
        """As the child does."""
        results = self._child.run_slice(slice_id, scope, fetches, slots)
        try:
            for result in results:
                self._watch.note(result)
                yield result
        finally:
            # A generator that is not at its end keeps a child that fetches for nobody.
            close = getattr(results, "close", None)
            if close is not None:
                close()


def _is_answer(result: Result) -> bool:
    """Whether the host said something: a status that is no failure, a page, a medium."""
    return not isinstance(result, FetchRefused) or result.status is not None
