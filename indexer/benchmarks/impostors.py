"""How similar different people are: every picture of everybody against those of everybody else.

1. All pairs of pictures of different people are compared in blocks and counted by similarity, once
   with the weight that makes every PAIR OF PEOPLE count the same, and once plainly.
2. The most similar pairs are kept one by one (places and numbers only): thresholds at low rates,
   their intervals over people, and probable label errors come from them.
3. A pair of people that is far more similar than the tail of all others can explain is a probable
   label error (one person under two names, or a wrong picture in a folder). It is said, and the
   figures are given without and with it: twins would be left out with it, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexer.benchmarks.faces_seen import NothingToMeasureError, SeenSet, Whole

Reals = NDArray[np.float64]

BINS: Final = 20_000
BIN_WIDTH: Final = 2.0 / BINS
_BLOCK: Final = 512
_TAIL_FMR: Final = 3e-3
_MAX_TAIL: Final = 2_000_000
_KEEP_ALL: Final = 100_000
_FIT_FROM_FMR: Final = 1e-3
_FIT_TO_EVENTS: Final = 30
_EXPECTED_BY_CHANCE: Final = 0.05
"""A pair of pictures of which fewer than this many are expected in the whole set."""
_FEWEST_EFFECTIVE: Final = 10.0
"""A rate is shown by no fewer pairs of people than that: its standard error is then a third."""
LABELS_SHOW_FMR: Final = 1e-6
"""Sets of press photographs have label errors: nothing below this is taken from their pairs."""


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """The most similar pairs of pictures of different people, most similar first.

    `one` and `other` are places of people, `weight` sums to 1 over ALL pairs, also those not kept.
    """

    similarity: Reals
    one: Whole
    other: Whole
    weight: Reals

    def without(self, pairs: frozenset[tuple[int, int]]) -> Tail:
        """The same without some pairs of people."""
        if not pairs:
            return self
        couples = zip(self.one.tolist(), self.other.tolist(), strict=True)
        kept = np.array([couple not in pairs for couple in couples], bool)
        return Tail(self.similarity[kept], self.one[kept], self.other[kept], self.weight[kept])


@dataclass(frozen=True, slots=True, eq=False)
class Impostors:
    """All comparisons of different people. `weighted` and `counted` are (BINS,) by similarity.

    `pictures_of` is (everybody,), 0 for those without a face; `people` counts the others.
    """

    pictures_of: Whole
    people: int
    pairs: int
    pairs_of_people: int
    weighted: Reals
    counted: Whole
    tail: Tail
    tail_from: float
    suspects: frozenset[tuple[int, int]]
    suspects_tail: Tail

    def fmr(
        self, similarity: float, *, by_pair: bool = False, with_suspects: bool = False
    ) -> float:
        """Share of comparisons at least this similar; of pairs of people, or of pictures."""
        if similarity >= self.tail_from - BIN_WIDTH / 2:
            tail = self.suspects_tail if with_suspects else self.tail
            above = tail.similarity >= similarity
            return float(above.sum()) / self.pairs if by_pair else float(tail.weight[above].sum())
        first = int(np.ceil((similarity + 1) / BIN_WIDTH - 1e-9))
        share = (
            float(self.counted[first:].sum()) / self.pairs
            if by_pair
            else float(self.weighted[first:].sum())
        )
        left_out = 0.0 if with_suspects else self._left_out(by_pair)
        return max(0.0, share - left_out)

    def threshold(self, fmr: float, *, by_pair: bool = False) -> float:
        """The lowest similarity, to a ten-thousandth, at which no more than `fmr` remains."""
        low, high = 0, BINS
        while low < high:
            middle = (low + high) // 2
            if self.fmr(middle * BIN_WIDTH - 1, by_pair=by_pair) <= fmr:
                high = middle
            else:
                low = middle + 1
        return low * BIN_WIDTH - 1

    def effective_pairs(self, similarity: float) -> float:
        """How many equally weighted pairs of people the rate at this similarity rests on (Kish)."""
        above = self.tail.similarity >= similarity
        by_couple = self.tail.one[above] * len(self.pictures_of) + self.tail.other[above]
        _, place = np.unique(by_couple, return_inverse=True)
        weights = np.bincount(place, weights=self.tail.weight[above])
        return float(weights.sum() ** 2 / (weights**2).sum()) if len(weights) else 0.0

    def couples(self, similarity: float) -> int:
        """How many pairs of people have a pair of pictures at least this similar."""
        above = self.tail.similarity >= similarity
        return len(np.unique(self.tail.one[above] * len(self.pictures_of) + self.tail.other[above]))

    @property
    def floor_fmr(self) -> float:
        """The lowest rate, in tenths of decades, that rests on enough pairs of people."""
        for tenth in range(-10, -121, -1):
            fmr = 10 ** (tenth / 10)
            if fmr < LABELS_SHOW_FMR * 0.999:
                break
            at = self.threshold(fmr)
            if at >= self.tail_from and self.effective_pairs(at) < _FEWEST_EFFECTIVE:
                return float(10 ** ((tenth + 1) / 10))
        return LABELS_SHOW_FMR

    def draw(self, chance: np.random.Generator) -> Reals:
        """How often each person is there, (everybody,), when as many are drawn anew."""
        there = np.flatnonzero(self.pictures_of > 0)
        times = np.zeros(len(self.pictures_of))
        times[there] = np.bincount(
            chance.integers(len(there), size=len(there)), minlength=len(there)
        )
        return times

    def drawn_tail(self, times: Reals, *, by_pair: bool = False) -> Reals:
        """The share of all comparisons that each of `tail` would be, had these people been drawn.

        A person who is drawn twice is no impostor of themselves: only pairs of different people
        count.
        """
        per_person = times * self.pictures_of if by_pair else times
        all_of_them = (per_person.sum() ** 2 - (per_person**2).sum()) / 2
        weights = times[self.tail.one] * times[self.tail.other]
        if not by_pair:
            weights = weights * self.tail.weight * self.pairs_of_people
        # Of very few people, one alone may be drawn: then nothing is compared.
        return np.asarray(weights / max(all_of_them, 0.5), np.float64)

    def _left_out(self, by_pair: bool) -> float:
        if by_pair:
            return (len(self.suspects_tail.weight) - len(self.tail.weight)) / self.pairs
        return float(self.suspects_tail.weight.sum() - self.tail.weight.sum())


def compare_impostors(seen: SeenSet) -> Impostors:
    """Compare everybody with everybody else. Raises `NothingToMeasureError` for one person."""
    counts = seen.pictures_of
    people = int((counts > 0).sum())
    pairs_of_people = people * (people - 1) // 2
    if not pairs_of_people:
        raise NothingToMeasureError("impostors need at least two people with a face")
    # 1. Count all pairs.
    weighted, counted = np.zeros(BINS), np.zeros(BINS, np.int64)
    for block in _blocks(seen):
        bins = np.clip((block.similarity + 1) / BIN_WIDTH, 0, BINS - 1).astype(np.int64)
        counted += np.bincount(bins, minlength=BINS)
        weighted += np.bincount(bins, weights=block.weight, minlength=BINS)
    pairs = int(counted.sum())
    # 2. Keep the most similar ones.
    tail_from = _tail_from(weighted, counted)
    tail = _joined([_most_similar(block, tail_from) for block in _blocks(seen)])
    # 3. Tell label errors apart.
    suspects = _suspects(tail, pairs)
    return Impostors(
        pictures_of=counts,
        people=people,
        pairs=pairs,
        pairs_of_people=pairs_of_people,
        weighted=weighted,
        counted=counted,
        tail=tail.without(suspects),
        tail_from=tail_from,
        suspects=suspects,
        suspects_tail=tail,
    )


def _blocks(seen: SeenSet) -> Iterator[Tail]:
    """All pairs of pictures of different people, once each, in blocks and in no order."""
    order = np.argsort(seen.person, kind="stable")
    vectors, person = seen.vectors[order], seen.person[order]
    people = int((seen.pictures_of > 0).sum())
    weights = 1.0 / seen.pictures_of[person] / math.sqrt(people * (people - 1) / 2)
    for start in range(0, len(order), _BLOCK):
        rows = slice(start, start + _BLOCK)
        similar = vectors[rows] @ vectors[start:].T
        # Rows are in order of people: whoever comes later is in a later row.
        one, other = np.nonzero(person[rows][:, None] < person[start:][None, :])
        yield Tail(
            similarity=similar[one, other].astype(np.float64),
            one=person[rows][one],
            other=person[start:][other],
            weight=weights[rows][one] * weights[start:][other],
        )


def _most_similar(block: Tail, tail_from: float) -> Tail:
    kept = block.similarity >= tail_from
    return Tail(block.similarity[kept], block.one[kept], block.other[kept], block.weight[kept])


def _joined(parts: list[Tail]) -> Tail:
    similarity = np.concatenate([part.similarity for part in parts])
    order = np.argsort(-similarity, kind="stable")
    return Tail(
        similarity[order],
        np.concatenate([part.one for part in parts])[order],
        np.concatenate([part.other for part in parts])[order],
        np.concatenate([part.weight for part in parts])[order],
    )


def _tail_from(weighted: Reals, counted: Whole) -> float:
    """The edge of a bin from which on pairs are kept: a few in a thousand, and not too many."""
    share = np.cumsum(weighted[::-1])[::-1]
    plain = np.cumsum(counted[::-1])[::-1]
    allowed = (np.minimum(share, plain / plain[0]) <= _TAIL_FMR) & (plain <= _MAX_TAIL)
    # A small set has few pairs: all of them are kept.
    first = 0 if plain[0] <= _KEEP_ALL else int(np.argmax(allowed))
    return first * BIN_WIDTH - 1


def _suspects(tail: Tail, pairs: int) -> frozenset[tuple[int, int]]:
    """Pairs of people that the tail of all the others cannot explain.

    The tail is a straight line in log10(FMR), fitted from one in a thousand to the last rate that
    thirty pairs show; beyond, it says how many pairs chance alone would bring.
    """
    first, last = int(pairs * _FIT_FROM_FMR), _FIT_TO_EVENTS
    if first < 2 * last or first > len(tail.similarity):
        return frozenset()
    places = np.unique(np.geomspace(last, first, 40).astype(np.int64))
    slope, start = np.polyfit(tail.similarity[places - 1], np.log10(places / pairs), 1)
    if slope >= 0:
        return frozenset()
    limit = (math.log10(_EXPECTED_BY_CHANCE / pairs) - start) / slope
    above = tail.similarity >= limit
    return frozenset(zip(tail.one[above].tolist(), tail.other[above].tolist(), strict=True))
