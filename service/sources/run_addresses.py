"""What became of each address of a run: done, refused and why, and which medium it was.

For whoever may see the run. Of media only ids and the reason why one could not be read are told.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.sources.models import FrontierEntry, MediumSeen, Sighting
from service.sources.repository import SourcesRepository


@dataclass(frozen=True, slots=True)
class RunAddress:
    """One address. `state`: "waiting", "leased", "done", "refused" or "failed".

    `refusal_code` is why it was not fetched, or why the fetched medium could not be read.
    """

    url: str
    kind: str
    how: str
    state: str
    refusal_code: str | None
    refusal_message: str | None
    medium_id: uuid.UUID | None


def addresses_of_run(session: Session, actor: Actor, run_id: uuid.UUID) -> tuple[RunAddress, ...]:
    """All addresses of a run in the order in which they were found; `NotFoundError` otherwise."""
    run = SourcesRepository(session, actor).run(run_id)
    rows = session.execute(
        select(FrontierEntry, MediumSeen)
        .outerjoin(
            Sighting,
            and_(
                Sighting.run_id == FrontierEntry.run_id,
                Sighting.media_url_key == FrontierEntry.url_key,
            ),
        )
        .outerjoin(MediumSeen, MediumSeen.id == Sighting.medium_id)
        .where(FrontierEntry.run_id == run.id)
        .order_by(FrontierEntry.id)
    )
    return tuple(_address(entry, medium) for entry, medium in rows)


def _address(entry: FrontierEntry, medium: MediumSeen | None) -> RunAddress:
    code, message = entry.refusal_code, entry.refusal_message
    if code is None and medium is not None and medium.refusal_code is not None:
        code, message = medium.refusal_code, "the medium could not be read"
    return RunAddress(
        url=entry.url,
        kind=entry.kind,
        how=entry.how,
        state=entry.state,
        refusal_code=code,
        refusal_message=message,
        medium_id=medium.id if medium is not None else None,
    )
