"""Sites and runs: what an operator sets up, and each visit with its purpose (design rule 10).

A run is refused without an open case of the organisation or an explicit purpose of monitoring; at
most one run of a site is live. Workers take up queued runs; nothing here fetches anything.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from indexer.crawl.messages import AddressException, Scope
from indexer.observations import Examination, ModelStamp
from service.accounts.actor import Actor, Role
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.errors import ConflictError, NotAllowedError
from service.sources import frontier
from service.sources.errors import (
    NoPurposeError,
    RunLiveError,
    SiteNameTakenError,
    SitePausedError,
)
from service.sources.halted_media import HaltedMedia
from service.sources.known_addresses import KnownAddresses
from service.sources.likelihood import FindsOf, no_finds
from service.sources.media_ledger import MediaLedger, Place, Seen
from service.sources.models import Run, Site
from service.sources.repository import LIST_LIMIT, SourcesRepository
from service.sources.revisits import Revisits
from service.sources.run_progress import RunProgress
from service.sources.run_rows import queue_again, run_views
from service.sources.scopes import CrawlManners, address_exceptions, intake_scope, scope_of
from service.sources.site_draft import SiteDraft, checked
from service.sources.timetable import next_moment
from service.sources.views import (
    AT_WORK,
    RUN_PAUSED,
    ExaminedBefore,
    KnownMedium,
    MediumRecord,
    RunView,
    SiteView,
    run_view,
    site_view,
)

_DIGESTS_AT_ONCE = 500


class OpenCases(Protocol):
    """Which people an organisation may search for now; enrolment answers."""

    def open_case_ids(self, session: Session, organisation_id: uuid.UUID) -> list[uuid.UUID]:
        """Ids of active people whose mandate lets the organisation search."""
        ...


class SourcesService:
    """What the rooms above, the pages and the workers ask of the sources. Never commits."""

    def __init__(
        self,
        clock: Clock,
        audit: AuditTrail,
        cases: OpenCases,
        manners: CrawlManners,
        finds: FindsOf = no_finds,
    ) -> None:
        self._clock = clock
        self._audit = audit
        self._cases = cases
        self._manners = manners
        self._ledger = MediaLedger(clock)
        self.halted = HaltedMedia(clock)
        self.progress = RunProgress(clock, audit)
        self.control = self.progress.control
        self.revisits = Revisits(finds)

    @property
    def address_exceptions(self) -> tuple[AddressException, ...]:
        """Addresses that are not public and may be contacted; `NotConfiguredError`."""
        return address_exceptions(self._manners.address_exceptions)

    # Sites

    def add_site(self, session: Session, actor: Actor, draft: SiteDraft) -> SiteView:
        """Set up a site. Raises `SiteInvalidError` with the wrong field, `SiteNameTakenError`."""
        organisation_id = _operator(actor)
        clean = checked(draft, self.address_exceptions)
        self._refuse_taken_name(session, actor, clean.name, None)
        site = Site(organisation_id=organisation_id, state="active", created_at=self._clock.now())
        self._write(site, clean)
        session.add(site)
        session.flush()
        self._audit.record(
            session, actor, "site.added", "site", site.id, obeys_robots=site.obey_robots
        )
        return site_view(site)

    def update_site(
        self, session: Session, actor: Actor, site_id: uuid.UUID, draft: SiteDraft
    ) -> SiteView:
        """Change a site. A run that goes on keeps what it was leased; the rest follows at once."""
        _operator(actor)
        clean = checked(draft, self.address_exceptions)
        site = SourcesRepository(session, actor).site(site_id, for_update=True)
        self._refuse_taken_name(session, actor, clean.name, site_id)
        self._write(site, clean)
        session.flush()
        self._audit.record(
            session, actor, "site.changed", "site", site.id, obeys_robots=site.obey_robots
        )
        return site_view(site)

    def pause_site(self, session: Session, actor: Actor, site_id: uuid.UUID) -> SiteView:
        """Nothing more is fetched from this site; a live run waits."""
        _operator(actor)
        repository = SourcesRepository(session, actor)
        site = repository.site(site_id, for_update=True)
        if site.state != "paused":
            site.state = "paused"
            live = repository.live_run_of(site_id)
            if live is not None and live.state in AT_WORK:
                live.state = "paused"
            self._audit.record(session, actor, "site.paused", "site", site.id)
        return site_view(site)

    def resume_site(self, session: Session, actor: Actor, site_id: uuid.UUID) -> SiteView:
        """The site may be visited again; a run that waited goes on."""
        _operator(actor)
        repository = SourcesRepository(session, actor)
        site = repository.site(site_id, for_update=True)
        if site.state == "paused":
            site.state = "active"
            site.next_run_at = self._next(site)
            live = repository.live_run_of(site_id)
            if live is not None and live.state == "paused" and live.state_reason != RUN_PAUSED:
                queue_again(live)
            self._audit.record(session, actor, "site.resumed", "site", site.id)
        return site_view(site)

    def sites(self, session: Session, actor: Actor) -> tuple[SiteView, ...]:
        """All sites that the caller may see, by name."""
        return tuple(site_view(site) for site in SourcesRepository(session, actor).sites())

    def site(self, session: Session, actor: Actor, site_id: uuid.UUID) -> SiteView:
        """One site."""
        return site_view(SourcesRepository(session, actor).site(site_id))

    def site_named(self, session: Session, actor: Actor, name_or_id: str) -> SiteView | None:
        """The site of this name or id, if the caller may see one."""
        repository = SourcesRepository(session, actor)
        by_name = repository.site_by_name(name_or_id)
        if by_name is not None:
            return site_view(by_name)
        try:
            site_id = uuid.UUID(name_or_id)
        except ValueError:
            return None
        return next((site_view(site) for site in repository.sites() if site.id == site_id), None)

    def scope(self, session: Session, actor: Actor, site_id: uuid.UUID) -> Scope:
        """Where a run of the site may go."""
        return scope_of(SourcesRepository(session, actor).site(site_id), self._manners)

    def intake_scope(self, url: str) -> Scope:
        """The scope of one pasted link: its exact host."""
        return intake_scope(url, self._manners)

    # Runs

    def start_run(
        self, session: Session, actor: Actor, site_id: uuid.UUID, monitoring_purpose: str = ""
    ) -> RunView:
        """Queue a run for the workers.

        It serves the organisation's open cases. Without any, a purpose of monitoring must be
        given, here or with the site (`NoPurposeError`). Raises `SitePausedError`, `RunLiveError`.
        """
        if actor.role is not Role.SYSTEM:
            _operator(actor)
        repository = SourcesRepository(session, actor)
        site = repository.site(site_id, for_update=True)
        if site.state == "paused":
            raise SitePausedError(f'the site "{site.name}" is paused; resume it first')
        if repository.live_run_of(site_id) is not None:
            raise RunLiveError(f'a run of "{site.name}" is going on; wait for it, or cancel it')
        serves = [str(case) for case in self._cases.open_case_ids(session, site.organisation_id)]
        purpose = monitoring_purpose.strip() or site.monitoring_purpose
        if not serves and not purpose:
            raise NoPurposeError(
                "no case of your organisation is open, so nobody would be served by this run; "
                "open a case first, or record a purpose of monitoring"
            )
        run = Run(
            organisation_id=site.organisation_id,
            site_id=site.id,
            state="queued",
            serves=serves,
            monitoring_purpose="" if serves else purpose,
            created_at=self._clock.now(),
        )
        try:
            with session.begin_nested():
                session.add(run)
                session.flush()
        except IntegrityError as error:
            raise RunLiveError(f'a run of "{site.name}" has just been started') from error
        scope = scope_of(site, self._manners)
        begun = self.revisits.beginnings(session, site, scope, run.created_at)
        frontier.add(session, run.id, begun)
        KnownAddresses(site.id).forget_old(session, run.created_at)
        self._audit.record(session, actor, "run.queued", "run", run.id, cases=len(serves))
        return run_view(run, site.name)

    def runs(
        self,
        session: Session,
        actor: Actor,
        *,
        site_id: uuid.UUID | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> tuple[RunView, ...]:
        """Runs that the caller may see, the newest first."""
        repository = SourcesRepository(session, actor)
        rows = repository.runs(
            site_id=site_id, limit=min(max(limit, 1), LIST_LIMIT), offset=max(offset, 0)
        )
        return run_views(repository, rows)

    def run(self, session: Session, actor: Actor, run_id: uuid.UUID) -> RunView:
        """One run with its counts."""
        repository = SourcesRepository(session, actor)
        return self._run_view(repository, repository.run(run_id))

    def start_due_runs(self, session: Session, actor: Actor) -> int:
        """Queue a run for each site whose scheduled moment has come; returns how many.

        A moment that cannot be used (a run goes on, nobody would be served) passes by. A run that
        was paused by itself for a day or more makes way.
        """
        started = 0
        now = self._clock.now()
        for site in SourcesRepository(session, actor).due_sites(now):
            site.next_run_at = next_moment(site.schedule, now)
            as_organisation = Actor.system(actor.reason or "schedule", site.organisation_id)
            self.control.make_way(session, as_organisation, site, now)
            try:
                self.start_run(session, as_organisation, site.id)
            except (ConflictError, NoPurposeError) as error:
                self._audit.record(
                    session, as_organisation, "run.skipped", "site", site.id, why=error.code
                )
                continue
            started += 1
        return started

    # Media

    def know_medium(
        self, session: Session, actor: Actor, examination: Examination, content_bytes: int
    ) -> uuid.UUID:
        """Note the content of something that a person brought, without its address; its id."""
        return self._ledger.know(session, actor, examination, content_bytes)

    def media_of(
        self, session: Session, actor: Actor, content_sha256s: Sequence[str]
    ) -> tuple[uuid.UUID, ...]:
        """Ids of the contents among these that were ever seen or brought."""
        repository = SourcesRepository(session, actor)
        return tuple(
            medium_id
            for start in range(0, len(content_sha256s), _DIGESTS_AT_ONCE)
            for medium_id in repository.any_media_ids(
                content_sha256s[start : start + _DIGESTS_AT_ONCE]
            )
        )

    def record_examined(
        self,
        session: Session,
        actor: Actor,
        place: Place,
        examination: Examination,
        content_bytes: int,
        *,
        for_one: bool = False,
    ) -> MediumRecord:
        """Write an examined medium and its sighting; the same sighting twice is one.

        `for_one`: it was compared with one person alone.
        """
        return self._ledger.record(
            session, actor, place, examination, content_bytes, for_one=for_one
        )

    def record_all_examined(
        self, session: Session, actor: Actor, media: Sequence[Seen]
    ) -> tuple[MediumRecord, ...]:
        """The same for several, in few statements."""
        return self._ledger.record_all(session, actor, media)

    def record_seen_again(
        self, session: Session, actor: Actor, place: Place, content_sha256: str
    ) -> MediumRecord | None:
        """Only a sighting, of content that was examined before."""
        return self._ledger.record_again(session, actor, place, content_sha256)

    def examined_before(
        self, session: Session, content_sha256: Collection[str]
    ) -> dict[str, ExaminedBefore]:
        """The contents among these that were ever examined, by SHA-256 in hex."""
        return self._ledger.examined_before(session, content_sha256)

    def examined_already(
        self,
        session: Session,
        actor: Actor,
        organisation_id: uuid.UUID,
        before: ExaminedBefore,
        model: ModelStamp | None,
        change: int,
    ) -> KnownMedium | None:
        """The medium, when looking again could not find anybody else."""
        return self._ledger.examined_already(session, actor, organisation_id, before, model, change)

    def hosts(self, session: Session, actor: Actor) -> tuple[str, ...]:
        """All hosts that the caller's sites may touch, in order."""
        names: set[str] = set()
        for site in SourcesRepository(session, actor).sites():
            names.update(site.allowed_hosts, site.media_hosts)
        return tuple(sorted(names))

    def _write(self, site: Site, draft: SiteDraft) -> None:
        site.name = draft.name
        site.seeds = list(draft.seeds)
        site.allowed_hosts = list(draft.allowed_hosts)
        site.media_hosts = list(draft.media_hosts)
        site.path_prefixes = list(draft.path_prefixes)
        site.max_depth = draft.max_depth
        site.page_budget = draft.page_budget
        site.media_budget = draft.media_budget
        site.delay_s = draft.delay_s
        site.obey_robots = draft.obey_robots
        site.robots_reason = draft.robots_reason
        site.purpose = draft.purpose
        site.legal_basis = draft.legal_basis
        site.monitoring_purpose = draft.monitoring_purpose
        site.schedule = draft.schedule
        site.canaries = list(draft.canaries)
        site.extractors = draft.extractors
        site.adaptive = draft.adaptive
        site.needs_script = draft.needs_script
        site.script_hosts = list(draft.script_hosts)
        site.next_run_at = self._next(site)

    def _next(self, site: Site) -> datetime | None:
        return next_moment(site.schedule, self._clock.now()) if site.schedule else None

    def _refuse_taken_name(
        self, session: Session, actor: Actor, name: str, own_id: uuid.UUID | None
    ) -> None:
        other = SourcesRepository(session, actor).site_by_name(name)
        if other is not None and other.id != own_id:
            raise SiteNameTakenError(f'there is a site called "{name}" already; take another name')

    def _run_view(self, repository: SourcesRepository, run: Run) -> RunView:
        return run_views(repository, [run])[0]


def _operator(actor: Actor) -> uuid.UUID:
    if actor.organisation_id is None or actor.role not in (Role.OPERATOR, Role.SYSTEM):
        raise NotAllowedError("only an operator of the organisation may do this")
    return actor.organisation_id
