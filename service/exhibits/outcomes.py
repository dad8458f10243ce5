"""What happens to evidence when a candidate appears, is confirmed, or is dropped.

Files are never deleted inside the unit of work: the row says "purged" and keeps the file's id, the
file goes as soon as that is committed, and `purge_due` finishes what a crash left over.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import event
from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.audit.trail import AuditTrail
from service.candidates.outcomes import CandidateRef
from service.candidates.statements import MINOR_REASON
from service.clock import Clock
from service.database import Database
from service.exhibits.custody_book import CustodyBook
from service.exhibits.documents import CaptureDocument, ExhibitDocument
from service.exhibits.models import Capture, Exhibit
from service.exhibits.repository import ExhibitRepository
from service.vault import Vault

WAITING = "waiting to be sealed"
OTHER_CONTENT = "other_content"
"""State of a capture: what is there is not byte for byte what was confirmed."""
OTHER_CONTENT_WORDS = (
    "what is there is not byte for byte what was confirmed; it is not sealed, and what it shows "
    "was examined anew"
)
MAX_PLACES = 200
"""As many addresses as fit one notice; a content that is at more of them needs no more proof."""
_SYSTEM = "evidence"


class EvidenceOutcomes:
    """Implements `service.candidates.outcomes.CandidateOutcomes`."""

    def __init__(self, vault: Vault, clock: Clock, audit: AuditTrail, *, held_days: int) -> None:
        self._vault = vault
        self._clock = clock
        self._audit = audit
        self._custody = CustodyBook(clock)
        self._held = timedelta(days=held_days)

    def wanted(self, session: Session, actor: Actor, candidate: CandidateRef) -> None:
        """Ask for a capture, unless there is one or one is on its way."""
        repository = self._repository(session)
        earlier = repository.captures_of(candidate.id, place=candidate.place)
        if any(capture.state in ("wanted", "held", "promoted") for capture in earlier):
            return
        self._want(session, actor, candidate, attempt=len(earlier) + 1)

    def confirmed(self, session: Session, actor: Actor, candidate: CandidateRef) -> None:
        """Make an exhibit that waits to be sealed; capture it if that was not done."""
        repository = self._repository(session)
        if repository.exhibits_of(candidate.id, place=candidate.place):
            return
        self.wanted(session, actor, candidate)
        self.new_version(session, actor, candidate, version=1)

    def appeared_again(self, session: Session, actor: Actor, candidate: CandidateRef) -> None:
        """A confirmed content is at one more place: an exhibit of that place, once captured there.

        It is sealed by itself only if what is captured there is byte for byte what was confirmed.
        """
        if candidate.place <= MAX_PLACES:
            self.confirmed(session, actor, candidate)

    def new_version(
        self, session: Session, actor: Actor, candidate: CandidateRef, version: int
    ) -> uuid.UUID:
        """One more version of an exhibit; what was sealed before stays as it is."""
        exhibit_id = uuid.uuid4()
        document = ExhibitDocument(candidate.host, candidate.page_url, candidate.media_url)
        self._repository(session).add(
            Exhibit(
                id=exhibit_id,
                organisation_id=candidate.organisation_id,
                person_id=candidate.person_id,
                candidate_id=candidate.id,
                place=candidate.place,
                version=version,
                state="unsealed",
                state_reason=WAITING,
                document=self._vault.seal_document(
                    candidate.person_id, exhibit_context(exhibit_id), document
                ),
                made_at=self._clock.now(),
            )
        )
        self._custody.append(
            session,
            actor,
            candidate.person_id,
            candidate.id,
            "exhibit-made",
            f"version {version}{at_place(candidate.place)}",
        )
        self._audit.record(
            session,
            actor,
            "exhibit.made",
            "exhibit",
            exhibit_id,
            version=version,
            place=candidate.place,
        )
        return exhibit_id

    def capture_again(self, session: Session, actor: Actor, candidate: CandidateRef) -> None:
        """Ask for one more capture, whatever became of the earlier ones."""
        attempts = self._repository(session).captures_of(candidate.id, place=candidate.place)
        if not any(capture.state == "wanted" for capture in attempts):
            self._want(session, actor, candidate, attempt=len(attempts) + 1)

    def concealed(self, session: Session, actor: Actor, candidate: CandidateRef) -> None:
        """Purge what is held with bytes of the medium, and ask for it again: without them now.

        What was sealed stays as it is, and what is wanted keeps no bytes any more.
        """
        for capture in self._repository(session).captures_of(candidate.id, for_update=True):
            if capture.state != "held" or capture.document is None:
                continue
            document = self._vault.unseal_document(
                capture.person_id, capture_context(capture.id), capture.document, CaptureDocument
            )
            if not document.keeps_media_bytes:
                continue
            self._purge(session, capture, "never_show")
            self._custody.append(
                session, actor, candidate.person_id, candidate.id, "purged", "never_show"
            )
            there = replace(candidate, place=capture.place)
            self.capture_again(session, actor, there)

    def dropped(self, session: Session, actor: Actor, candidate: CandidateRef, reason: str) -> None:
        """Purge everything that was captured of the candidate, sealed or not, at once."""
        reason = _kept_reason(reason)
        repository = self._repository(session)
        now = self._clock.now()
        purged = 0
        for capture in repository.captures_of(candidate.id, for_update=True):
            purged += self._purge(session, capture, reason)
        for exhibit in repository.exhibits_of(candidate.id):
            exhibit.state, exhibit.state_reason = "withdrawn", reason
            exhibit.document = self._vault.seal_document(
                exhibit.person_id,
                exhibit_context(exhibit.id),
                ExhibitDocument(candidate.host, None, None),
            )
            self._delete_after_commit(session, exhibit.person_id, exhibit.file_id)
            purged += 1
        if not purged:
            return
        self._custody.append(session, actor, candidate.person_id, candidate.id, "purged", reason)
        self._audit.record(
            session, actor, "evidence.purged", "candidate", candidate.id, rows=purged, at=str(now)
        )

    def purge_due(self, database: Database) -> int:
        """Purge what was held too long, and delete files that a crash left; returns how many."""
        actor = Actor.system(_SYSTEM)
        with database.write() as session:
            repository = self._repository(session)
            overdue = repository.overdue_captures(self._clock.now() - self._held)
            for capture in overdue:
                self._purge(session, capture, "held too long")
                self._custody.append(
                    session,
                    actor,
                    capture.person_id,
                    capture.candidate_id,
                    "purged",
                    "held too long",
                )
                self._audit.record(session, actor, "capture.purged", "capture", capture.id)
        self._sweep(database)
        return len(overdue)

    def _sweep(self, database: Database) -> None:
        with database.read() as session:
            repository = self._repository(session)
            captures = [(row.id, row.person_id, row.file_id) for row in repository.left_files()]
            bundles = [(row.id, row.person_id, row.file_id) for row in repository.left_bundles()]
        for _, person_id, file_id in (*captures, *bundles):
            if file_id is not None:
                self._vault.delete_file(person_id, file_id)
        with database.write() as session:
            repository = self._repository(session)
            for capture_id, _, file_id in captures:
                capture = repository.capture(capture_id, for_update=True)
                if capture is not None and capture.file_id == file_id:
                    capture.file_id = None
            for exhibit_id, _, file_id in bundles:
                exhibit = repository.exhibit_if_there(exhibit_id)
                if exhibit is not None and exhibit.file_id == file_id:
                    exhibit.file_id = None

    def _want(self, session: Session, actor: Actor, candidate: CandidateRef, attempt: int) -> None:
        self._repository(session).add(
            Capture(
                person_id=candidate.person_id,
                candidate_id=candidate.id,
                place=candidate.place,
                attempt=attempt,
                state="wanted",
                wanted_at=self._clock.now(),
            )
        )
        self._custody.append(
            session,
            actor,
            candidate.person_id,
            candidate.id,
            "capture-wanted",
            f"attempt {attempt}{at_place(candidate.place)}",
        )

    def _purge(self, session: Session, capture: Capture, reason: str) -> int:
        if capture.state == "purged":
            return 0
        capture.state, capture.state_reason = "purged", reason
        capture.document = None
        capture.ended_at = self._clock.now()
        self._delete_after_commit(session, capture.person_id, capture.file_id)
        return 1

    def _delete_after_commit(
        self, session: Session, person_id: uuid.UUID, file_id: str | None
    ) -> None:
        if file_id is None:
            return

        def delete(_session: Session) -> None:
            self._vault.delete_file(person_id, file_id)

        event.listen(session, "after_commit", delete, once=True)

    def _repository(self, session: Session) -> ExhibitRepository:
        return ExhibitRepository(session, Actor.system(_SYSTEM), self._clock.now())


def at_place(place: int) -> str:
    """For custody: which of the candidate's addresses, where it is not the first."""
    return f", place {place}" if place else ""


def _kept_reason(reason: str) -> str:
    """What may stand in the clear: one of our own codes or fixed words, never free text."""
    is_code = re.fullmatch(r"[a-z_-]{1,40}", reason) is not None
    return reason if is_code or reason == MINOR_REASON else "dropped"


def exhibit_context(exhibit_id: uuid.UUID) -> str:
    """Where an exhibit's document is kept, for the vault."""
    return f"exhibits.document:{exhibit_id}"


def capture_context(capture_id: uuid.UUID) -> str:
    """Where a capture's document is kept, for the vault."""
    return f"captures.document:{capture_id}"
