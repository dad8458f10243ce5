"""Exhibits for those who may see them, and the work on evidence under one name.

Looking at an exhibit, verifying it and taking its bundle away are entries in its custody. The
slow work (`hold`, `seal`, `purge_due`) opens its own short units of work and is done by workers.
"""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.audit.trail import AuditTrail
from service.candidates.outcomes import CandidateRef
from service.clock import Clock
from service.database import Database
from service.enrolment.collaborators import ErasedCount, StoryEvent
from service.enrolment.eyes import Eyes
from service.errors import NotAllowedError
from service.exhibits.bundle import signer_of
from service.exhibits.custody import chain_defects
from service.exhibits.custody_book import CustodyBook
from service.exhibits.documents import CaptureDocument, ExhibitDocument
from service.exhibits.errors import NotSealedError
from service.exhibits.finds import Capturer, Cases, Finds, Organisations, Scopes, Slots
from service.exhibits.holding import CaptureHolder, HoldOutcome
from service.exhibits.models import Capture, Exhibit
from service.exhibits.outcomes import EvidenceOutcomes, capture_context, exhibit_context
from service.exhibits.repository import ExhibitRepository
from service.exhibits.sealing import BUNDLE_CONTEXT, Sealer, SealOutcome
from service.exhibits.trust import Trust, pem_key
from service.exhibits.verify import Verification, verify_bundle
from service.exhibits.views import (
    CaptureLine,
    ExhibitAddress,
    ExhibitDetail,
    ExhibitView,
    SignerView,
)
from service.vault import Vault

PAGE_SIZE = 50
_BATCH = 50


