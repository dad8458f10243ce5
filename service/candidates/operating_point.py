"""Where the search stands: how close a face has to be, and what chance does there.

One row for the installation, as the examiner told it when it took the gallery last: it knows the
model's figures. Numbers of the whole, and nothing of any person.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from service.candidates.models import OperatingPointRow

_ROW = 1
_ROUNDING = 1.05
"""Rounding is no reason to tell an operator that their figure cannot be kept to."""


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """`expected_a_day` are chance matches in the whole installation at `threshold` (a cosine).

    `is_measured` is false for a pack whose figures nobody here has measured.
    """

    chance_matches_a_day: float
    faces_a_day: int
    templates: int
    threshold: float
    expected_a_day: float
    is_measured: bool

    @property
    def keeps_to_it(self) -> bool:
        """Whether no more has to be expected than the operator bears."""
        return self.expected_a_day <= self.chance_matches_a_day * _ROUNDING

    @property
    def remark(self) -> str:
        """What an operator has to know of it; empty while their figure is kept to."""
        if self.keeps_to_it:
            return ""
        expected, borne = _number(self.expected_a_day), _number(self.chance_matches_a_day)
        return (
            "At this size more chance matches than you bear must be expected: about "
            f"{expected} a day, where you bear {borne} ({self.faces_a_day:,} faces a day, each "
            f"compared with {self.templates:,} templates). No stricter threshold was measured for "
            "this model."
        )

    @property
    def words(self) -> str:
        """The point in one line."""
        if not self.templates:
            return "no face is looked for: the watch-list is empty"
        measured = "" if self.is_measured else ", by figures that nobody measured"
        return (
            f"similarity from {self.threshold:.3f} on; about {_number(self.expected_a_day)} chance "
            f"matches a day are to be expected among {self.faces_a_day:,} faces a day and "
            f"{self.templates:,} templates{measured}"
        )


def operating_point(session: Session) -> OperatingPoint | None:
    """As it was written last; None before any examiner has taken a gallery."""
    row = session.get(OperatingPointRow, _ROW, populate_existing=True)
    if row is None:
        return None
    return OperatingPoint(
        row.chance_matches_a_day,
        row.faces_a_day,
        row.templates,
        row.threshold,
        row.expected_a_day,
        row.is_measured,
    )


def note(session: Session, point: OperatingPoint, now: datetime) -> None:
    """Write it down; two workers may do so at the same moment, and the later one stays."""
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    insert = postgresql_insert if is_postgresql else sqlite_insert
    values = {**asdict(point), "set_at": now}
    session.execute(
        insert(OperatingPointRow)
        .values(id=_ROW, **values)
        .on_conflict_do_update(index_elements=["id"], set_=values)
    )


def _number(value: float) -> str:
    """Two digits that mean something."""
    if value >= 10:
        digits = 10 ** max(0, len(str(round(value))) - 2)
        return f"{round(value / digits) * digits:,}"
    return f"{value:.2g}"
