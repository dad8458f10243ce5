"""A person's say, programme by programme, that hashes of their pictures may be handed over.

Off until they sign; one signature for one programme; withdrawn with one button. What they signed is
kept whole, sealed under their key. Withdrawing ends it at once; taking back what was handed over
follows (`exports.take_back`).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.enrolment.errors import StatementNotTickedError
from service.enrolment.release_text import Paragraph, SignedText
from service.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from service.hashbank.exchange.documents import ConsentDocument
from service.hashbank.exchange.models import HashConnection, ProgrammeConsent, ProgrammeExport
from service.hashbank.exchange.person_repository import PersonExchangeRepository
from service.hashbank.exchange.signals import KIND_WORDS
from service.hashbank.exchange.views import ConnectionView
from service.vault import Vault

TEXT_VERSION: Final = "2026-11"
_MAX_NAME: Final = 120


@dataclass(frozen=True, slots=True)
class ExportLine:
    """One handing-over or taking-back, as it is told: never a hash."""

    export_id: uuid.UUID
    form: str
    state: str
    hashes: int
    account_id: uuid.UUID | None
    made_at: datetime


@dataclass(frozen=True, slots=True)
class ProgrammeView:
    """One programme for one person: their consent, and what was handed over."""

    programme: ConnectionView
    text: SignedText
    given_at: datetime | None
    signature_name: str
    withdrawn_at: datetime | None
    exports: tuple[ExportLine, ...]

    @property
    def agreed(self) -> bool:
        """Whether hashes may be handed over now."""
        return self.given_at is not None and self.withdrawn_at is None

    @property
    def to_take_back(self) -> int:
        """How many hashes lie with the programme although consent is gone."""
        if self.agreed:
            return 0
        return sum(line.hashes for line in self.exports if line.state in ("done", "part"))


class ConsentBook:
    """Takes and withdraws consents; tells of them."""

    def __init__(self, vault: Vault, clock: Clock, audit: AuditTrail) -> None:
        self._vault = vault
        self._clock = clock
        self._audit = audit

    def programmes(
        self, session: Session, actor: Actor, person_id: uuid.UUID
    ) -> tuple[ProgrammeView, ...]:
        """Every programme of the organisation that is open, or that something was handed to."""
        repository = self._repository(session, actor)
        repository.require_visible(person_id)
        consents = repository.consents(person_id)
        exports = repository.exports(person_id)
        views = []
        for row in repository.programmes(_organisation(actor)):
            given = [consent for consent in consents if consent.connection_id == row.id]
            made = [export for export in exports if export.connection_id == row.id]
            if row.closed_at is None or given:
                views.append(self._view(row, given, made))
        return tuple(views)

    def agree(
        self,
        session: Session,
        actor: Actor,
        person_id: uuid.UUID,
        connection_id: uuid.UUID,
        *,
        signature_name: str,
        agreed: bool,
    ) -> uuid.UUID:
        """The person agrees, for this one programme."""
        repository = self._own(session, actor, person_id)
        row = self._programme(repository, actor, connection_id)
        if row.closed_at is not None:
            raise ConflictError("This programme is not used any more.")
        if not agreed:
            raise StatementNotTickedError(
                "Please tick the statement if you agree; it is your choice."
            )
        name = " ".join(signature_name.split())
        if not name or len(name) > _MAX_NAME:
            raise InvalidInputError("Signature: type your name, as you would sign a letter.")
        if repository.live_consent(person_id, connection_id) is not None:
            raise ConflictError("You have agreed to this already.")
        now = self._clock.now()
        text = consent_text(ConnectionView.of(row))
        consent = ProgrammeConsent(
            id=uuid.uuid4(), person_id=person_id, connection_id=connection_id, given_at=now
        )
        document = ConsentDocument(text.version, text.whole, name, now.isoformat())
        consent.document = self._vault.seal_document(person_id, _context(consent), document)
        repository.add(consent)
        self._audit.record(
            session, actor, "programme.agree", "hash_connection", connection_id, consent=1
        )
        return consent.id

    def withdraw(
        self, session: Session, actor: Actor, person_id: uuid.UUID, connection_id: uuid.UUID
    ) -> None:
        """Nothing more is handed over from now on."""
        repository = self._own(session, actor, person_id)
        consent = repository.live_consent(person_id, connection_id)
        if consent is None:
            raise ConflictError("There is nothing to withdraw.")
        consent.withdrawn_at = self._clock.now()
        self._audit.record(
            session, actor, "programme.withdraw", "hash_connection", connection_id, consent=0
        )

    def _own(
        self, session: Session, actor: Actor, person_id: uuid.UUID
    ) -> PersonExchangeRepository:
        if actor.role is not Role.PERSON or actor.person_id != person_id:
            raise NotAllowedError("Only the person may say this of their own pictures.")
        repository = self._repository(session, actor)
        repository.require_visible(person_id)
        return repository

    def _programme(
        self, repository: PersonExchangeRepository, actor: Actor, connection_id: uuid.UUID
    ) -> HashConnection:
        for row in repository.programmes(_organisation(actor)):
            if row.id == connection_id:
                return row
        raise NotFoundError("There is no such programme.")

    def _view(
        self,
        row: HashConnection,
        consents: list[ProgrammeConsent],
        exports: list[ProgrammeExport],
    ) -> ProgrammeView:
        latest = consents[0] if consents else None
        programme = ConnectionView.of(row)
        return ProgrammeView(
            programme=programme,
            text=consent_text(programme),
            given_at=latest.given_at if latest else None,
            signature_name=self._document(latest).signature_name if latest else "",
            withdrawn_at=latest.withdrawn_at if latest else None,
            exports=tuple(line_of(export) for export in exports),
        )

    def _document(self, row: ProgrammeConsent) -> ConsentDocument:
        return self._vault.unseal_document(
            row.person_id, _context(row), row.document, ConsentDocument
        )

    def _repository(self, session: Session, actor: Actor) -> PersonExchangeRepository:
        return PersonExchangeRepository(session, actor, self._clock.now())


def consent_text(programme: ConnectionView) -> SignedText:
    """What the person reads and signs: what leaves, to whom, and what can be undone."""
    kinds = " and ".join(KIND_WORDS[kind] for kind in programme.kind.takes)
    return SignedText(
        TEXT_VERSION,
        (
            Paragraph(
                "What leaves",
                f"Fingerprints ({kinds}) of pictures that you gave to be recognised, and of finds "
                "that you confirmed. They are short numbers. No picture leaves, no name, no case "
                "number, no address, and never a fingerprint of your reference photos.",
            ),
            Paragraph(
                "To whom",
                f"To {programme.name} (run by {programme.run_by}). A fingerprint is made "
                "so that the picture cannot be seen in it, but who has a picture can test whether "
                "it is the one. Who runs the programme then knows that somebody wants this picture "
                "stopped, and that it came from your advocates’ organisation.",
            ),
            Paragraph("What can be undone", programme.kind.removal),
            Paragraph(
                "Your choice",
                "This is for this one programme alone. Your case goes on in just the same way "
                "without it. You may withdraw at any time with one button, without a reason.",
            ),
        ),
        f"I agree that fingerprints of my pictures are handed to {programme.name} (run by "
        f"{programme.run_by}).",
    )


def line_of(row: ProgrammeExport) -> ExportLine:
    """How an export is told."""
    return ExportLine(row.id, row.form, row.state, row.hashes, row.account_id, row.made_at)


def _organisation(actor: Actor) -> uuid.UUID:
    if actor.organisation_id is None:
        raise NotAllowedError("This is asked of one organisation.")
    return actor.organisation_id


def _context(row: ProgrammeConsent) -> str:
    return f"hash_programme_consents.document:{row.id}"
