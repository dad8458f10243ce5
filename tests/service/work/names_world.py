"""Real rooms and a real worker with its crawl child over a site on loopback; made-up eyes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import select

from service.accounts.actor import Actor, Role
from service.app import Rooms, build_rooms
from service.candidates.models import Candidate
from service.candidates.views import CandidateView
from service.clock import SystemClock
from service.settings import Settings
from service.sources.views import RunView, SiteView
from service.work.assembly import WorkRooms, assemble
from service.work.engine import Engine
from tests.fixtures.hostile_site import Answer, Handler, HostileSite
from tests.service.enrolment.people_factory import (
    House,
    MadeUpEyes,
    add_organisation,
    add_staff,
    make_person,
)
from tests.service.sources.sources_factory import DRAFT
from tests.service.work.work_factory import (
    ChoresOfATest,
    ExhibitsOfATest,
    EyesOfATest,
    NoModels,
    NothingSeen,
    NotListed,
    ReportsOfATest,
    Worker,
)

PURPOSE = "posts that name me"


@dataclass
class NamesWorld:
    """A house, a worker for it, and a site with what a test puts there."""

    house: House
    engine: Engine
    site: HostileSite
    forum: SiteView
    folder: Path

    @property
    def rooms(self) -> Rooms:
        return self.house.rooms

    def person(self, *names: str, active: bool = True) -> Actor:
        """Somebody who chose these names; without face search."""
        person, _ = make_person(self.house, photos=(), faces=False, active=active)
        for name in names:
            self.choose(person, name)
        return person

    def choose(self, person: Actor, name: str) -> uuid.UUID:
        assert person.person_id is not None
        with self.rooms.database.write() as session:
            return self.rooms.enrolment.names.choose(
                session, person, person.person_id, name, PURPOSE, statement_ticked=True
            )

    def remove(self, person: Actor, name_id: uuid.UUID) -> None:
        assert person.person_id is not None
        with self.rooms.database.write() as session:
            self.rooms.enrolment.names.remove(session, person, name_id, person.person_id)

    def run(self, ends: str = "finished") -> RunView:
        """One whole run of the site."""
        with self.rooms.database.write() as session:
            run = self.rooms.sources.start_run(
                session, self.house.operator, self.forum.id, "a test"
            )
        state = Worker.wait_for(_Waits(self), run.id, "finished", "blind", "failed")  # type: ignore[arg-type]
        assert state == ends
        with self.rooms.database.read() as session:
            return self.rooms.sources.run(session, self.house.operator, run.id)

    def found(self, person: Actor) -> dict[str, tuple[str, ...]]:
        """Path of each page that is a find of this person, and what reviewers read of it."""
        views = [self.view(row.id) for row in self.rows(person)]
        return {view.addresses[0].page_url.split("/", 3)[3]: view.names for view in views}  # type: ignore[union-attr]

    def rows(self, person: Actor) -> list[Candidate]:
        with self.rooms.database.read() as session:
            return list(
                session.scalars(
                    select(Candidate)
                    .where(Candidate.person_id == person.person_id)
                    .order_by(Candidate.found_at)
                )
            )

    def view(self, candidate_id: uuid.UUID) -> CandidateView:
        with self.rooms.database.read() as session:
            return self.rooms.candidates.view(session, self.house.reviewers[0], candidate_id)


@dataclass
class _Waits:
    """What `Worker.wait_for` needs."""

    world: NamesWorld

    @property
    def sources(self) -> _Waits:
        return self

    @property
    def database(self) -> object:
        return self.world.rooms.database

    @property
    def service(self) -> object:
        return self.world.rooms.sources

    @property
    def system(self) -> Actor:
        return self.world.house.operator


def unchanging(html: str) -> Answer:
    """A page whose server says that it is as it was."""

    def answer(handler: Handler) -> None:
        etag = f'"{len(html)}"'
        headers = {"Content-Type": "text/html; charset=utf-8", "ETag": etag}
        if handler.headers["If-None-Match"] == etag:
            handler.plain(304, headers, b"")
        else:
            handler.plain(200, headers, html.encode())

    return answer


def make_names_world(
    database_url: str, folder: Path, site: HostileSite, *, launched: bool = True
) -> NamesWorld:
    """Rooms over a migrated database, a launched worker, and the site as a configured one."""
    rooms = names_rooms(database_url, folder, site.host)
    clock = rooms.clock
    organisation_id = add_organisation(rooms, clock, "Helpline", faces=False)  # type: ignore[arg-type]

    def staff(role: Role = Role.ADVOCATE) -> Actor:
        return add_staff(rooms, clock, organisation_id, role)  # type: ignore[arg-type]

    house = House(
        rooms,
        MadeUpEyes(),
        clock,  # type: ignore[arg-type]
        organisation_id,
        (staff(), staff()),
        staff(),
        staff(Role.OPERATOR),
    )
    with rooms.database.write() as session:
        draft = replace(DRAFT, name="forum", seeds=(site.at("/"),), max_depth=3)
        forum = rooms.sources.add_site(session, house.operator, draft)
    engine = names_engine(rooms)
    if launched:
        engine.launch()
    return NamesWorld(house, engine, site, forum, folder)


def names_rooms(database_url: str, folder: Path, host: str) -> Rooms:
    """Real rooms that may visit one address on loopback; the examiner is made up."""
    settings = Settings(
        data_dir=folder / "data",
        database_url=database_url,
        address_exceptions=(host,),
        crawl_delay_s=0.0,
    )
    return build_rooms(settings, clock=SystemClock(), examiner=MadeUpEyes())


def names_engine(rooms: Rooms) -> Engine:
    """A worker for the rooms, not yet launched, that captures and reports nothing."""
    return assemble(
        WorkRooms(
            settings=rooms.settings,
            database=rooms.database,
            clock=rooms.clock,
            sources=rooms.sources,
            candidates=rooms.candidates,
            lists=NotListed(),
            names=rooms.names,
            exhibits=ExhibitsOfATest(),
            seen=NothingSeen(),
            look_back=NothingSeen(),
            models=NoModels(),
            reports=ReportsOfATest(),
            eyes=EyesOfATest(),
            face_matching_on=rooms.accounts.face_matching_on,
            each_minute={},
            each_hour={},
            at_start=ChoresOfATest().count,
        ),
        "main",
    )
