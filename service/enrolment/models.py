"""Tables of enrolment: people, their releases and mandates, reference photos and templates.

In the clear: ids, states, times. Everything else is sealed under the person's own key.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.database import Base


class Person(Base):
    """The depicted, enrolled human, and their case.

    `state`: "draft" (enrolling), "waiting" (for an advocate's attestation), "active", "paused"
    (a flood or a question), "closed", "erased" (a tombstone without any personal data).
    `document` is a sealed `PersonDocument`.
    """

    __tablename__ = "people"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    state: Mapped[str] = mapped_column(index=True)
    case_number_lookup: Mapped[str] = mapped_column(unique=True)
    passphrase_hash: Mapped[str]
    deletion_code_hash: Mapped[str]
    face_opt_in: Mapped[bool] = mapped_column(default=False)
    document: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class Release(Base):
    """Signed consent to one version of the release text; withdrawn, never edited."""

    __tablename__ = "releases"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    text_version: Mapped[str]
    covers_faces: Mapped[bool]
    document: Mapped[bytes] = mapped_column(LargeBinary)
    signed_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class Mandate(Base):
    """What the person lets the organisation's advocates do, and until when."""

    __tablename__ = "mandates"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    may_search: Mapped[bool]
    may_capture: Mapped[bool]
    may_notify: Mapped[bool]
    document: Mapped[bytes] = mapped_column(LargeBinary)
    signed_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class Attestation(Base):
    """An advocate attests that the person is who they register. How is in the sealed document."""

    __tablename__ = "attestations"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"))
    accepted: Mapped[bool]
    document: Mapped[bytes] = mapped_column(LargeBinary)
    attested_at: Mapped[datetime]


class ReviewerLoan(Base):
    """One organisation lets a named reviewer of another one confirm candidates of a case."""

    __tablename__ = "reviewer_loans"
    __table_args__ = (UniqueConstraint("person_id", "account_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"), index=True)
    lent_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"))
    lent_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class ReferencePhoto(Base):
    """A reference photo: the encrypted file, and a sealed document with hashes and quality."""

    __tablename__ = "reference_photos"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    file_id: Mapped[str]
    document: Mapped[bytes] = mapped_column(LargeBinary)
    added_at: Mapped[datetime]


class StoredTemplate(Base):
    """An enrolled embedding, sealed. `model_*` say which pack made it (design rule 14)."""

    __tablename__ = "templates"
    __table_args__ = (UniqueConstraint("photo_id", "model_digest"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    photo_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("reference_photos.id"), index=True)
    model_pack: Mapped[str]
    model_digest: Mapped[str]
    model_preprocessing: Mapped[int]
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime]


class ErasureReceipt(Base):
    """What erasing a person did, signed; holds no personal data. Kept after the person is gone."""

    __tablename__ = "erasure_receipts"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(index=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"))
    content: Mapped[str]
    signature: Mapped[bytes] = mapped_column(LargeBinary)
    asked_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class GalleryChange(Base):
    """One row that counts every change of the watch-list; examiners follow it."""

    __tablename__ = "gallery_change"

    id: Mapped[int] = mapped_column(primary_key=True)
    change: Mapped[int] = mapped_column(default=0)
