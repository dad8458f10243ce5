"""What an answer that is no medium means: a page, a wall before one, a refusal, or "unchanged".

Only reads of the database, and only where an answer asks for it; what is to be written is returned
as an `Outcome`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from indexer.crawl.conditional import NOT_MODIFIED
from indexer.crawl.found import GUESS, depth_of
from indexer.crawl.messages import FetchRefused, FoundLink, PageSeen
from service.sources.frontier import Address
from service.sources.leasing import Ending, Lease
from service.sources.sweep_repository import SWEEP
from service.sources.views import RunCount, RunView, SiteView
from service.work.judgement import CANARY_LOST
from service.work.line_parts import LineParts
from service.work.outcomes import (
    LookedAt,
    Outcome,
    PageRead,
    PutBack,
    TriedLater,
    place_of_medium,
)
from service.work.unchanged import UnchangedAddresses
from service.work.walls import Walls, code_of_refusal, media_shown, words_of_wall

MAX_LINKS_A_PAGE = 100_000
ABSENT = "absent"


class PageResults:
    """Judges the answers of one slice. Used by the thread that crawls."""

    def __init__(
        self, parts: LineParts, run: RunView, site: SiteView, unchanged: UnchangedAddresses
    ) -> None:
        self._parts = parts
        self._run = run
        self._max_depth = site.draft.max_depth
        self._unchanged = unchanged
        self._canaries = {canary.url: canary.least_media for canary in site.canaries}
        self._walls = Walls()
        with parts.database.read() as session:
            self._likely = parts.sources.revisits.likely(session, run)

    def of_page(self, held: Lease, page: PageSeen) -> PageRead:
        """A page that came whole: what it named, unless it is a wall, or a canary that is lost."""
        wall = self._walls.code_of(page, media_before=self._media_before(held, page))
        if wall is not None:
            count = RunCount(refusals=1, bytes_fetched=page.content_bytes)
            why = words_of_wall(page)
            return PageRead(held, Ending("refused", wall, why, page.status), count)
        count = RunCount(pages_seen=1, bytes_fetched=page.content_bytes)
        links = self.links(held, page.links)
        names = self._unchanged.names.find(page)
        changes = self._unchanged.changes(held, page)
        # What it says is forgotten here: what waits to be written holds none of it.
        page = msgspec.structs.replace(page, words=None)
        least = self._canaries.get(held.url, 0)
        if media_shown(page) < least:
            why = f"{media_shown(page)} media where at least {least} are known to be"
            ending = Ending("refused", CANARY_LOST, why, page.status)
            return PageRead(held, ending, count, links, names=names)
        if page.player_refused:
            what = "what the page plays could not be read"
            ending = Ending("refused", page.player_refused, what, page.status)
            return PageRead(held, ending, replace(count, refusals=1), links, names=names)
        return PageRead(held, Ending(http_status=page.status), count, links, page, changes, names)

    def of_refusal(self, held: Lease, refused: FetchRefused) -> PageRead | TriedLater:
        """An address that could not be had, for now or for good."""
        tells = held.kind == "page" or self._run.kind == SWEEP
        code = (code_of_refusal(refused) if tells else None) or refused.code
        ending = Ending("refused", code, refused.message, refused.status)
        if refused.retry:
            return TriedLater(held, ending)
        if held.how == GUESS:
            # It was only a guess that there is a sitemap: nothing was refused.
            return PageRead(held, replace(ending, state="done", code=ABSENT), RunCount())
        return PageRead(held, ending, RunCount(refusals=1))

    def of_unchanged(self, held: Lease) -> Outcome:
        """The server says that this is as it was: what was seen then stands for it."""
        looking = self._unchanged.looking()
        with self._parts.database.read() as session:
            if self._unchanged.is_page(session, held):
                before = self._unchanged.page_links(session, held)
                if before is None:
                    return PutBack(held)
                links, changes = before
                return PageRead(
                    held,
                    Ending(http_status=NOT_MODIFIED),
                    RunCount(pages_seen=1, pages_unchanged=1),
                    self.links(held, links),
                    changes=changes,
                )
            known = self._unchanged.medium(session, held, looking)
        if known is None:
            # Somebody joined since it was asked for: it is fetched whole after all.
            return PutBack(held)
        digest, medium = known
        count = RunCount(
            media_seen=1,
            media_unchanged=1,
            media_unreadable=int(medium.refusal_code is not None),
            media_small=int(held.is_small and medium.refusal_code is None),
            media_without_faces=int(looking.with_faces and looking.model is None),
        )
        ending = Ending(http_status=NOT_MODIFIED)
        return LookedAt(held, place_of_medium(self._run, held), ending, digest, count, None)

    def _media_before(self, held: Lease, page: PageSeen) -> int:
        """How many media the page led to the last time; asked only where it shows none."""
        if media_shown(page) or not page.wall_signs:
            return 0
        with self._parts.database.read() as session:
            return self._unchanged.media_before(session, held)

    def links(self, held: Lease, links: Sequence[FoundLink]) -> tuple[Address, ...]:
        """What a page named, as addresses of this run."""
        return tuple(
            Address(
                url=link.url,
                kind=link.kind,
                depth=held.depth if link.kind == "medium" else depth_of(link.how, held.depth),
                referrer=held.url,
                how=link.how,
                variant_of=link.variant_of,
                rank=self._rank(held, link),
            )
            for link in links[:MAX_LINKS_A_PAGE]
            if link.kind == "medium" or depth_of(link.how, held.depth) <= self._max_depth
        )

    def _rank(self, held: Lease, link: FoundLink) -> int:
        rank = self._likely.rank(link.url)
        return min(held.rank, rank) if link.kind == "medium" else rank
