"""Makes a confirmed candidate's held capture into a sealed exhibit.

1. Read what belongs into it: the held capture, statements, custody, the organisation's name.
2. Build and sign the bundle in memory (`seal_bundle`).
3. Name the file in the row, write the encrypted file, then in one unit of work: sealed, the capture
   promoted, custody and audit.

What cannot be sealed stays "unsealed" and says why; nothing sealed is ever overwritten.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.audit.trail import AuditTrail
from service.candidates.words import MANIPULATION_WORDS
from service.clock import Clock
from service.database import Database
from service.exhibits.bundle import ExhibitContent, SealedBundle, seal_bundle
from service.exhibits.custody import moment
from service.exhibits.custody_book import CustodyBook
from service.exhibits.documents import CaptureDocument, ExhibitDocument
from service.exhibits.finds import Find, Finds, Organisations
from service.exhibits.holding import WARC_CONTEXT
from service.exhibits.manifest import (
    CaptureSummary,
    Manifest,
    TrustedTime,
    wording_of,
)
from service.exhibits.models import Capture, Exhibit
from service.exhibits.outcomes import (
    OTHER_CONTENT,
    OTHER_CONTENT_WORDS,
    at_place,
    capture_context,
    exhibit_context,
)
from service.exhibits.repository import ExhibitRepository
from service.sources.words import reason_words
from service.vault import Vault

BUNDLE_CONTEXT = "exhibit"
NO_TRUSTED_TIME = TrustedTime(
    "none",
    "no time-stamp authority is configured: the times in this bundle are the signer's own",
)
_AGAIN = (
    "This is another address of a find that people had confirmed before: what was captured here is "
    "byte for byte what they confirmed (SHA-256 {sha256}). Their statements were made of that "
    "content, before it was seen at this address."
)
_STATES = {
    OTHER_CONTENT: OTHER_CONTENT_WORDS,
    "wanted": "waiting for its capture",
    "failed": "its capture failed",
    "purged": "its capture was purged",
}


@dataclass(frozen=True, slots=True)
class SealOutcome:
    """What became of one exhibit: "sealed", or "unsealed" with the reason."""

    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Parts:
    content: ExhibitContent
    organisation_id: uuid.UUID
    person_id: uuid.UUID
    capture_id: uuid.UUID
    find: Find
    captured_at: str
    medium_sha256: str | None

    @property
    def media_url(self) -> str | None:
        """The medium's address, if what was captured there was a medium."""
        return self.find.media_url if self.medium_sha256 else None

    @property
    def page_url(self) -> str | None:
        """The page's address; what was pasted as a medium may have been a page."""
        return self.find.page_url if self.medium_sha256 else self.find.addresses[-1]


