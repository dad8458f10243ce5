"""One run can be paused, runs of one site take turns, and a case can be in acute danger.

`runs.paused_at`: since when a run is paused by itself. `runs.turn_began_at` and `steps_aside_at`:
since when it has its site's turn, and from when on it lets another run of the site go first (then
its state is "yielded"). `runs.times_lost`: how often its work was lost and begun again; before, the
number of its generation said so. `people.acute_until`: until then what is done for the person goes
first; a time, and the reason is in the person's sealed document.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import service.database

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_MOMENTS = ("turn_began_at", "steps_aside_at", "paused_at")


def upgrade() -> None:
    """Apply the change."""
    moment = service.database.UtcDateTime(timezone=True)
    op.add_column("runs", sa.Column("times_lost", sa.Integer(), nullable=False, server_default="0"))
    for name in _MOMENTS:
        op.add_column("runs", sa.Column(name, moment, nullable=True))
    op.add_column("people", sa.Column("acute_until", moment, nullable=True))


def downgrade() -> None:
    """Take the change back."""
    op.drop_column("people", "acute_until")
    # a program of before knows no such state, and would never go on with these runs
    op.execute(
        "UPDATE runs SET state = 'cancelled', state_reason = 'cancelled', "
        "finished_at = created_at WHERE state = 'yielded'"
    )
    for name in reversed(_MOMENTS):
        op.drop_column("runs", name)
    op.drop_column("runs", "times_lost")
