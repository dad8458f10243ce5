"""When a candidate is decided: one pure function over what was said so far.

- The person's own word is needed for yes, and enough for no.
- What the system found needs two different trained reviewers who say "same"; what the person
  pointed to needs one advocate.
- One "different" against it asks for one more reviewer: "same" has to outnumber "different".
- Two "different" that are not outnumbered dismiss. "Cannot tell" counts for neither side.
- A sign of a minor from anybody halts at once.

Nobody's verdict is shown to another reviewer before they have decided, so the order never matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from service.candidates.statements import Verdict

ResolvedState = Literal["waiting", "confirmed", "dismissed", "halted"]
_REVIEWERS_FOR_FOUND = 2
_REVIEWERS_FOR_POINTED = 1
_DIFFERENT_TO_DISMISS = 2


@dataclass(frozen=True, slots=True)
class Resolution:
    """Where a candidate stands, and whose word is missing."""

    state: ResolvedState
    needs_reviewer: bool
    needs_person: bool


def resolve(kind: str, reviewers: Sequence[Verdict], person: Verdict | None) -> Resolution:
    """Where a candidate of this kind stands after these verdicts."""
    same = sum(verdict == "same" for verdict in reviewers)
    different = sum(verdict == "different" for verdict in reviewers)
    needed = _REVIEWERS_FOR_POINTED if kind == "pointed" else _REVIEWERS_FOR_FOUND
    reviewers_agree = same >= needed and same > different
    needs_reviewer, needs_person = not reviewers_agree, person != "same"
    if person == "minor_sign" or "minor_sign" in reviewers:
        return Resolution("halted", needs_reviewer=False, needs_person=False)
    refused = different >= _DIFFERENT_TO_DISMISS and different >= same
    if person == "different" or refused:
        return Resolution("dismissed", needs_reviewer=False, needs_person=False)
    if reviewers_agree and not needs_person:
        return Resolution("confirmed", needs_reviewer=False, needs_person=False)
    return Resolution("waiting", needs_reviewer, needs_person)
