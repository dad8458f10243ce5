"""Short ways to real organisations, sites and runs in a test's database."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.accounts.models import Organisation
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.database import Database
from service.sources.scopes import CrawlManners
from service.sources.service import SourcesService
from service.sources.site_draft import SiteDraft
from service.sources.views import RunView, SiteView

DRAFT = SiteDraft(
    name="Example forum",
    seeds=("http://forum.example/start",),
    purpose="Look for copies on a forum that people reported",
    legal_basis="Mandates of the depicted people",
    delay_s=0.0,
)


class CasesOfATest:
    """Open cases as the test says."""

    def __init__(self, count: int = 1) -> None:
        self.ids = [uuid.uuid4() for _ in range(count)]

    def open_case_ids(self, session: Session, organisation_id: uuid.UUID) -> list[uuid.UUID]:
        return list(self.ids)


@dataclass
class Sources:
    """The sources of one organisation, with an operator who is signed in."""

    database: Database
    clock: Clock
    service: SourcesService
    cases: CasesOfATest
    operator: Actor

    @property
    def system(self) -> Actor:
        return Actor.system("test", self.operator.organisation_id)

    def site(self, **changes: object) -> SiteView:
        with self.database.write() as session:
            return self.service.add_site(session, self.operator, replace(DRAFT, **changes))

    def run(self, site: SiteView | None = None) -> RunView:
        site = site or self.site()
        with self.database.write() as session:
            return self.service.start_run(session, self.operator, site.id)

    def running(self, site: SiteView | None = None) -> RunView:
        run = self.run(site)
        with self.database.write() as session:
            assert self.service.progress.begin(session, self.system, run.id)
            return self.service.run(session, self.operator, run.id)

    def look(self, run: RunView) -> RunView:
        with self.database.read() as session:
            return self.service.run(session, self.operator, run.id)


def make_organisation(database: Database, clock: Clock, name: str = "Helpline") -> uuid.UUID:
    with database.write() as session:
        row = Organisation(
            slug=f"{name.lower()}-{uuid.uuid4().hex[:6]}", name=name, created_at=clock.now()
        )
        session.add(row)
        session.flush()
        return row.id


def operator_of(organisation_id: uuid.UUID) -> Actor:
    return Actor(Role.OPERATOR, organisation_id, account_id=uuid.uuid4())


def make_sources(
    database: Database, clock: Clock, *, cases: int = 1, exceptions: tuple[str, ...] = ()
) -> Sources:
    open_cases = CasesOfATest(cases)
    service = make_service(clock, open_cases, exceptions)
    organisation_id = make_organisation(database, clock)
    return Sources(database, clock, service, open_cases, operator_of(organisation_id))


def make_service(
    clock: Clock, cases: CasesOfATest | None = None, exceptions: tuple[str, ...] = ()
) -> SourcesService:
    manners = CrawlManners("Likeness test", 0.0, exceptions)
    return SourcesService(clock, AuditTrail(clock), cases or CasesOfATest(), manners)
