"""What a run of a site begins with, and which pages it may leave alone this time.

1. `beginnings`: the canaries and seeds; then, up to a quarter of the budget, known pages where
   finds were made and known pages that changed lately, so that a budget reaches them.
2. `DueRule.is_due`: a page that hardly ever changes is not read in each run (`page_changes`).
   Canaries and seeds always are, pages where finds were made, and everything after somebody joined
   or when pages are read for something else than the last time.

A page that is not due is never counted as seen; what it named the last time goes into the frontier
all the same, so that its media get their look and nothing below it is lost.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from indexer.crawl.messages import Scope
from indexer.crawl.scope import is_in_scope
from service.sources.frontier import Address, url_key
from service.sources.known_addresses import Known
from service.sources.leasing import Lease
from service.sources.likelihood import CANARY, CHANGED, FOUND, FindsOf, Likely, likely_of
from service.sources.models import KnownAddress, Site
from service.sources.site_draft import Canary
from service.sources.sweep_models import SweepJoin
from service.sources.views import WHOLE_SITE, RunView, SiteView

CHANGED_LATELY: Final = timedelta(days=7)
MAX_KNOWN: Final = 500
KNOWN: Final = "known"
"""`how` of an address that a run begins at because earlier runs know it."""
_ALWAYS: Final = ("seed", "canary", KNOWN)


@dataclass(frozen=True, slots=True)
class DueRule:
    """Which pages one run reads. `joined_at` is when the last person joined whom it looks for."""

    is_adaptive: bool
    joined_at: datetime | None

    def is_due(self, held: Lease, known: Known, *, links_hold: bool, now: datetime) -> bool:
        """Whether a known page is to be read now; `links_hold`: it would be read as it was."""
        if not self.is_adaptive or not links_hold:
            return True
        if held.kind != "page" or held.how in _ALWAYS or held.rank <= FOUND or held.attempts > 1:
            return True
        if self.joined_at is not None and known.seen_at <= self.joined_at:
            return True
        return (now - known.seen_at).total_seconds() >= known.changes.wait_s


class Revisits:
    """Reads what is known; writes nothing."""

    def __init__(self, finds: FindsOf) -> None:
        self._finds = finds

    def beginnings(
        self, session: Session, site: Site, scope: Scope, now: datetime
    ) -> Sequence[Address]:
        """Where a run of the whole site begins, in order; each address once."""
        found = [
            Address(Canary.parse(line).url, "page", 0, how="canary", rank=CANARY)
            for line in site.canaries
        ]
        seeds = [Address(url, "page", 0) for url in site.seeds]
        # a seed that is a canary, too, stays a seed: it has to be there, and to show what it shows
        begun = {url_key(seed.url): seed for seed in seeds}
        begun |= {url_key(each.url): each for each in found if url_key(each.url) not in begun}
        room = min(MAX_KNOWN, site.page_budget // 4)
        likely = likely_of(session, site.id, self._finds(session, site.organisation_id))
        depths = _known_depths(session, site.id, list(likely.keys))
        known = [
            Address(page, "page", depths.get(url_key(page), 1), how=KNOWN, rank=rank)
            for page, rank in likely.pages.items()
        ]
        known += _changed_lately(session, site.id, now - CHANGED_LATELY, room)
        for address in known:
            if len(begun) >= len(seeds) + len(found) + room:
                break
            if address.depth <= site.max_depth and is_in_scope(address.url, "page", scope):
                begun.setdefault(url_key(address.url), address)
        return list(begun.values())

    def likely(self, session: Session, run: RunView) -> Likely:
        """Where finds were made, for a run of the whole site; nothing for others."""
        if run.kind != WHOLE_SITE:
            return Likely()
        return likely_of(session, run.site_id, self._finds(session, run.organisation_id))

    def rule(self, session: Session, run: RunView, site: SiteView) -> DueRule:
        """Which pages this run reads."""
        joined_at = session.scalar(
            select(func.max(SweepJoin.joined_at)).where(
                SweepJoin.organisation_id == run.organisation_id, SweepJoin.left_at.is_(None)
            )
        )
        return DueRule(site.draft.adaptive and run.kind == WHOLE_SITE, joined_at)


def _known_depths(session: Session, site_id: uuid.UUID, keys: Sequence[str]) -> dict[str, int]:
    depths: dict[str, int] = {}
    for start in range(0, len(keys), MAX_KNOWN):
        rows = session.execute(
            select(KnownAddress.url_key, KnownAddress.depth).where(
                KnownAddress.site_id == site_id,
                KnownAddress.kind == "page",
                KnownAddress.url_key.in_(keys[start : start + MAX_KNOWN]),
            )
        )
        depths.update((key, depth) for key, depth in rows)
    return depths


def _changed_lately(
    session: Session, site_id: uuid.UUID, since: datetime, limit: int
) -> list[Address]:
    """Known pages that changed, the latest first; without those that redirect elsewhere."""
    rows = session.execute(
        select(KnownAddress.answered_url, KnownAddress.url_key, KnownAddress.depth)
        .where(
            KnownAddress.site_id == site_id,
            KnownAddress.kind == "page",
            KnownAddress.changed_at >= since,
        )
        .order_by(KnownAddress.changed_at.desc(), KnownAddress.id)
        .limit(limit)
    )
    return [
        Address(url, "page", depth, how=KNOWN, rank=CHANGED)
        for url, key, depth in rows
        if url_key(url) == key
    ]
