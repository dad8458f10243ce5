"""What this room asks of the candidates' room, and of cases: narrow, frozen, given in `app.py`."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from sqlalchemy.orm import Session

from indexer.crawl.capture_messages import Captured
from indexer.crawl.messages import Scope
from indexer.observations import Examination
from service.accounts.actor import Actor
from service.accounts.views import OrganisationView
from service.enrolment.views import PersonView
from service.exhibits.bundle import Statement
from service.exhibits.manifest import BroughtSummary


@dataclass(frozen=True, slots=True)
class SeenAddress:
    """One address at which the same content was seen; the first one of a find is captured."""

    media_url: str | None
    page_url: str | None
    host: str
    seen_at: str
    run_id: uuid.UUID | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class Find:
    """One candidate as evidence sees it.

    `examination` is what the eyes saw when it was found; None for what a person pointed to.
    `seen` are all addresses of this content that are known by now; `confirmed_sha256s` are the
    contents that people have confirmed (what was found, and what was captured instead). Of what
    lists `never_show` no bytes of a picture are kept.
    """

    candidate_id: uuid.UUID
    person_id: uuid.UUID
    organisation_id: uuid.UUID
    kind: Literal["face", "hash", "name", "pointed"]
    state: str
    host: str
    page_url: str | None
    media_url: str | None
    run_id: uuid.UUID | None
    examination: Examination | None
    seen: tuple[SeenAddress, ...]
    brought: tuple[BroughtSummary, ...] = ()
    confirmed_sha256s: frozenset[str] = frozenset()
    place: int = 0
    never_show: bool = False

    def at(self, place: int) -> Find:
        """The find as it is at one of its addresses; the first is where it was found."""
        if place == 0:
            return self
        there = self.seen[place]
        return replace(
            self,
            host=there.host,
            page_url=there.page_url,
            media_url=there.media_url,
            run_id=there.run_id,
            place=place,
        )

    @property
    def addresses(self) -> tuple[str, ...]:
        """What to capture, in order: the page, then the medium."""
        both = (self.page_url, self.media_url)
        return tuple(dict.fromkeys(address for address in both if address))


class Finds(Protocol):
    """The candidates' room, as far as evidence needs it."""

    def find(self, session: Session, actor: Actor, candidate_id: uuid.UUID) -> Find:
        """One candidate; `NotFoundError` when the caller may not see it."""
        ...

    def statements(
        self, session: Session, actor: Actor, candidate_id: uuid.UUID
    ) -> tuple[Statement, ...]:
        """What reviewers and the person stated when they confirmed it."""
        ...

    def captured(
        self,
        session: Session,
        actor: Actor,
        candidate_id: uuid.UUID,
        examination: Examination,
        content_bytes: int,
    ) -> None:
        """What was captured has been examined (for what a person pointed to: the first time)."""
        ...

    def why_not_kept(
        self, session: Session, find: Find, content: bytes, examination: Examination | None
    ) -> str:
        """Why nothing of what was captured may be kept (design rule 6); empty when it may."""
        ...

    def not_kept(self, session: Session, actor: Actor, find: Find, reason: str) -> None:
        """What was captured of a candidate may show somebody under 18: it is halted."""
        ...

    def other_content(
        self,
        session: Session,
        actor: Actor,
        find: Find,
        examination: Examination,
        content_bytes: int,
    ) -> None:
        """Where a confirmed find appeared again there is something else now, and it was examined.

        `find` is the one at that place. If it shows the person it becomes a find of its own.
        """
        ...


class Cases(Protocol):
    """Enrolment, as far as evidence and notices need it."""

    def person_view(self, session: Session, actor: Actor, person_id: uuid.UUID) -> PersonView:
        """One case with its live mandate; `NotFoundError` when the caller may not see it."""
        ...


class Organisations(Protocol):
    """Accounts, as far as evidence and notices need them."""

    def organisation(self, session: Session, actor: Actor) -> OrganisationView:
        """The actor's own organisation."""
        ...


class Scopes(Protocol):
    """Where a capture may go."""

    def of_find(self, session: Session, find: Find) -> Scope:
        """The scope of the site that the find is from, or of the addresses that were pasted."""
        ...


class Capturer(Protocol):
    """`indexer.crawl.capture_client.CaptureClient`, or one in a test."""

    def capture(
        self, urls: tuple[str, ...], scope: Scope, keep_bodies: bool, slots: AskSlot
    ) -> Captured:
        """Capture the addresses in order."""
        ...


class AskSlot(Protocol):
    """How a capture asks for the lease of a host."""

    def __call__(self, host: str, delay_s: float, /) -> float:
        """Seconds to wait before the next request to `host`."""
        ...


class Slots(Protocol):
    """`service.sources.host_slots.HostSlots`."""

    def reserve(self, host: str, delay_s: float) -> float:
        """Reserve the next free moment at a host; returns seconds to wait."""
        ...
