"""What callers are told of lists, connections, hits and programmes: frozen, without any secret."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, cast

from service.hashbank.exchange.models import HashConnection, HashList, HashListHit
from service.hashbank.exchange.registry import KindOfConnection, kind_of
from service.hashbank.exchange.signals import HashKind

ListAction = Literal["match", "never_show", "stop"]
ACTIONS: Final[tuple[ListAction, ...]] = ("match", "never_show", "stop")
ACTION_WORDS: Final = {
    "match": "tell the addresses",
    "never_show": "never show a picture of it",
    "stop": "stop: may show somebody under 18",
}


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """A server or programme, and whether credentials are kept for it."""

    id: uuid.UUID
    organisation_id: uuid.UUID
    name: str
    kind: KindOfConnection
    address: str
    bank: str
    takes_exports: bool
    run_by: str
    terms: str
    entitled_by: str
    has_secret: bool
    added_at: datetime
    closed_at: datetime | None

    @classmethod
    def of(cls, row: HashConnection) -> ConnectionView:
        """The view of a row."""
        return cls(
            id=row.id,
            organisation_id=row.organisation_id,
            name=row.name,
            kind=kind_of(row.kind),
            address=row.address,
            bank=row.bank,
            takes_exports=row.takes_exports,
            run_by=row.run_by,
            terms=row.terms,
            entitled_by=row.entitled_by,
            has_secret=row.secret is not None,
            added_at=row.added_at,
            closed_at=row.closed_at,
        )


@dataclass(frozen=True, slots=True)
class ListView:
    """A list of hashes, with how many of each kind are in force."""

    id: uuid.UUID
    organisation_id: uuid.UUID
    name: str
    action: ListAction
    given_by: str
    terms: str
    entitlement: str
    entitled_by: str
    connection_id: uuid.UUID | None
    selection: str
    counts: tuple[tuple[HashKind, int], ...]
    problem: str
    added_at: datetime
    changed_at: datetime
    tried_at: datetime | None

    @property
    def entries(self) -> int:
        """How many hashes are in force."""
        return sum(count for _, count in self.counts)

    @classmethod
    def of(cls, row: HashList) -> ListView:
        """The view of a row."""
        return cls(
            id=row.id,
            organisation_id=row.organisation_id,
            name=row.name,
            action=cast(ListAction, row.action),
            given_by=row.given_by,
            terms=row.terms,
            entitlement=row.entitlement,
            entitled_by=row.entitled_by,
            connection_id=row.connection_id,
            selection=row.selection,
            counts=(
                ("pdq", row.pdq_entries),
                ("sha256", row.sha256_entries),
                ("md5", row.md5_entries),
            ),
            problem=row.problem,
            added_at=row.added_at,
            changed_at=row.changed_at,
            tried_at=row.tried_at,
        )


@dataclass(frozen=True, slots=True)
class ListMatch:
    """A medium is on a list. `distance` is in bits, 0 for hashes of whole files."""

    list_id: uuid.UUID
    list_name: str
    action: ListAction
    kind: HashKind
    distance: int


@dataclass(frozen=True, slots=True)
class Listed:
    """All lists of one organisation that a medium is on, the closest match on each."""

    matches: tuple[ListMatch, ...] = ()

    @property
    def stop(self) -> bool:
        """Whether nothing of it may be looked at or kept (design rule 6)."""
        return any(match.action == "stop" for match in self.matches)

    @property
    def never_show(self) -> bool:
        """Whether no picture of it may ever be shown or kept."""
        return any(match.action == "never_show" for match in self.matches)

    def names(self, action: ListAction) -> str:
        """The names of the lists with this action, in words."""
        return ", ".join(sorted(each.list_name for each in self.matches if each.action == action))

    def plus(self, other: Listed) -> Listed:
        """Both together; of the same list the closest match."""
        best: dict[uuid.UUID, ListMatch] = {}
        for match in (*self.matches, *other.matches):
            if match.list_id not in best or match.distance < best[match.list_id].distance:
                best[match.list_id] = match
        ordered = sorted(best.values(), key=lambda each: (each.list_name, each.distance))
        return Listed(tuple(ordered))


NOT_LISTED: Final = Listed()


@dataclass(frozen=True, slots=True)
class FoundFromList:
    """A medium of a list at an address: first and latest time, and how close."""

    list_name: str
    action: ListAction
    media_url: str
    page_url: str | None
    host: str
    kind: HashKind
    distance: int
    first_seen_at: datetime
    seen_at: datetime

    @classmethod
    def of(cls, row: HashListHit, first_seen_at: datetime) -> FoundFromList:
        """The view of the latest row of an address."""
        return cls(
            list_name=row.list_name,
            action=cast(ListAction, row.action),
            media_url=row.media_url,
            page_url=row.page_url,
            host=row.host,
            kind=cast(HashKind, row.kind),
            distance=row.distance,
            first_seen_at=first_seen_at,
            seen_at=row.seen_at,
        )


@dataclass(frozen=True, slots=True)
class ListCount:
    """How many addresses were found from one list."""

    list_name: str
    action: ListAction
    addresses: int
