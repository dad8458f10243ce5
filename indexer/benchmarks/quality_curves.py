"""What a sign of quality is worth: error-versus-reject curves, and a logistic fitted to signs.

1. `genuine_of` compares each view with pictures of the same person as they are.
2. `reject_curve` leaves the worst views out, by a sign, and says how often the others are missed.
3. `fitted` finds the weights of a `FigureModel`; a sign whose weight would be negative is left out.

Every person weighs the same, however many comparisons they have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexer.benchmarks.quality_views import AS_IT_IS, Views
from indexer.faces.quality import FaceQuality
from indexer.faces.quality_figure import FigureModel, Sign, sign_of

Reals = NDArray[np.float64]
Whole = NDArray[np.int64]

REJECTED: Final = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
_AREA_STEPS: Final = 31
_OTHERS_A_VIEW: Final = 3
_STEPS: Final = 60
_RIDGE: Final = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Genuine:
    """Comparisons of one person with themselves: `view` is the row of the one that is judged,
    `similarity` that with another picture as it is, `weight` sums to 1 for each person.
    """

    view: Whole
    similarity: Reals
    weight: Reals

    def missed(self, threshold: float) -> float:
        """FNMR at this threshold, weighted by person."""
        return float(np.average(self.similarity < threshold, weights=self.weight))


def genuine_of(views: Views, seed: int, *, spoiled: bool) -> Genuine:
    """Views as they are, or spoiled ones, each with up to three other pictures of the person."""
    chance = np.random.default_rng(seed)
    as_it_is: dict[int, list[int]] = {}
    for row in np.flatnonzero(views.kind == AS_IT_IS):
        as_it_is.setdefault(int(views.person[row]), []).append(int(row))
    one: list[int] = []
    other: list[int] = []
    for row in np.flatnonzero((views.kind != AS_IT_IS) == spoiled):
        others = [
            each
            for each in as_it_is.get(int(views.person[row]), ())
            if views.picture[each] != views.picture[row]
        ]
        for at in chance.permutation(len(others))[:_OTHERS_A_VIEW]:
            one.append(int(row))
            other.append(others[int(at)])
    view = np.array(one, np.int64)
    similarity = np.einsum("nd,nd->n", views.vectors[one], views.vectors[other])
    _, place, count = np.unique(views.person[view], return_inverse=True, return_counts=True)
    return Genuine(view, similarity.astype(np.float64), 1.0 / count[place])


def reject_curve(
    genuine: Genuine, sign: Reals, threshold: float, shares: Sequence[float] = REJECTED
) -> list[float]:
    """FNMR of what is left when that share of the comparisons with the lowest sign is left out.

    `sign` (n,) is by comparison.
    """
    order = np.argsort(sign, kind="stable")
    weight = genuine.weight[order]
    missed = (genuine.similarity[order] < threshold) * weight
    left = np.concatenate([[weight.sum()], weight.sum() - np.cumsum(weight)])
    missed_left = np.concatenate([[missed.sum()], missed.sum() - np.cumsum(missed)])
    reached = 1 - left / left[0]
    at = [int(np.searchsorted(reached, share - 1e-9)) for share in shares]
    return [float(max(0.0, missed_left[k]) / max(left[k], 1e-12)) for k in at]


def area_under(genuine: Genuine, sign: Reals, threshold: float) -> float:
    """Area under the curve up to 30 % rejected, as a share of that without any rejection."""
    shares = np.linspace(0, REJECTED[-1], _AREA_STEPS).tolist()
    without = genuine.missed(threshold)
    return float(np.mean(reject_curve(genuine, sign, threshold, shares)) / max(without, 1e-12))


def signs_of(qualities: Sequence[FaceQuality], signs: Sequence[Sign]) -> Reals:
    """(n, signs); what was not looked for is not a number."""
    return np.array(
        [
            [np.nan if (value := sign_of(each, sign)) is None else value for sign in signs]
            for each in qualities
        ],
        np.float64,
    )


def fitted(
    values: Reals, passed: NDArray[np.bool_], weight: Reals, signs: Sequence[Sign]
) -> FigureModel:
    """Logistic regression of `passed` (n,) on `values` (n, signs), by Newton's method.

    The sign with the most negative weight is left out until none is negative.
    """
    kept = list(range(len(signs)))
    while True:
        chosen = values[:, kept]
        mean = np.average(chosen, axis=0, weights=weight)
        spread = np.maximum(chosen.std(axis=0), 1e-9)
        around, steepness = _newton((chosen - mean) / spread, passed, weight)
        if not kept or float(steepness.min()) >= 0:
            break
        kept.pop(int(steepness.argmin()))
    natural = steepness / spread
    intercept = around - float(natural @ mean)
    pairs = zip((signs[place] for place in kept), natural, strict=True)
    return FigureModel(
        round(intercept, 3), tuple((sign, round(float(value), 4)) for sign, value in pairs)
    )


def _newton(signs: Reals, passed: NDArray[np.bool_], weight: Reals) -> tuple[float, Reals]:
    design = np.concatenate([np.ones((len(signs), 1)), signs], axis=1)
    share = weight / weight.sum()
    ridge = _RIDGE * np.diag([0.0, *([1.0] * signs.shape[1])])
    found = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        expected = 1 / (1 + np.exp(-np.clip(design @ found, -30, 30)))
        slope = design.T @ (share * (expected - passed)) + ridge @ found
        bend = (design * (share * expected * (1 - expected))[:, None]).T @ design + ridge
        step = np.linalg.solve(bend + 1e-12 * np.eye(len(bend)), slope)
        found -= step
        if float(np.abs(step).max()) < 1e-9:
            break
    return float(found[0]), np.asarray(found[1:], np.float64)
