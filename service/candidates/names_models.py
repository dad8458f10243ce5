"""Tables of finds by name: what was settled, what was only counted, and what rests."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from service.database import Base


class NeverAgainName(Base):
    """A page, or a name on a site, that is never a find of this person again.

    `key` is a keyed HMAC (`names_keys.py`): it tells neither the page nor the name.
    """

    __tablename__ = "never_again_names"
    __table_args__ = (UniqueConstraint("person_id", "key"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    key: Mapped[str]
    decided_at: Mapped[datetime]


class NameSurplus(Base):
    """How many more pages of one site have a name of this person than are shown as finds.

    A number of the run `counted_in`; nothing is kept of the pages.
    """

    __tablename__ = "name_surpluses"
    __table_args__ = (UniqueConstraint("person_id", "site"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    site: Mapped[str]
    pages: Mapped[int]
    counted_in: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("runs.id"))
    counted_at: Mapped[datetime]


class NameFlood(Base):
    """One name was found on too many unrelated sites too fast: it rests.

    `state`: "open" (asks), "stopped" (decided to rest on), "going_on". While it is open or stopped
    no find is made of this name; `not_made` counts them.
    """

    __tablename__ = "name_floods"
    __table_args__ = (
        Index(
            "uq_name_floods_one_rests",
            "name_id",
            unique=True,
            sqlite_where=text("state IN ('open', 'stopped')"),
            postgresql_where=text("state IN ('open', 'stopped')"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    name_id: Mapped[uuid.UUID]
    state: Mapped[str]
    finds: Mapped[int]
    sites: Mapped[int]
    not_made: Mapped[int] = mapped_column(default=0)
    began_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.id"))
