"""Tables of reports: what was built, for whom, when."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import JSON, ForeignKey
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
