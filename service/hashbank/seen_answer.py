"""The answer on what was seen before, as this room's pages show it; the candidates' room makes it.

It holds counts, months and words, and no address: see `service.candidates.seen_before`.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from service.accounts.actor import Actor
from service.database import Database
from service.hashbank.matches import KnownStanding


@dataclass(frozen=True, slots=True)
class SeenCounts:
    """At how many addresses, on how many sites, since when; and how many media of which kind."""

    addresses: int
    sites: int
    since: datetime | None
    exact: int
    alike: int
    weak: int


@dataclass(frozen=True, slots=True)
class SeenPicture:
    """The answer on one known picture. `held_back` says why look-alikes make no candidates."""

    standing: KnownStanding
    is_answered: bool
    counts: SeenCounts
    words: str
    held_back: str


@dataclass(frozen=True, slots=True)
class SeenBeforeView:
    """The answer of a case. `words` are of all its pictures together.

    `looked` says how much was looked at; `to_vouch` are pictures that nobody vouched for yet.
    """

    is_verified: bool
    is_answered: bool
    words: str
    looked: str
    pictures: tuple[SeenPicture, ...]
    to_vouch: tuple[uuid.UUID, ...]

    def of(self, known_id: uuid.UUID) -> SeenPicture | None:
        """The answer on one of them."""
        return next((each for each in self.pictures if each.standing.known_id == known_id), None)


class SeenAnswers(Protocol):
    """`service.candidates.seen_before.SeenBefore`."""

    def view(self, session: Session, actor: Actor, person_id: uuid.UUID) -> SeenBeforeView:
        """The answer, for those who may see the case; else `NotFoundError`."""
        ...

    def answer_now(self, database: Database, actor: Actor, person_id: uuid.UUID) -> None:
        """Look up what has just been given, if the case is verified."""
        ...
