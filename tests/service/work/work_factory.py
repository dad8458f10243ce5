"""A worker with real database, engine and crawl child, and eyes and rooms of the test's own.

A medium "shows" a person when its bytes say so (`shown(...)`); everything else about it follows
from its digest, so that two looks at it say the same.
"""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from indexer.examiner.protocol import Enrolled, Hashed
from indexer.observations import (
    Examination,
    HashMatch,
    ManipulationFinding,
    MediaHashes,
    ModelStamp,
    PersonFinding,
    Refusal,
)
from service.accounts.actor import Actor
from service.candidates.models import Candidate
from service.candidates.names_finds import NamesOnPage, NamesWritten
from service.candidates.names_watch import NameLook
from service.candidates.views import FindsHeldBack
from service.clock import SystemClock
from service.database import Database
from service.enrolment.models import Person
from service.errors import ConflictError
from service.hashbank.exchange.views import NOT_LISTED, Listed
from service.settings import Settings
from service.sources.media_ledger import Place
from service.sources.service import SourcesService
from service.work.assembly import WorkRooms, assemble
from service.work.engine import Engine
from tests.fixtures.hostile_site import PNG
from tests.service.sources.sources_factory import Sources, make_sources

MARK = b"shows:"
BROKEN = b"broken"
MODEL = ModelStamp("test", "0", 1)


def shown(person_id: uuid.UUID | None, number: int) -> bytes:
    """A picture like no other that shows this person, or nobody."""
    mark = MARK + str(person_id).encode() if person_id else b""
    return PNG + b"#%d#" % number + mark


@dataclass
class EyesOfATest:
    """Sees what the bytes say. `delay_s` is how long a look takes."""

    delay_s: float = 0.0
    looked: list[str] = field(default_factory=list)
    looked_with_faces: list[bool] = field(default_factory=list)
    looked_for_runs: list[str | None] = field(default_factory=list)
    kept_up: int = 0
    model: ModelStamp | None = MODEL
    change: int = 1
    at_once: int = 4

    def follow_gallery(self) -> None:
        return

    def keep_up(self) -> None:
        self.kept_up += 1

    def mask_person(self, person_ref: str) -> None:
        raise NotImplementedError

    def enrol(self, content: bytes, others: Sequence[bytes]) -> Enrolled:
        raise NotImplementedError

    def hash(self, content: bytes) -> Hashed:
        raise NotImplementedError

    def examine(
        self,
        content: bytes,
        *,
        declared_type: str | None,
        media_url: str | None,
        page_url: str | None,
        only_person: str | None,
        with_faces: bool,
        run: str | None = None,
    ) -> Examination:
        time.sleep(self.delay_s)
        digest = hashlib.sha256(content).hexdigest()
        self.looked.append(digest)
        self.looked_with_faces.append(with_faces)
        self.looked_for_runs.append(run)
        refusal = Refusal("unreadable", "broken") if BROKEN in content else None
        findings: tuple[PersonFinding, ...] = ()
        if MARK in content:
            person_ref = content.split(MARK)[1].decode()
            match = HashMatch(person_ref, "known", "sha256", 0, "upright", "strong")
            nothing = ManipulationFinding("not_assessable", ())
            findings = (PersonFinding(person_ref, (), (match,), nothing),)
        return Examination(
            hashes=MediaHashes(sha256=digest),
            kind="unreadable" if refusal else "still",
            width_px=8,
            height_px=8,
            frames_examined=1,
            faces_counted=1,
            findings=findings,
            model=self.model if with_faces else None,
            watchlist_change=self.change,
            refusal=refusal,
            seconds=0.001,
        )


