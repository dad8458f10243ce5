"""How rare a chance match is: a pack's false-match rate (FMR) as a function of similarity.

Between measured points the curve is a straight line in log10(FMR); outside of them it continues
the nearest line, is marked as extrapolated, and never goes below `floor_fmr`, because no test set
that we have can show a lower rate than that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Calibration:
    """The similarities that were measured to give certain false-match rates.

    `points` are (cosine similarity, FMR), similarity ascending and FMR descending, at least two.
    `measured_on` names the set; `measured` is false for provisional figures of packs that nobody
    here has calibrated. `default_threshold` is the similarity above which a find is a candidate,
    `same_person_threshold` the looser one for a person's own photos against each other.
    """

    measured_on: str
    measured: bool
    points: tuple[tuple[float, float], ...]
    default_threshold: float
    same_person_threshold: float
    floor_fmr: float = 1e-7

    def false_match_rate(self, similarity: float) -> float:
        """Chance that two different people are at least this similar, in [floor_fmr, 1]."""
        (left, left_log), (right, right_log) = self._segment(similarity)
        slope = (right_log - left_log) / (right - left)
        return min(1.0, max(self.floor_fmr, 10 ** (left_log + slope * (similarity - left))))

    def similarity_at(self, fmr: float) -> float:
        """The similarity whose false-match rate is `fmr`, held within the measured points."""
        wanted = math.log10(max(fmr, self.floor_fmr))
        logs = [(similarity, math.log10(rate)) for similarity, rate in self.points]
        if wanted >= logs[0][1]:
            return logs[0][0]
        for (left, left_log), (right, right_log) in pairwise(logs):
            if wanted >= right_log:
                return left + (right - left) * (wanted - left_log) / (right_log - left_log)
        return logs[-1][0]

    def is_extrapolated(self, similarity: float) -> bool:
        """Whether `false_match_rate` at this similarity is outside of what was measured."""
        return not self.measured or not (self.points[0][0] <= similarity <= self.points[-1][0])

    def _segment(self, similarity: float) -> tuple[tuple[float, float], tuple[float, float]]:
        logs = [(point, math.log10(rate)) for point, rate in self.points]
        for left, right in pairwise(logs):
            if similarity <= right[0]:
                return left, right
        return logs[-2], logs[-1]
