"""Names that people chose are looked for on pages.

`chosen_names`: sealed under the person's key, with the change number since which it is looked for.
`names_changes`: how often names came into force in an organisation, so that pages that were read
before are read again. `candidates`: `page_key` (a keyed HMAC of person and page, at most one find
for both) and `name_id` of finds by name. `never_again_names`: pages and sites on which a name was
settled, as keyed HMACs. `name_surpluses`: pages beyond those that are shown of one site, as a
number. `name_floods`: names that rest because they are everywhere.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import service.database

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_MOMENT = service.database.UtcDateTime(timezone=True)


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "chosen_names",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("chosen_at", _MOMENT, nullable=False),
        sa.Column("in_force_change", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_chosen_names_person_id_people")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chosen_names")),
    )
    op.create_index(op.f("ix_chosen_names_person_id"), "chosen_names", ["person_id"])
    op.create_table(
        "names_changes",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name=op.f("fk_names_changes_organisation_id_organisations"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_names_changes")),
    )
    with op.batch_alter_table("candidates") as candidates:
        candidates.add_column(sa.Column("page_key", sa.String(), nullable=True))
        candidates.add_column(sa.Column("name_id", sa.Uuid(), nullable=True))
        candidates.create_unique_constraint(
            op.f("uq_candidates_person_id_page_key"), ["person_id", "page_key"]
        )
        candidates.create_index(op.f("ix_candidates_name_id"), ["name_id"])
    op.create_table(
        "never_again_names",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("decided_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_never_again_names_person_id_people")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_never_again_names")),
        sa.UniqueConstraint("person_id", "key", name=op.f("uq_never_again_names_person_id_key")),
    )
    op.create_index(op.f("ix_never_again_names_person_id"), "never_again_names", ["person_id"])
    op.create_table(
        "name_surpluses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("counted_in", sa.Uuid(), nullable=True),
        sa.Column("counted_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_name_surpluses_person_id_people")
        ),
        sa.ForeignKeyConstraint(
            ["counted_in"], ["runs.id"], name=op.f("fk_name_surpluses_counted_in_runs")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_name_surpluses")),
        sa.UniqueConstraint("person_id", "site", name=op.f("uq_name_surpluses_person_id_site")),
    )
    op.create_index(op.f("ix_name_surpluses_person_id"), "name_surpluses", ["person_id"])
    op.create_table(
        "name_floods",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("name_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("finds", sa.Integer(), nullable=False),
        sa.Column("sites", sa.Integer(), nullable=False),
        sa.Column("not_made", sa.Integer(), nullable=False),
        sa.Column("began_at", _MOMENT, nullable=False),
        sa.Column("decided_at", _MOMENT, nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name=op.f("fk_name_floods_organisation_id_organisations"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_name_floods_person_id_people")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["accounts.id"], name=op.f("fk_name_floods_decided_by_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_name_floods")),
    )
    op.create_index(op.f("ix_name_floods_organisation_id"), "name_floods", ["organisation_id"])
    op.create_index(op.f("ix_name_floods_person_id"), "name_floods", ["person_id"])
    op.create_index(
        "uq_name_floods_one_rests",
        "name_floods",
        ["name_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('open', 'stopped')"),
        postgresql_where=sa.text("state IN ('open', 'stopped')"),
    )


def downgrade() -> None:
    """Take the change back. The program before knows no finds by name: what waits for confirmation
    ends (one reviewer would be enough there), what was decided stays, as if it had been pointed to.
    """
    op.execute(
        "UPDATE candidates SET state = 'expired', decided_at = held_until "
        "WHERE kind = 'name' AND state = 'waiting'"
    )
    op.execute("UPDATE candidates SET kind = 'pointed' WHERE kind = 'name'")
    for table in ("name_floods", "name_surpluses", "never_again_names"):
        op.drop_table(table)
    with op.batch_alter_table("candidates") as candidates:
        candidates.drop_index(op.f("ix_candidates_name_id"))
        candidates.drop_constraint(op.f("uq_candidates_person_id_page_key"), type_="unique")
        candidates.drop_column("name_id")
        candidates.drop_column("page_key")
    for table in ("names_changes", "chosen_names"):
        op.drop_table(table)
