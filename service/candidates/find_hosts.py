"""Where an organisation's finds were made, to look there first: media and numbers, and nobody."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.candidates.models import Candidate, NeverAgain
from service.sources.likelihood import MAX_FINDS, MediumFind

_FOUND = ("waiting", "confirmed")


def finds_by_host(session: Session, organisation_id: uuid.UUID) -> dict[str, int]:
    """How many finds that wait or were confirmed each host has; no id and nobody is named."""
    rows = session.execute(
        select(Candidate.host, func.count())
        .where(Candidate.organisation_id == organisation_id, Candidate.state.in_(_FOUND))
        .group_by(Candidate.host)
    )
    return {host: count for host, count in rows}  # noqa: C416 - rows are no mapping


def finds_of(session: Session, organisation_id: uuid.UUID) -> tuple[MediumFind, ...]:
    """The organisation's latest finds by their media; those that were halted are not looked for."""
    rows = session.execute(
        select(Candidate.medium_id, Candidate.state)
        .where(
            Candidate.organisation_id == organisation_id,
            Candidate.medium_id.is_not(None),
            Candidate.state.in_((*_FOUND, "dismissed")),
        )
        .order_by(Candidate.found_at.desc(), Candidate.id)
        .limit(MAX_FINDS)
    )
    return tuple(MediumFind(row.medium_id, row.state) for row in rows if row.medium_id)


def media_with_finds(session: Session, medium_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Those of these media in which anybody was ever found, however that was decided."""
    found = set(
        session.scalars(select(Candidate.medium_id).where(Candidate.medium_id.in_(medium_ids)))
    )
    found.update(
        session.scalars(select(NeverAgain.medium_id).where(NeverAgain.medium_id.in_(medium_ids)))
    )
    return {medium_id for medium_id in found if medium_id is not None}
