"""What has to be taken out of programmes' banks for people who were erased.

Their exports, with what was needed to take them back, are gone with them; what stays is the number
that the bank's server gave each content, until it is out.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "hash_bank_removals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("content_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["hash_connections.id"],
            name=op.f("fk_hash_bank_removals_connection_id_hash_connections"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hash_bank_removals")),
        sa.UniqueConstraint(
            "connection_id",
            "content_id",
            name=op.f("uq_hash_bank_removals_connection_id_content_id"),
        ),
    )


def downgrade() -> None:
    """Undo the change."""
    op.drop_table("hash_bank_removals")
