"""The table of looking around finds: which case, which site, which run, until when.

No address is here: what somebody brought is sealed with their candidate, and read from there.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.database import Base


class LookAround(Base):
    """One find's surroundings on one host, looked at for one case alone.

    `state`: "waiting", "going_on", "done", "blind" (could not look), "refused" (`reason` says why:
    "no_site", "out_of_scope" or "no_page"), "expired", "stopped". Nothing is fetched after
    `expires_at`; what the run's frontier holds is deleted then. `candidate_id` names a row of the
    room above.
    """

    __tablename__ = "look_arounds"
    __table_args__ = (UniqueConstraint("candidate_id", "host"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    candidate_id: Mapped[uuid.UUID]
    host: Mapped[str]
    site_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("sites.id"))
    run_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("runs.id"), index=True)
    state: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str] = mapped_column(default="")
    opened_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    forgotten_at: Mapped[datetime | None]