class CandidatesOfATest:
    """Writes a candidate row for each find, as the real room does."""

    def record_findings(
        self,
        session: Session,
        actor: Actor,
        *,
        organisation_id: uuid.UUID,
        medium_id: uuid.UUID,
        examination: Examination,
        media_url: str,
        page_url: str | None,
        host: str,
        run_id: uuid.UUID | None,
        held_back: FindsHeldBack | None = None,
    ) -> tuple[uuid.UUID, ...]:
        made = []
        for finding in examination.findings:
            person_id = uuid.UUID(finding.person_ref)
            same = (Candidate.person_id == person_id, Candidate.medium_id == medium_id)
            if session.scalar(select(Candidate.id).where(*same)) is not None:
                continue
            now = SystemClock().now()
            row = Candidate(
                organisation_id=organisation_id,
                person_id=person_id,
                medium_id=medium_id,
                run_id=run_id,
                kind="hash",
                state="waiting",
                host=host,
                document=b"sealed",
                found_at=now,
                held_until=now,
            )
            session.add(row)
            session.flush()
            made.append(row.id)
        return tuple(made)

    def record_names(
        self,
        session: Session,
        organisation_id: uuid.UUID,
        on_page: NamesOnPage,
        run_id: uuid.UUID | None,
    ) -> NamesWritten:
        raise NotImplementedError

    def has_candidates(self, session: Session, actor: Actor, medium_id: uuid.UUID) -> bool:
        found = session.scalar(
            select(Candidate.id).where(Candidate.medium_id == medium_id).limit(1)
        )
        return found is not None

    def expire_due(self, session: Session, actor: Actor) -> int:
        return 0


@dataclass
class NotListed:
    """No list names anything. `lists` counts how often they changed."""

    lists: int = 0

    def before_looking(
        self, organisation_id: uuid.UUID, content: bytes, sha256: str, change: int
    ) -> Listed:
        return NOT_LISTED

    def after_looking(
        self, organisation_id: uuid.UUID, listed: Listed, examination: Examination
    ) -> Listed:
        return listed

    def was_listed(
        self, session: Session, organisation_id: uuid.UUID, medium_id: uuid.UUID
    ) -> bool:
        return False

    def change(self) -> int:
        return self.lists

    def change_in(self, session: Session) -> int:
        return self.lists

    def write(
        self,
        session: Session,
        place: Place,
        listed: Listed,
        content_sha256: str,
        medium_id: uuid.UUID | None,
    ) -> None:
        raise NotImplementedError


class NoNames:
    """Nobody chose a name to be looked for."""

    def look_for(self, organisation_id: uuid.UUID, only_person: str | None) -> NameLook:
        return NameLook(0, None, lambda: None, of_one=only_person is not None)


class ExhibitsOfATest:
    """Nothing to hold, nothing to seal."""

    def captures_to_hold(self, session: Session) -> tuple[uuid.UUID, ...]:
        return ()

    def hold(self, database: object, client: object, slots: object, item: uuid.UUID) -> object:
        raise NotImplementedError

    def exhibits_to_seal(self, session: Session) -> tuple[uuid.UUID, ...]:
        return ()

    def seal(self, database: object, exhibit_id: uuid.UUID) -> object:
        raise NotImplementedError

    def purge_due(self, database: object) -> int:
        return 0


class NothingSeen:
    """No hash was seen, and no known picture waits."""

    def keep_up(self, database: Database, budget_s: float) -> int:
        return 0

    def due(self, session: Session) -> tuple[uuid.UUID, ...]:
        return ()

    def begin_again(self, database: Database) -> int:
        return 0

    def recount(self, database: Database) -> int:
        return 0

    def look_back(self, database: Database, known_id: uuid.UUID) -> int:
        raise NotImplementedError


class NoModels:
    """There is one model, and nobody changes it."""

    def settle(self) -> None:
        return

    def is_waiting(self) -> bool:
        return False

    def build(self) -> int:
        return 0

    def destroy_others(self) -> int:
        return 0

    def stop(self) -> None:
        return

    def close(self) -> None:
        return


@dataclass
class ReportsOfATest:
    """Remembers which runs were reported on."""

    kept: list[uuid.UUID] = field(default_factory=list)

    def keep_run_report(self, session: Session, actor: Actor, run_id: uuid.UUID) -> None:
        self.kept.append(run_id)


