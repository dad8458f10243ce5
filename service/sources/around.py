"""Looking around a find: the thread, who put it there, related pages and mirrors on the same site.

1. A find that was confirmed, or a link of a verified case, opens a slice for each host where it is:
   bound to that case, of few pages, and with an end. A host that is no configured site is refused.
2. It is a run of its own kind: the site's scope, lease, delay, pause and cancel, a small depth and
   budget, and what it sees is compared with that one person alone (design rule 2).
3. When it has expired, its frontier is forgotten; what the site shows stays known by its sightings.

Pages are never kept here: they are asked for again when the run begins.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from indexer.crawl.messages import Scope
from indexer.crawl.scope import BadAddressError, canonical_address, is_in_scope
from service.accounts.actor import Actor
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.enrolment.collaborators import ErasedCount
from service.enrolment.visibility import acute_people, visible_people
from service.sources import frontier
from service.sources.around_models import LookAround
from service.sources.around_views import LookAroundView
from service.sources.models import FrontierEntry, Run, Site
from service.sources.repository import SourcesRepository
from service.sources.run_control import LEAST_TURN, RunControl
from service.sources.views import (
    AROUND,
    LIVE_STATES,
    SWEEP_RUN,
    WHOLE_SITE,
    YIELDED,
    SiteView,
)

MAX_DEPTH = 2
PAGE_BUDGET = 60
MEDIA_BUDGET = 400
OPEN_FOR = timedelta(days=3)
MAX_STARTS = 10

_UPLOADER = re.compile(r"/(u|users?|members?|profiles?|authors?|uploaders?|posters?|channels?)[/-]")
_RELATED = re.compile(r"related|similar|mirror|re-?post|duplicate", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FindPlaces:
    """Where a find is, as far as its case may be looked around for: pages in any spelling."""

    candidate_id: uuid.UUID
    person_id: uuid.UUID
    organisation_id: uuid.UUID
    pages: tuple[str, ...]


PlacesOf = Callable[[Session, uuid.UUID], FindPlaces | None]
"""The places of one find, while its person may be looked for; candidates answer."""


class AroundService:
    """Slices around finds. Never commits; every part may run twice."""

    def __init__(self, clock: Clock, audit: AuditTrail, places_of: PlacesOf) -> None:
        self._clock = clock
        self._audit = audit
        self._places_of = places_of
        self._control = RunControl(clock, audit)

    # Rounds

    def is_open(self, session: Session, candidate_id: uuid.UUID) -> bool:
        """Whether the find was dealt with, in whatever way."""
        noted = select(LookAround.id).where(LookAround.candidate_id == candidate_id)
        return session.scalar(noted.limit(1)) is not None

    def open_find(self, session: Session, find: FindPlaces) -> int:
        """Note the find's hosts: those to be looked at, and those that are refused; how many."""
        if self.is_open(session, find.candidate_id):
            return 0
        actor = Actor.system("look around", find.organisation_id)
        sites = SourcesRepository(session, actor).sites()
        now = self._clock.now()
        hosts: dict[str, tuple[Site | None, str]] = {}
        for page in _canonical(find.pages):
            host = page.split("/", 3)[2]
            site, reason = _site_of(sites, page, host)
            if host not in hosts or hosts[host][0] is None:
                hosts[host] = (site, reason)
        for host, (site, reason) in (hosts or {"": (None, "no_page")}).items():
            row = LookAround(
                id=uuid.uuid4(),
                organisation_id=find.organisation_id,
                person_id=find.person_id,
                candidate_id=find.candidate_id,
                host=host,
                site_id=site.id if site else None,
                state="waiting" if site else "refused",
                reason=reason,
                opened_at=now,
                expires_at=now + OPEN_FOR,
            )
            session.add(row)
            session.flush()
            self._audit.record(
                session, actor, "around.opened", "look_around", row.id, state=row.state
            )
        return len(hosts)

    def waiting(self, session: Session) -> tuple[uuid.UUID, ...]:
        """Slices that have not begun: for people in acute danger first, then the oldest."""
        acute = LookAround.person_id.in_(acute_people(self._clock.now()))
        rows = session.scalars(
            select(LookAround.id)
            .where(LookAround.state == "waiting")
            .order_by(acute.desc(), LookAround.opened_at, LookAround.id)
        )
        return tuple(rows)

    def begin(self, session: Session, look_around_id: uuid.UUID) -> uuid.UUID | None:
        """Queue the run of a slice, once no other run of its site is at work; returns it.

        One that is at work there is asked to step aside: at once for somebody in acute danger.
        """
        row = session.get_one(LookAround, look_around_id)
        if row.state != "waiting" or row.site_id is None:
            return None
        actor = Actor.system("look around", row.organisation_id)
        repository = SourcesRepository(session, actor)
        site = repository.site(row.site_id, for_update=True)
        find = self._places_of(session, row.candidate_id)
        if find is None:
            row.state = "stopped"
            return None
        if site.state != "active" or self._waits(session, row, repository.live_run_of(site.id)):
            return None
        starts = [
            page
            for page in _canonical(find.pages)
            if page.split("/", 3)[2] == row.host and is_in_scope(page, "page", _reach(site))
        ][:MAX_STARTS]
        if not starts:
            row.state, row.reason = "refused", "out_of_scope"
            return None
        run = Run(
            organisation_id=row.organisation_id,
            site_id=site.id,
            kind=AROUND,
            state="queued",
            serves=[str(row.person_id)],
            created_at=self._clock.now(),
        )
        try:
            with session.begin_nested():
                session.add(run)
                session.flush()
        except IntegrityError:
            return None  # another run of the site has just been started
        frontier.add(session, run.id, [frontier.Address(page, "page", 0) for page in starts])
        row.state, row.run_id = "going_on", run.id
        self._audit.record(session, actor, "run.queued", "run", run.id, cases=1)
        return run.id

    def _waits(self, session: Session, row: LookAround, live: Run | None) -> bool:
        """Whether another run of the site is at work; it is asked to step aside."""
        if live is None or live.state == YIELDED:
            return False
        is_acute = row.person_id in set(session.scalars(acute_people(self._clock.now())))
        after = timedelta(0) if is_acute else LEAST_TURN
        self._control.step_aside(session, live.site_id, after, (WHOLE_SITE, SWEEP_RUN))
        return True

    def end_over(self, session: Session) -> int:
        """End what has ended, what has expired, and what serves nobody any more; how many."""
        now = self._clock.now()
        ended = 0
        open_rows = select(LookAround).where(LookAround.state.in_(("waiting", "going_on")))
        for row in session.scalars(open_rows).all():
            run = session.get(Run, row.run_id, with_for_update=True) if row.run_id else None
            is_live = run is not None and run.state in LIVE_STATES
            if run is not None and not is_live:
                row.state = {"finished": "done", "cancelled": "stopped"}.get(run.state, "blind")
            elif row.expires_at <= now:
                row.state = "expired"
            elif self._places_of(session, row.candidate_id) is None:
                row.state = "stopped"
            else:
                continue
            if run is not None and is_live:
                run.state, run.state_reason, run.finished_at = "cancelled", row.state, now
            ended += 1
        session.flush()
        return ended

    def forget_expired(self, session: Session) -> int:
        """Delete the frontiers of slices that have expired; returns of how many."""
        now = self._clock.now()
        due = select(LookAround).where(
            LookAround.expires_at <= now,
            LookAround.forgotten_at.is_(None),
            LookAround.state.not_in(("waiting", "going_on")),
        )
        rows = session.scalars(due).all()
        for row in rows:
            _forget_frontier(session, row)
            row.forgotten_at = now
        session.flush()
        return len(rows)

    # What is told, and leaving

    def of_person(
        self, session: Session, actor: Actor, person_id: uuid.UUID
    ) -> tuple[LookAroundView, ...]:
        """What was looked at around a person's finds, the latest first, for who may see them."""
        rows = session.execute(
            select(LookAround, Run)
            .outerjoin(Run, Run.id == LookAround.run_id)
            .where(
                LookAround.person_id == person_id, LookAround.person_id.in_(visible_people(actor))
            )
            .order_by(LookAround.opened_at.desc(), LookAround.id)
        )
        return tuple(
            LookAroundView(
                row.candidate_id,
                row.host,
                row.state,
                row.reason,
                run.pages_seen if run else 0,
                run.media_seen if run else 0,
                run.candidates_found if run else 0,
                row.opened_at,
                row.expires_at,
            )
            for row, run in rows
        )

    def erase(self, session: Session, person_id: uuid.UUID) -> tuple[ErasedCount, ...]:
        """Delete every row of the person, and end and empty the runs that served them alone."""
        rows = session.scalars(select(LookAround).where(LookAround.person_id == person_id)).all()
        for row in rows:
            run = session.get(Run, row.run_id) if row.run_id else None
            if run is not None:
                if run.state in LIVE_STATES:
                    run.state, run.state_reason = "cancelled", "nobody_left"
                    run.finished_at = self._clock.now()
                run.serves = []
            _forget_frontier(session, row)
            session.delete(row)
        session.flush()
        return (ErasedCount("slices of looking around", len(rows)),) if rows else ()


