"""Tables of the names that people chose to be looked for, sealed under the person's key.

In the clear are ids, times and numbers: nothing that tells a name, how long it is or what script it
is in.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from service.database import Base


class ChosenName(Base):
    """One name or handle of a person. `document` is a sealed `NameDocument`.

    `in_force_change` is the organisation's change number since which pages are searched for it;
    None while it is not looked for.
    """

    __tablename__ = "chosen_names"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    document: Mapped[bytes] = mapped_column(LargeBinary)
    chosen_at: Mapped[datetime]
    in_force_change: Mapped[int | None]


class NamesChange(Base):
    """How often names came into force in an organisation: what was read before is read again."""

    __tablename__ = "names_changes"

    organisation_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("organisations.id"), primary_key=True
    )
    change: Mapped[int]
