"""What enrolment asks of rooms above it: narrow interfaces, given at composition in `app.py`."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from sqlalchemy.orm import Session

from indexer.observations import MediaHashes, PartHash
from service.accounts.actor import Actor

KnownOrigin = Literal["reference", "given", "confirmed"]


class KnownPictures(Protocol):
    """The hash bank: hashes of pictures known to show a person."""

    def add_known(
        self,
        session: Session,
        actor: Actor,
        person_id: uuid.UUID,
        origin: KnownOrigin,
        hashes: MediaHashes,
        photo_id: uuid.UUID | None = None,
        note: str = "",
        *,
        parts: Sequence[PartHash] = (),
        turned: Sequence[str] = (),
    ) -> uuid.UUID:
        """Keep the hashes of one picture, of its parts, and of it turned and mirrored in all eight
        ways; returns the row's id.
        """
        ...

    def forget_photo(self, session: Session, actor: Actor, photo_id: uuid.UUID) -> int:
        """Delete what was kept for one reference photo; returns how many rows."""
        ...


@dataclass(frozen=True, slots=True)
class ErasedCount:
    """How many of what were deleted; part of a receipt, so never anything of the person."""

    what: str
    count: int

    @property
    def words(self) -> str:
        """Count and what, like "1 entry of custody"."""
        plural, of, rest = self.what.partition(" of ")
        if self.count != 1:
            return f"{self.count} {self.what}"
        one = f"{plural[:-3]}y" if plural.endswith("ies") else plural.removesuffix("s")
        return f"1 {one}{of}{rest}"


class PersonEraser(Protocol):
    """A room that holds something of people and can delete all of it."""

    def erase(self, session: Session, person_id: uuid.UUID) -> tuple[ErasedCount, ...]:
        """Delete every row of the person; files and keys are destroyed by the caller."""
        ...


class InWords(Protocol):
    """Something that can be told in a sentence."""

    @property
    def words(self) -> str:
        """The sentence."""
        ...


class LooksAgain(Protocol):
    """The sources: what was seen before somebody joined is fetched once more for them."""

    def estimate(self, session: Session, organisation_id: uuid.UUID) -> InWords:
        """How much that would be now, and how long it takes."""
        ...


@dataclass(frozen=True, slots=True)
class StoryEvent:
    """Something that happened in a case, in words for the person; no address, no picture.

    `several` is the same for many of one day, with `{count}` where their number stands.
    """

    at: datetime
    words: str
    several: str = ""


class StorySource(Protocol):
    """A room that can tell what happened in a case."""

    def story(self, session: Session, actor: Actor, person_id: uuid.UUID) -> tuple[StoryEvent, ...]:
        """Events of a case that the actor may see, in any order."""
        ...
