"""One slice of a run: the line from a leased address to what was found there.

1. Lease a few addresses at a time and stream them through the crawl child.
2. A page: in one short transaction its completion, its new links and the run's counts.
3. A medium: looked at by the eyes, outside any transaction, in a thread of its own, so that the
   child's requests go on; then in one short transaction its completion, the medium and sighting,
   the candidates, and the run's counts. Content that was examined before with the same model and
   watch-list, and showed nobody, gets a sighting only.
4. A refusal: its reason, or a later attempt.

A completion whose lease is no longer the newest writes nothing at all. Killing the worker or the
child anywhere leaves leased addresses behind, which are leased again; the same medium found twice
is one sighting and one candidate, by the database's unique keys.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace

from sqlalchemy.orm import Session

from indexer.crawl.client import CrawlChildDied
from indexer.crawl.messages import FetchKind, FetchRefused, MediumFetched, PageSeen, Scope
from indexer.observations import Examination
from service.accounts.actor import Actor
from service.sources import frontier
from service.sources.frontier import Ending, Lease
from service.sources.media_ledger import Place
from service.sources.views import KnownMedium, RunCount, RunView, SiteView
from service.work.judgement import CANARY_LOST
from service.work.line_parts import CrawlChild, LineParts, Result, SliceOutcome
from service.work.slice_leases import SLICE_MAX_S, SliceLeases
from service.work.walls import WALL_PREFIX, media_shown, wall_of, wall_of_refusal

logger = logging.getLogger(__name__)


MAX_LOOKING = 4
MAX_LINKS_A_PAGE = 5000
FRONTIER_PER_BUDGET = 4


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
        self._leases = SliceLeases(parts, run, site, scope, worker)
        self._known: dict[str, int] = {}

    def run_slice(self, child: CrawlChild) -> SliceOutcome:
        """Fetch and look until the slice is full, the run is over, or nothing is waiting."""
        slice_id = f"{self._run.id}.{self._run.generation}"
        self._count_known()
        results = child.run_slice(
            slice_id, self._scope, self._leases.next, self._parts.slots.reserve
        )
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="looking") as looking:
            pending: set[Future[None]] = set()
            try:
                for result in results:
                    if isinstance(result, MediumFetched):
                        pending.add(looking.submit(self._medium, result))
                    else:
                        self._page_or_refusal(result)
                    pending = _settle(pending, MAX_LOOKING - 1)
                    if self._parts.stopping.is_set():
                        break
                _settle(pending, 0)
            except CrawlChildDied as error:
                _settle(pending, 0)
                if not self._parts.stopping.is_set():
                    logger.warning("run %s: %s", self._run.id, error.code)
                    self._leases.report_lost()
            finally:
                # A generator that is not at its end keeps a child that fetches for nobody.
                _close(results)
        self._leases.put_back()
        return self._outcome()

    # Completing

    def _page_or_refusal(self, result: PageSeen | FetchRefused) -> None:
        with self._leases.completing(result.ticket) as held:
            if isinstance(result, PageSeen):
                self._complete_page(held, result)
            else:
                self._complete_refusal(held, result)

    def _medium(self, fetched: MediumFetched) -> None:
        with self._leases.completing(fetched.ticket) as held:
            self._complete_medium(held, fetched)

    def _complete_page(self, held: Lease, page: PageSeen) -> None:
        wall = wall_of(page)
        ending, count = Ending(http_status=page.status), RunCount(pages_seen=1)
        links: list[frontier.Address] = []
        if wall is not None:
            ending = Ending("refused", WALL_PREFIX + wall, f"a {wall} page", page.status)
            count = RunCount(refusals=1)
        else:
            links = self._links(held, page)
            least = self._canaries.get(held.url, 0)
            if media_shown(page) < least:
                ending = Ending(
                    "refused",
                    CANARY_LOST,
                    f"{media_shown(page)} media where at least {least} are known to be",
                    page.status,
                )
        count = replace(count, bytes_fetched=page.content_bytes)
        now = self._parts.clock.now()
        with self._parts.database.write() as session:
            frontier.finish(session, held, ending, now=now)
            for kind in ("page", "medium"):
                room = self._room(kind)
                found = [link for link in links if link.kind == kind][:room]
                self._known[kind] += frontier.add(session, self._run.id, found)
            self._parts.sources.progress.count(session, self._actor, self._run.id, count)

    def _links(self, held: Lease, page: PageSeen) -> list[frontier.Address]:
        return [
            frontier.Address(
                url=link.url,
                kind=link.kind,
                depth=held.depth if link.kind == "medium" else held.depth + 1,
                referrer=held.url,
                how=link.how,
            )
            for link in page.links[:MAX_LINKS_A_PAGE]
            if link.kind == "medium" or held.depth < self._site.draft.max_depth
        ]

    def _complete_refusal(self, held: Lease, refused: FetchRefused) -> None:
        wall = wall_of_refusal(refused) if held.kind == "page" else None
        code = WALL_PREFIX + wall if wall else refused.code
        ending = Ending("refused", code, refused.message, refused.status)
        now = self._parts.clock.now()
        with self._parts.database.write() as session:
            if refused.retry and frontier.try_later(session, held, ending, now=now):
                return
            if not refused.retry:
                frontier.finish(session, held, ending, now=now)
            count = RunCount(refusals=1)
            self._parts.sources.progress.count(session, self._actor, self._run.id, count)

    def _complete_medium(self, held: Lease, fetched: MediumFetched) -> None:
        place = Place(
            organisation_id=self._run.organisation_id,
            media_url=held.url,
            page_url=held.referrer,
            site_id=self._run.site_id,
            run_id=self._run.id,
        )
        ending = Ending(http_status=fetched.status)
        count = RunCount(media_seen=1, bytes_fetched=len(fetched.content))
        digest = hashlib.sha256(fetched.content).hexdigest()
        with_faces = self._faces_wanted()
        known = self._known_already(digest, with_faces=with_faces)
        if known is not None:
            with self._parts.database.write() as session:
                frontier.finish(session, held, ending, now=self._parts.clock.now())
                self._parts.sources.record_seen_again(session, self._actor, place, digest)
                count = replace(count, media_unreadable=int(known.refusal_code is not None))
                self._parts.sources.progress.count(session, self._actor, self._run.id, count)
            return
        examination = self._parts.eyes.examine(
            fetched.content,
            declared_type=fetched.declared_type,
            media_url=held.url,
            page_url=held.referrer,
            only_person=None,
            with_faces=with_faces,
        )
        with self._parts.database.write() as session:
            frontier.finish(session, held, ending, now=self._parts.clock.now())
            self._record(session, place, examination, count)

    def _record(
        self, session: Session, place: Place, examination: Examination, count: RunCount
    ) -> None:
        record = self._parts.sources.record_examined(
            session, self._actor, place, examination, count.bytes_fetched
        )
        candidates = self._parts.findings.record_findings(
            session,
            self._actor,
            organisation_id=self._run.organisation_id,
            medium_id=record.medium_id,
            examination=examination,
            media_url=place.media_url,
            page_url=place.page_url,
            host=record.host,
            run_id=self._run.id,
        )
        unreadable = examination.refusal is not None
        count = replace(
            count,
            media_examined=int(not unreadable),
            media_unreadable=int(unreadable),
            faces_counted=examination.faces_counted,
            candidates_found=len(candidates),
            examine_seconds=examination.seconds,
        )
        self._parts.sources.progress.count(session, self._actor, self._run.id, count)

    def _faces_wanted(self) -> bool:
        """Whether this organisation's switch is on: another one's may be, over the same eyes."""
        with self._parts.database.read() as session:
            return self._parts.face_matching_on(session, self._run.organisation_id)

    def _known_already(self, digest: str, *, with_faces: bool) -> KnownMedium | None:
        """The medium, when it was examined in the very same way and nobody was found in it."""
        model = self._parts.eyes.model if with_faces else None
        change = self._parts.eyes.change
        with self._parts.database.read() as session:
            known = self._parts.sources.examined_already(
                session, self._actor, self._run.organisation_id, digest, model, change
            )
            if known is None:
                return None
            found = self._parts.findings.has_candidates(session, self._actor, known.medium_id)
            return None if found else known

    # Around the slice

    def _count_known(self) -> None:
        with self._parts.database.read() as session:
            counted = frontier.counts(session, self._run.id)
        self._known = {
            kind: sum(row.count for row in counted if row.kind == kind)
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


def _settle(pending: set[Future[None]], most: int) -> set[Future[None]]:
    """Wait until at most `most` are pending; raises what one of them raised."""
    done = {future for future in pending if future.done()}
    while len(pending) - len(done) > most:
        finished, _ = wait(pending - done, return_when=FIRST_COMPLETED)
        done |= finished
    for future in done:
        future.result()
    return pending - done


def _close(results: Iterator[Result]) -> None:
    if isinstance(results, Generator):
        results.close()