@dataclass
class ChoresOfATest:
    """Parts of upkeep that count how often they were done, and one that fails."""

    done: int = 0

    def count(self) -> int:
        self.done += 1
        return 1

    def fail(self) -> int:
        raise ConflictError("http://secret.example/ of Anna")


@dataclass
class Worker:
    """An engine with its rooms."""

    engine: Engine
    sources: Sources
    eyes: EyesOfATest
    reports: ReportsOfATest
    chores: ChoresOfATest

    def wait_for(self, run_id: uuid.UUID, *states: str, timeout_s: float = 60.0) -> str:
        """Wait until the run is in one of these states; returns it."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            with self.sources.database.read() as session:
                state = self.sources.service.run(session, self.sources.system, run_id).state
            if state in states:
                return state
            threading.Event().wait(0.05)
        raise AssertionError(f"the run is still {state}")


def make_worker(
    database: Database,
    data_dir: Path,
    *,
    database_url: str = "",
    exceptions: tuple[str, ...] = (),
    name: str = "main",
    look_s: float = 0.0,
    slice_pages: int = 25,
    crawls_at_once: int = 3,
    face_matching: bool = True,
    sources: Sources | None = None,
) -> Worker:
    """A worker that is not yet launched."""
    clock = SystemClock()
    sources = sources or make_sources(database, clock, exceptions=exceptions)
    eyes, reports, chores = EyesOfATest(look_s), ReportsOfATest(), ChoresOfATest()
    engine = build_worker(
        database,
        data_dir,
        sources.service,
        database_url=database_url,
        exceptions=exceptions,
        name=name,
        slice_pages=slice_pages,
        crawls_at_once=crawls_at_once,
        face_matching=face_matching,
        eyes=eyes,
        reports=reports,
        chores=chores,
    )
    return Worker(engine, sources, eyes, reports, chores)


def build_worker(
    database: Database,
    data_dir: Path,
    service: SourcesService,
    *,
    database_url: str = "",
    exceptions: tuple[str, ...] = (),
    name: str = "main",
    look_s: float = 0.0,
    slice_pages: int = 25,
    crawls_at_once: int = 3,
    face_matching: bool = True,
    eyes: EyesOfATest | None = None,
    reports: ReportsOfATest | None = None,
    chores: ChoresOfATest | None = None,
) -> Engine:
    """Only the engine, over rooms of the test's own."""
    settings = Settings(
        data_dir=data_dir,
        database_url=database_url or database.engine.url.render_as_string(hide_password=False),
        slice_pages=slice_pages,
        crawls_at_once=crawls_at_once,
        address_exceptions=exceptions,
    )
    chores = chores or ChoresOfATest()
    rooms = WorkRooms(
        settings=settings,
        database=database,
        clock=SystemClock(),
        sources=service,
        candidates=CandidatesOfATest(),
        lists=NotListed(),
        names=NoNames(),
        exhibits=ExhibitsOfATest(),
        seen=NothingSeen(),
        look_back=NothingSeen(),
        models=NoModels(),
        reports=reports or ReportsOfATest(),
        eyes=eyes or EyesOfATest(look_s),
        face_matching_on=lambda session, organisation_id: face_matching,
        each_minute={"counted": chores.count},
        each_hour={"counted": chores.count, "failing": chores.fail},
        at_start=chores.count,
    )
    return assemble(rooms, name)


def make_person(sources: Sources) -> uuid.UUID:
    """A row of an active person; nothing of them is real."""
    now = SystemClock().now()
    with sources.database.write() as session:
        row = Person(
            organisation_id=sources.operator.organisation_id,
            state="active",
            case_number_lookup=uuid.uuid4().hex,
            passphrase_hash="",
            deletion_code_hash="",
            document=b"sealed",
            created_at=now,
            changed_at=now,
        )
        session.add(row)
        session.flush()
        return row.id
