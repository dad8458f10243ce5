"""Faces that wait to be embedded and compared together: only with others of the same run.

A probe lives inside one call, which may take a batch of media of one run (design rule 1). So media
wait by run, by watch-list and by whom they are compared with; a medium that belongs to no run waits
for nobody. Whoever uses this holds a lock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from indexer.watchlist import Watchlist

MAX_WAIT_S: Final = 0.5
BATCH_FACES: Final = 64


@dataclass(frozen=True, slots=True)
class Together:
    """What media must have in common. `run` None is a medium alone."""

    watchlist: Watchlist
    only_person: str | None
    run: str | None

    def fits(self, other: Together) -> bool:
        """Whether their faces may be in one batch."""
        return (
            self.run is not None
            and self.run == other.run
            and self.watchlist is other.watchlist
            and self.only_person == other.only_person
        )


class Waits(Protocol):
    """A medium that was looked at. `started`: on the monotonic clock."""

    started: float

    @property
    def together(self) -> Together:
        """With whom it may be compared."""
        ...

    @property
    def faces_counted(self) -> int:
        """How many faces it shows."""
        ...


Waiting = TypeVar("Waiting", bound=Waits)


class WaitingFaces(Generic[Waiting]):
    """Media with faces, first come, first served."""

    def __init__(self, worth: Callable[[Watchlist], int]) -> None:
        """`worth`: how many faces are worth waiting for."""
        self._worth = worth
        self._batches: list[list[Waiting]] = []

    def __len__(self) -> int:
        return sum(map(len, self._batches))

    def __iter__(self) -> Iterator[Waiting]:
        return (each for batch in self._batches for each in batch)

    def add(self, media: Sequence[Waiting]) -> None:
        """Each beside those that it fits."""
        for medium in media:
            for batch in self._batches:
                enough = sum(each.faces_counted for each in batch) >= BATCH_FACES
                if not enough and batch[0].together.fits(medium.together):
                    batch.append(medium)
                    break
            else:
                self._batches.append([medium])

    def clear(self) -> None:
        """Let go of all of them."""
        self._batches.clear()

    def take(self, *, nothing_else: bool) -> list[Waiting]:
        """A batch that need not or must not wait longer; none while all should.

        `nothing_else`: nothing else is left to look at, so that nobody would join them.
        """
        for at, batch in enumerate(self._batches):
            if nothing_else or self._is_enough(batch) or _patience_s(batch) == 0:
                return self._batches.pop(at)
        return []

    def patience_s(self) -> float | None:
        """How long the first of them may wait still; None when there are none."""
        return min(map(_patience_s, self._batches), default=None)

    def _is_enough(self, batch: Sequence[Waiting]) -> bool:
        together = batch[0].together
        faces = sum(each.faces_counted for each in batch)
        return together.run is None or faces >= self._worth(together.watchlist)


def _patience_s(batch: Sequence[Waits]) -> float:
    return max(0.0, batch[0].started + MAX_WAIT_S - time.monotonic())
