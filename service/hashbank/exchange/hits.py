"""What was found from lists: addresses in words, never a picture, never a person.

Advocates see what lists with "match" and "never show" found; what may show somebody under 18 is for
the operator alone, who reports it (design rule 6). Counts are for both.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import Final, cast

from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.clock import Clock
from service.errors import NotAllowedError
from service.hashbank.exchange.models import HashListHit
from service.hashbank.exchange.repository import ExchangeRepository
from service.hashbank.exchange.views import FoundFromList, ListAction, ListCount, Listed

_MOST_SHOWN: Final = 500


@dataclass(frozen=True, slots=True)
class SeenPlace:
    """Where a run saw a medium."""

    media_url: str
    page_url: str | None
    host: str
    run_id: uuid.UUID | None


class HitBook:
    """Writes hits in the caller's transaction, and shows them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def record(
        self,
        session: Session,
        organisation_id: uuid.UUID,
        listed: Listed,
        place: SeenPlace,
        medium_id: uuid.UUID | None,
    ) -> int:
        """Note each list that the medium is on; the same again in a run is one. How many are new.

        What a list of action "stop" names keeps no link to any content.
        """
        repository = ExchangeRepository(session, Actor.system("hash lists", organisation_id))
        key = _address_key(place)
        new = 0
        for match in listed.matches:
            if listed.stop and match.action != "stop":
                continue
            if repository.hit_of_run(match.list_id, place.run_id, key) is not None:
                continue
            repository.add(
                HashListHit(
                    organisation_id=organisation_id,
                    list_id=match.list_id,
                    list_name=match.list_name,
                    action=match.action,
                    run_id=place.run_id,
                    medium_id=None if listed.stop else medium_id,
                    media_url=place.media_url,
                    page_url=place.page_url,
                    address_key=key,
                    host=place.host,
                    kind=match.kind,
                    distance=match.distance,
                    seen_at=self._clock.now(),
                )
            )
            new += 1
        return new

    def was_listed(
        self, session: Session, organisation_id: uuid.UUID, medium_id: uuid.UUID
    ) -> bool:
        """Whether this content was found from a list before: new addresses of it count, too."""
        actor = Actor.system("hash lists", organisation_id)
        return ExchangeRepository(session, actor).was_hit(medium_id)

    def found(
        self, session: Session, actor: Actor, *, limit: int = _MOST_SHOWN, offset: int = 0
    ) -> tuple[FoundFromList, ...]:
        """For advocates: each address once, the newest first."""
        if actor.role not in (Role.ADVOCATE, Role.SYSTEM):
            raise NotAllowedError("Only advocates see what was found from lists.")
        rows = ExchangeRepository(session, actor).hits(
            ("match", "never_show"), limit=limit, offset=offset
        )
        return tuple(FoundFromList.of(row, first) for row, first in rows)

    def to_report(
        self, session: Session, actor: Actor, *, limit: int = _MOST_SHOWN
    ) -> tuple[FoundFromList, ...]:
        """For operators: addresses of what may show somebody under 18."""
        if actor.role not in (Role.OPERATOR, Role.SYSTEM):
            raise NotAllowedError("Only an operator sees what has to be reported.")
        rows = ExchangeRepository(session, actor).hits(("stop",), limit=limit)
        return tuple(FoundFromList.of(row, first) for row, first in rows)

    def counts(
        self, session: Session, actor: Actor, run_id: uuid.UUID | None = None
    ) -> tuple[ListCount, ...]:
        """How many addresses each list named, of all runs or of one."""
        rows = ExchangeRepository(session, actor).hit_counts(run_id)
        return tuple(
            ListCount(name, cast(ListAction, action), count) for name, action, count in rows
        )


def _address_key(place: SeenPlace) -> str:
    text = f"{place.media_url}\x00{place.page_url or ''}"
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
