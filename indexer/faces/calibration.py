"""How rare a chance match is: a pack's false-match rate (FMR) as a function of similarity.

Between measured points the curve is a straight line in log10(FMR). Beyond the last one, which is
what the impostors of the set could show, it goes on along the fitted tail and is marked as
extrapolated; it never goes below `floor_fmr`, because no test set that we have can show a lower
rate than that. The share of genuine comparisons that are missed (FNMR) is kept beside it.
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
    `fnmr_points` are (similarity, FNMR), both ascending; empty where nobody measured them.
    `tail_slope` is the fitted log10(FMR) for each unit of similarity beyond the last point,
    negative; None goes on along the last two points. `details` says in words how it was made.
    """

    measured_on: str
    measured: bool
    points: tuple[tuple[float, float], ...]
    default_threshold: float
    same_person_threshold: float
    floor_fmr: float = 1e-7
    fnmr_points: tuple[tuple[float, float], ...] = ()
    tail_slope: float | None = None
    details: str = ""

    @property
    def shown_fmr(self) -> float:
        """The lowest FMR that was measured; what is lower is extrapolated."""
        return self.points[-1][1]

    @property
    def words(self) -> str:
        """What it was made of, and from where on it is extrapolated."""
        if not self.measured:
            return self.measured_on
        made = f"measured on {self.measured_on}"
        if self.details:
            made += f": {self.details}"
        return f"{made}; false-match rates below {self.shown_fmr:.1g} are extrapolated"

    def false_match_rate(self, similarity: float) -> float:
        """Chance that two different people are at least this similar, in [floor_fmr, 1]."""
        at, at_log, slope = self._line(similarity)
        return min(1.0, max(self.floor_fmr, 10 ** (at_log + slope * (similarity - at))))

    def similarity_at(self, fmr: float, *, extrapolate: bool = False) -> float:
        """The similarity whose false-match rate is `fmr`, held within the measured points.

        With `extrapolate` it goes on along the tail, down to `floor_fmr`.
        """
        wanted = math.log10(max(fmr, self.floor_fmr))
        logs = [(similarity, math.log10(rate)) for similarity, rate in self.points]
        if wanted >= logs[0][1]:
            return logs[0][0]
        for (left, left_log), (right, right_log) in pairwise(logs):
            if wanted >= right_log:
                return left + (right - left) * (wanted - left_log) / (right_log - left_log)
        last, last_log = logs[-1]
        if not extrapolate:
            return last
        return min(1.0, last + (wanted - last_log) / self._slope_beyond())

    def fnmr_at(self, similarity: float) -> float | None:
        """Share of genuine comparisons below this similarity, each person counting the same.

        Held within the measured points; None where nobody measured it.
        """
        if not self.fnmr_points:
            return None
        if similarity <= self.fnmr_points[0][0]:
            return self.fnmr_points[0][1]
        for (left, left_rate), (right, right_rate) in pairwise(self.fnmr_points):
            if similarity <= right:
                return left_rate + (right_rate - left_rate) * (similarity - left) / (right - left)
        return self.fnmr_points[-1][1]

    def is_extrapolated(self, similarity: float) -> bool:
        """Whether `false_match_rate` at this similarity is outside of what was measured."""
        return not self.measured or not (self.points[0][0] <= similarity <= self.points[-1][0])

    def _line(self, similarity: float) -> tuple[float, float, float]:
        """A point of the line that holds at this similarity, and its slope in log10(FMR)."""
        logs = [(point, math.log10(rate)) for point, rate in self.points]
        for (left, left_log), (right, right_log) in pairwise(logs):
            if similarity <= right:
                return left, left_log, (right_log - left_log) / (right - left)
        last, last_log = logs[-1]
        return last, last_log, self._slope_beyond()

    def _slope_beyond(self) -> float:
        if self.tail_slope is not None:
            return self.tail_slope
        (left, left_rate), (right, right_rate) = self.points[-2], self.points[-1]
        return (math.log10(right_rate) - math.log10(left_rate)) / (right - left)
