"""Addresses of runs that ended, and sightings that repeat others, are forgotten after a time.

`runs.addresses_forgotten`, `sightings_forgotten`: how many rows of a run were deleted, and when that
was done with. `sweeps.looked_at` and `gone`: how far a sweep came, written down before the addresses
in which it was counted go.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import service.database

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_COUNTS = ("addresses_forgotten", "sightings_forgotten")
_MOMENTS = ("addresses_forgotten_at", "sightings_thinned_at")


def upgrade() -> None:
    """Apply the change."""
    moment = service.database.UtcDateTime(timezone=True)
    for name in _COUNTS:
        op.add_column("runs", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    for name in _MOMENTS:
        op.add_column("runs", sa.Column(name, moment, nullable=True))
    op.add_column("sweeps", sa.Column("looked_at", sa.Integer(), nullable=True))
    op.add_column("sweeps", sa.Column("gone", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Take the change back; what was deleted stays deleted."""
    op.drop_column("sweeps", "gone")
    op.drop_column("sweeps", "looked_at")
    for name in reversed(_MOMENTS):
        op.drop_column("runs", name)
    for name in reversed(_COUNTS):
        op.drop_column("runs", name)
