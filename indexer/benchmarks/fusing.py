"""Several photos of a person as one decision: which way misses fewest at the same false matches.

1. People with more than k pictures are enrolled with k of them; the others are probes, of
   themselves (genuine) and of everybody else.
2. Each way makes one similarity of a probe and a person. Its threshold is where the impostors of
   this run reach a false-match rate: all ways are compared at the same rates.
3. Once with photos as they are, once with one of the k spoiled.

Every person weighs the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from indexer.benchmarks.quality_views import AS_IT_IS, Views
from indexer.faces.fusion import fused_vector

Floats = NDArray[np.float32]
Way = Callable[[Floats, Floats, Floats], Floats]

PHOTOS: Final = (2, 3, 5)
RATES: Final = (1e-3, 1e-4)
_ROUNDS: Final = 3
_PROBES_A_PERSON: Final = 8


class FusingRate(msgspec.Struct, frozen=True):
    """One way with k photos: FNMR at each of `RATES`, and the rate of false matches beside that of
    a single photo at that one's threshold for the second of them.
    """

    way: str
    photos: int
    one_is_poor: bool
    people: int
    missed: tuple[float, ...]
    false_beside_single: float


def _single(rows: Floats, _figures: Floats, probes: Floats) -> Floats:
    return np.asarray(rows[0] @ probes.T)


def _best(rows: Floats, _figures: Floats, probes: Floats) -> Floats:
    return np.asarray((rows @ probes.T).max(axis=0))


def _mean(rows: Floats, _figures: Floats, probes: Floats) -> Floats:
    return np.asarray(fused_vector(rows, [1.0] * len(rows)) @ probes.T)


def _weighted(rows: Floats, figures: Floats, probes: Floats) -> Floats:
    return np.asarray(fused_vector(rows, figures.tolist()) @ probes.T)


def _agreeing(rows: Floats, _figures: Floats, probes: Floats) -> Floats:
    """Weights by how well each photo agrees with the person's others."""
    alike = rows @ rows.T
    agreement = np.clip((alike.sum(axis=1) - 1) / max(1, len(rows) - 1), 0.0, 1.0)
    return np.asarray(fused_vector(rows, (agreement**2).tolist()) @ probes.T)


def _half(rows: Floats, figures: Floats, probes: Floats) -> Floats:
    both = _best(rows, figures, probes) + _weighted(rows, figures, probes)
    return np.asarray(both / 2)


def _closest(rows: Floats, figures: Floats, probes: Floats) -> Floats:
    return np.maximum(_best(rows, figures, probes), _weighted(rows, figures, probes))


WAYS: Final[dict[str, Way]] = {
    "a single photo": _single,
    "best single": _best,
    "mean": _mean,
    "mean weighted by quality": _weighted,
    "mean weighted by agreement": _agreeing,
    "half best single, half weighted mean": _half,
    "closest of all and the weighted mean": _closest,
}
USED: Final = "closest of all and the weighted mean"


def measure_fusing(views: Views, seed: int) -> tuple[FusingRate, ...]:
    """Every way, number of photos, with and without a poor one; those with enough people."""
    found: list[FusingRate] = []
    for photos in PHOTOS:
        for poor in (False, True):
            found += _measured(views, photos, seed, poor=poor)
    return tuple(found)


def _measured(views: Views, photos: int, seed: int, *, poor: bool) -> list[FusingRate]:
    people = [
        rows
        for person in np.unique(views.person)
        if len(rows := np.flatnonzero((views.person == person) & (views.kind == AS_IT_IS))) > photos
    ]
    if len(people) < 10:
        return []
    figures = np.array([quality.figure for quality in views.qualities], np.float32)
    missed: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    false: dict[str, list[float]] = {way: [] for way in WAYS}
    for turn in range(_ROUNDS):
        chance = np.random.default_rng([seed, photos, turn])
        enrolled, probes, whose = [], [], []
        for place, rows in enumerate(people):
            order = chance.permutation(rows)
            enrolled.append(_enrolled(views, order[:photos], chance, poor=poor))
            rest = order[photos : photos + _PROBES_A_PERSON]
            probes += rest.tolist()
            whose += [place] * len(rest)
        owner = np.array(whose)
        weight = 1.0 / np.bincount(owner)[owner]
        vectors = views.vectors[probes]
        single_at = 0.0
        for way, similar in WAYS.items():
            all_of_them = np.stack(
                [similar(views.vectors[rows], figures[rows], vectors) for rows in enrolled]
            )
            own = all_of_them[owner, np.arange(len(owner))]
            mask = np.ones(all_of_them.shape, bool)
            mask[owner, np.arange(len(owner))] = False
            strangers = np.sort(all_of_them[mask])
            at = [float(strangers[int(len(strangers) * (1 - rate))]) for rate in RATES]
            single_at = at[-1] if way == "a single photo" else single_at
            missed[way].append([float(np.average(own < limit, weights=weight)) for limit in at])
            above = len(strangers) - int(np.searchsorted(strangers, single_at))
            false[way].append(above / max(1.0, len(strangers) * RATES[-1]))
    return [
        FusingRate(
            way,
            photos,
            poor,
            len(people),
            tuple(float(value) for value in np.mean(missed[way], axis=0)),
            float(np.mean(false[way])),
        )
        for way in WAYS
    ]


def _enrolled(
    views: Views, rows: NDArray[np.int64], chance: np.random.Generator, *, poor: bool
) -> NDArray[np.int64]:
    """The rows that are enrolled, the first of them a spoiled view where there is one."""
    if not poor:
        return rows
    spoiled = np.flatnonzero(
        (views.kind != AS_IT_IS)
        & np.isin(views.picture, views.picture[rows])
        & (views.strength > 0.4)
    )
    if not len(spoiled):
        return rows
    poor_one = int(chance.choice(spoiled))
    others = rows[views.picture[rows] != views.picture[poor_one]]
    return np.concatenate([[poor_one], others]).astype(np.int64)