class ExhibitService:
    """Evidence: seen, verified, taken away; held, sealed and purged by workers.

    It is also what candidates tell of themselves to (`CandidateOutcomes`): see `outcomes.py`.
    """

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
        held_days: int,
    ) -> None:
        self._vault = vault
        self._clock = clock
        self._audit = audit
        self._organisations = organisations
        self._finds = finds
        self._custody = CustodyBook(clock)
        self._holder = CaptureHolder(
            vault,
            clock,
            audit,
            finds=finds,
            cases=cases,
            organisations=organisations,
            scopes=scopes,
            eyes=eyes,
        )
        self._sealer = Sealer(vault, clock, audit, finds=finds, organisations=organisations)
        self._outcomes = EvidenceOutcomes(vault, clock, audit, held_days=held_days)
        self.wanted = self._outcomes.wanted
        self.confirmed = self._outcomes.confirmed
        self.appeared_again = self._outcomes.appeared_again
        self.dropped = self._outcomes.dropped

    # For workers

    def captures_to_hold(self, session: Session) -> tuple[uuid.UUID, ...]:
        """Captures whose moment has come, the longest waiting first."""
        return tuple(self._as_system(session).wanted_capture_ids(_BATCH))

    def hold(
        self, database: Database, capture_client: Capturer, slots: Slots, capture_id: uuid.UUID
    ) -> HoldOutcome:
        """Perform a wanted capture and hold it. May run twice."""
        return self._holder.hold(database, capture_client, slots, capture_id)

    def exhibits_to_seal(self, session: Session) -> tuple[uuid.UUID, ...]:
        """Exhibits that are confirmed, captured, and not yet sealed."""
        return tuple(self._as_system(session).unsealed_ids())

    def seal(self, database: Database, exhibit_id: uuid.UUID) -> SealOutcome:
        """Seal one exhibit. May run twice."""
        return self._sealer.seal(database, exhibit_id)

    def purge_due(self, database: Database) -> int:
        """Purge what was held too long, and files that are no longer named."""
        return self._outcomes.purge_due(database)

    # For people

    def list_exhibits(
        self, session: Session, actor: Actor, *, page: int = 1
    ) -> tuple[ExhibitView, ...]:
        """Exhibits that the caller may see, the newest first, a page at a time."""
        rows = self._repository(session, actor).exhibits(
            limit=PAGE_SIZE, offset=(max(page, 1) - 1) * PAGE_SIZE
        )
        return tuple(self._view(row) for row in rows)

    def exhibit(self, session: Session, actor: Actor, exhibit_id: uuid.UUID) -> ExhibitView:
        """One exhibit, without an entry in its custody: for other rooms' own use of it."""
        return self._view(self._repository(session, actor).exhibit(exhibit_id))

    def addresses(
        self, session: Session, actor: Actor, exhibit: ExhibitView
    ) -> tuple[ExhibitAddress, ...]:
        """The captured address, then every other one at which the same content was seen."""
        captured = ExhibitAddress(
            exhibit.media_url,
            exhibit.page_url,
            exhibit.host,
            exhibit.captured_at,
            exhibit.medium_sha256,
            is_captured=True,
        )
        find = self._finds.find(session, actor, exhibit.candidate_id).at(exhibit.place)
        sha256 = find.examination.hashes.sha256 if find.examination else exhibit.medium_sha256
        first = (find.media_url, find.page_url)
        others = tuple(
            ExhibitAddress(
                one.media_url, one.page_url, one.host, one.seen_at, sha256, is_captured=False
            )
            for one in find.seen
            if (one.media_url, one.page_url) != first
        )
        return (captured, *others)

    def exhibits_of(
        self, session: Session, actor: Actor, candidate_id: uuid.UUID
    ) -> tuple[ExhibitView, ...]:
        """All versions for one candidate, the oldest first."""
        rows = self._repository(session, actor).exhibits_of(candidate_id)
        return tuple(self._view(row) for row in rows)

    def look(self, session: Session, actor: Actor, exhibit_id: uuid.UUID) -> ExhibitDetail:
        """All about one exhibit, for its page; the look is an entry in its custody."""
        repository = self._repository(session, actor)
        exhibit = repository.exhibit(exhibit_id)
        self._note(session, actor, exhibit, "viewed")
        custody = self._custody.entries(session, actor, exhibit.candidate_id)
        return ExhibitDetail(
            exhibit=self._view(exhibit),
            versions=tuple(
                map(self._view, repository.exhibits_of(exhibit.candidate_id, place=exhibit.place))
            ),
            captures=tuple(
                map(self._line, repository.captures_of(exhibit.candidate_id, place=exhibit.place))
            ),
            custody=custody,
            custody_defects=tuple(chain_defects(exhibit.candidate_id, custody)),
        )

    def bundle(self, session: Session, actor: Actor, exhibit_id: uuid.UUID) -> bytes:
        """The sealed bundle, to take away; an entry in its custody."""
        exhibit = self._repository(session, actor).exhibit(exhibit_id)
        content = self._sealed_bytes(exhibit)
        self._note(session, actor, exhibit, "exported")
        return content

    def check(self, database: Database, actor: Actor, exhibit_id: uuid.UUID) -> Verification:
        """Verify the sealed bundle as it is kept here, trusting the organisation's own key."""
        with database.read() as session:
            exhibit = self._repository(session, actor).exhibit(exhibit_id)
            content = self._sealed_bytes(exhibit)
        key = self._vault.signing_key(exhibit.organisation_id)
        trust = Trust(frozenset({signer_of(key, "").fingerprint}))
        verification = verify_bundle(content, trust)
        with database.write() as session:
            exhibit = self._repository(session, actor).exhibit(exhibit_id)
            self._note(session, actor, exhibit, "verified", verification.outcome.value)
        return verification

    def renew(self, session: Session, actor: Actor, exhibit_id: uuid.UUID) -> uuid.UUID:
        """Capture again and seal a new version; what was sealed before stays as it is."""
        if actor.role is not Role.ADVOCATE:
            raise NotAllowedError("An advocate asks for a new capture.")
        exhibit = self._repository(session, actor).exhibit(exhibit_id)
        latest = self._repository(session, actor).exhibits_of(
            exhibit.candidate_id, place=exhibit.place
        )[-1]
        document = self._document(latest)
        if latest.state == "withdrawn":
            raise NotSealedError("This exhibit was withdrawn and is not captured again.")
        candidate = CandidateRef(
            latest.candidate_id,
            latest.person_id,
            latest.organisation_id,
            document.host,
            document.page_url,
            document.media_url,
            latest.place,
        )
        self._outcomes.capture_again(session, actor, candidate)
        if latest.state == "unsealed":
            return latest.id
        return self._outcomes.new_version(session, actor, candidate, latest.version + 1)

    def signer(self, session: Session, actor: Actor) -> SignerView:
        """The organisation's key, for receivers to pin."""
        organisation = self._organisations.organisation(session, actor)
        key = self._vault.signing_key(organisation.id)
        signer = signer_of(key, organisation.name)
        pem = pem_key(key.public_key()).decode("ascii")
        return SignerView(organisation.name, signer.fingerprint, pem)

    # For other rooms

    def story(self, session: Session, actor: Actor, person_id: uuid.UUID) -> tuple[StoryEvent, ...]:
        """What happened to a person's evidence, in words."""
        events = []
        for row in self._repository(session, actor).exhibits_of_person(person_id):
            if row.place and row.version == 1 and row.state != "withdrawn":
                host = self._document(row).host
                events.append(
                    StoryEvent(
                        row.made_at,
                        f"Something that was confirmed is there again, on {host}.",
                        f"Things that were confirmed are there again, on {host}, {{count}} times.",
                    )
                )
            if row.state == "sealed" and row.sealed_at is not None:
                events.append(
                    StoryEvent(
                        row.sealed_at,
                        "Evidence of a find was sealed.",
                        "Evidence of {count} finds was sealed.",
                    )
                )
            elif row.state == "unsealed":
                events.append(
                    StoryEvent(
                        row.made_at,
                        "Evidence of a find is being prepared.",
                        "Evidence of {count} finds is being prepared.",
                    )
                )
        return tuple(events)

    def erase(self, session: Session, person_id: uuid.UUID) -> tuple[ErasedCount, ...]:
        """Delete every row of the person; the caller destroys files and key."""
        counts = self._as_system(session).delete_all_of(person_id)
        return tuple(ErasedCount(what, count) for what, count in counts)

    def _sealed_bytes(self, exhibit: Exhibit) -> bytes:
        if exhibit.state != "sealed" or exhibit.file_id is None:
            raise NotSealedError(
                f"This exhibit is {exhibit.state}: {exhibit.state_reason or 'no bundle yet'}."
            )
        return self._vault.get_file(exhibit.person_id, BUNDLE_CONTEXT, exhibit.file_id)

    def _note(
        self, session: Session, actor: Actor, exhibit: Exhibit, action: str, detail: str = ""
    ) -> None:
        self._custody.append(
            session, actor, exhibit.person_id, exhibit.candidate_id, action, detail
        )
        self._audit.record(session, actor, f"exhibit.{action}", "exhibit", exhibit.id)

    def _view(self, row: Exhibit) -> ExhibitView:
        return ExhibitView.of(row, self._document(row))

    def _document(self, row: Exhibit) -> ExhibitDocument:
        return self._vault.unseal_document(
            row.person_id, exhibit_context(row.id), row.document, ExhibitDocument
        )

    def _line(self, row: Capture) -> CaptureLine:
        document = None
        if row.document is not None:
            document = self._vault.unseal_document(
                row.person_id, capture_context(row.id), row.document, CaptureDocument
            )
        return CaptureLine.of(row, document)

    def _repository(self, session: Session, actor: Actor) -> ExhibitRepository:
        return ExhibitRepository(session, actor, self._clock.now())

    def _as_system(self, session: Session) -> ExhibitRepository:
        return self._repository(session, Actor.system("evidence"))
