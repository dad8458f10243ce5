"""What became of the addresses of one slice, written by a thread of its own while crawling goes on.

1. What waits is written in one transaction, up to `MAX_TOGETHER`: waiting for the disk and a
   statement for each address cost more than writing. A find has a transaction of its own: it locks
   more than what is this run's alone, and workers that locked it in another order would wait for
   each other.
2. First all completions: an address whose lease is no longer the newest writes nothing at all.
   Then what pages named, media, sightings, candidates and what lists say of them; the run's counts
   once for all.
3. Leases count as held until the transaction has ended.

A worker that is killed before that leaves leased addresses behind, which are fetched again.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict, deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from sqlalchemy.orm import Session

from indexer.crawl.messages import PageSeen
from indexer.observations import Examination
from service.accounts.actor import Actor
from service.candidates.listed import without_pictures
from service.candidates.views import FindsHeldBack
from service.hashbank.exchange.views import NOT_LISTED
from service.sources import leasing
from service.sources.errors import FencedOffError
from service.sources.leasing import Lease
from service.sources.media_ledger import Seen
from service.sources.page_changes import Changes
from service.sources.views import MediumRecord, RunCount, RunView
from service.work.line_parts import LineParts
from service.work.new_addresses import NewAddresses
from service.work.outcomes import LookedAt, Outcome, PageRead, PutBack, TriedLater
from service.work.slice_leases import SliceLeases

logger = logging.getLogger(__name__)

MAX_TOGETHER = 32
"""Other writers wait for the transaction: it should stay short."""

MAX_LINKS_TOGETHER = 5000
"""After a page that names so many addresses no other joins its transaction."""

LINGER_S = 0.05
"""How long the first of a few waits for more: a transaction costs what ten outcomes cost."""


@dataclass(slots=True)
class _Written:
    """What one transaction did: tickets that had not gone to another worker, and counts."""

    tickets: set[str] = field(default_factory=set)
    count: RunCount = field(default_factory=RunCount)


class Completions:
    """Writes for one run, in the order in which it was given. Use it in a `with` block."""

    def __init__(
        self,
        parts: LineParts,
        run: RunView,
        actor: Actor,
        leases: SliceLeases,
        addresses: NewAddresses,
    ) -> None:
        self._parts = parts
        self._run = run
        self._actor = actor
        self._leases = leases
        self._addresses = addresses
        self._waiting: deque[Outcome] = deque()
        self._handing_over = threading.Lock()
        self._enough = threading.Event()
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="writing")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.hurry()
        self._writer.shutdown(wait=True)

    def write(self, outcome: Outcome) -> Future[None]:
        """Soon; the future ends when it is in the database, and holds what went wrong."""
        # Calls in the order of outcomes: when the n-th call ends, n of them are in the database.
        with self._handing_over:
            self._waiting.append(outcome)
            writing = self._writer.submit(self._write_waiting)
        if len(self._waiting) >= MAX_TOGETHER:
            self._enough.set()
        return writing

    def hurry(self) -> None:
        """Somebody waits for what was given so far."""
        self._enough.set()

    def _write_waiting(self) -> None:
        """As many calls as outcomes: one that was written with an earlier one has no work."""
        if not self._waiting:
            return
        self._enough.wait(LINGER_S)
        self._enough.clear()
        together = self._next_together()
        if self._waiting:
            self._enough.set()
        written = _Written()
        try:
            with self._leases.turn, self._parts.database.write() as session:
                done = self._write_all(session, together)
            written = done
        except BaseException:
            self._addresses.forget()
            raise
        finally:
            if any(isinstance(each, PageRead | PutBack) for each in together):
                self._leases.news()
            for outcome in together:
                ticket = outcome.held.ticket
                self._leases.end(ticket, completed=ticket in written.tickets)

    def _next_together(self) -> list[Outcome]:
        """What the next transaction writes: the first that wait, at least one."""
        together = [self._waiting.popleft()]
        links = _links_of(together[0])
        while (
            self._waiting
            and len(together) < MAX_TOGETHER
            and links < MAX_LINKS_TOGETHER
            and not _is_find(together[0])
            and not _is_find(self._waiting[0])
        ):
            together.append(self._waiting.popleft())
            links += _links_of(together[-1])
        return together

    def _write_all(self, session: Session, together: Sequence[Outcome]) -> _Written:
        written = _Written()
        ended = [each for each in together if isinstance(each, PageRead | LookedAt)]
        now = self._parts.clock.now()
        newest = leasing.finish_all(session, [(each.held, each.ending) for each in ended], now=now)
        mine = [each for each in ended if self._is_newest(each.held, newest)]
        written.tickets = {each.held.ticket for each in mine}
        self._write_pages(session, written, [each for each in mine if isinstance(each, PageRead)])
        self._write_media(session, written, [each for each in mine if isinstance(each, LookedAt)])
        for each in together:
            if isinstance(each, TriedLater):
                self._try_later(session, written, each)
        back = [each.held for each in together if isinstance(each, PutBack)]
        if back:
            leasing.put_back(session, back)
            written.tickets |= {held.ticket for held in back}
        if written.count != RunCount():
            self._parts.sources.progress.count(session, self._actor, self._run.id, written.count)
        return written

    def _is_newest(self, held: Lease, newest: set[int]) -> bool:
        if held.entry_id in newest:
            return True
        logger.info("run %s: lease %s had gone to another worker", self._run.id, held.ticket)
        return False

    # Pages

    def _write_pages(self, session: Session, written: _Written, pages: list[PageRead]) -> None:
        unchanged = self._leases.unchanged
        looked_for: dict[str, list[tuple[Lease, PageSeen, Changes]]] = defaultdict(list)
        for each in pages:
            found, read_for = unchanged.names.write(session, each.names)
            written.count = written.count.plus(RunCount(candidates_found=found))
            if each.page is not None and each.changes is not None:
                looked_for[read_for].append((each.held, each.page, each.changes))
        for read_for, read in looked_for.items():
            unchanged.keep_pages(session, read, read_for)
        unchanged.count_unchanged_pages(
            session,
            [(each.held, each.changes) for each in pages if each.changes and not each.page],
        )
        for each in pages:
            written.count = written.count.plus(each.count)
        links = [link for each in pages for link in each.links]
        if links:
            left_out = self._addresses.add(session, links)
            written.count = written.count.plus(RunCount(addresses_left_out=left_out))

    def _try_later(self, session: Session, written: _Written, each: TriedLater) -> None:
        now = self._parts.clock.now()
        try:
            waits = leasing.try_later(session, each.held, each.ending, now=now)
        except FencedOffError:
            # It changed no row: the others of this transaction are not touched by it.
            self._is_newest(each.held, set())
            return
        written.tickets.add(each.held.ticket)
        if not waits:
            written.count = written.count.plus(RunCount(refusals=1))

    # Media

    def _write_media(self, session: Session, written: _Written, media: list[LookedAt]) -> None:
        unchanged = self._leases.unchanged
        kept = [each for each in media if not each.listed.stop]
        unchanged.count_unchanged(session, [each.held for each in kept if each.answer is None])
        unchanged.keep_media(
            session,
            [
                (each.held, each.answer, each.looked_for, each.digest)
                for each in kept
                if each.answer is not None
            ],
        )
        looked = [(each, seen) for each in kept if (seen := _may_be_shown(each)) is not None]
        records = self._parts.sources.record_all_examined(
            session,
            self._actor,
            [
                Seen(
                    each.place,
                    examination,
                    each.count.bytes_fetched,
                    for_one=self._run.only_person is not None,
                )
                for each, examination in looked
            ],
        )
        for each in media:
            if each.listed.stop:
                written.count = written.count.plus(self._stopped(session, each))
            elif each.examination is None:
                sources = self._parts.sources
                sources.record_seen_again(session, self._actor, each.place, each.digest)
                written.count = written.count.plus(each.count)
        for (each, examination), record in zip(looked, records, strict=True):
            count = self._found(session, each, examination, record)
            written.count = written.count.plus(count)

    def _found(
        self, session: Session, looked: LookedAt, examination: Examination, record: MediumRecord
    ) -> RunCount:
        """Candidates, and what lists say, of a medium that was written; what the run counts."""
        held_back = FindsHeldBack()
        candidates = self._parts.findings.record_findings(
            session,
            self._actor,
            organisation_id=self._run.organisation_id,
            medium_id=record.medium_id,
            examination=examination,
            media_url=looked.place.media_url,
            page_url=looked.place.page_url,
            host=record.host,
            run_id=self._run.id,
            held_back=held_back,
        )
        if looked.listed.matches:
            self._parts.lists.write(
                session, looked.place, looked.listed, looked.digest, record.medium_id
            )
        unreadable = examination.refusal is not None
        return replace(
            looked.count,
            media_examined=int(not unreadable and not looked.held.is_small),
            media_unreadable=int(unreadable),
            media_small=int(not unreadable and looked.held.is_small),
            faces_counted=examination.faces_counted,
            candidates_found=len(candidates),
            finds_held_back=held_back.count,
            examine_seconds=examination.seconds,
        )

    def _stopped(self, session: Session, looked: LookedAt) -> RunCount:
        """It may show a minor: address, time and the list's name are kept, and nothing else."""
        self._parts.lists.write(session, looked.place, looked.listed, looked.digest, None)
        seconds = looked.examination.seconds if looked.examination is not None else 0.0
        return replace(looked.count, media_examined=1, examine_seconds=seconds)


def _may_be_shown(looked: LookedAt) -> Examination | None:
    """What the eyes saw, without pictures where a list forbids to show any; None if unlooked."""
    if looked.examination is not None and looked.listed.never_show:
        return without_pictures(looked.examination)
    return looked.examination


def _links_of(outcome: Outcome) -> int:
    return len(outcome.links) if isinstance(outcome, PageRead) else 0


def _is_find(outcome: Outcome) -> bool:
    """Whether it may become a find or end one: that locks people's rows and the audit trail."""
    if isinstance(outcome, PageRead):
        return outcome.names is not None
    if not isinstance(outcome, LookedAt):
        return False
    findings = outcome.examination is not None and bool(outcome.examination.findings)
    return findings or outcome.listed != NOT_LISTED
