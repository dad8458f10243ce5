"""Looking around a find: for which case, on which host, by which run, until when.

No address: those stay sealed with the find.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import service.database

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_KEYS = (
    ("organisation_id", "organisations"),
    ("person_id", "people"),
    ("site_id", "sites"),
    ("run_id", "runs"),
)
_INDEXED = ("organisation_id", "person_id", "run_id", "state", "expires_at")


def upgrade() -> None:
    """Apply the change."""
    moment = service.database.UtcDateTime(timezone=True)
    op.create_table(
        "look_arounds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("candidate_id", sa.Uuid(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("opened_at", moment, nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("forgotten_at", moment, nullable=True),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{table}.id"], name=op.f(f"fk_look_arounds_{column}_{table}")
            )
            for column, table in _KEYS
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_look_arounds")),
        sa.UniqueConstraint("candidate_id", "host", name=op.f("uq_look_arounds_candidate_id_host")),
    )
    for column in _INDEXED:
        op.create_index(op.f(f"ix_look_arounds_{column}"), "look_arounds", [column], unique=False)


def downgrade() -> None:
    """Undo the change."""
    op.drop_table("look_arounds")
