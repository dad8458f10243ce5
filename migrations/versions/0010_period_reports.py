"""Periodic crawl reports.

`period_reports`: a report of a day, week or month of one organisation's crawls, as data that names
sites and counts and nothing of any person; and whether a neutral mail said that it is ready. Unique
by organisation, kind and beginning, so that several workers make one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import service.database

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    moment = service.database.UtcDateTime(timezone=True)
    op.create_table(
        "period_reports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("begins_at", moment, nullable=False),
        sa.Column("ends_at", moment, nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("mailed_at", moment, nullable=True),
        sa.Column("mail_tried_at", moment, nullable=True),
        sa.Column("mail_attempts", sa.Integer(), nullable=False),
        sa.Column("mail_problem", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name=op.f("fk_period_reports_organisation_id_organisations"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_period_reports")),
        sa.UniqueConstraint(
            "organisation_id",
            "kind",
            "begins_at",
            name=op.f("uq_period_reports_organisation_id_kind_begins_at"),
        ),
    )
    op.create_index(
        op.f("ix_period_reports_organisation_id"), "period_reports", ["organisation_id"]
    )


def downgrade() -> None:
    """Undo the change."""
    op.drop_index(op.f("ix_period_reports_organisation_id"), table_name="period_reports")
    op.drop_table("period_reports")
