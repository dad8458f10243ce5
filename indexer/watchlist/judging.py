"""How close is close enough, and what chance would do: thresholds, bands, expected chance matches.

1. What is bearable is said as expected chance matches for each face looked at. A face is compared
   with every template, so the false-match rate wanted of one comparison is that, divided by them.
2. The threshold is the similarity at which that rate was measured: never below the pack's default,
   never above the strictest similarity that was measured: there more may have to be expected.
3. Each match is given the chance matches to be expected in its medium: beyond what was measured,
   the most that there may be. Its band is lowered where look-alikes are a reason to.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import msgspec

from indexer.faces.calibration import Calibration
from indexer.observations import Band, FaceMatch
from indexer.watchlist.lookalikes import lowered, with_cautions

CHANCE_MATCHES_PER_FACE = 1e-3
"""What is bearable when nobody said: one chance match among a thousand faces."""

STRONG_BELOW = 1e-4
MODERATE_BELOW = 1e-2
"""Bands by expected chance matches in one medium: below one in 10,000 media like it, below one in
100, and more."""


@dataclass(frozen=True, slots=True)
class Judging:
    """The judge of one search: against how many templates, and how much chance is bearable.

    Without a `calibration` (face matching is off) nothing reaches the threshold.
    `chance_matches_per_face` is the expected number of chance matches that a face may cause.
    """

    calibration: Calibration | None
    templates: int
    chance_matches_per_face: float = CHANCE_MATCHES_PER_FACE

    @property
    def threshold(self) -> float:
        """The similarity from which on a face is a match, in [-1, 1]."""
        if self.calibration is None:
            return 1.0
        wanted = self.calibration.similarity_at(
            self.chance_matches_per_face / max(1, self.templates)
        )
        return max(self.calibration.default_threshold, wanted)

    @property
    def is_measured(self) -> bool:
        """Whether the pack's figures were measured; true where there are none."""
        return self.calibration is None or self.calibration.measured

    def expected_chance_matches(self, similarity: float, faces: int) -> float:
        """How many matches at least this close chance would make among that many faces."""
        if self.calibration is None:
            return 0.0
        comparisons = max(1, faces) * max(1, self.templates)
        return self.calibration.false_match_rate(similarity) * comparisons

    def restated(
        self,
        matches: Sequence[FaceMatch],
        faces_in_medium: int,
        masked: Collection[str] = frozenset(),
    ) -> tuple[FaceMatch, ...]:
        """The same matches, with what chance would do among all faces of the medium.

        Matches of `masked` people are left out.
        """
        if self.calibration is None:
            return ()
        shown = [match for match in matches if match.person_ref not in masked]
        return tuple(
            self._judged(match, faces_in_medium, self.calibration) for match in with_cautions(shown)
        )

    def _judged(self, match: FaceMatch, faces: int, calibration: Calibration) -> FaceMatch:
        """Its band by the curve as it goes on; its figure never below what was measured."""
        measured = min(match.similarity, calibration.similarity_at(0.0))
        is_beyond = match.similarity > measured
        return msgspec.structs.replace(
            match,
            expected_chance_matches=self.expected_chance_matches(measured, faces),
            band=lowered(
                band_of(self.expected_chance_matches(match.similarity, faces)), match.cautions
            ),
            chance_is_extrapolated=is_beyond or calibration.is_extrapolated(match.similarity),
            chance_is_provisional=not calibration.measured,
        )


def band_of(expected_chance_matches: float) -> Band:
    """The band in which a match is spoken of."""
    if expected_chance_matches < STRONG_BELOW:
        return "strong"
    return "moderate" if expected_chance_matches < MODERATE_BELOW else "weak"
