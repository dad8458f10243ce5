"""The table of the audit trail: append-only, each entry chained to the one before by its hash."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import JSON, BigInteger, Integer
from sqlalchemy.orm import Mapped, mapped_column

from service.database import Base


class AuditEntry(Base):
    """Who did what to which row, when. Ids and counts only; never anything of a person."""

    __tablename__ = "audit"

    number: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    at: Mapped[datetime]
    organisation_id: Mapped[uuid.UUID | None]
    actor: Mapped[str]
    action: Mapped[str]
    object_kind: Mapped[str]
    object_id: Mapped[str]
    detail: Mapped[dict[str, object]] = mapped_column(JSON)
    previous_hash: Mapped[str]
    hash: Mapped[str] = mapped_column(unique=True)
