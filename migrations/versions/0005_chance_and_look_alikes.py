"""Chance and look-alikes: what holds finds by face back, and where the search stands.

- `look_alike_limits`: how similar a face has to be on one site, after reviewers said there that it
  was somebody else; numbers of decided finds of the enrolled person, sealed under their key, and
  counts of what fell below.
- `face_floods`: finds of one person that came too fast from too many sites rest until somebody
  decides.
- `operating_point`: one row that says how close a face has to be, and what chance does there.
- `candidates` learn the site of the page they were found on, and by a keyed HMAC which of them
  belong to one event. What is there already keeps neither: both are of the time of a find.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import service.database

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_RESTS = "state IN ('open', 'stopped')"


def upgrade() -> None:
    """Apply the change."""
    op.add_column("candidates", sa.Column("site", sa.String(), nullable=True))
    op.add_column("candidates", sa.Column("event_key", sa.String(), nullable=True))
    op.create_index(op.f("ix_candidates_event_key"), "candidates", ["event_key"])
    op.create_table(
        "look_alike_limits",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("weaker", sa.Integer(), nullable=False),
        sa.Column("further", sa.Integer(), nullable=False),
        sa.Column("counted_in", sa.Uuid(), nullable=True),
        sa.Column("changed_at", service.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", service.database.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["counted_in"], ["runs.id"], name=op.f("fk_look_alike_limits_counted_in_runs")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name=op.f("fk_look_alike_limits_organisation_id_organisations"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_look_alike_limits_person_id_people")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_look_alike_limits")),
        sa.UniqueConstraint("person_id", "site", name=op.f("uq_look_alike_limits_person_id_site")),
    )
    for column in ("organisation_id", "person_id", "expires_at"):
        op.create_index(op.f(f"ix_look_alike_limits_{column}"), "look_alike_limits", [column])
    op.create_table(
        "face_floods",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("finds", sa.Integer(), nullable=False),
        sa.Column("sites", sa.Integer(), nullable=False),
        sa.Column("not_made", sa.Integer(), nullable=False),
        sa.Column("began_at", service.database.UtcDateTime(timezone=True), nullable=False),
        sa.Column("decided_at", service.database.UtcDateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["accounts.id"], name=op.f("fk_face_floods_decided_by_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name=op.f("fk_face_floods_organisation_id_organisations"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_face_floods_person_id_people")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_face_floods")),
    )
    for column in ("organisation_id", "person_id"):
        op.create_index(op.f(f"ix_face_floods_{column}"), "face_floods", [column])
    op.create_index(
        "uq_face_floods_one_rests",
        "face_floods",
        ["person_id"],
        unique=True,
        sqlite_where=sa.text(_RESTS),
        postgresql_where=sa.text(_RESTS),
    )
    op.create_table(
        "operating_point",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("chance_matches_a_day", sa.Double(), nullable=False),
        sa.Column("faces_a_day", sa.Integer(), nullable=False),
        sa.Column("templates", sa.Integer(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("expected_a_day", sa.Double(), nullable=False),
        sa.Column("is_measured", sa.Boolean(), nullable=False),
        sa.Column("set_at", service.database.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operating_point")),
    )


def downgrade() -> None:
    """Undo the change. What was held back is found again by looking at the sites again."""
    op.drop_table("operating_point")
    op.drop_table("face_floods")
    op.drop_table("look_alike_limits")
    op.drop_index(op.f("ix_candidates_event_key"), "candidates")
    op.drop_column("candidates", "event_key")
    op.drop_column("candidates", "site")
