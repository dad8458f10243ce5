"""Where an organisation's own runs saw a medium: addresses, sites and since when (design rule 12).

What another organisation saw is never counted and never told. How much was looked at goes with
every answer: nothing found is no proof that there is nothing (design rule 13).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from service.sources.models import MediumSeen, Run, Sighting

_OVER = ("finished", "blind", "cancelled", "failed")


@dataclass(frozen=True, slots=True)
class PlacesSeen:
    """At how many addresses, on how many sites (by their host), since when."""

    addresses: int
    hosts: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class SeenPlace:
    """One address at which a medium was seen, and the latest run that saw it there."""

    media_url: str
    page_url: str | None
    host: str
    seen_at: datetime
    run_id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class LookedSoFar:
    """What the organisation's runs looked at: a medium counts once for each time.

    `sites_blind` counts sites whose latest run could not look.
    """

    media: int
    sites: int
    sites_blind: int
    since: datetime | None


class SeenPlaces:
    """Sightings and runs of one organisation, counted."""

    def __init__(self, session: Session, organisation_id: uuid.UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    def count(self, media: Select[uuid.UUID]) -> PlacesSeen:
        """Where any of these media was seen; halted ones are not counted."""
        row = self._session.execute(
            select(
                func.count(Sighting.media_url_key.distinct()),
                func.count(Sighting.host.distinct()),
                func.min(Sighting.seen_at),
            )
            .join(MediumSeen, MediumSeen.id == Sighting.medium_id)
            .where(
                Sighting.organisation_id == self._organisation_id,
                Sighting.medium_id.in_(media),
                MediumSeen.halted_at.is_(None),
            )
        ).one()
        return PlacesSeen(row[0], row[1], row[2])

    def of_medium(self, medium_id: uuid.UUID, limit: int) -> Sequence[SeenPlace]:
        """The addresses of one medium, the latest seen first, each once."""
        rows = self._session.execute(
            select(Sighting)
            .where(
                Sighting.organisation_id == self._organisation_id,
                Sighting.medium_id == medium_id,
            )
            .order_by(Sighting.seen_at.desc(), Sighting.id)
            .limit(limit * 10)
        ).scalars()
        places: dict[tuple[str, str | None], SeenPlace] = {}
        for row in rows:
            place = SeenPlace(row.media_url, row.page_url, row.host, row.seen_at, row.run_id)
            places.setdefault((row.media_url, row.page_url), place)
        return list(places.values())[:limit]

    def seen_media(self, medium_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
        """Those of the media that the organisation's own runs have seen."""
        found: set[uuid.UUID] = set()
        for start in range(0, len(medium_ids), 500):
            found.update(
                self._session.scalars(
                    select(Sighting.medium_id)
                    .where(
                        Sighting.organisation_id == self._organisation_id,
                        Sighting.medium_id.in_(medium_ids[start : start + 500]),
                    )
                    .distinct()
                )
            )
        return found

    def looked_so_far(self) -> LookedSoFar:
        """How much was looked at until now."""
        mine = Run.organisation_id == self._organisation_id
        media, sites, since = self._session.execute(
            select(
                func.coalesce(func.sum(Run.media_examined), 0),
                func.count(Run.site_id.distinct()),
                func.min(Run.started_at),
            ).where(mine, Run.media_examined > 0)
        ).one()
        latest = (
            select(
                Run.state,
                func.row_number()
                .over(partition_by=Run.site_id, order_by=Run.created_at.desc())
                .label("place"),
            )
            .where(mine, Run.state.in_(_OVER))
            .subquery()
        )
        blind = self._session.scalar(
            select(func.count())
            .select_from(latest)
            .where(latest.c.place == 1, latest.c.state == "blind")
        )
        return LookedSoFar(int(media), sites, blind or 0, since)
