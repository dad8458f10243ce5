"""Tables of reports: what was built, for whom, when, and whether a mail said so."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import JSON, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.database import Base


class Report(Base):
    """A crawl report of one run, as data (counts, hosts, times; nothing of any person)."""

    __tablename__ = "reports"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id"), unique=True)
    content: Mapped[dict[str, object]] = mapped_column(JSON)
    made_at: Mapped[datetime]


class KeptPeriodReport(Base):
    """A report of a day, week or month of one organisation's crawls, as data like `Report`'s.

    Unique by organisation, kind and beginning, so that several workers make one. A neutral mail
    says that it is ready: `mailed_at` once it was sent, `mail_attempts` and `mail_problem` (a
    stable code) while it was not, `mail_tried_at` so that two workers do not send it at once.
    """

    __tablename__ = "period_reports"
    __table_args__ = (UniqueConstraint("organisation_id", "kind", "begins_at"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    kind: Mapped[str]
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    content: Mapped[dict[str, object]] = mapped_column(JSON)
    made_at: Mapped[datetime]
    mailed_at: Mapped[datetime | None]
    mail_tried_at: Mapped[datetime | None]
    mail_attempts: Mapped[int] = mapped_column(default=0)
    mail_problem: Mapped[str] = mapped_column(default="")
