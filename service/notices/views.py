"""What pages and the API are told of a notice: frozen, opened from its document."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from service.exhibits.views import ExhibitView
from service.notices.documents import FilingDocument, ItemDocument, NoticeDocument
from service.notices.elements import MissingElement
from service.notices.models import Notice, Receiver
from service.notices.regimes import Regime, regime_of


@dataclass(frozen=True, slots=True)
class ReceiverView:
    """Where notices for a host go."""

    name: str
    contact: str

    @property
    def words(self) -> str:
        """Name and contact in one line."""
        return (
            f"{self.name} ({self.contact})"
            if self.name and self.contact
            else self.name or self.contact
        )

    @classmethod
    def of(cls, row: Receiver) -> ReceiverView:
        """The view of a row."""
        return cls(row.name, row.contact)


@dataclass(frozen=True, slots=True)
class ChoiceGroup:
    """Exhibits that may stand in one notice together: of one person, seen on one host.

    Each comes with how many addresses of it are known there.
    """

    person_label: str
    host: str
    exhibits: tuple[tuple[ExhibitView, int], ...]

    @property
    def all_sealed(self) -> bool:
        """Whether no reason is needed, whichever are chosen."""
        return all(exhibit.is_sealed for exhibit, _ in self.exhibits)


@dataclass(frozen=True, slots=True)
class ClockView:
    """The clock that runs from receipt, in words."""

    ends_at: datetime
    is_late: bool
    words: str


@dataclass(frozen=True, slots=True)
class NoticeLine:
    """One line of the list of notices."""

    notice_id: uuid.UUID
    host: str
    regime: Regime
    state: str
    items: int
    made_at: datetime
    clock: ClockView | None


@dataclass(frozen=True, slots=True)
class NoticeView:
    """One notice with what it lacks."""

    notice_id: uuid.UUID
    organisation_id: uuid.UUID
    person_id: uuid.UUID
    state: str
    host: str
    regime: Regime
    receiver: ReceiverView | None
    document: NoticeDocument
    missing: tuple[MissingElement, ...]
    made_at: datetime
    signed_at: datetime | None
    filed_at: datetime | None
    received_at: datetime | None
    clock: ClockView | None
    as_agent: bool

    @property
    def items(self) -> tuple[ItemDocument, ...]:
        """The addresses."""
        return self.document.items

    @property
    def filing(self) -> FilingDocument | None:
        """How it was filed."""
        return self.document.filing

    @property
    def is_draft(self) -> bool:
        """Whether it can still be changed."""
        return self.state == "draft"

    @property
    def missing_before_signing(self) -> tuple[MissingElement, ...]:
        """What has to be there before anybody can sign: all but statements and signature."""
        at_signing = {"statements", "signature"}
        kinds = {element.id: element.kind for element in self.regime.elements}
        return tuple(
            one for one in self.missing if kinds[one.id.split(".", 1)[0]] not in at_signing
        )


def clock_view(row: Notice, now: datetime) -> ClockView | None:
    """How much time is left, or how late it is."""
    if row.clock_ends_at is None:
        return None
    left = row.clock_ends_at - now
    until = row.clock_ends_at.strftime("%A %d %B %Y, %H:%M UTC")
    late = left.total_seconds() < 0
    hours, minutes = divmod(int(abs(left.total_seconds())) // 60, 60)
    span = f"{hours} h {minutes} min" if hours else f"{minutes} min"
    words = f"Late: it was due {until}, {span} ago." if late else f"Due {until}: {span} left."
    return ClockView(row.clock_ends_at, late, words)


def line_of(row: Notice, document: NoticeDocument, now: datetime) -> NoticeLine:
    """The line of a row with its opened document."""
    return NoticeLine(
        row.id,
        row.host,
        regime_of(row.regime),
        row.state,
        len(document.items),
        row.made_at,
        clock_view(row, now),
    )
