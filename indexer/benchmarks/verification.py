"""Are these two pictures of one person? TAR at given false-match rates, and the whole curve.

Weighted by person, which is the figure that is quoted: TAR is the mean, over people with two or
more pictures, of the share of each one's own pairs that reach the threshold; FMR is the mean, over
all pairs of people, of the share of their pairs of pictures that reach it. Unweighted, beside it,
every pair of pictures counts the same: in press photographs a few often-photographed people then
decide everything. Intervals are of 95 %, by drawing people anew with replacement; threshold and
rate both vary. Pictures without a detected face are not compared here; they are counted apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from indexer.benchmarks.faces_seen import NothingToMeasureError, SeenSet, Whole
from indexer.benchmarks.impostors import BIN_WIDTH, Impostors, Reals

FMRS: Final = (1e-3, 1e-4, 1e-5)
_DRAWS: Final = 300
_CURVE_FROM_TENTH: Final = -10


class TarAt(msgspec.Struct, frozen=True):
    """TAR at one FMR. `is_shown` is false where fewer pairs of people than are needed reach it."""

    fmr: float
    threshold: float
    threshold_interval: tuple[float, float] | None
    tar: float
    tar_interval: tuple[float, float] | None
    is_shown: bool


class CurveAt(msgspec.Struct, frozen=True):
    """One point of the curve, weighted by person."""

    similarity: float
    fmr: float
    fmr_with_suspects: float
    fnmr: float


class Suspect(msgspec.Struct, frozen=True):
    """Two people who are probably one, by their pictures' greatest similarity: a label error?"""

    one: str
    other: str
    similarity: float


class Verification(msgspec.Struct, frozen=True):
    """All of it. `largest_share` is what one person supplies of all genuine pairs."""

    people: int
    people_with_several: int
    genuine_pairs: int
    largest_share: float
    impostor_pairs: int
    pairs_of_people: int
    floor_fmr: float
    by_person: tuple[TarAt, ...]
    by_pair: tuple[TarAt, ...]
    curve: tuple[CurveAt, ...]
    suspects: tuple[Suspect, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Genuine:
    """All pairs of pictures of one person: (n,) similarities, and whose they are."""

    similarity: Reals
    person: Whole
    people: int

    @property
    def pairs_of(self) -> Whole:
        """(people,) how many pairs each person has."""
        return np.bincount(self.person, minlength=self.people).astype(np.int64)

    def tar(self, threshold: float, drawn: Reals | None = None, *, by_pair: bool = False) -> float:
        """Share that reaches the threshold; `drawn` says how often each person is counted."""
        pairs = self.pairs_of
        times = np.ones(self.people) if drawn is None else drawn
        hits = np.bincount(self.person[self.similarity >= threshold], minlength=self.people)
        if by_pair:
            return float((hits * times).sum() / (pairs * times).sum())
        able = pairs > 0
        return float((hits[able] / pairs[able] * times[able]).sum() / times[able].sum())


def compare_genuine(seen: SeenSet) -> Genuine:
    """Every person's pictures with each other. Raises `NothingToMeasureError`."""
    similar, person = [], []
    order = np.argsort(seen.person, kind="stable")
    ends = np.cumsum(seen.pictures_of)
    for who, count in enumerate(seen.pictures_of):
        if count > 1:
            own = seen.vectors[order[ends[who] - count : ends[who]]]
            pairs = (own @ own.T)[np.triu_indices(int(count), 1)]
            similar.append(pairs.astype(np.float64))
            person.append(np.full(len(pairs), who, np.int64))
    if not similar:
        raise NothingToMeasureError("nobody has two pictures that show a face")
    return Genuine(np.concatenate(similar), np.concatenate(person), len(seen.people))


def verify(seen: SeenSet, genuine: Genuine, impostors: Impostors, seed: int) -> Verification:
    """All figures of verification."""
    pairs = genuine.pairs_of
    chance = np.random.default_rng([seed, 11])
    draws = [impostors.draw(chance) for _ in range(_DRAWS)]
    return Verification(
        people=impostors.people,
        people_with_several=int((pairs > 0).sum()),
        genuine_pairs=int(pairs.sum()),
        largest_share=float(pairs.max() / pairs.sum()),
        impostor_pairs=impostors.pairs,
        pairs_of_people=impostors.pairs_of_people,
        floor_fmr=impostors.floor_fmr,
        by_person=tuple(_tar_at(fmr, genuine, impostors, draws, by_pair=False) for fmr in FMRS),
        by_pair=tuple(_tar_at(fmr, genuine, impostors, draws, by_pair=True) for fmr in FMRS),
        curve=curve(genuine, impostors),
        suspects=_named(seen, impostors),
    )


def curve(genuine: Genuine, impostors: Impostors) -> tuple[CurveAt, ...]:
    """The curve from an FMR of 0.1 down to what is shown, in tenths of decades."""
    points: list[CurveAt] = []
    tenth = _CURVE_FROM_TENTH
    while 10 ** (tenth / 10) >= impostors.floor_fmr * 0.999:
        similarity = round(impostors.threshold(10 ** (tenth / 10)), 6)
        fmr = impostors.fmr(similarity)
        tenth -= 1
        if points and (similarity <= points[-1].similarity or fmr >= points[-1].fmr):
            continue
        points.append(
            CurveAt(
                similarity=similarity,
                fmr=fmr,
                fmr_with_suspects=impostors.fmr(similarity, with_suspects=True),
                fnmr=1 - genuine.tar(similarity),
            )
        )
    return tuple(points)


def _tar_at(
    fmr: float, genuine: Genuine, impostors: Impostors, draws: Sequence[Reals], *, by_pair: bool
) -> TarAt:
    threshold = impostors.threshold(fmr, by_pair=by_pair)
    found = [
        (at, genuine.tar(at, times, by_pair=by_pair))
        for times in draws
        if (at := _drawn_threshold(fmr, impostors, times, by_pair)) is not None
    ]
    # A set so small that the wanted rate was not reached in some draws has no interval.
    intervals = (
        [_interval(np.array(values)) for values in zip(*found, strict=True)]
        if len(found) == len(draws)
        else [None, None]
    )
    return TarAt(
        fmr=fmr,
        threshold=threshold,
        threshold_interval=intervals[0],
        tar=genuine.tar(threshold, by_pair=by_pair),
        tar_interval=intervals[1],
        is_shown=fmr >= impostors.floor_fmr * 0.999,
    )


def _drawn_threshold(fmr: float, impostors: Impostors, times: Reals, by_pair: bool) -> float | None:
    """The threshold if these people had been drawn; None where the kept pairs do not reach it."""
    reached = np.cumsum(impostors.drawn_tail(times, by_pair=by_pair))
    if not len(reached) or reached[-1] < fmr:
        return None
    first_too_many = int(np.searchsorted(reached, fmr, side="right"))
    place = min(first_too_many, len(reached) - 1)
    return float(impostors.tail.similarity[place]) + BIN_WIDTH / 2


def _interval(values: Reals) -> tuple[float, float]:
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _named(seen: SeenSet, impostors: Impostors) -> tuple[Suspect, ...]:
    tail = impostors.suspects_tail
    named: dict[tuple[int, int], float] = {}
    for one, other, similar in zip(tail.one, tail.other, tail.similarity, strict=True):
        couple = (int(one), int(other))
        if couple in impostors.suspects:
            named.setdefault(couple, float(similar))
    return tuple(
        Suspect(seen.people[one], seen.people[other], similar)
        for (one, other), similar in named.items()
    )
