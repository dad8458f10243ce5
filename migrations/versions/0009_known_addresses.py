"""What is known of a site's addresses from earlier runs, and how much of a run was unchanged.

`known_addresses`: what a server said of its answer (ETag, date), what a page named, which content a
medium had. Sent back in the next run, so that what did not change is not sent again. Nothing of any
person. Earlier runs kept none of it: their counts are nought, and the first run afterwards fetches
everything.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import service.database

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "known_addresses",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("url_key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("answered_url", sa.String(), nullable=False),
        sa.Column("etag", sa.String(), nullable=True),
        sa.Column("last_modified", sa.String(), nullable=True),
        sa.Column("reading", sa.String(), nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("looked_for", sa.String(), nullable=False),
        sa.Column("content_sha256", sa.String(), nullable=True),
        sa.Column("links", sa.LargeBinary(), nullable=True),
        sa.Column("unchanged_in_a_row", sa.Integer(), nullable=False),
        sa.Column("read_at", service.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("seen_at", service.database.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id"], ["sites.id"], name=op.f("fk_known_addresses_site_id_sites")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_addresses")),
        sa.UniqueConstraint("site_id", "url_key", name=op.f("uq_known_addresses_site_id_url_key")),
    )
    op.create_index("ix_known_addresses_seen", "known_addresses", ["site_id", "seen_at"])
    for name in ("pages_unchanged", "media_unchanged"):
        op.add_column("runs", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Undo the change."""
    for name in ("media_unchanged", "pages_unchanged"):
        op.drop_column("runs", name)
    op.drop_index("ix_known_addresses_seen", table_name="known_addresses")
    op.drop_table("known_addresses")
