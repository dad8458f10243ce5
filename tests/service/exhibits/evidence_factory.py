"""Real rows, a real vault and real services of evidence; only the web's other side is made up."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from indexer.crawl.capture_messages import Captured, CapturedResource
from indexer.crawl.messages import Scope
from indexer.observations import Examination, MediaHashes
from service.accounts.actor import Actor, Role
from service.accounts.models import Account, Organisation
from service.accounts.views import OrganisationView
from service.audit.trail import AuditTrail
from service.candidates.models import Candidate
from service.candidates.outcomes import CandidateRef
from service.database import Database
from service.enrolment.models import Mandate, Person
from service.enrolment.repository import EnrolmentRepository
from service.enrolment.views import MandateView
from service.exhibits.bundle import Statement
from service.exhibits.finds import Find, SeenAddress
from service.exhibits.service import ExhibitService
from service.vault import Vault
from tests.fixtures.clock import SettableClock
from tests.service.exhibits.bundle_factory import make_warc

PAGE = "http://site.test/page"
MEDIUM = "http://site.test/picture.jpg"
FOUND = b"the bytes that were found"


def examination_of(content: bytes) -> Examination:
    hashes = MediaHashes(hashlib.sha256(content).hexdigest())
    return Examination(hashes, "still", 640, 480, 1, 0)


@dataclass
class MadeUpFinds:
    """The candidates' room, as evidence sees it."""

    by_id: dict[uuid.UUID, Find] = field(default_factory=dict)
    examined: list[tuple[uuid.UUID, Examination]] = field(default_factory=list)

    def find(self, session: Session, actor: Actor, candidate_id: uuid.UUID) -> Find:
        return self.by_id[candidate_id]

    def statements(
        self, session: Session, actor: Actor, candidate_id: uuid.UUID
    ) -> tuple[Statement, ...]:
        return (
            Statement("s1", "reviewer", "advocate:1", "same", ("Same person.",), "2027-03-01"),
            Statement("s2", "person", "", "same", ("This shows me.",), "2027-03-01"),
        )

    def captured(
        self,
        session: Session,
        actor: Actor,
        candidate_id: uuid.UUID,
        examination: Examination,
        content_bytes: int,
    ) -> None:
        self.examined.append((candidate_id, examination))

    def why_not_kept(
        self, session: Session, find: Find, content: bytes, examination: Examination | None
    ) -> str:
        return ""


@dataclass
class RealMandates:
    """Enrolment's answer about the mandate, from its real repository."""

    clock: SettableClock

    def person_view(self, session: Session, actor: Actor, person_id: uuid.UUID) -> Any:
        repository = EnrolmentRepository(session, actor, self.clock.now())
        person = repository.person(person_id)
        row = repository.live_mandate(person_id)
        mandate = row and MandateView(
            row.id,
            row.may_search,
            row.may_capture,
            row.may_notify,
            "A. Person",
            "",
            row.signed_at,
            row.expires_at,
            row.withdrawn_at,
        )

        @dataclass
        class View:
            person_id: uuid.UUID
            organisation_id: uuid.UUID
            state: str
            face_opt_in: bool
            mandate: Any

        return View(person_id, person.organisation_id, person.state, person.face_opt_in, mandate)


class RealOrganisations:
    """Accounts' answer, from the real row."""

    def organisation(self, session: Session, actor: Actor) -> OrganisationView:
        row = session.get(Organisation, actor.organisation_id)
        assert row is not None
        return OrganisationView.of(row)


class AnyScope:
    def of_find(self, session: Session, find: Find) -> Scope:
        return Scope(allowed_hosts=("site.test",), delay_s=0.0)


class NoEyes:
    """Eyes that count how often they looked."""

    model = None

    def __init__(self) -> None:
        self.looked: list[str | None] = []
        self.with_faces: list[bool] = []
        self.contents: list[bytes] = []

    def examine(self, content: bytes, **how: Any) -> Examination:
        self.looked.append(how["only_person"])
        self.with_faces.append(how["with_faces"])
        self.contents.append(content)
        return examination_of(content)


