"""Tables of notices: receivers, notices, their items, and what became of them."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.database import Base


class Receiver(Base):
    """Where an organisation sends notices for a host: an address or a form, and its traits."""

    __tablename__ = "receivers"
    __table_args__ = (UniqueConstraint("organisation_id", "host", "regime"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    host: Mapped[str]
    regime: Mapped[str]
    name: Mapped[str]
    contact: Mapped[str]
    publishes_complaints: Mapped[bool] = mapped_column(default=False)
    changed_at: Mapped[datetime]


class Notice(Base):
    """A notice under one regime for one host. `state`: "draft", "signed", "filed", "closed".

    `document` is a sealed `NoticeDocument`; `pdf_file_id` and `json_file_id` are there once it was
    complete and signed. `clock_ends_at` counts from receipt.
    """

    __tablename__ = "notices"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    regime: Mapped[str]
    regime_version: Mapped[str]
    host: Mapped[str]
    receiver_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("receivers.id"))
    state: Mapped[str] = mapped_column(index=True)
    document: Mapped[bytes] = mapped_column(LargeBinary)
    pdf_file_id: Mapped[str | None]
    json_file_id: Mapped[str | None]
    made_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("accounts.id"))
    made_at: Mapped[datetime]
    signed_at: Mapped[datetime | None]
    filed_at: Mapped[datetime | None]
    received_at: Mapped[datetime | None]
    clock_ends_at: Mapped[datetime | None]


class NoticeItem(Base):
    """One address in a notice, made from one exhibit. The address itself is in the document."""

    __tablename__ = "notice_items"
    __table_args__ = (UniqueConstraint("notice_id", "exhibit_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    notice_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("notices.id"), index=True)
    exhibit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("exhibits.id"), index=True)
    outcome: Mapped[str] = mapped_column(default="open")
    outcome_at: Mapped[datetime | None]
