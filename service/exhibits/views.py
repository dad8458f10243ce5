"""What pages, the API and other rooms are told of an exhibit: frozen, opened from its document."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from service.exhibits.custody import CustodyEntry
from service.exhibits.documents import CaptureDocument, ExhibitDocument
from service.exhibits.models import Capture, Exhibit
from service.sources.words import reason_words


@dataclass(frozen=True, slots=True)
class CaptureLine:
    """One attempt at capturing, in words; addresses are in the exhibit."""

    capture_id: uuid.UUID
    attempt: int
    state: str
    reason: str
    wanted_at: datetime
    held_at: datetime | None
    document: CaptureDocument | None

    @classmethod
    def of(cls, row: Capture, document: CaptureDocument | None) -> CaptureLine:
        """The view of a row with its opened document."""
        return cls(
            row.id,
            row.attempt,
            row.state,
            reason_words(row.state_reason),
            row.wanted_at,
            row.held_at,
            document,
        )


@dataclass(frozen=True, slots=True)
class ExhibitView:
    """One version of an exhibit. Addresses are as they were captured: show them made visible.

    `place` is above 0 where a confirmed find appeared again.
    """

    exhibit_id: uuid.UUID
    organisation_id: uuid.UUID
    person_id: uuid.UUID
    candidate_id: uuid.UUID
    host: str
    version: int
    state: str
    reason: str
    made_at: datetime
    sealed_at: datetime | None
    page_url: str | None
    media_url: str | None
    medium_sha256: str | None
    captured_at: str
    bundle_sha256: str
    bundle_bytes: int
    manifest_sha256: str
    signer_fingerprint: str
    notes: tuple[str, ...]
    found_by: str
    manipulation: tuple[str, ...]
    place: int = 0

    @property
    def is_sealed(self) -> bool:
        """Whether there is a bundle."""
        return self.state == "sealed"

    @classmethod
    def of(cls, row: Exhibit, document: ExhibitDocument) -> ExhibitView:
        """The view of a row with its opened document."""
        return cls(
            exhibit_id=row.id,
            organisation_id=row.organisation_id,
            person_id=row.person_id,
            candidate_id=row.candidate_id,
            host=document.host,
            version=row.version,
            state=row.state,
            reason=row.state_reason,
            made_at=row.made_at,
            sealed_at=row.sealed_at,
            page_url=document.page_url,
            media_url=document.media_url,
            medium_sha256=document.medium_sha256,
            captured_at=document.captured_at,
            bundle_sha256=document.bundle_sha256,
            bundle_bytes=document.bundle_bytes,
            manifest_sha256=document.manifest_sha256,
            signer_fingerprint=document.signer_fingerprint,
            notes=document.notes,
            found_by=document.found_by,
            manipulation=document.manipulation,
            place=row.place,
        )


@dataclass(frozen=True, slots=True)
class ExhibitAddress:
    """One address of an exhibit's content. Only the captured one is proved by the exhibit."""

    media_url: str | None
    page_url: str | None
    host: str
    seen_at: str
    sha256: str | None
    is_captured: bool


@dataclass(frozen=True, slots=True)
class ExhibitDetail:
    """Everything that an exhibit's page shows."""

    exhibit: ExhibitView
    versions: tuple[ExhibitView, ...]
    captures: tuple[CaptureLine, ...]
    custody: tuple[CustodyEntry, ...]
    custody_defects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SignerView:
    """The organisation's key, as receivers pin it."""

    organisation: str
    fingerprint: str
    pem: str