class MadeUpCapturer:
    """Answers captures with what a test put there; `before` runs while the capture is going on."""

    def __init__(self, content: bytes = FOUND, **changes: Any) -> None:
        self.content = content
        self.changes = changes
        self.before: Any = None
        self.asked: list[tuple[tuple[str, ...], bool]] = []

    def capture(
        self, urls: tuple[str, ...], scope: Scope, keep_bodies: bool, slots: Any
    ) -> Captured:
        self.asked.append((urls, keep_bodies))
        for _ in urls:
            slots("site.test:80", scope.delay_s)
        if self.before is not None:
            self.before()
        warc = make_warc(self.content)
        page = _resource(urls[0], b"<html>", "text/html")
        medium = _resource(urls[-1], self.content, "image/jpeg")
        for name, value in self.changes.items():
            medium = _changed(medium, name, value)
        return Captured(
            1,
            warc,
            hashlib.sha256(warc).hexdigest(),
            (page, medium) if len(urls) > 1 else (medium,),
            None if medium.refusal else self.content,
            "Likeness/0.1",
            "made up",
            "2027-03-01T09:00:00.000+00:00",
            "2027-03-01T09:00:01.000+00:00",
        )


def _changed(resource: CapturedResource, name: str, value: Any) -> CapturedResource:
    import msgspec

    return msgspec.structs.replace(resource, **{name: value})


def _resource(url: str, body: bytes, kind: str) -> CapturedResource:
    return CapturedResource(
        url=url,
        final_url=url,
        status=200,
        content_type=kind,
        body_sha256=hashlib.sha256(body).hexdigest(),
        body_bytes=len(body),
        server_address="192.0.2.1",
        tls_certificate_sha256=None,
        fetched_at="2027-03-01T09:00:00.000+00:00",
        truncated=False,
    )


class NoWait:
    def __init__(self) -> None:
        self.hosts: list[str] = []

    def reserve(self, host: str, delay_s: float) -> float:
        self.hosts.append(host)
        return 0.0


