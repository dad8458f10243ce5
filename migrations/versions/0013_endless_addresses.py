"""Addresses that look endless: their shape in the frontier, and how many of them a run left out.

`frontier.shape`: what pages have in common that look like a calendar, an order or a filter without
end; of each shape a run takes a bounded number. Runs of before left none out.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.add_column("frontier", sa.Column("shape", sa.String(), nullable=True))
    where = sa.text("shape IS NOT NULL")
    op.create_index(
        "ix_frontier_shape",
        "frontier",
        ["run_id", "shape"],
        sqlite_where=where,
        postgresql_where=where,
    )
    op.add_column(
        "runs", sa.Column("addresses_left_out", sa.Integer(), nullable=False, server_default="0")
    )


def downgrade() -> None:
    """Undo the change."""
    op.drop_column("runs", "addresses_left_out")
    op.drop_index("ix_frontier_shape", table_name="frontier")
    op.drop_column("frontier", "shape")
