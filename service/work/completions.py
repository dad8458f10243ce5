"""What was looked at in one slice, written by a thread of its own while the next is looked at.

1. Everything that waits is written in one transaction, up to `MAX_TOGETHER`: waiting for the disk
   costs more than writing.
2. For each medium first its completion: one whose lease is no longer the newest writes nothing.
   Then medium, sighting, candidates and what lists say of it; the run's counts once for all.
3. Leases count as held until the transaction has ended.

A worker that is killed before that leaves leased addresses behind, which are looked at again.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from sqlalchemy.orm import Session

from indexer.observations import Examination
from service.accounts.actor import Actor
from service.candidates.listed import without_pictures
from service.candidates.views import FindsHeldBack
from service.hashbank.exchange.views import NOT_LISTED, Listed
from service.sources import frontier
from service.sources.errors import FencedOffError
from service.sources.frontier import Ending, Lease
from service.sources.known_addresses import Answer
from service.sources.media_ledger import Place
from service.sources.views import RunCount, RunView
from service.work.line_parts import LineParts
from service.work.slice_leases import SliceLeases

logger = logging.getLogger(__name__)

MAX_TOGETHER = 8
"""Other writers wait for the transaction: it should stay short."""


@dataclass(frozen=True, slots=True)
class LookedAt:
    """A medium on its way into the database. Without `examination` it was known before, or it is
    on a list that stops it. Without `answer` it was not fetched: the server called it unchanged.
    """

    held: Lease
    place: Place
    ending: Ending
    digest: str
    count: RunCount
    examination: Examination | None
    listed: Listed = NOT_LISTED
    answer: Answer | None = None
    looked_for: str = ""


class Completions:
    """Writes for one run, in the order in which it was given. Use it in a `with` block."""

    def __init__(self, parts: LineParts, run: RunView, actor: Actor, leases: SliceLeases) -> None:
        self._parts = parts
        self._run = run
        self._actor = actor
        self._leases = leases
        self._waiting: deque[LookedAt] = deque()
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="writing")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.shutdown(wait=True)

    def write(self, looked: LookedAt) -> Future[None]:
        """Soon; the future ends when it is in the database, and holds what went wrong."""
        self._waiting.append(looked)
        return self._writer.submit(self._write_waiting)

    def _write_waiting(self) -> None:
        """As many calls as media: one that was written together with an earlier one has no work."""
        together: list[LookedAt] = []
        while self._waiting and len(together) < MAX_TOGETHER:
            together.append(self._waiting.popleft())
        if not together:
            return
        written: set[str] = set()
        try:
            with self._parts.database.write() as session:
                written = self._write_all(session, together)
        finally:
            for looked in together:
                ticket = looked.held.ticket
                self._leases.end(ticket, completed=ticket in written)

    def _write_all(self, session: Session, together: Sequence[LookedAt]) -> set[str]:
        """Write each; returns the tickets that had not gone to another worker."""
        written: set[str] = set()
        total = RunCount()
        for looked in together:
            ticket = looked.held.ticket
            try:
                frontier.finish(session, looked.held, looked.ending, now=self._parts.clock.now())
            except FencedOffError:
                # It changed no row: the others of this transaction are not touched by it.
                logger.info("run %s: lease %s had gone to another worker", self._run.id, ticket)
                continue
            total = total.plus(self._written(session, looked))
            written.add(ticket)
        if written:
            self._parts.sources.progress.count(session, self._actor, self._run.id, total)
        return written

    def _written(self, session: Session, looked: LookedAt) -> RunCount:
        examination = looked.examination
        if looked.listed.stop:
            return self._stopped(session, looked)
        if looked.answer is None:
            self._leases.unchanged.count_unchanged(session, looked.held)
        else:
            self._leases.unchanged.keep_medium(
                session, looked.held, looked.answer, looked.looked_for, looked.digest
            )
        if examination is None:
            self._parts.sources.record_seen_again(session, self._actor, looked.place, looked.digest)
            return looked.count
        if looked.listed.never_show:
            examination = without_pictures(examination)
        record = self._parts.sources.record_examined(
            session,
            self._actor,
            looked.place,
            examination,
            looked.count.bytes_fetched,
            for_one=self._run.only_person is not None,
        )
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
