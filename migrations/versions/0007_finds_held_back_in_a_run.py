"""How many finds by face a run held back.

Whether something was held back is a fact of the run, and stays true when the limit or the rest that
held it back has ended since: its report must not call clean what it did not show. A number, and
nothing of what it counts. Runs of before counted none.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.add_column(
        "runs",
        sa.Column("finds_held_back", sa.Integer(), nullable=False, server_default="0"),
    )


def downgrade() -> None:
    """Undo the change."""
    op.drop_column("runs", "finds_held_back")
