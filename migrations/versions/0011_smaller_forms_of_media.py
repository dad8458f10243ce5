"""Smaller forms of media, and streams of which only a part was fetched.

`frontier.variant_of`: the key of the full form of a medium of which an address is a smaller one
(thumbnail, preview, poster). A run counts those that it saw, the media that it saw in no other
form, and those of which it fetched a part. Runs of before counted none.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_COUNTS = ("media_small", "media_only_small", "media_in_part")


def upgrade() -> None:
    """Apply the change."""
    op.add_column("frontier", sa.Column("variant_of", sa.String(), nullable=True))
    for name in _COUNTS:
        op.add_column("runs", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Undo the change."""
    for name in reversed(_COUNTS):
        op.drop_column("runs", name)
    op.drop_column("frontier", "variant_of")
