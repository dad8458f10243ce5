"""One slice of a run: the line from a leased address to what was found there.

1. Lease a few addresses at a time and stream them through the crawl child.
2. A page: in one short transaction its completion, its new links and the run's counts.
3. A medium: looked at by the eyes, several at a time, outside any transaction, in threads of their
   own, so that the child's requests go on; then written in another one (`completions`), so that
   looking goes on.
   Content that was examined before with the same model and watch-list, and showed nobody, gets a
   sighting only. What a hash list names is noted with its address; what one stops is not looked at.
4. What its server calls unchanged stands for what was seen there the last time (`unchanged`).
5. A refusal: its reason, or a later attempt.

A completion whose lease is no longer the newest writes nothing at all. Killing the worker or the
child anywhere leaves leased addresses behind, which are leased again; the same medium found twice
is one sighting and one candidate, by the database's unique keys.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TypeVar

from sqlalchemy.orm import Session

from indexer.crawl.client import CrawlChildDied
from indexer.crawl.conditional import NOT_MODIFIED
from indexer.crawl.found import GUESS, depth_of
from indexer.crawl.messages import (
    FetchKind,
    FetchRefused,
    FoundLink,
    MediumFetched,
    PageSeen,
    Scope,
    Unchanged,
)
from indexer.observations import Examination, ModelStamp
from service.accounts.actor import Actor
from service.sources import frontier
from service.sources.around import likeliest_first
from service.sources.endless import sort_out
from service.sources.frontier import Ending, Lease, url_key
from service.sources.likelihood import Likely
from service.sources.media_ledger import Place
from service.sources.sweep_repository import SWEEP
from service.sources.views import AROUND, RunCount, RunView, SiteView
from service.work.completions import Completions, LookedAt
from service.work.host_watch import WatchedChild
from service.work.judgement import CANARY_LOST
from service.work.line_parts import CrawlChild, LineParts, Result, SliceOutcome
from service.work.slice_leases import SLICE_MAX_S, SliceLeases
from service.work.unchanged import answer_of
from service.work.walls import Walls, code_of_refusal, media_shown

logger = logging.getLogger(__name__)


Pending = TypeVar("Pending", Future[None], Future[Future[None]])

MAX_LOOKERS = 96
"""Threads that wait for the examiner, each with one medium; the eyes say how many are worth it."""
WAITING_FOR_EACH_LOOKER = 2
MAX_BYTES_HELD = 256 * 1024 * 1024
MAX_WRITING = 16
MAX_LINKS_A_PAGE = 100_000
FRONTIER_PER_BUDGET = 4
ABSENT = "absent"


class CrawlLine:
    """One slice of one run. Used once."""

    def __init__(
        self, parts: LineParts, run: RunView, site: SiteView, scope: Scope, worker: str
    ) -> None:
        self._parts = parts
        self._run = run
        self._site = site
        self._scope = scope
        self._actor = Actor.system("crawl", run.organisation_id)
        self._canaries = {canary.url: canary.least_media for canary in site.canaries}
        self._leases = SliceLeases(parts, run, site, scope, worker, self._add_links)
        self._completions = Completions(parts, run, self._actor, self._leases)
        self._walls = Walls()
        self._writing: set[Future[None]] = set()
        self._on_the_way: dict[str, Future[Future[None]]] = {}
        self._bytes_of: dict[Future[Future[None]], int] = {}
        self._known: dict[str, int] = {}
        self._likely = Likely()

    def run_slice(self, child: CrawlChild) -> SliceOutcome:
        """Fetch and look until the slice is full, the run is over, or nothing is waiting."""
        slice_id = f"{self._run.id}.{self._run.generation}"
        self._count_known()
        lookers = max(1, min(MAX_LOOKERS, self._parts.eyes.at_once))
        most_looking = WAITING_FOR_EACH_LOOKER * lookers - 1
        results = WatchedChild(child, self._leases.hosts).run_slice(
            slice_id, self._scope, self._leases.next, self._parts.slots.reserve
        )
        with (
            self._completions,
            ThreadPoolExecutor(lookers, thread_name_prefix="looking") as looking,
        ):
            pending: set[Future[Future[None]]] = set()
            try:
                for result in results:
                    if isinstance(result, MediumFetched):
                        pending.add(self._look(looking, result))
                    elif isinstance(result, Unchanged):
                        self._complete_unchanged(result)
                    else:
                        self._page_or_refusal(result)
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

    def _settle(
        self, looking: set[Future[Future[None]]], most_looking: int, most_writing: int
    ) -> set[Future[Future[None]]]:
        """Wait until no more than that are under way; raises what one of them raised."""
        looked, looking = _settled(looking, most_looking)
        self._writing |= {future.result() for future in looked}
        written, self._writing = _settled(self._writing, most_writing)
        for future in written:
            future.result()
        return looking

    def _bytes_held(self, looking: set[Future[Future[None]]]) -> int:
        """How much of what was fetched waits or is looked at."""
        self._bytes_of = {each: size for each, size in self._bytes_of.items() if each in looking}
        return sum(self._bytes_of.values())

    # Completing

    def _page_or_refusal(self, result: PageSeen | FetchRefused) -> None:
        with self._leases.completing(result.ticket) as held:
            if isinstance(result, PageSeen):
                self._complete_page(held, result)
            else:
                self._complete_refusal(held, result)

    def _complete_page(self, held: Lease, page: PageSeen) -> None:
        wall = self._walls.code_of(page, media_before=self._media_before(held, page))
        ending, count = Ending(http_status=page.status), RunCount(pages_seen=1)
        links: list[frontier.Address] = []
        if wall is not None:
            ending = Ending("refused", wall, "what came is a wall before the page", page.status)
            count = RunCount(refusals=1)
        else:
            links = self._links(held, page.links)
            least = self._canaries.get(held.url, 0)
            if media_shown(page) < least:
                ending = Ending(
                    "refused",
                    CANARY_LOST,
                    f"{media_shown(page)} media where at least {least} are known to be",
                    page.status,
                )
            elif page.player_refused:
                what = "what the page plays could not be read"
                ending = Ending("refused", page.player_refused, what, page.status)
                count = replace(count, refusals=1)
        count = replace(count, bytes_fetched=page.content_bytes)
        now = self._parts.clock.now()
        with self._parts.database.write() as session:
            frontier.finish(session, held, ending, now=now)
            if ending.state == "done":
                self._leases.unchanged.keep_page(session, held, page)
            count = replace(count, addresses_left_out=self._add(session, links))
            self._parts.sources.progress.count(session, self._actor, self._run.id, count)

    def _media_before(self, held: Lease, page: PageSeen) -> int:
        """How many media the page led to the last time; asked only where it shows none."""
        if media_shown(page) or not page.wall_signs:
            return 0
        with self._parts.database.read() as session:
            return self._leases.unchanged.media_before(session, held)

    def _add(self, session: Session, links: Sequence[frontier.Address]) -> int:
        """Put links into the frontier; returns how many were left out: they look endless."""
        sorted_out = sort_out(session, self._run.id, links, self._parts.clock.now().year)
        links = sorted_out.taken
        if self._run.kind == AROUND:
            links = likeliest_first(links)
        for kind in ("page", "medium"):
            room = self._room(kind)
            found = [link for link in links if link.kind == kind][:room]
            self._known[kind] += frontier.add(session, self._run.id, found)
        return sorted_out.left_out

    def _complete_unchanged(self, answer: Unchanged) -> None:
        """The server says that this is as it was: what was seen then stands for it."""
        held = self._leases.held(answer.ticket)
        with self._parts.database.read() as session:
            is_page = self._leases.unchanged.is_page(session, held)
        if is_page:
            with self._leases.completing(answer.ticket):
                self._complete_unchanged_page(held)
            return
        looking = self._leases.unchanged.looking()
        with self._parts.database.read() as session:
            with_faces = self._parts.face_matching_on(session, self._run.organisation_id)
            known = self._leases.unchanged.medium(session, held, looking)
        if known is None:
            # Somebody joined since it was asked for: it is fetched whole after all.
            with self._leases.completing(answer.ticket), self._parts.database.write() as session:
                frontier.put_back(session, (held,))
            return
        digest, medium = known
        count = RunCount(
            media_seen=1,
            media_unchanged=1,
            media_unreadable=int(medium.refusal_code is not None),
            media_small=int(held.is_small and medium.refusal_code is None),
            media_without_faces=int(with_faces and looking.model is None),
        )
        ending = Ending(http_status=NOT_MODIFIED)
        looked = LookedAt(held, self._place(held), ending, digest, count, None)
        self._writing.add(self._completions.write(looked))

    def _complete_unchanged_page(self, held: Lease) -> None:
        with self._parts.database.write() as session:
            links = self._leases.unchanged.page_links(session, held)
            if links is None:
                frontier.put_back(session, (held,))
                return
            now = self._parts.clock.now()
            frontier.finish(session, held, Ending(http_status=NOT_MODIFIED), now=now)
            left_out = self._add(session, self._links(held, links))
            count = RunCount(pages_seen=1, pages_unchanged=1, addresses_left_out=left_out)
            self._parts.sources.progress.count(session, self._actor, self._run.id, count)

    def _add_links(self, session: Session, held: Lease, links: Sequence[FoundLink]) -> int:
        """What a page named the last time stands; returns how many were left out."""
        return self._add(session, self._links(held, links))

    def _links(self, held: Lease, links: Sequence[FoundLink]) -> list[frontier.Address]:
        return [
            frontier.Address(
                url=link.url,
                kind=link.kind,
                depth=held.depth if link.kind == "medium" else depth_of(link.how, held.depth),
                referrer=held.url,
                how=link.how,
                variant_of=link.variant_of,
                rank=min(held.rank, self._likely.rank(link.url))
                if link.kind == "medium"
                else self._likely.rank(link.url),
            )
            for link in links[:MAX_LINKS_A_PAGE]
            if link.kind == "medium" or depth_of(link.how, held.depth) <= self._site.draft.max_depth
        ]

    def _complete_refusal(self, held: Lease, refused: FetchRefused) -> None:
        tells = held.kind == "page" or self._run.kind == SWEEP
        code = (code_of_refusal(refused) if tells else None) or refused.code
        ending = Ending("refused", code, refused.message, refused.status)
        now = self._parts.clock.now()
        if held.how == GUESS and not refused.retry:
            # It was only a guess that there is a sitemap: nothing was refused.
            with self._parts.database.write() as session:
                ending = Ending("done", ABSENT, refused.message, refused.status)
                frontier.finish(session, held, ending, now=now)
            return
        with self._parts.database.write() as session:
            if refused.retry and frontier.try_later(session, held, ending, now=now):
                return
            if not refused.retry:
                frontier.finish(session, held, ending, now=now)
            count = RunCount(refusals=1)
            self._parts.sources.progress.count(session, self._actor, self._run.id, count)

    # Looking

    def _look(self, looking: ThreadPoolExecutor, fetched: MediumFetched) -> Future[Future[None]]:
        """Have a medium looked at: the future gives the one of its writing."""
        digest = hashlib.sha256(fetched.content).hexdigest()
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
                wait([the_same.result()])
        held = self._leases.held(fetched.ticket)
        looking = self._leases.unchanged.looking()
        with self._parts.database.read() as session:
            with_faces, known = self._leases.unchanged.looked_already(session, digest, looking)
        listed = self._parts.lists.before_looking(
            self._run.organisation_id, fetched.content, digest
        )
        count = RunCount(
            media_seen=1,
            bytes_fetched=len(fetched.content),
            media_in_part=int(bool(fetched.left_out)),
        )
        examination = None
        if listed.stop:
            # it may show a minor: it is not even decoded (design rule 6)
            count = replace(count, media_examined=1)
        elif known is not None and not listed.matches:
            unreadable = known.refusal_code is not None
            small = held.is_small and not unreadable
            count = replace(count, media_unreadable=int(unreadable), media_small=int(small))
        else:
            examination = self._parts.eyes.examine(
                fetched.content,
                declared_type=fetched.declared_type,
                media_url=held.url,
                page_url=held.referrer,
                only_person=self._run.only_person,
                with_faces=with_faces,
            )
            listed = self._parts.lists.after_looking(self._run.organisation_id, listed, examination)
        if (
            with_faces
            and not listed.stop
            and self._looked_without_model(looking.model, examination)
        ):
            count = replace(count, media_without_faces=1)
        # Of a stream it says what of it is not there.
        ending = Ending(http_status=fetched.status, message=fetched.left_out or None)
        return self._completions.write(
            LookedAt(
                held,
                self._place(held, fetched.final_url),
                ending,
                digest,
                count,
                examination,
                listed,
                answer_of(fetched),
                looking.looked_for,
            )
        )

    def _place(self, held: Lease, came_from: str | None = None) -> Place:
        # One that had expired was taken anew from its page: that address works for a while.
        renewed = came_from if came_from and url_key(came_from) == url_key(held.url) else None
        return Place(
            organisation_id=self._run.organisation_id,
            media_url=renewed or held.url,
            page_url=held.referrer,
            site_id=self._run.site_id,
            run_id=self._run.id,
        )

    def _looked_without_model(
        self, before: ModelStamp | None, examination: Examination | None
    ) -> bool:
        """Whether no face could be looked for: no model was there before, or is there after."""
        if examination is None:
            return before is None
        return examination.model is None and (before is None or self._parts.eyes.model is None)

    # Around the slice

    def _count_known(self) -> None:
        with self._parts.database.read() as session:
            counted = frontier.counts(session, self._run.id)
            self._likely = self._parts.sources.revisits.likely(session, self._run)
        self._known = {
            kind: sum(
                row.count for row in counted if row.kind == kind and row.state != frontier.LEFT_OUT
            )
            for kind in ("page", "medium")
        }

    def _room(self, kind: str) -> int:
        """How many more addresses of this kind the frontier takes: a multiple of the budget."""
        draft = self._site.draft
        budget = draft.page_budget if kind == "page" else draft.media_budget
        return max(0, budget * FRONTIER_PER_BUDGET - self._known[kind])

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
