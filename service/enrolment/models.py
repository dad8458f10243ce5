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
    `document` is a sealed `PersonDocument`. Until `acute_until` what is done for them goes first.
    """

    __tablename__ = "people"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    state: Mapped[str] = mapped_column(index=True)
    case_number_lookup: Mapped[str] = mapped_column(unique=True)
    passphrase_hash: Mapped[str]
    deletion_code_hash: Mapped[str]
    face_opt_in: Mapped[bool] = mapped_column(default=False)
    acute_until: Mapped[datetime | None]
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


class TemplateRefusal(Base):
    """A reference photo of which a model could make no template: it is not tried again with that
    model until the person's photos change. Why is in the sealed `RefusalDocument`.
    """

    __tablename__ = "template_refusals"
    __table_args__ = (UniqueConstraint("photo_id", "model_digest"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    photo_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("reference_photos.id"), index=True)
    model_digest: Mapped[str]
    document: Mapped[bytes] = mapped_column(LargeBinary)
    tried_at: Mapped[datetime]


class ModelInUse(Base):
    """One row: the model that searches, on every machine of this installation."""

    __tablename__ = "model_in_use"

    id: Mapped[int] = mapped_column(primary_key=True)
    pack: Mapped[str]
    digest: Mapped[str]
    preprocessing: Mapped[int]
    licence_accepted: Mapped[bool] = mapped_column(default=False)
    since: Mapped[datetime]


class ModelChange(Base):
    """One change of the model: the new one is built beside the old, then takes its place.

    `state`: "building", "ready", "switched" (the old one is kept until somebody confirms), then
    "confirmed", "abandoned", "went_back", or "superseded" by a later program. `open` is true until
    one of the last four and null afterwards: at most one change is open. `reason`: "chosen" by an
    operator, or "program": this program prepares faces in another way than the one before.
    `problem` is a stable code of what keeps the workers from building.
    """

    __tablename__ = "model_changes"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    open: Mapped[bool | None] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str]
    asks_before_switch: Mapped[bool] = mapped_column(default=False)
    from_pack: Mapped[str | None]
    from_digest: Mapped[str | None]
    from_preprocessing: Mapped[int | None]
    from_licence_accepted: Mapped[bool] = mapped_column(default=False)
    to_pack: Mapped[str]
    to_digest: Mapped[str]
    to_preprocessing: Mapped[int]
    to_licence_accepted: Mapped[bool] = mapped_column(default=False)
    started_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.id"))
    photos: Mapped[int] = mapped_column(default=0)
    made: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    people_without: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str] = mapped_column(default="")
    started_at: Mapped[datetime]
    ready_at: Mapped[datetime | None]
    switched_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


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


# these tables have a file of their own; whoever loads this room's tables loads them, too
from service.enrolment import names_models  # noqa: E402, F401
