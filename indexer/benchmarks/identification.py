"""Who is this, among people who are looked for? Open set: most faces are of nobody on the list.

1. `gallery` people with two or more pictures are enrolled, each with their first picture that shows
   a face; their other pictures are the probes that should be found.
2. Everybody else is without a reference: all their pictures are probes that should find nobody.
3. FPIR is the share of the latter whose best similarity reaches the threshold, FNIR the share of
   the former that are missed: no face found, below the threshold, or someone else more similar.
   Both are weighted by person; a picture without a found face raises no alarm and finds nobody.
4. A person without a reference who is a probable label error (see `impostors.py`) is somebody
   enrolled under another name. At low rates one such person decides: figures are given with all
   people, and without these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from indexer.benchmarks.faces_seen import NothingToMeasureError, SeenSet, Whole
from indexer.benchmarks.impostors import Reals

FPIRS: Final = (1e-2, 1e-3)
_DRAWS: Final = 300
_FEWEST: Final = 2
_ABOVE: Final = 1e-6


class FnirAt(msgspec.Struct, frozen=True):
    """FNIR at one FPIR. `alarms` is how many people without a reference reach the threshold;
    `is_shown` is false where the rate is less than one of those people.
    """

    fpir: float
    threshold: float
    fnir: float
    fnir_interval: tuple[float, float]
    alarms: int
    is_shown: bool


class Identification(msgspec.Struct, frozen=True):
    """All of it. `rank_one` is the share whose most similar reference is their own."""

    enrolled: int
    mated_probes: int
    without_reference: int
    unmated_probes: int
    rank_one: float
    at_fpir: tuple[FnirAt, ...]
    label_errors: int
    at_fpir_without_label_errors: tuple[FnirAt, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Searched:
    """What came of all searches, (n,) each: whose probe, its best similarity, and for probes of
    enrolled people whether the best was their own reference.
    """

    person: Whole
    best: Reals
    is_own: Whole


def identify(
    seen: SeenSet,
    suspects: frozenset[tuple[int, int]],
    *,
    gallery: int | None,
    seed: int,
) -> Identification:
    """Enrol, search with everything else, and count. Raises `NothingToMeasureError`."""
    counts = seen.pictures_of
    able = np.flatnonzero(counts >= _FEWEST)
    if gallery is not None and gallery < len(able):
        order = np.random.default_rng([seed, 13]).permutation(len(able))[:gallery]
        able = np.sort(able[order])
    others = np.setdiff1d(np.flatnonzero(counts + seen.missed > 0), able)
    if len(able) < _FEWEST or not len(others):
        raise NothingToMeasureError(
            f"identification needs two people to enrol ({len(able)} are there) and others without "
            f"a reference ({len(others)} are there); enrol fewer with --gallery"
        )
    first = np.unique(seen.person, return_index=True)
    reference = dict(zip(first[0].tolist(), first[1].tolist(), strict=True))
    references = np.array([reference[int(who)] for who in able], np.int64)
    rows = np.setdiff1d(np.arange(len(seen.person)), references)
    searched = _search(seen, able, references, rows)
    mated = np.isin(searched.person, able)
    # Pictures in which no face was found are searches, too.
    of_enrolled = counts[able] - 1 + seen.missed[able]
    of_others = counts[others] + seen.missed[others]
    hits = _Shares(seen, searched, mated & (searched.is_own == 1), able, of_enrolled)
    alarms = _Shares(seen, searched, ~mated, others, of_others)
    doubles = {who for couple in suspects for who in couple} & set(others.tolist())
    kept = np.array([who not in doubles for who in others.tolist()], bool)
    fewer = _Shares(
        seen,
        searched,
        ~mated & ~np.isin(searched.person, sorted(doubles)),
        others[kept],
        of_others[kept],
    )
    return Identification(
        enrolled=len(able),
        mated_probes=int(of_enrolled.sum()),
        without_reference=len(others),
        unmated_probes=int(of_others.sum()),
        rank_one=hits.share(-2.0),
        at_fpir=tuple(_fnir_at(fpir, hits, alarms, seed) for fpir in FPIRS),
        label_errors=len(doubles),
        at_fpir_without_label_errors=tuple(_fnir_at(fpir, hits, fewer, seed) for fpir in FPIRS),
    )


class _Shares:
    """For some people, the share of each one's searches that reach a threshold."""

    def __init__(
        self,
        seen: SeenSet,
        searched: _Searched,
        which: NDArray[np.bool_],
        people: Whole,
        searches: Whole,
    ) -> None:
        place_of = np.full(len(seen.people), -1, np.int64)
        place_of[people] = np.arange(len(people))
        order = np.argsort(-searched.best[which], kind="stable")
        self.best: Reals = searched.best[which][order]
        self.place: Whole = place_of[searched.person[which][order]]
        self.weight: Reals = (1.0 / np.maximum(searches, 1))[self.place]
        self.people = int((searches > 0).sum())
        self._able = searches > 0

    def share(self, threshold: float, times: Reals | None = None) -> float:
        """Mean over people, `times` says how often each is counted."""
        above = int(np.searchsorted(-self.best, -threshold, side="right"))
        counted = self._able.astype(np.float64) if times is None else times * self._able
        weights = self.weight[:above] * counted[self.place[:above]]
        return float(weights.sum() / counted.sum())

    def threshold(self, share: float, times: Reals | None = None) -> float:
        """Just above the first similarity at which more than `share` would be reached."""
        counted = self._able.astype(np.float64) if times is None else times * self._able
        reached = np.cumsum(self.weight * counted[self.place]) / counted.sum()
        place = int(np.searchsorted(reached, share * (1 + 1e-9), side="right"))
        return float(self.best[place]) + _ABOVE if place < len(self.best) else -1.0

    def reaching(self, threshold: float) -> int:
        """How many people have a search that reaches it."""
        return len(np.unique(self.place[self.best >= threshold]))

    def draw(self, chance: np.random.Generator) -> Reals:
        """How often each person is counted when as many are drawn anew."""
        count = len(self._able)
        return np.bincount(chance.integers(count, size=count), minlength=count).astype(np.float64)


def _search(seen: SeenSet, able: Whole, references: Whole, rows: Whole) -> _Searched:
    best, is_own = np.zeros(len(rows)), np.zeros(len(rows), np.int64)
    for start in range(0, len(rows), 1024):
        some = rows[start : start + 1024]
        similar = seen.vectors[some] @ seen.vectors[references].T
        closest = similar.argmax(axis=1)
        best[start : start + len(some)] = similar[np.arange(len(some)), closest]
        is_own[start : start + len(some)] = able[closest] == seen.person[some]
    return _Searched(seen.person[rows], best, is_own)


def _fnir_at(fpir: float, hits: _Shares, alarms: _Shares, seed: int) -> FnirAt:
    threshold = alarms.threshold(fpir)
    chance = np.random.default_rng([seed, 17])
    drawn = [
        1 - hits.share(alarms.threshold(fpir, alarms.draw(chance)), hits.draw(chance))
        for _ in range(_DRAWS)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return FnirAt(
        fpir=fpir,
        threshold=threshold,
        fnir=1 - hits.share(threshold),
        fnir_interval=(float(low), float(high)),
        alarms=alarms.reaching(threshold),
        is_shown=fpir * alarms.people >= 1,
    )