def bounded(site: SiteView, scope: Scope) -> tuple[SiteView, Scope]:
    """The site and scope of a slice around a find: no deeper, no more, and no canaries."""
    depth = min(MAX_DEPTH, site.draft.max_depth)
    draft = replace(
        site.draft,
        max_depth=depth,
        page_budget=min(PAGE_BUDGET, site.draft.page_budget),
        media_budget=min(MEDIA_BUDGET, site.draft.media_budget),
        canaries=(),
    )
    return replace(site, draft=draft), msgspec.structs.replace(scope, max_depth=depth)


def likeliest_first(addresses: Sequence[frontier.Address]) -> list[frontier.Address]:
    """The same thread first, then who put it there, then what is related; then the rest."""
    return sorted(addresses, key=_distance)


def _distance(address: frontier.Address) -> int:
    path = urlsplit(address.url).path
    beside = urlsplit(address.referrer or "").path.rpartition("/")[0]
    if address.how == "next" or (len(beside) > 1 and path.startswith(beside)):
        return 0
    if _UPLOADER.search(path):
        return 1
    return 2 if _RELATED.search(path) else 3


def _site_of(sites: Sequence[Site], page: str, host: str) -> tuple[Site | None, str]:
    """The site that a page belongs to, or why there is none."""
    for site in sites:
        if is_in_scope(page, "page", _reach(site)):
            return site, ""
    known = any(host in (*site.allowed_hosts, *site.media_hosts) for site in sites)
    return None, "out_of_scope" if known else "no_site"


def _reach(site: Site) -> Scope:
    return Scope(
        allowed_hosts=tuple(site.allowed_hosts),
        path_prefixes=tuple(site.path_prefixes),
        max_depth=site.max_depth,
    )


def _canonical(pages: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    for page in pages:
        try:
            found[canonical_address(page)] = None
        except BadAddressError:
            continue
    return list(found)


def _forget_frontier(session: Session, row: LookAround) -> None:
    if row.run_id is not None:
        session.execute(delete(FrontierEntry).where(FrontierEntry.run_id == row.run_id))
