"""Pages that hardly ever change are not read in each run; where finds were made comes first.

`known_addresses`: a fingerprint of what a page named, and how often that changed when it was looked
at. `frontier.rank`: the place of an address in its run, before its depth; it leads the index by
which addresses are leased. `runs.pages_not_due` counts what was left alone, `sites.adaptive`
switches it off. What is there already keeps its order and is read in each run until enough is known.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import service.database

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_WEIGHED = ("looks", "changes", "watched_s")


def upgrade() -> None:
    """Apply the change."""
    op.add_column(
        "sites", sa.Column("adaptive", sa.Boolean(), nullable=False, server_default=sa.true())
    )
    op.add_column(
        "runs", sa.Column("pages_not_due", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column("frontier", sa.Column("rank", sa.Integer(), nullable=False, server_default="60"))
    op.drop_index("ix_frontier_next", table_name="frontier")
    op.create_index("ix_frontier_next", "frontier", ["run_id", "state", "rank", "depth", "id"])
    moment = service.database.UtcDateTime(timezone=True)
    op.add_column("known_addresses", sa.Column("fingerprint", sa.String(), nullable=True))
    for name in _WEIGHED:
        op.add_column(
            "known_addresses", sa.Column(name, sa.Double(), nullable=False, server_default="0")
        )
    op.add_column("known_addresses", sa.Column("changed_at", moment, nullable=True))
    op.create_index("ix_known_addresses_changed", "known_addresses", ["site_id", "changed_at"])


def downgrade() -> None:
    """Take the change back."""
    op.drop_index("ix_known_addresses_changed", table_name="known_addresses")
    for name in ("changed_at", *reversed(_WEIGHED), "fingerprint"):
        op.drop_column("known_addresses", name)
    # a program of before knows no such state, and would wait for these pages for ever
    op.execute("DELETE FROM frontier WHERE state = 'not_due'")
    op.drop_index("ix_frontier_next", table_name="frontier")
    op.create_index("ix_frontier_next", "frontier", ["run_id", "state", "depth", "id"])
    op.drop_column("frontier", "rank")
    op.drop_column("runs", "pages_not_due")
    op.drop_column("sites", "adaptive")
