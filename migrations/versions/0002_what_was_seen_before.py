"""What was seen before can be looked up: hashes of media seen, matches of known pictures, places.

- `seen_hashes`: the PDQ hashes of media seen, one row for a still, several for a video, so that a
  picture brought today is found among what was seen last month. Filled from `media`.
- `media.halted_at` and `halted_hashes`: media with a sign of a minor are taken out of what was
  seen; their hashes are kept for nothing but to stop what looks like them. Filled from the
  candidates that were halted.
- `known_matches` and counts on `known_pictures`: which known picture matched which media, so that
  pictures that are all over the web are told apart from somebody's own, and collisions are counted.
- `place` on captures and exhibits: a confirmed find that appears at another address gets a capture
  and an exhibit of that address, too.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import service.database

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_MIN_QUALITY = 50
_BATCH = 5000
_PDQ_HEX_CHARS = 64
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply the change."""
    with op.batch_alter_table("media") as media:
        media.add_column(
            sa.Column("halted_at", service.database.UtcDateTime(timezone=True), nullable=True)
        )
        media.create_index(op.f("ix_media_halted_at"), ["halted_at"])
    _create_hash_tables()
    _extend_known_pictures()
    _create_known_matches()
    _let_places_have_captures_and_exhibits()
    _halt_media_of_halted_candidates()
    _copy_hashes("halted_hashes", "media.halted_at IS NOT NULL")
    _copy_hashes("seen_hashes", "media.halted_at IS NULL")


def downgrade() -> None:
    """Undo the change. Evidence of further places stays, numbered far above the first place's."""
    op.execute("UPDATE captures SET attempt = attempt + 1000 * place WHERE place > 0")
    op.execute("UPDATE exhibits SET version = version + 1000 * place WHERE place > 0")
    with op.batch_alter_table("exhibits") as exhibits:
        exhibits.drop_constraint("uq_exhibits_candidate_id_place_version", type_="unique")
        exhibits.drop_column("place")
        exhibits.create_unique_constraint(
            "uq_exhibits_candidate_id_version", ["candidate_id", "version"]
        )
    with op.batch_alter_table("captures") as captures:
        captures.drop_constraint("uq_captures_candidate_id_place_attempt", type_="unique")
        captures.drop_column("place")
        captures.create_unique_constraint(
            "uq_captures_candidate_id_attempt", ["candidate_id", "attempt"]
        )
    op.drop_table("known_matches")
    with op.batch_alter_table("known_pictures") as known:
        known.drop_index(op.f("ix_known_pictures_look_backs"))
        for column in (
            "different_count",
            "confirmed_count",
            "hosts_matched",
            "media_matched",
            "similar_wanted",
            "vouched_at",
            "look_backs",
            "looked_back_at",
        ):
            known.drop_column(column)
    op.drop_table("halted_hashes")
    op.drop_table("seen_hashes")
    with op.batch_alter_table("media") as media:
        media.drop_index(op.f("ix_media_halted_at"))
        media.drop_column("halted_at")


