"""Smaller forms of media: which media of a run were seen in no other form.

A thumbnail, preview or poster stands for its full form until that was fetched. Where it never was,
the medium does not count as looked at, and the run says so (design rule 13).
"""

from __future__ import annotations

import uuid

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from service.sources.models import FrontierEntry


def media_only_small(session: Session, run_id: uuid.UUID) -> int:
    """How many media of a run were fetched in a smaller form only."""
    full = aliased(FrontierEntry)
    counted = session.scalar(
        select(func.count(FrontierEntry.variant_of.distinct())).where(
            FrontierEntry.run_id == run_id,
            FrontierEntry.state == "done",
            FrontierEntry.variant_of.is_not(None),
            ~exists().where(
                full.run_id == run_id,
                full.url_key == FrontierEntry.variant_of,
                full.state == "done",
            ),
        )
    )
    return counted or 0