class Evidence:
    """One organisation with one person, one advocate and the services of evidence."""

    def __init__(self, database: Database, vault: Vault, clock: SettableClock) -> None:
        self.database, self.vault, self.clock = database, vault, clock
        self.audit = AuditTrail(clock)
        self.finds, self.eyes, self.slots = MadeUpFinds(), NoEyes(), NoWait()
        self.cases = RealMandates(clock)
        self.exhibits = ExhibitService(
            vault,
            clock,
            self.audit,
            finds=self.finds,
            cases=self.cases,
            organisations=RealOrganisations(),
            scopes=AnyScope(),
            eyes=self.eyes,  # type: ignore[arg-type]
            held_days=14,
        )
        self.outcomes = self.exhibits
        self.organisation_id = self.make_organisation("helpline")
        self.advocate = self.make_account(self.organisation_id, Role.ADVOCATE)
        self.operator = self.make_account(self.organisation_id, Role.OPERATOR)
        self.person_id = self.make_person(self.organisation_id)
        self.person = Actor(Role.PERSON, self.organisation_id, person_id=self.person_id)

    def make_organisation(self, slug: str, *, keeps: bool = True) -> uuid.UUID:
        with self.database.write() as session:
            row = Organisation(
                slug=slug,
                name=f"The {slug}",
                keeps_media_bytes=keeps,
                created_at=self.clock.now(),
            )
            session.add(row)
            session.flush()
            return row.id

    def make_account(self, organisation_id: uuid.UUID, role: Role) -> Actor:
        with self.database.write() as session:
            row = Account(
                organisation_id=organisation_id,
                role=role.value,
                username=uuid.uuid4().hex,
                display_name="Alex Advocate",
                password_hash="none",
                created_at=self.clock.now(),
            )
            session.add(row)
            session.flush()
            return Actor(role, organisation_id, account_id=row.id)

    def make_person(self, organisation_id: uuid.UUID, **mandate: bool) -> uuid.UUID:
        person_id = uuid.uuid4()
        self.vault.create_person_key(person_id)
        now = self.clock.now()
        may = {"may_search": True, "may_capture": True, "may_notify": True, **mandate}
        with self.database.write() as session:
            session.add(
                Person(
                    id=person_id,
                    organisation_id=organisation_id,
                    state="active",
                    case_number_lookup=uuid.uuid4().hex,
                    passphrase_hash="none",
                    deletion_code_hash="none",
                    document=b"none",
                    created_at=now,
                    changed_at=now,
                )
            )
            session.flush()
            session.add(
                Mandate(
                    person_id=person_id,
                    organisation_id=organisation_id,
                    document=b"none",
                    signed_at=now,
                    expires_at=now + timedelta(days=100),
                    **may,
                )
            )
        return person_id

    def make_candidate(self, **changes: Any) -> CandidateRef:
        candidate_id = uuid.uuid4()
        now = self.clock.now()
        person_id = changes.pop("person_id", self.person_id)
        page_url = changes.pop("page_url", PAGE)
        media_url = changes.pop("media_url", MEDIUM)
        host = changes.pop("host", "site.test")
        seen = SeenAddress(media_url, page_url, host, now.isoformat())
        find = Find(
            candidate_id,
            person_id,
            changes.pop("organisation_id", self.organisation_id),
            changes.pop("kind", "face"),
            changes.pop("state", "waiting"),
            host,
            page_url,
            media_url,
            None,
            changes.pop("examination", examination_of(FOUND)),
            (seen, *changes.pop("also", ())),
        )
        with self.database.write() as session:
            session.add(
                Candidate(
                    id=candidate_id,
                    organisation_id=find.organisation_id,
                    person_id=person_id,
                    kind=find.kind,
                    state=find.state,
                    host=find.host,
                    document=b"none",
                    found_at=now,
                    held_until=now + timedelta(days=14),
                )
            )
        self.finds.by_id[candidate_id] = find
        return CandidateRef(
            candidate_id,
            person_id,
            find.organisation_id,
            find.host,
            find.page_url,
            find.media_url,
        )

    def want(self, candidate: CandidateRef) -> uuid.UUID:
        with self.database.write() as session:
            self.outcomes.wanted(session, Actor.system("test"), candidate)
        with self.database.read() as session:
            return self.exhibits.captures_to_hold(session)[-1]

    def hold(self, capture_id: uuid.UUID, capturer: MadeUpCapturer | None = None) -> Any:
        return self.exhibits.hold(
            self.database, capturer or MadeUpCapturer(), self.slots, capture_id
        )

    def confirm(self, candidate: CandidateRef) -> uuid.UUID:
        import dataclasses

        find = self.finds.by_id[candidate.id]
        self.finds.by_id[candidate.id] = dataclasses.replace(find, state="confirmed")
        with self.database.write() as session:
            self.outcomes.confirmed(session, self.advocate, candidate)
        with self.database.read() as session:
            return self.exhibits.exhibits_of(session, self.advocate, candidate.id)[-1].exhibit_id

    def drop(self, candidate: CandidateRef, reason: str = "minor-sign") -> None:
        with self.database.write() as session:
            self.outcomes.dropped(session, self.advocate, candidate, reason)

    def sealed(self, **changes: Any) -> uuid.UUID:
        """A sealed exhibit, made by the whole way."""
        candidate = self.make_candidate(**changes)
        assert self.hold(self.want(candidate)).state == "held"
        exhibit_id = self.confirm(candidate)
        assert self.exhibits.seal(self.database, exhibit_id).state == "sealed"
        return exhibit_id

    def files(self) -> int:
        """How many encrypted files of people there are."""
        folder = self.vault._files_dir
        return sum(1 for path in folder.rglob("*") if path.is_file())