def _create_hash_tables() -> None:
    op.create_table(
        "seen_hashes",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("medium_id", sa.Uuid(), nullable=False),
        sa.Column("at_ms", sa.Integer(), nullable=False),
        sa.Column("pdq", sa.LargeBinary(32), nullable=False),
        sa.Column("quality", sa.Integer(), nullable=False),
        sa.Column("added_at", service.database.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["medium_id"], ["media.id"], name=op.f("fk_seen_hashes_medium_id_media")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seen_hashes")),
        # an id is never used again: indexes follow them
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_seen_hashes_medium_id"), "seen_hashes", ["medium_id"])
    op.create_table(
        "halted_hashes",
        sa.Column("id", _KEY, autoincrement=True, nullable=False),
        sa.Column("medium_id", sa.Uuid(), nullable=False),
        sa.Column("at_ms", sa.Integer(), nullable=False),
        sa.Column("pdq", sa.LargeBinary(32), nullable=False),
        sa.Column("quality", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["medium_id"], ["media.id"], name=op.f("fk_halted_hashes_medium_id_media")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_halted_hashes")),
    )
    op.create_index(op.f("ix_halted_hashes_medium_id"), "halted_hashes", ["medium_id"])


def _extend_known_pictures() -> None:
    moment = service.database.UtcDateTime(timezone=True)
    with op.batch_alter_table("known_pictures") as known:
        known.add_column(sa.Column("looked_back_at", moment, nullable=True))
        known.add_column(sa.Column("look_backs", sa.Integer(), nullable=False, server_default="0"))
        known.add_column(sa.Column("vouched_at", moment, nullable=True))
        known.add_column(sa.Column("similar_wanted", sa.Boolean(), nullable=True))
        for column in ("media_matched", "hosts_matched", "confirmed_count", "different_count"):
            known.add_column(sa.Column(column, sa.Integer(), nullable=False, server_default="0"))
        known.create_index(op.f("ix_known_pictures_look_backs"), ["look_backs"])


def _create_known_matches() -> None:
    op.create_table(
        "known_matches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("known_id", sa.Uuid(), nullable=False),
        sa.Column("medium_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("distance", sa.Integer(), nullable=False),
        sa.Column("band", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("matched_at", service.database.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["known_id"],
            ["known_pictures.id"],
            name=op.f("fk_known_matches_known_id_known_pictures"),
        ),
        sa.ForeignKeyConstraint(
            ["medium_id"], ["media.id"], name=op.f("fk_known_matches_medium_id_media")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_matches")),
        sa.UniqueConstraint(
            "known_id", "medium_id", name=op.f("uq_known_matches_known_id_medium_id")
        ),
    )
    op.create_index(op.f("ix_known_matches_known_id"), "known_matches", ["known_id"])
    op.create_index(op.f("ix_known_matches_medium_id"), "known_matches", ["medium_id"])


def _let_places_have_captures_and_exhibits() -> None:
    with op.batch_alter_table("captures") as captures:
        captures.add_column(_place())
        captures.drop_constraint("uq_captures_candidate_id_attempt", type_="unique")
        captures.create_unique_constraint(
            "uq_captures_candidate_id_place_attempt", ["candidate_id", "place", "attempt"]
        )
    with op.batch_alter_table("exhibits") as exhibits:
        exhibits.add_column(_place())
        exhibits.drop_constraint("uq_exhibits_candidate_id_version", type_="unique")
        exhibits.create_unique_constraint(
            "uq_exhibits_candidate_id_place_version", ["candidate_id", "place", "version"]
        )


def _place() -> sa.Column[int]:
    return sa.Column("place", sa.Integer(), nullable=False, server_default="0")


def _halt_media_of_halted_candidates() -> None:
    op.execute(
        "UPDATE media SET halted_at = (SELECT MIN(COALESCE(decided_at, found_at)) FROM candidates "
        "WHERE candidates.medium_id = media.id AND candidates.state = 'halted') "
        "WHERE id IN (SELECT medium_id FROM candidates "
        "WHERE state = 'halted' AND medium_id IS NOT NULL)"
    )


def _copy_hashes(table: str, which: str) -> None:
    """Hashes of stills from `media`, in its order, some thousand at a time.

    SQLite before 3.41 cannot turn hexadecimal digits into bytes, so Python does it for both.
    """
    connection = op.get_bind()
    moment = service.database.UtcDateTime(timezone=True)
    is_seen = table == "seen_hashes"
    target = sa.table(
        table,
        sa.column("medium_id", sa.Uuid()),
        sa.column("at_ms", sa.Integer()),
        sa.column("pdq", sa.LargeBinary()),
        sa.column("quality", sa.Integer()),
        *([sa.column("added_at", moment)] if is_seen else []),
    )
    media = sa.table(
        "media",
        sa.column("id", sa.Uuid()),
        sa.column("pdq", sa.String()),
        sa.column("pdq_quality", sa.Integer()),
        sa.column("first_seen_at", moment),
    )
    after = None
    while True:
        query = (
            sa.select(media)
            .where(
                media.c.pdq_quality >= _MIN_QUALITY,
                sa.func.length(media.c.pdq) == _PDQ_HEX_CHARS,
                sa.text(which),
            )
            .order_by(media.c.id)
            .limit(_BATCH)
        )
        rows = connection.execute(query if after is None else query.where(media.c.id > after)).all()
        if not rows:
            return
        after = rows[-1].id
        copies = []
        for row in rows:
            copy = {
                "medium_id": row.id,
                "at_ms": 0,
                "pdq": bytes.fromhex(row.pdq),
                "quality": row.pdq_quality,
            }
            copies.append({**copy, "added_at": row.first_seen_at} if is_seen else copy)
        connection.execute(sa.insert(target), copies)
