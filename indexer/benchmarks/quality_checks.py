"""What the figure of quality and its limits cost and spare, checked on views of labelled people.

1. `kept_of`: whether as many comparisons pass as the figure says.
2. `strangers_of`: how often strangers match, by the figure of the probe and of the template.
3. `refusals_of` and `kinds_of`: which photos would be refused, and how often those are missed.
4. `left_out_of`: real faces that would be taken for none.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from indexer.benchmarks.quality_curves import Genuine
from indexer.benchmarks.quality_views import AS_IT_IS, Views

RATE: Final = 1e-4
_BANDS: Final = (0.0, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 1.0001)
_FEWEST_IN_BAND: Final = 20
_MANY: Final = 2000


class Kept(msgspec.Struct, frozen=True):
    """What the figure expected between two values of it, and what came."""

    least: float
    comparisons: int
    expected: float
    passed: float


class Strangers(msgspec.Struct, frozen=True):
    """False matches at one in 10,000, as multiples of that, by the figure: of a probe with good
    templates; of a template with all probes, and with poor ones (figure below one half).
    """

    least: float
    views: int
    as_probe: float
    as_template: float
    as_template_of_poor: float


class Refusals(msgspec.Struct, frozen=True):
    """One refusal of reference photos: the share of photos as they are and of spoiled ones that it
    refuses, and FNMR of the spoiled ones refused. "" is those that are taken.
    """

    code: str
    of_good: float
    of_spoiled: float
    missed: float


class KindMissed(msgspec.Struct, frozen=True):
    """One way to spoil: how many faces were looked for and not found, median figure, FNMR, and the
    share refused as a reference photo.
    """

    kind: str
    looked_for: int
    not_found: int
    figure: float
    missed: float
    refused: float


class LeftOut(msgspec.Struct, frozen=True):
    """Real faces, spoiled, that would be left out as no face: of all of them, and how many of those
    left out reach the threshold at one false match in 1,000 with any other picture of the person.
    """

    shorter_than: float
    views: int
    left_out: int
    would_match: int


def kept_of(views: Views, genuine: Genuine, threshold: float) -> tuple[Kept, ...]:
    """What was expected and what came, between values of the figure with enough comparisons."""
    figure = np.array([each.figure for each in views.qualities])[genuine.view]
    found = []
    for least, below in pairwise(_BANDS):
        inside = (figure >= least) & (figure < below)
        if inside.sum() < _FEWEST_IN_BAND:
            continue
        weight = genuine.weight[inside]
        passed = genuine.similarity[inside] >= threshold
        found.append(
            Kept(
                least,
                int(inside.sum()),
                float(np.average(figure[inside], weights=weight)),
                float(np.average(passed, weights=weight)),
            )
        )
    return tuple(found)


def strangers_of(views: Views, threshold: float, seed: int) -> tuple[Strangers, ...]:
    """Rates of false matches by figure, of some thousand views drawn by chance."""
    chance = np.random.default_rng(seed)
    figure = np.array([each.figure for each in views.qualities])
    spoiled, good = views.kind != AS_IT_IS, views.kind == AS_IT_IS
    every = np.flatnonzero(spoiled)
    poor = np.flatnonzero(spoiled & (figure < 0.5))

    def rate(ones: NDArray[np.intp], others: NDArray[np.intp]) -> float:
        ones, others = (chance.permutation(rows)[:_MANY] for rows in (ones, others))
        strangers = views.person[ones][:, None] != views.person[others][None]
        alike = views.vectors[ones] @ views.vectors[others].T
        above = (alike >= threshold) & strangers
        return float(above.sum() / max(1, strangers.sum()) / RATE)

    found = []
    for least, below in pairwise(_BANDS):
        rows = np.flatnonzero(spoiled & (figure >= least) & (figure < below))
        if len(rows) < _FEWEST_IN_BAND or len(poor) < _FEWEST_IN_BAND:
            continue
        found.append(
            Strangers(
                least,
                len(rows),
                rate(rows, np.flatnonzero(good)),
                rate(rows, every),
                rate(rows, poor),
            )
        )
    return tuple(found)


def refusals_of(views: Views, genuine: Genuine, threshold: float) -> tuple[Refusals, ...]:
    """What each refusal costs and spares; "" is what is taken."""
    good = views.refusal[views.kind == AS_IT_IS]
    spoiled = views.refusal[views.kind != AS_IT_IS]
    codes = views.refusal[genuine.view]
    return tuple(
        Refusals(
            str(code),
            float((good == code).mean()),
            float((spoiled == code).mean()),
            _missed(genuine, codes == code, threshold),
        )
        for code in np.unique(views.refusal)
    )


def kinds_of(views: Views, genuine: Genuine, threshold: float) -> tuple[KindMissed, ...]:
    """Each way to spoil a photo that was looked at."""
    figure = np.array([each.figure for each in views.qualities])
    kinds = views.kind[genuine.view]
    return tuple(
        KindMissed(
            kind,
            *views.missed[kind],
            float(np.median(figure[views.kind == kind])),
            _missed(genuine, kinds == kind, threshold),
            float((views.refusal[views.kind == kind] != "").mean()),
        )
        for kind in sorted(views.missed)
        if kind != AS_IT_IS and (kinds == kind).any()
    )


def left_out_of(views: Views, least_length: float, threshold: float) -> LeftOut:
    """Spoiled faces whose vector is shorter than that."""
    spoiled = views.kind != AS_IT_IS
    lengths = np.array([each.vector_length or 0.0 for each in views.qualities])
    rows = np.flatnonzero(spoiled & (lengths < least_length))
    would_match = 0
    for row in rows:
        others = (
            (views.kind == AS_IT_IS)
            & (views.person == views.person[row])
            & (views.picture != views.picture[row])
        )
        alike = views.vectors[others] @ views.vectors[row]
        would_match += bool((alike >= threshold).any())
    return LeftOut(least_length, int(spoiled.sum()), len(rows), would_match)


def _missed(genuine: Genuine, which: NDArray[np.bool_], threshold: float) -> float:
    if not which.any():
        return 0.0
    return float(np.average(genuine.similarity[which] < threshold, weights=genuine.weight[which]))
