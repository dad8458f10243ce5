"""Tables of candidates: finds that wait for people to confirm or dismiss them.

In the clear: ids, kinds, states, times, host. What was seen (addresses, similarity, finding, where
the face crop is) is sealed under the person's key. At most one candidate for a person and a
medium's content.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.database import Base


class Candidate(Base):
    """A possible find.

    `kind`: "face", "hash" (the system found it), "pointed" (the person pointed to it).
    `state`: "waiting" (for confirmations), "confirmed", "dismissed", "halted" (may show a minor),
    "expired" (held too long). `document` is a sealed `CandidateDocument`; when halted it is
    replaced by one that holds address, time and reason only.
    """

    __tablename__ = "candidates"
    __table_args__ = (UniqueConstraint("person_id", "medium_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    medium_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("media.id"))
    run_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("runs.id"), index=True)
    kind: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    host: Mapped[str]
    document: Mapped[bytes] = mapped_column(LargeBinary)
    face_crop: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Sealed aligned greyscale crop of the matched face alone; gone once decided (rule 1)."""
    found_at: Mapped[datetime]
    held_until: Mapped[datetime]
    decided_at: Mapped[datetime | None]


class Confirmation(Base):
    """One reviewer's, or the person's, own decision on a candidate. Never changed.

    `by`: "reviewer" or "person". `verdict`: "same", "different", "cannot_tell", "minor_sign".
    `document` is a sealed `ConfirmationDocument` (statement, reason, signature).
    """

    __tablename__ = "confirmations"
    __table_args__ = (UniqueConstraint("candidate_id", "account_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    candidate_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("candidates.id"), index=True)
    by: Mapped[str]
    account_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.id"))
    verdict: Mapped[str]
    document: Mapped[bytes] = mapped_column(LargeBinary)
    decided_at: Mapped[datetime]


class NeverAgain(Base):
    """This person and this medium's content: never a candidate again."""

    __tablename__ = "never_again"
    __table_args__ = (UniqueConstraint("person_id", "medium_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    medium_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("media.id"))
    decided_at: Mapped[datetime]
