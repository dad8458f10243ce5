"""Tables of sweeps: who joined, which media are looked at again for them, and by which runs.

Nothing of any face is here: ids, times and counts. A sweep fetches known addresses again; it never
searches what was seen before (design rule 1).
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from service.database import Base


class SweepJoin(Base):
    """Since when a person is looked for by their face, until they are not (`left_at`).

    What was looked at before `joined_at`, or with a watch-list of a number below `gallery_change`,
    was looked at without them.
    """

    __tablename__ = "sweep_joins"
    __table_args__ = (
        Index(
            "uq_sweep_joins_one_open",
            "person_id",
            unique=True,
            sqlite_where=text("left_at IS NULL"),
            postgresql_where=text("left_at IS NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)
    gallery_change: Mapped[int] = mapped_column(default=0)
    joined_at: Mapped[datetime]
    left_at: Mapped[datetime | None]


class Sweep(Base):
    """The known media of one site, looked at again for all who joined since the one before.

    `state`: "going_on", "done", "blind" (could not look), "stopped" (cancelled, or nobody is left
    whom it would serve). Due is what was seen last before `due_before` (and not before `due_from`),
    or with a watch-list below `due_change`. `addresses` is how many that were when it began;
    `looked_at` and `gone` how many were dealt with, once the addresses in which they are counted
    are forgotten.
    """

    __tablename__ = "sweeps"
    __table_args__ = (
        Index(
            "uq_sweeps_one_going_on_per_site",
            "site_id",
            unique=True,
            sqlite_where=text("state = 'going_on'"),
            postgresql_where=text("state = 'going_on'"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    site_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sites.id"), index=True)
    state: Mapped[str]
    due_before: Mapped[datetime]
    due_from: Mapped[datetime | None]
    due_change: Mapped[int] = mapped_column(default=0)
    addresses: Mapped[int]
    looked_at: Mapped[int | None]
    gone: Mapped[int | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class SweepPerson(Base):
    """One person whom a sweep serves, because of one joining."""

    __tablename__ = "sweep_people"
    __table_args__ = (UniqueConstraint("sweep_id", "join_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    sweep_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sweeps.id"), index=True)
    join_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sweep_joins.id"), index=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"), index=True)


class SweepRun(Base):
    """One part of a sweep: a run of its own. Between two of them other runs have their turn."""

    __tablename__ = "sweep_runs"

    run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    sweep_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("sweeps.id"), index=True)
