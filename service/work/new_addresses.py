"""The addresses that pages name, on their way into the frontier of one run.

What looks endless is left out (`service.sources.endless`), a look around a find takes the likeliest
first, and the frontier holds a multiple of the run's budget at most: a site without end must not
fill the database.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from indexer.crawl.messages import FetchKind
from service.sources import frontier
from service.sources.around import likeliest_first
from service.sources.endless import sort_out
from service.sources.frontier import Address
from service.sources.views import AROUND, RunView, SiteView
from service.work.line_parts import LineParts

FRONTIER_PER_BUDGET = 4
_KINDS: tuple[FetchKind, ...] = ("page", "medium")


class NewAddresses:
    """Counts what one run knows; used by one transaction of a slice at a time."""

    def __init__(self, parts: LineParts, run: RunView, site: SiteView) -> None:
        self._clock = parts.clock
        self._run = run
        self._budgets = {"page": site.draft.page_budget, "medium": site.draft.media_budget}
        self._known: dict[str, int] | None = None

    def add(self, session: Session, links: Sequence[Address]) -> int:
        """Put links into the frontier; returns how many were left out: they look endless."""
        known = self._count_known(session)
        sorted_out = sort_out(session, self._run.id, links, self._clock.now().year)
        taken: Sequence[Address] = sorted_out.taken
        if self._run.kind == AROUND:
            taken = likeliest_first(taken)
        for kind in _KINDS:
            room = max(0, self._budgets[kind] * FRONTIER_PER_BUDGET - known[kind])
            found = [link for link in taken if link.kind == kind][:room]
            if found:
                known[kind] += frontier.add(session, self._run.id, found)
        return sorted_out.left_out

    def forget(self) -> None:
        """The transaction was rolled back: what was counted in it is not there."""
        self._known = None

    def _count_known(self, session: Session) -> dict[str, int]:
        if self._known is None:
            counted = frontier.counts(session, self._run.id)
            self._known = {
                kind: sum(
                    row.count
                    for row in counted
                    if row.kind == kind and row.state != frontier.LEFT_OUT
                )
                for kind in _KINDS
            }
        return self._known
