"""Media of a run that are on the organisation's hash lists.

1. Before looking: lists that name the very file. One that may show somebody under 18 is then not
   even decoded.
2. After looking: lists that name what it looks like, too.
3. Written with the medium, in its transaction: the addresses, and what lists forbid of candidates.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.orm import Session

from indexer.observations import Examination
from service.accounts.actor import Actor
from service.candidates.listed import stop_words
from service.hashbank.exchange.entries import change_number
from service.hashbank.exchange.hits import HitBook, SeenPlace
from service.hashbank.exchange.list_index import ListIndex
from service.hashbank.exchange.views import Listed
from service.sources.media_ledger import Place, host_of

_SYSTEM = "hash lists"


class ListedFinds(Protocol):
    """What candidates let lists do."""

    def stop_listed(self, session: Session, actor: Actor, content_sha256: str, reason: str) -> int:
        """Halt what is there of a content."""
        ...

    def conceal_listed(
        self, session: Session, actor: Actor, medium_id: uuid.UUID, names: str
    ) -> int:
        """No picture of a content is ever shown."""
        ...


@dataclass(frozen=True, slots=True)
class MediaOnLists:
    """Implements `service.work.line_parts.ListedMedia`."""

    index: ListIndex
    hits: HitBook
    finds: ListedFinds

    def before_looking(
        self, organisation_id: uuid.UUID, content: bytes, sha256: str, change: int
    ) -> Listed:
        """The lists that name this very file, as of `change` or later."""
        return self.index.exact(organisation_id, content, sha256, change)

    def after_looking(
        self, organisation_id: uuid.UUID, listed: Listed, examination: Examination
    ) -> Listed:
        """Those, and the lists that name what it looks like."""
        return listed.plus(self.index.similar(organisation_id, examination))

    def was_listed(
        self, session: Session, organisation_id: uuid.UUID, medium_id: uuid.UUID
    ) -> bool:
        """Whether a list named this content before: its new addresses count, too."""
        return self.hits.was_listed(session, organisation_id, medium_id)

    def change(self) -> int:
        """How often what is in force has changed so far."""
        return self.index.change()

    def change_in(self, session: Session) -> int:
        """The same, as this transaction sees it."""
        return change_number(session)

    def write(
        self,
        session: Session,
        place: Place,
        listed: Listed,
        content_sha256: str,
        medium_id: uuid.UUID | None,
    ) -> None:
        """Note the address for each list, and do what the lists say."""
        seen = SeenPlace(place.media_url, place.page_url, host_of(place.media_url), place.run_id)
        self.hits.record(session, place.organisation_id, listed, seen, medium_id)
        worker = Actor.system(_SYSTEM, place.organisation_id)
        if listed.stop:
            self.finds.stop_listed(session, worker, content_sha256, stop_words(listed))
        elif listed.never_show and medium_id is not None:
            self.finds.conceal_listed(session, worker, medium_id, listed.names("never_show"))
