"""Where finds are likely: the order in which a run goes through a site.

1. Canaries, which say whether we can see at all.
2. Pages where finds were made: where one was confirmed, then where one waits. Dismissed ones count
   against a page: where people said "no" as often as "yes", it is a page like others.
3. What lies in the same thread, album or account as such a page; then the same host.
4. Pages that changed lately; then the rest, nearest to the start first.

Within a run nothing is left out by this: it says what comes first, and where a budget goes.
"""

from __future__ import annotations

import re
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.sources.frontier import ROUTINE_RANK, url_key
from service.sources.models import Sighting

CANARY: Final = 0
CONFIRMED: Final = 10
FOUND: Final = 20
NEAR: Final = 30
SAME_HOST: Final = 40
CHANGED: Final = 50
ROUTINE: Final = ROUTINE_RANK

MAX_FINDS: Final = 2000
_IDS_A_STATEMENT = 500
_WEIGHTS = {"confirmed": 3, "waiting": 1, "dismissed": -1}
_ACCOUNT = re.compile(
    r"^/(?:u|users?|members?|profiles?|authors?|uploaders?|posters?|channels?)[/-][^/]+"
)
_LEAST_SEGMENTS = 2


@dataclass(frozen=True, slots=True)
class MediumFind:
    """A medium in which somebody was found. `state`: "waiting", "confirmed" or "dismissed"."""

    medium_id: uuid.UUID
    state: str


FindsOf = Callable[[Session, uuid.UUID], Sequence[MediumFind]]
"""The latest finds of an organisation, at most `MAX_FINDS`; candidates answer."""


def no_finds(_session: Session, _organisation_id: uuid.UUID) -> Sequence[MediumFind]:
    """Where nobody keeps finds."""
    return ()


@dataclass(frozen=True, slots=True)
class Likely:
    """Where finds of one site were made. `pages` are addresses by rank, the likeliest first."""

    pages: Mapping[str, int] = field(default_factory=dict)
    keys: Mapping[str, int] = field(default_factory=dict)
    prefixes: tuple[str, ...] = ()
    hosts: frozenset[str] = frozenset()

    def rank(self, url: str) -> int:
        """The place of an address in a run: less comes first."""
        if not self.keys:
            return ROUTINE
        known = self.keys.get(url_key(url))
        if known is not None:
            return known
        if url.startswith(self.prefixes):
            return NEAR
        return SAME_HOST if urlsplit(url).netloc in self.hosts else ROUTINE


def likely_of(session: Session, site_id: uuid.UUID, finds: Sequence[MediumFind]) -> Likely:
    """Where the site's runs saw the media of these finds."""
    states: dict[uuid.UUID, list[str]] = defaultdict(list)
    for find in finds[:MAX_FINDS]:
        states[find.medium_id].append(find.state)
    scores: dict[str, int] = defaultdict(int)
    confirmed: set[str] = set()
    ids = list(states)
    for start in range(0, len(ids), _IDS_A_STATEMENT):
        rows = session.execute(
            select(Sighting.page_url, Sighting.medium_id)
            .where(
                Sighting.medium_id.in_(ids[start : start + _IDS_A_STATEMENT]),
                Sighting.site_id == site_id,
            )
            .distinct()
        )
        for page_url, medium_id in rows:
            if page_url is None:
                continue
            scores[page_url] += sum(_WEIGHTS.get(state, 0) for state in states[medium_id])
            if "confirmed" in states[medium_id]:
                confirmed.add(page_url)
    ranks = {
        page: CONFIRMED if page in confirmed else FOUND
        for page, score in scores.items()
        if score > 0
    }
    ordered = dict(sorted(ranks.items(), key=lambda each: (each[1], -scores[each[0]], each[0])))
    hosts = frozenset(urlsplit(page).netloc for page in ordered)
    return Likely(
        ordered,
        {url_key(page): rank for page, rank in ordered.items()},
        tuple(sorted({prefix for page in ordered for prefix in _around(page)})),
        hosts,
    )


def _around(page: str) -> list[str]:
    """Beginnings of addresses in the same thread, album or account as this page."""
    parts = urlsplit(page)
    start = f"{parts.scheme}://{parts.netloc}"
    segments = [segment for segment in parts.path.split("/") if segment]
    found = []
    account = _ACCOUNT.match(parts.path)
    if account is not None:
        found.append(f"{start}{account.group()}/")
    if len(segments) >= _LEAST_SEGMENTS:
        # further pages of it: /thread/12/page-2, /thread/12?page=2
        found += [f"{start}{parts.path.rstrip('/')}{mark}" for mark in "/?"]
    if len(segments) > _LEAST_SEGMENTS:
        # what lies beside it: /albums/summer/ of /albums/summer/12
        found.append(f"{start}{parts.path.rstrip('/').rpartition('/')[0]}/")
    return found
