"""What the demo's site serves, and what must be found in it: declared in one place, before a run.

A `Planned` item is one address of the site with its bytes and the outcome that counts as right.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Shows = Literal["person", "known_picture", "somebody_else", "nobody", "unreadable", "unknown"]

ALTERED = frozenset({"strong_signs", "moderate_signs", "weak_signs"})
"""Bands of a manipulation finding that say that something was altered."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The right outcome for one address.

    `found_by`: kinds of find that are all needed ("face", "hash"; another kind beside them is
    right too); empty means that any find would be wrong. `bands`: the manipulation bands that are
    right; empty means that any is.
    `refusals`: codes of which one is needed; empty means that a refusal would be wrong.
    `requested`: whether the site may be asked for it at all.
    """

    found_by: frozenset[str] = frozenset()
    bands: frozenset[str] = frozenset()
    refusals: frozenset[str] = frozenset()
    requested: bool = True


@dataclass(frozen=True, slots=True)
class Planned:
    """One address of the site. `path` begins with a slash and is quoted for use in an address.

    `content` is what is served, or the file that holds it. `expected` is None on a site of the
    user's own pictures, of which nothing is known beforehand.
    """

    path: str
    content: bytes | Path
    content_type: str
    shows: Shows
    what: str
    expected: Expected | None
    status: int = 200
    headers: tuple[tuple[str, str], ...] = field(default=())
