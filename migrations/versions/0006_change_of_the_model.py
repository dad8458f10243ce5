"""Which model searches, and how another one takes its place.

- `model_in_use`: the one model that searches, on every machine. Until now each worker opened the
  pack of its own settings. It is filled with the model that made the newest templates, so that a
  program that prepares faces in another way sees that it has to make them anew.
- `model_changes`: each change with its counts, kept; the old templates stay until it is confirmed.
- `template_refusals`: photos of which a model could make no template, so that the person and their
  advocates can be told, and the photo is not tried again each minute.
- `runs.media_without_faces`: media that faces could not be looked for in, although they should have
  been. Such a run could not look.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import service.database

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    moment = service.database.UtcDateTime(timezone=True)
    in_use = op.create_table(
        "model_in_use",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pack", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("preprocessing", sa.Integer(), nullable=False),
        sa.Column("licence_accepted", sa.Boolean(), nullable=False),
        sa.Column("since", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_in_use")),
    )
    op.create_table(
        "model_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("asks_before_switch", sa.Boolean(), nullable=False),
        sa.Column("from_pack", sa.String(), nullable=True),
        sa.Column("from_digest", sa.String(), nullable=True),
        sa.Column("from_preprocessing", sa.Integer(), nullable=True),
        sa.Column("from_licence_accepted", sa.Boolean(), nullable=False),
        sa.Column("to_pack", sa.String(), nullable=False),
        sa.Column("to_digest", sa.String(), nullable=False),
        sa.Column("to_preprocessing", sa.Integer(), nullable=False),
        sa.Column("to_licence_accepted", sa.Boolean(), nullable=False),
        sa.Column("started_by", sa.Uuid(), nullable=True),
        sa.Column("photos", sa.Integer(), nullable=False),
        sa.Column("made", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("people_without", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(), nullable=False),
        sa.Column("started_at", moment, nullable=False),
        sa.Column("ready_at", moment, nullable=True),
        sa.Column("switched_at", moment, nullable=True),
        sa.Column("ended_at", moment, nullable=True),
        sa.ForeignKeyConstraint(
            ["started_by"], ["accounts.id"], name=op.f("fk_model_changes_started_by_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_changes")),
        sa.UniqueConstraint("open", name=op.f("uq_model_changes_open")),
    )
    op.create_index(op.f("ix_model_changes_state"), "model_changes", ["state"], unique=False)
    op.create_table(
        "template_refusals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("photo_id", sa.Uuid(), nullable=False),
        sa.Column("model_digest", sa.String(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("tried_at", moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_template_refusals_person_id_people")
        ),
        sa.ForeignKeyConstraint(
            ["photo_id"],
            ["reference_photos.id"],
            name=op.f("fk_template_refusals_photo_id_reference_photos"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_template_refusals")),
        sa.UniqueConstraint(
            "photo_id",
            "model_digest",
            name=op.f("uq_template_refusals_photo_id_model_digest"),
        ),
    )
    for column in ("person_id", "photo_id"):
        op.create_index(
            op.f(f"ix_template_refusals_{column}"), "template_refusals", [column], unique=False
        )
    op.add_column(
        "runs",
        sa.Column("media_without_faces", sa.Integer(), nullable=False, server_default="0"),
    )
    _note_the_model_in_use(in_use, moment)


def _note_the_model_in_use(in_use: sa.Table, moment: sa.types.TypeEngine) -> None:
    """The model of the newest templates; nothing where there are none."""
    templates = sa.table(
        "templates",
        sa.column("model_pack", sa.String()),
        sa.column("model_digest", sa.String()),
        sa.column("model_preprocessing", sa.Integer()),
        sa.column("made_at", moment),
    )
    newest = op.get_bind().execute(
        sa.select(templates).order_by(templates.c.made_at.desc()).limit(1)
    ).one_or_none()
    if newest is not None:
        op.get_bind().execute(
            sa.insert(in_use).values(
                id=1,
                pack=newest.model_pack,
                digest=newest.model_digest,
                preprocessing=newest.model_preprocessing,
                licence_accepted=False,
                since=newest.made_at,
            )
        )


def downgrade() -> None:
    """Undo the change. Templates of other models than the one in use stay where they are."""
    op.drop_column("runs", "media_without_faces")
    op.drop_table("template_refusals")
    op.drop_table("model_changes")
    op.drop_table("model_in_use")
