"""Tables of evidence: captures that are held, exhibits that were sealed, and custody."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.database import Base


class Capture(Base):
    """What was captured for one candidate.

    `state`: "wanted", "held", "promoted", "purged", "failed", "other_content" (held, but not what
    was confirmed: only at places where a confirmed find appeared again). `file_id` is the encrypted
    WARC;
    `document` a sealed `CaptureDocument` (addresses, hashes, headers, times). `place` counts the
    candidate's addresses: 0 where it was found, more where a confirmed find appeared again.
    """

    __tablename__ = "captures"
    __table_args__ = (UniqueConstraint("candidate_id", "place", "attempt"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    candidate_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("candidates.id"), index=True)
    place: Mapped[int] = mapped_column(default=0)
    attempt: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(index=True)
    state_reason: Mapped[str] = mapped_column(default="")
    file_id: Mapped[str | None]
    document: Mapped[bytes | None] = mapped_column(LargeBinary)
    wanted_at: Mapped[datetime]
    held_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class Exhibit(Base):
    """Evidence made of one confirmed candidate at one of its places (see `Capture`).

    `state`: "sealed", "unsealed" with the reason, or "withdrawn" (its bytes are purged: a later
    sign of a minor, a refusal). Adding to an exhibit makes a new version; nothing is overwritten.
    """

    __tablename__ = "exhibits"
    __table_args__ = (UniqueConstraint("candidate_id", "place", "version"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    candidate_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("candidates.id"), index=True)
    place: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(index=True)
    state_reason: Mapped[str] = mapped_column(default="")
    file_id: Mapped[str | None]
    document: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime]
    sealed_at: Mapped[datetime | None]


class CustodyEvent(Base):
    """Who did what with a capture or exhibit, when; chained by hash within one candidate."""

    __tablename__ = "custody"
    __table_args__ = (UniqueConstraint("candidate_id", "number"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    candidate_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("candidates.id"), index=True)
    number: Mapped[int]
    action: Mapped[str]
    actor: Mapped[str]
    detail: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]
    previous_hash: Mapped[str]
    hash: Mapped[str]
