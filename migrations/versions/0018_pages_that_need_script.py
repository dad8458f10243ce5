"""Sites whose pages need JavaScript.

`needs_script`: pages are rendered by a browser before they are read, off for every site there is;
`script_hosts`: further hosts from which these pages may load scripts, styles and data.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.add_column(
        "sites",
        sa.Column("needs_script", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column(
        "sites", sa.Column("script_hosts", sa.JSON(), nullable=False, server_default="[]")
    )


def downgrade() -> None:
    """Take the change back."""
    op.drop_column("sites", "script_hosts")
    op.drop_column("sites", "needs_script")