class Sealer:
    """Seals exhibits. Belongs to the worker."""

    def __init__(
        self,
        vault: Vault,
        clock: Clock,
        audit: AuditTrail,
        *,
        finds: Finds,
        organisations: Organisations,
    ) -> None:
        self._vault = vault
        self._clock = clock
        self._audit = audit
        self._custody = CustodyBook(clock)
        self._finds = finds
        self._organisations = organisations

    def seal(self, database: Database, exhibit_id: uuid.UUID) -> SealOutcome:
        """Seal one exhibit. Running it again on a sealed one changes nothing."""
        parts = self._parts(database, exhibit_id)
        if isinstance(parts, SealOutcome):
            return self._stays(database, exhibit_id, parts)
        bundle = seal_bundle(parts.content, self._vault.signing_key(parts.organisation_id))
        file_id = self._claim(database, exhibit_id)
        if file_id is None:
            return SealOutcome("sealed")
        self._vault.put_file(parts.person_id, BUNDLE_CONTEXT, bundle.content, file_id)
        if self._promote(database, exhibit_id, parts, bundle, file_id):
            return SealOutcome("sealed")
        self._vault.delete_file(parts.person_id, file_id)
        return SealOutcome("unsealed", "it was changed while it was being sealed")

    def _parts(self, database: Database, exhibit_id: uuid.UUID) -> _Parts | SealOutcome:
        actor = Actor.system("sealing")
        with database.read() as session:
            repository = self._repository(session)
            exhibit = repository.exhibit(exhibit_id)
            if exhibit.state != "unsealed":
                return SealOutcome(exhibit.state, exhibit.state_reason)
            find = self._finds.find(session, actor, exhibit.candidate_id).at(exhibit.place)
            if find.state != "confirmed":
                return SealOutcome("unsealed", "the candidate is not confirmed")
            capture = _usable(
                list(repository.captures_of(exhibit.candidate_id, place=exhibit.place))
            )
            if isinstance(capture, str):
                return SealOutcome("unsealed", capture)
            return self._collect(session, exhibit, capture, find)

    def _collect(self, session: Session, exhibit: Exhibit, capture: Capture, find: Find) -> _Parts:
        actor = Actor.system("sealing", exhibit.organisation_id)
        document = self._capture_document(capture)
        file_id = capture.file_id or ""
        warc = self._vault.get_file(capture.person_id, WARC_CONTEXT, file_id)
        notes = document.notes
        notes += tuple(
            f"A capture by {one.captured_by} with {one.tool}, not by us, belongs to this find; "
            f"it is not part of this bundle (SHA-256 {one.file_sha256})."
            for one in find.brought
        )
        if find.place:
            notes += (_AGAIN.format(sha256=document.captured_sha256),)
        content = ExhibitContent(
            exhibit_id=str(exhibit.id),
            version=exhibit.version,
            candidate_id=str(exhibit.candidate_id),
            created_at=moment(self._clock.now()),
            software=f"Likeness {_software_version()}",
            organisation=self._organisations.organisation(session, actor).name,
            capture=CaptureSummary(
                capture_id=str(capture.id),
                attempt=capture.attempt,
                started_at=document.started_at,
                finished_at=document.finished_at,
                user_agent=document.user_agent,
                software=document.software,
                clock=document.clock,
                keeps_media_bytes=document.keeps_media_bytes,
                warc_sha256=document.warc_sha256,
                warc_bytes=document.warc_bytes,
                resources=document.resources,
            ),
            warc_gz=warc,
            examinations=document.examinations,
            brought=find.brought,
            statements=self._finds.statements(session, actor, exhibit.candidate_id),
            custody=self._custody.entries(session, actor, exhibit.candidate_id),
            trusted_time=NO_TRUSTED_TIME,
            wording=wording_of(find.kind),
            notes=(*notes, f"Trusted time: none; {NO_TRUSTED_TIME.reason}."),
        )
        return _Parts(
            content,
            exhibit.organisation_id,
            exhibit.person_id,
            capture.id,
            find,
            document.started_at,
            document.captured_sha256,
        )

    def _capture_document(self, capture: Capture) -> CaptureDocument:
        return self._vault.unseal_document(
            capture.person_id,
            capture_context(capture.id),
            capture.document or b"",
            CaptureDocument,
        )

    def _claim(self, database: Database, exhibit_id: uuid.UUID) -> str | None:
        file_id = self._vault.new_file_id()
        with database.write() as session:
            exhibit = self._repository(session).exhibit(exhibit_id, for_update=True)
            if exhibit.state != "unsealed":
                return None
            person_id, left_over = exhibit.person_id, exhibit.file_id
            exhibit.file_id = file_id
        if left_over is not None:
            self._vault.delete_file(person_id, left_over)
        return file_id

    def _promote(
        self,
        database: Database,
        exhibit_id: uuid.UUID,
        parts: _Parts,
        bundle: SealedBundle,
        file_id: str,
    ) -> bool:
        now = self._clock.now()
        actor = Actor.system("sealing", parts.organisation_id)
        with database.write() as session:
            repository = self._repository(session)
            exhibit = repository.exhibit(exhibit_id, for_update=True)
            capture = repository.capture(parts.capture_id, for_update=True)
            if exhibit.state != "unsealed" or exhibit.file_id != file_id:
                return False
            if capture is None or capture.state != "held":
                return False
            exhibit.state, exhibit.state_reason, exhibit.sealed_at = "sealed", "", now
            exhibit.document = self._vault.seal_document(
                parts.person_id,
                exhibit_context(exhibit_id),
                ExhibitDocument(
                    host=parts.find.host,
                    page_url=parts.page_url,
                    media_url=parts.media_url,
                    medium_sha256=parts.medium_sha256,
                    captured_at=parts.captured_at,
                    bundle_sha256=bundle.sha256,
                    bundle_bytes=len(bundle.content),
                    manifest_sha256=bundle.manifest_sha256,
                    signer_fingerprint=bundle.manifest.signer.fingerprint,
                    notes=bundle.manifest.notes,
                    found_by=parts.find.kind,
                    manipulation=_manipulation(bundle.manifest),
                ),
            )
            # The bundle holds the capture byte for byte: its own file is deleted by `purge_due`.
            capture.state, capture.ended_at = "promoted", now
            self._custody.append(
                session,
                actor,
                parts.person_id,
                parts.find.candidate_id,
                "sealed",
                f"version {exhibit.version}{at_place(exhibit.place)}, "
                f"manifest sha256 {bundle.manifest_sha256}",
            )
            self._audit.record(
                session, actor, "exhibit.sealed", "exhibit", exhibit_id, version=exhibit.version
            )
        return True

    def _stays(
        self, database: Database, exhibit_id: uuid.UUID, outcome: SealOutcome
    ) -> SealOutcome:
        if outcome.state != "unsealed":
            return outcome
        with database.write() as session:
            exhibit = self._repository(session).exhibit(exhibit_id, for_update=True)
            if exhibit.state == "unsealed":
                exhibit.state_reason = outcome.reason
        return outcome

    def _repository(self, session: Session) -> ExhibitRepository:
        return ExhibitRepository(session, Actor.system("sealing"), self._clock.now())


def _usable(captures: list[Capture]) -> Capture | str:
    """The newest held capture, or why there is none."""
    held = [capture for capture in captures if capture.state == "held"]
    if held:
        return held[-1]
    if not captures:
        return "nothing was captured"
    last = captures[-1]
    reason = _STATES.get(last.state, "its capture went into another exhibit")
    return f"{reason}: {reason_words(last.state_reason)}" if last.state_reason else reason


def _manipulation(manifest: Manifest) -> tuple[str, ...]:
    """The latest finding that says anything, as its band and its reasons."""
    for examination in reversed(manifest.examinations):
        if examination.manipulation_band is not None:
            band = MANIPULATION_WORDS[examination.manipulation_band]
            return (band, *examination.manipulation_reasons)
    return ()


def _software_version() -> str:
    try:
        return version("likeness")
    except PackageNotFoundError:
        return "(not installed as a package)"
