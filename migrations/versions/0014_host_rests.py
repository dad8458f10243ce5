"""Hosts that fail are left alone for a while.

`host_rests`: a host that failed, how often in a row, and until when nobody asks it. Kept here so
that other workers and a restart know of it; a host that answers has no row.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import service.database

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    moment = service.database.UtcDateTime(timezone=True)
    op.create_table(
        "host_rests",
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", moment, nullable=False),
        sa.Column("resting_until", moment, nullable=False),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_host_rests")),
    )


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("host_rests")
