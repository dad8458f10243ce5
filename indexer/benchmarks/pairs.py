"""Accuracy on a list of pairs (LFW's `pairs.txt`), over folds that never share a person.

1. Each line says two pictures of one person (`name n1 n2`) or of two (`name1 n1 name2 n2`).
2. People who are paired with each other, directly or through others, stay together; these groups
   are divided among the folds, largest first, so that folds hold about as many pairs. No pair
   crosses two folds, so none is left out, and whoever is tested had no part in the threshold.
3. For each fold the threshold is the one that is right most often on the other folds (the middle of
   the best ones), and its accuracy is taken on this one.
4. A picture without a detected face is like nobody: it counts as "different people".
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from indexer.benchmarks.faces_seen import NothingToMeasureError, SeenSet, Whole
from indexer.errors import IndexerError

FOLDS: Final = 10
_SAME_FIELDS: Final = 3
_DIFFERENT_FIELDS: Final = 4
_HEADER_FIELDS: Final = 2
_T_95_OF_9: Final = 2.262
"""Student's t for ten folds."""
_NOBODY: Final = -1.0


class PairsUnreadableError(IndexerError):
    """The list of pairs is not in LFW's form; the message names the line."""

    code = "pairs_unreadable"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures, each a folder's name and a number, and whether they show one person."""

    one: tuple[str, int]
    other: tuple[str, int]

    @property
    def is_same(self) -> bool:
        """Whether both are of one person."""
        return self.one[0] == self.other[0]


class PairsAccuracy(msgspec.Struct, frozen=True):
    """Mean over folds, with its 95 % interval over folds (Student's t).

    `left_out` counts pairs whose pictures are not in the folder, `undetected` those of which one
    has no detected face. `thresholds` are the folds' own.
    """

    pairs: int
    same: int
    left_out: int
    undetected: int
    people: int
    folds: int
    smallest_fold: int
    largest_fold: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    fold_accuracies: tuple[float, ...]
    thresholds: tuple[float, ...]


def read_pairs(path: Path) -> tuple[Pair, ...]:
    """All pairs of a file in LFW's form; a first line of one or two numbers is its header.

    Raises `PairsUnreadableError`.
    """
    pairs = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PairsUnreadableError(f"{path} cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        fields = line.split("\t") if "\t" in line else line.split()
        if not fields or (number == 1 and len(fields) <= _HEADER_FIELDS):
            continue
        try:
            if len(fields) == _SAME_FIELDS:
                pairs.append(Pair((fields[0], int(fields[1])), (fields[0], int(fields[2]))))
                continue
            if len(fields) == _DIFFERENT_FIELDS:
                pairs.append(Pair((fields[0], int(fields[1])), (fields[2], int(fields[3]))))
                continue
        except ValueError as error:
            raise PairsUnreadableError(f"{path}, line {number}: {line!r} has no number") from error
        raise PairsUnreadableError(
            f"{path}, line {number}: {line!r} is neither `name n1 n2` nor `name1 n1 name2 n2`"
        )
    if not pairs:
        raise PairsUnreadableError(f"{path} holds no pairs")
    return tuple(pairs)


def folds_of(pairs: tuple[Pair, ...], folds: int = FOLDS) -> Whole:
    """(pairs,) the fold of each pair; no two folds share a person."""
    leader: dict[str, str] = {}

    def found(name: str) -> str:
        leader.setdefault(name, name)
        while leader[name] != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    for pair in pairs:
        leader[found(pair.one[0])] = found(pair.other[0])
    sizes = Counter(found(pair.one[0]) for pair in pairs)
    filled = [0] * folds
    fold_of: dict[str, int] = {}
    for group, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        fold = min(range(folds), key=lambda each: (filled[each], each))
        fold_of[group] = fold
        filled[fold] += size
    return np.array([fold_of[found(pair.one[0])] for pair in pairs], np.int64)


def measure_pairs(seen: SeenSet, pairs: tuple[Pair, ...], there: frozenset[str]) -> PairsAccuracy:
    """Accuracy on the pairs whose pictures are in the folder; `there` names all its files' stems.

    Raises `NothingToMeasureError` when they do not fill ten folds.
    """
    row_of = {path.stem: row for row, path in enumerate(seen.paths)}
    stems = [(_stem(pair.one), _stem(pair.other)) for pair in pairs]
    known = [place for place, (one, other) in enumerate(stems) if {one, other} <= there]
    kept = tuple(pairs[place] for place in known)
    scores = np.full(len(kept), _NOBODY)
    for place, number in enumerate(known):
        one, other = (row_of.get(stem) for stem in stems[number])
        if one is not None and other is not None:
            scores[place] = float(seen.vectors[one] @ seen.vectors[other])
    same = np.array([pair.is_same for pair in kept], bool)
    fold = folds_of(kept)
    filled = np.bincount(fold, minlength=FOLDS)
    if not kept or filled.min() == 0:
        raise NothingToMeasureError(
            f"{len(kept)} of {len(pairs)} pairs have their pictures here; they do not fill {FOLDS} "
            "folds that share no person"
        )
    accuracies, thresholds = [], []
    for tested in range(FOLDS):
        inside = fold == tested
        threshold = best_threshold(scores[~inside], same[~inside])
        thresholds.append(threshold)
        accuracies.append(float(((scores[inside] >= threshold) == same[inside]).mean()))
    mean = float(np.mean(accuracies))
    half = _T_95_OF_9 * float(np.std(accuracies, ddof=1)) / FOLDS**0.5
    return PairsAccuracy(
        pairs=len(kept),
        same=int(same.sum()),
        left_out=len(pairs) - len(kept),
        undetected=int((scores == _NOBODY).sum()),
        people=len({name for pair in kept for name in (pair.one[0], pair.other[0])}),
        folds=FOLDS,
        smallest_fold=int(filled.min()),
        largest_fold=int(filled.max()),
        accuracy=mean,
        accuracy_interval=(mean - half, min(1.0, mean + half)),
        fold_accuracies=tuple(accuracies),
        thresholds=tuple(thresholds),
    )


def best_threshold(scores: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    """The threshold that is right most often; of several, the middle one."""
    order = np.argsort(scores, kind="stable")
    values, truth = scores[order], same[order]
    # Before the first score everything is taken for the same; after the last nothing is.
    right = truth.sum() - np.concatenate([[0], np.cumsum(2 * truth.astype(np.int64) - 1)])
    edges = np.concatenate(
        [[values[0] - 1e-6], (values[1:] + values[:-1]) / 2, [values[-1] + 1e-6]]
    )
    # Between equal scores there is no threshold.
    possible = np.concatenate([[True], values[1:] > values[:-1], [True]])
    best = np.flatnonzero((right == right[possible].max()) & possible)
    return float(edges[best[len(best) // 2]])


def _stem(picture: tuple[str, int]) -> str:
    return f"{picture[0]}_{picture[1]:04d}"
