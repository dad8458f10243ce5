"""What is told of models: which one searches, how a change of it stands, and what it means for one
person. Ids, stamps and counts; the words are in `face_words.py`.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from indexer.observations import ModelStamp

ChangeState = Literal[
    "building", "ready", "switched", "confirmed", "abandoned", "went_back", "superseded"
]
ChangeReason = Literal["chosen", "program"]
FaceState = Literal[
    "off",
    "searched",
    "being_prepared",
    "no_photo",
    "no_usable_photo",
    "soon_no_usable_photo",
]

PHOTO_LOST = "photo_lost"
"""The photo's encrypted file is not there or cannot be opened: nothing can be made of it again."""


@dataclass(frozen=True, slots=True)
class UsedModel:
    """The model that searches. `licence_accepted`: an operator said so when choosing it."""

    stamp: ModelStamp
    licence_accepted: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class BuildCounts:
    """How far a model is built: photos in all, templates made, photos it refused; people who have
    photos and no template of it; of these, people whom the model before it can find.
    """

    photos: int
    made: int
    refused: int
    people_without: int
    people_lost: int

    @property
    def left(self) -> int:
        """Photos still to do."""
        return max(0, self.photos - self.made - self.refused)


NOTHING_COUNTED = BuildCounts(0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One change of the model. `before` is None when nothing searched until then.

    `waits_for_operator`: it is ready and is not switched by itself, for whichever reason.
    """

    id: uuid.UUID
    state: ChangeState
    reason: ChangeReason
    asks_before_switch: bool
    before: ModelStamp | None
    after: ModelStamp
    counts: BuildCounts
    problem: str
    started_by: uuid.UUID | None
    started_at: datetime
    ready_at: datetime | None
    switched_at: datetime | None
    ended_at: datetime | None
    waits_for_operator: bool = False

    @property
    def is_open(self) -> bool:
        """Whether somebody or something still has to act."""
        return self.state in ("building", "ready", "switched")

    @property
    def stops_searching(self) -> bool:
        """Whether faces are not compared until it is through: this program cannot use the old
        templates any more.
        """
        return self.reason == "program" and self.state in ("building", "ready")


@dataclass(frozen=True, slots=True)
class ModelStanding:
    """Which model searches, and the open change, or else the last one."""

    in_use: UsedModel | None
    change: ChangeView | None
    refusals: tuple[tuple[str, int], ...] = ()
    """(code, photos) that the model being built, or else the one in use, refused."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A model that templates are to be made of beside the one that searches.

    `is_needed`: the change waits for it. Otherwise it is the old model, kept ready for going back.
    """

    change_id: uuid.UUID
    stamp: ModelStamp
    licence_accepted: bool
    is_needed: bool
    searching_meanwhile: bool
    problem: str = ""

    @property
    def key(self) -> tuple[uuid.UUID, ModelStamp]:
        """Which model of which change this is."""
        return self.change_id, self.stamp


@dataclass(frozen=True, slots=True)
class RefusedPhoto:
    """A photo of which the model could make no template."""

    photo_id: uuid.UUID
    code: str


@dataclass(frozen=True, slots=True)
class PersonFaces:
    """Whether a person can be found by their face now, and which photos are in the way.

    `refused` are photos that the model in use (or, with "soon_no_usable_photo", the one that is
    being built) could not use; `searched_with` those that faces are compared with.
    """

    state: FaceState
    refused: tuple[RefusedPhoto, ...] = ()
    searched_with: frozenset[uuid.UUID] = frozenset()

    @property
    def cannot_be_found(self) -> bool:
        """Whether their face should be looked for and cannot be: nothing found means nothing."""
        return self.state in ("being_prepared", "no_usable_photo")
