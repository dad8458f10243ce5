"""Which hash matches of a medium may make a candidate, after what is known of each known picture.

1. Each match is noted, with the sites on which its known picture was seen by now.
2. What belongs to a known picture that the person has forgotten meanwhile counts for nothing.
3. Similar pictures of a known one that is held back (all over the web, or called different again
   and again) make no candidate; exact copies do.
4. The rest is weighed by the lower quality of both pictures.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy.orm import Session

from indexer.observations import HashMatch
from service.accounts.actor import Actor
from service.hashbank.matches import KnownMatches
from service.hashbank.matches_repository import PART, media_matched_by
from service.hashbank.strength import weighed
from service.sources.places import SeenPlaces


class Weighing:
    """Notes and weighs matches in the worker's transaction."""

    def __init__(self, matches: KnownMatches) -> None:
        self._matches = matches

    def usable(
        self,
        session: Session,
        worker: Actor,
        person_id: uuid.UUID,
        medium_id: uuid.UUID,
        matches: Sequence[HashMatch],
        medium_quality: int | None,
    ) -> tuple[HashMatch, ...]:
        """Those that may make a candidate, with their bands as quality allows."""
        if not matches or worker.organisation_id is None:
            return ()
        noted = self._matches.note(session, worker, person_id, medium_id, matches, medium_quality)
        places = SeenPlaces(session, worker.organisation_id)
        kept = []
        for match in matches:
            known = noted.get(match.known_ref)
            if known is None:
                continue
            is_exact, held_back = match.kind == "sha256", known.held_back
            if known.counts_decide and not (is_exact or held_back):
                in_part = match.kind == PART
                media = media_matched_by(known.known_id, with_parts=in_part)
                held_back = self._matches.held_back_by(
                    session, known.known_id, places.count(media).hosts, with_parts=in_part
                )
            if is_exact or not held_back:
                kept.append(weighed(match, known.quality))
        return tuple(kept)
