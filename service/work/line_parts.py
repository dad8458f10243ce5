"""What a slice of a run works with: the crawl child, the eyes, and where findings go.

Narrow protocols, so that a slice runs in a test with a child and eyes of the test's own.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.orm import Session

from indexer.crawl.messages import (
    Fetch,
    FetchRefused,
    MediumFetched,
    PageSeen,
    Scope,
    Unchanged,
)
from indexer.observations import Examination
from service.accounts.actor import Actor
from service.candidates.names_finds import NamesOnPage, NamesWritten
from service.candidates.names_watch import NameLook
from service.candidates.views import FindsHeldBack
from service.clock import Clock
from service.database import Database
from service.enrolment.eyes import Eyes
from service.hashbank.exchange.views import Listed
from service.sources.host_slots import HostSlots
from service.sources.media_ledger import Place
from service.sources.service import SourcesService

Result = PageSeen | MediumFetched | Unchanged | FetchRefused
FetchSource = Callable[[int], Sequence[Fetch]]


class CrawlChild(Protocol):
    """The part of `CrawlClient` that a slice needs."""

    def run_slice(
        self,
        slice_id: str,
        scope: Scope,
        fetches: FetchSource,
        slots: Callable[[str, float], float],
    ) -> Iterator[Result]:
        """Fetch what `fetches` gives; yield one result for each."""
        ...


class GalleryEyes(Eyes, Protocol):
    """Eyes that also tell which state of the watch-list they look with."""

    @property
    def change(self) -> int:
        """The change number of the gallery that is loaded."""
        ...

    @property
    def at_once(self) -> int:
        """How many media are worth handing over at a time."""
        ...

    def keep_up(self) -> None:
        """Follow the gallery where one is loaded, also while there is nothing to look at."""
        ...


class Findings(Protocol):
    """Where findings go: candidates."""

    def record_findings(
        self,
        session: Session,
        actor: Actor,
        *,
        organisation_id: uuid.UUID,
        medium_id: uuid.UUID,
        examination: Examination,
        media_url: str,
        page_url: str | None,
        host: str,
        run_id: uuid.UUID | None,
        held_back: FindsHeldBack | None = None,
    ) -> tuple[uuid.UUID, ...]:
        """Make candidates of an examination; returns the ids of new ones."""
        ...

    def record_names(
        self,
        session: Session,
        organisation_id: uuid.UUID,
        on_page: NamesOnPage,
        run_id: uuid.UUID | None,
    ) -> NamesWritten:
        """Make candidates of the names on a page."""
        ...

    def has_candidates(self, session: Session, actor: Actor, medium_id: uuid.UUID) -> bool:
        """Whether anybody was found in this medium before."""
        ...


class ListedMedia(Protocol):
    """The organisation's hash lists, as far as the media of a run go."""

    def before_looking(
        self, organisation_id: uuid.UUID, content: bytes, sha256: str, change: int
    ) -> Listed:
        """The lists that name this very file, without looking at it, as of `change` or later."""
        ...

    def after_looking(
        self, organisation_id: uuid.UUID, listed: Listed, examination: Examination
    ) -> Listed:
        """Those, and the lists that name what it looks like."""
        ...

    def was_listed(
        self, session: Session, organisation_id: uuid.UUID, medium_id: uuid.UUID
    ) -> bool:
        """Whether a list named this content before."""
        ...

    def change(self) -> int:
        """How often what is in force has changed so far."""
        ...

    def change_in(self, session: Session) -> int:
        """The same, as this transaction sees it."""
        ...

    def write(
        self,
        session: Session,
        place: Place,
        listed: Listed,
        content_sha256: str,
        medium_id: uuid.UUID | None,
    ) -> None:
        """Note the address for each list, and do what the lists say of candidates."""
        ...


class SoughtNames(Protocol):
    """The names that are looked for in pages."""

    def look_for(self, organisation_id: uuid.UUID, only_person: str | None) -> NameLook:
        """What a slice compares its pages with: names in force, or those of one person."""
        ...


@dataclass(frozen=True, slots=True)
class SliceOutcome:
    """What a slice did. `wait_s` is how long the next one should wait before it begins."""

    completed: int
    more: bool
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class LineParts:
    """What every slice works with. `face_matching_on` answers for one organisation."""

    database: Database
    clock: Clock
    sources: SourcesService
    findings: Findings
    lists: ListedMedia
    names: SoughtNames
    slots: HostSlots
    eyes: GalleryEyes
    face_matching_on: Callable[[Session, uuid.UUID], bool]
    slice_pages: int
    stopping: threading.Event
