"""Performs a wanted capture and holds it, encrypted, until people have decided.

1. Look, in a short read: is the capture still wanted, does the mandate permit it, where to go?
2. Fetch page and medium by the capture's own path, under the scope and each host's lease.
3. If the medium is not what was examined when it was found (or was only looked up by its hash),
   examine what was captured too. Where a confirmed find appeared again, other content is held
   apart: it is no evidence of what people confirmed. What a list stops, or what looks like
   something that was halted, is dropped before a byte of it is written (design rule 6).
4. Name the file in the row, write the encrypted file, then in one unit of work: held, with its
   document, custody and audit entry; or failed, with the reason, and a later attempt.

Every step may run twice: a capture that is no longer wanted is left alone, and a file that nobody
claimed is deleted.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from sqlalchemy.orm import Session

from indexer.crawl.capture_messages import Captured
from indexer.crawl.messages import Scope
from indexer.errors import IndexerError
from indexer.observations import Examination
from service.accounts.actor import Actor
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.database import Database
from service.enrolment.eyes import Eyes
from service.errors import LikenessError
from service.exhibits.captured import (
    Failure,
    failure_of,
    medium_bytes,
    medium_sha256,
    notes_of,
    resource_of,
    role_of,
    with_examination,
)
from service.exhibits.custody_book import CustodyBook
from service.exhibits.documents import CLOCK_NOT_MEASURED, CaptureDocument
from service.exhibits.errors import CaptureNotPermittedError
from service.exhibits.examined import summarise, was_looked_at
from service.exhibits.finds import Capturer, Cases, Find, Finds, Organisations, Scopes, Slots
from service.exhibits.models import Capture
from service.exhibits.outcomes import (
    OTHER_CONTENT,
    OTHER_CONTENT_WORDS,
    at_place,
    capture_context,
)
from service.exhibits.repository import ExhibitRepository
from service.sources.words import reason_words
from service.vault import KeyDestroyedError, Vault

WARC_CONTEXT = "capture"
MAX_ATTEMPTS = 5
MAY_SHOW_A_MINOR = "may_show_a_minor"
_WAITS = (
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=3),
    timedelta(hours=12),
)
_CAPTURE_STATES = frozenset({"waiting", "confirmed"})


@dataclass(frozen=True, slots=True)
class HoldOutcome:
    """What became of one capture: its state, and a code when it is not held."""

    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Plan:
    find: Find
    scope: Scope
    keeps_media_bytes: bool
    with_faces: bool
    attempt: int


class CaptureHolder:
    """Holds wanted captures. Belongs to the worker; asks everything else through interfaces."""

    def __init__(
        self,
        vault: Vault,
        clock: Clock,
        audit: AuditTrail,
        *,
        finds: Finds,
        cases: Cases,
        organisations: Organisations,
        scopes: Scopes,
        eyes: Eyes,
    ) -> None:
        self._vault = vault
        self._clock = clock
        self._audit = audit
        self._custody = CustodyBook(clock)
        self._finds = finds
        self._cases = cases
        self._organisations = organisations
        self._scopes = scopes
        self._eyes = eyes

    def hold(
        self, database: Database, capturer: Capturer, slots: Slots, capture_id: uuid.UUID
    ) -> HoldOutcome:
        """Perform the capture and hold it; one that is not wanted (any more) is left alone."""
        try:
            plan = self._plan(database, capture_id)
        except LikenessError as error:
            return self._fail(
                database, capture_id, Failure(error.code, str(error), final=True), None
            )
        if plan is None:
            return HoldOutcome("not wanted")
        try:
            captured = capturer.capture(
                plan.find.addresses, plan.scope, plan.keeps_media_bytes, slots.reserve
            )
        except IndexerError as error:
            return self._fail(
                database, capture_id, Failure(error.code, str(error), final=False), None
            )
        document = self._document(plan, captured)
        failure = failure_of(captured.resources, last_attempt=plan.attempt >= MAX_ATTEMPTS)
        if failure is not None:
            return self._fail(database, capture_id, failure, document)
        try:
            examination = self._examine(plan.find, captured, with_faces=plan.with_faces)
        except IndexerError as error:
            # What was captured is evidence also when it could not be looked at.
            examination = None
            note = f"What was captured could not be examined ({error.code})."
            document = msgspec.structs.replace(document, notes=(*document.notes, note))
        if self._is_stopped(database, capture_id, plan.find, captured, examination):
            return HoldOutcome("failed", MAY_SHOW_A_MINOR)
        if examination is not None:
            document = with_examination(document, plan.find, examination)
        return self._keep(database, capture_id, plan, captured, document, examination)

    def _plan(self, database: Database, capture_id: uuid.UUID) -> _Plan | None:
        actor = Actor.system("capture")
        with database.read() as session:
            row = ExhibitRepository(session, actor, self._clock.now()).capture(capture_id)
            if row is None or row.state != "wanted" or row.wanted_at > self._clock.now():
                return None
            find = self._finds.find(session, actor, row.candidate_id).at(row.place)
            if find.state not in _CAPTURE_STATES:
                raise CaptureNotPermittedError("the candidate was decided otherwise meanwhile")
            person = self._cases.person_view(session, actor, row.person_id)
            if person.mandate is None or not person.mandate.may_capture:
                raise CaptureNotPermittedError("no live mandate permits capturing for this person")
            if not find.addresses:
                raise CaptureNotPermittedError("the candidate has no address")
            owner = Actor.system("capture", find.organisation_id)
            organisation = self._organisations.organisation(session, owner)
            return _Plan(
                find,
                self._scopes.of_find(session, find),
                organisation.keeps_media_bytes and not find.never_show,
                organisation.face_matching and person.face_opt_in,
                row.attempt,
            )

    def _examine(self, find: Find, captured: Captured, *, with_faces: bool) -> Examination | None:
        content = captured.medium_content
        if content is None or role_of(find, captured.resources[-1]) == "page":
            return None
        digest = hashlib.sha256(content).hexdigest()
        found = find.examination
        if find.place and digest in find.confirmed_sha256s:
            return None
        if found is not None and found.hashes.sha256 == digest and was_looked_at(found):
            return None
        return self._eyes.examine(
            content,
            declared_type=captured.resources[-1].content_type,
            media_url=find.media_url,
            page_url=find.page_url,
            only_person=str(find.person_id),
            with_faces=with_faces,
        )

    def _is_stopped(
        self,
        database: Database,
        capture_id: uuid.UUID,
        find: Find,
        captured: Captured,
        examination: Examination | None,
    ) -> bool:
        """Whether nothing of it may be kept; then its address, the time and the reason are."""
        content = captured.medium_content
        if content is None:
            return False
        with database.read() as session:
            reason = self._finds.why_not_kept(session, find, content, examination)
        if not reason:
            return False
        digest = hashlib.sha256(content).hexdigest()
        if not find.place or digest in find.confirmed_sha256s:
            with database.write() as session:
                actor = Actor.system("capture", find.organisation_id)
                self._finds.not_kept(session, actor, find, reason)
        # of a candidate that was halted no capture is wanted any more: then this does nothing
        self._fail(database, capture_id, Failure(MAY_SHOW_A_MINOR, "", final=True), None)
        return True

    def _document(self, plan: _Plan, captured: Captured) -> CaptureDocument:
        find, medium = plan.find, captured.resources[-1]
        found = find.examination
        return CaptureDocument(
            started_at=captured.started_at,
            finished_at=captured.finished_at,
            user_agent=captured.user_agent,
            software=captured.software,
            clock=CLOCK_NOT_MEASURED,
            keeps_media_bytes=plan.keeps_media_bytes,
            warc_sha256=captured.warc_sha256,
            warc_bytes=len(captured.warc_gz),
            resources=tuple(resource_of(find, one) for one in captured.resources),
            found_sha256=found.hashes.sha256 if found else None,
            captured_sha256=medium_sha256(find, medium),
            examinations=(summarise(found, str(find.person_id), "found"),) if found else (),
            notes=notes_of(plan.find, captured, keeps_media_bytes=plan.keeps_media_bytes),
        )

    def _keep(
        self,
        database: Database,
        capture_id: uuid.UUID,
        plan: _Plan,
        captured: Captured,
        document: CaptureDocument,
        examination: Examination | None,
    ) -> HoldOutcome:
        find = plan.find
        is_other = bool(find.place) and document.captured_sha256 not in find.confirmed_sha256s
        file_id = self._claim(database, capture_id)
        if file_id is None:
            return HoldOutcome("not wanted")
        actor = Actor.system("capture", find.organisation_id)
        try:
            self._vault.put_file(find.person_id, WARC_CONTEXT, captured.warc_gz, file_id)
            sealed = self._vault.seal_document(
                find.person_id, capture_context(capture_id), document
            )
        except KeyDestroyedError:
            return HoldOutcome("not wanted", "the person was erased")
        with database.write() as session:
            row = self._wanted(self._repository(session), capture_id, file_id)
            if row is not None:
                row.state, row.held_at, row.document = "held", self._clock.now(), sealed
                if is_other:
                    self._set_apart(session, row)
                self._custody.append(
                    session,
                    actor,
                    find.person_id,
                    find.candidate_id,
                    "captured",
                    f"attempt {row.attempt}{at_place(row.place)}, "
                    f"warc sha256 {captured.warc_sha256}",
                )
                self._audit.record(
                    session, actor, "capture.held", "capture", row.id, attempt=row.attempt
                )
                if examination is not None and is_other:
                    self._finds.other_content(
                        session, actor, find, examination, medium_bytes(captured.resources[-1])
                    )
                elif examination is not None:
                    self._finds.captured(
                        session,
                        actor,
                        find.candidate_id,
                        examination,
                        medium_bytes(captured.resources[-1]),
                    )
        if row is None:
            self._vault.delete_file(find.person_id, file_id)
            return HoldOutcome("not wanted")
        return HoldOutcome("held")

    def _set_apart(self, session: Session, row: Capture) -> None:
        """Not what people confirmed: the exhibit of this place stays unsealed and says so."""
        row.state = OTHER_CONTENT
        for exhibit in self._repository(session).exhibits_of(row.candidate_id, place=row.place):
            if exhibit.state == "unsealed":
                exhibit.state_reason = OTHER_CONTENT_WORDS

    def _claim(self, database: Database, capture_id: uuid.UUID) -> str | None:
        """Name the file in the row before it exists; an earlier, unfinished one is deleted."""
        file_id = self._vault.new_file_id()
        with database.write() as session:
            repository = self._repository(session)
            row = repository.capture(capture_id, for_update=True)
            if row is None or row.state != "wanted":
                return None
            person_id, left_over = row.person_id, row.file_id
            row.file_id = file_id
        if left_over is not None:
            self._vault.delete_file(person_id, left_over)
        return file_id

    def _wanted(
        self, repository: ExhibitRepository, capture_id: uuid.UUID, file_id: str
    ) -> Capture | None:
        row = repository.capture(capture_id, for_update=True)
        return row if row and row.state == "wanted" and row.file_id == file_id else None

    def _repository(self, session: Session) -> ExhibitRepository:
        return ExhibitRepository(session, Actor.system("capture"), self._clock.now())

    def _fail(
        self,
        database: Database,
        capture_id: uuid.UUID,
        failure: Failure,
        document: CaptureDocument | None,
    ) -> HoldOutcome:
        now = self._clock.now()
        with database.write() as session:
            repository = self._repository(session)
            row = repository.capture(capture_id, for_update=True)
            if row is None or row.state != "wanted":
                return HoldOutcome("not wanted")
            find = self._finds.find(session, Actor.system("capture"), row.candidate_id)
            actor = Actor.system("capture", find.organisation_id)
            row.state, row.state_reason, row.ended_at = "failed", failure.code, now
            if document is not None:
                row.document = self._vault.seal_document(
                    row.person_id,
                    capture_context(row.id),
                    msgspec.structs.replace(document, failure=failure.detail),
                )
            self._custody.append(
                session,
                actor,
                row.person_id,
                row.candidate_id,
                "capture-failed",
                f"attempt {row.attempt}{at_place(row.place)}, {failure.code}",
            )
            for exhibit in repository.exhibits_of(row.candidate_id, place=row.place):
                if exhibit.state == "unsealed":
                    exhibit.state_reason = f"its capture failed: {reason_words(failure.code)}"
            self._audit.record(
                session,
                actor,
                "capture.failed",
                "capture",
                row.id,
                attempt=row.attempt,
                why=failure.code,
            )
            if not failure.final and row.attempt < MAX_ATTEMPTS:
                repository.add(
                    Capture(
                        person_id=row.person_id,
                        candidate_id=row.candidate_id,
                        place=row.place,
                        attempt=row.attempt + 1,
                        state="wanted",
                        wanted_at=now + _WAITS[row.attempt - 1],
                    )
                )
        return HoldOutcome("failed", failure.code)
