"""A site says whether the extractors of yt-dlp are asked about its pages.

`sites.extractors`: off for all sites that are there, since nobody has decided otherwise.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.add_column(
        "sites", sa.Column("extractors", sa.Boolean(), nullable=False, server_default=sa.false())
    )


def downgrade() -> None:
    """Take the change back."""
    op.drop_column("sites", "extractors")
