"""How much chance is bearable: from what an operator says of a day to what one face may cause.

1. The operator says how many chance matches a day they bear, in the whole installation (a setting).
2. The faces looked at on the busiest of the last seven days say how often chance gets a chance; a
   new installation begins with a guess.
3. What a face may cause is the one divided by the other. The watch-list divides it once more, by
   the templates that each face is compared with.

The number of faces is taken up to the next power of two, and down only when it has fallen to a
quarter, so that the watch-list does not change with every face, and more is never borne than said.
"""

from __future__ import annotations

import math
import threading
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from indexer.examiner.protocol import GalleryLoaded
from service.candidates.operating_point import OperatingPoint, note, operating_point
from service.clock import Clock
from service.database import Database
from service.sources.volume import busiest_day

FACES_A_DAY_AT_FIRST = 8_192
"""Until a run has counted faces: some ten thousand pictures."""
LEAST_FACES_A_DAY = 1_024
"""Below this a day says little of the next one."""
RECOUNT_EVERY = timedelta(seconds=60)
_FALLEN_TO = 4


class BearableChance:
    """Follows the number of faces looked at in a day. Safe to share between threads."""

    def __init__(self, clock: Clock, *, chance_matches_a_day: float) -> None:
        self.chance_matches_a_day = chance_matches_a_day
        self._clock = clock
        self._turn = threading.Lock()
        self._faces_a_day: int | None = None
        self._counted_at: datetime | None = None

    def chance_matches_per_face(self, session: Session) -> float:
        """How many chance matches one face may cause; counted anew once a minute at most."""
        return self.chance_matches_a_day / self.faces_a_day(session)

    def faces_a_day(self, session: Session) -> int:
        """The number of faces a day that is reckoned with: a power of two."""
        now = self._clock.now()
        with self._turn:
            due = self._counted_at is None or now - self._counted_at >= RECOUNT_EVERY
            if self._faces_a_day is None or due:
                reckoned = reckoned_with(busiest_day(session, now))
                followed = self._faces_a_day
                if followed is None or not followed // _FALLEN_TO < reckoned <= followed:
                    self._faces_a_day = followed = reckoned
                self._counted_at = now
                return followed
            return self._faces_a_day

    def loaded(self, database: Database, answer: GalleryLoaded) -> None:
        """The examiner has taken a gallery: write down where the search stands now."""
        with database.read() as session:
            faces_a_day = self.faces_a_day(session)
            before = operating_point(session)
        point = OperatingPoint(
            chance_matches_a_day=self.chance_matches_a_day,
            faces_a_day=faces_a_day,
            templates=answer.templates,
            threshold=answer.threshold,
            expected_a_day=answer.chance_matches_per_face * faces_a_day,
            is_measured=answer.chance_is_measured,
        )
        if point != before:
            with database.write() as session:
                note(session, point, self._clock.now())


def reckoned_with(faces: int) -> int:
    """The next power of two above the busiest day's faces; a guess when there were none."""
    if faces <= 0:
        return FACES_A_DAY_AT_FIRST
    return max(LEAST_FACES_A_DAY, 1 << math.ceil(math.log2(faces)))
