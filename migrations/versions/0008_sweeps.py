"""Looking at known media again for people who joined.

Who joined when, which known media of which site are looked at again for them, and by which runs;
a run says of what kind it is. Ids, times and counts, and nothing of any face.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import service.database

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    moment = service.database.UtcDateTime(timezone=True)
    op.add_column("runs", sa.Column("kind", sa.String(), nullable=False, server_default="crawl"))
    op.create_table(
        "sweep_joins",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("gallery_change", sa.Integer(), nullable=False),
        sa.Column("joined_at", moment, nullable=False),
        sa.Column("left_at", moment, nullable=True),
        _key("sweep_joins", "organisation_id", "organisations"),
        _key("sweep_joins", "person_id", "people"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweep_joins")),
    )
    _one("uq_sweep_joins_one_open", "sweep_joins", "person_id", "left_at IS NULL")
    op.create_table(
        "sweeps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due_before", moment, nullable=False),
        sa.Column("due_from", moment, nullable=True),
        sa.Column("due_change", sa.Integer(), nullable=False),
        sa.Column("addresses", sa.Integer(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("finished_at", moment, nullable=True),
        _key("sweeps", "organisation_id", "organisations"),
        _key("sweeps", "site_id", "sites"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweeps")),
    )
    _one("uq_sweeps_one_going_on_per_site", "sweeps", "site_id", "state = 'going_on'")
    op.create_table(
        "sweep_people",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sweep_id", sa.Uuid(), nullable=False),
        sa.Column("join_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        _key("sweep_people", "sweep_id", "sweeps"),
        _key("sweep_people", "join_id", "sweep_joins"),
        _key("sweep_people", "person_id", "people"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sweep_people")),
        sa.UniqueConstraint("sweep_id", "join_id", name=op.f("uq_sweep_people_sweep_id_join_id")),
    )
    op.create_table(
        "sweep_runs",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("sweep_id", sa.Uuid(), nullable=False),
        _key("sweep_runs", "run_id", "runs"),
        _key("sweep_runs", "sweep_id", "sweeps"),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_sweep_runs")),
    )
    for table, column in _INDEXED:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column], unique=False)


def downgrade() -> None:
    """Undo the change."""
    for table in ("sweep_runs", "sweep_people", "sweeps", "sweep_joins"):
        op.drop_table(table)
    op.drop_column("runs", "kind")


_INDEXED = (
    ("sweep_joins", "organisation_id"),
    ("sweep_joins", "person_id"),
    ("sweeps", "organisation_id"),
    ("sweeps", "site_id"),
    ("sweep_people", "sweep_id"),
    ("sweep_people", "join_id"),
    ("sweep_people", "person_id"),
    ("sweep_runs", "sweep_id"),
)


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}_{target}")
    )


def _one(name: str, table: str, column: str, where: str) -> None:
    """At most one row of this column where that is so."""
    op.create_index(
        name,
        table,
        [column],
        unique=True,
        sqlite_where=sa.text(where),
        postgresql_where=sa.text(where),
    )
