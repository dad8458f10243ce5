"""Calibrations as files: what was measured, on whom, with which model, and how it was checked.

1. `likeness bench faces --write-calibration FILE` writes one. The default pack's is shipped in
   `calibrations/`; an operator's pack names its own in `pack.toml`.
2. `read_calibration` refuses what contradicts itself, and whatever was made with another model,
   other files or other preprocessing (design rule 14): thresholds of another model mean nothing.
3. A shipped file that is of an older preprocessing is not used either; the pack then falls back to
   provisional, stricter figures and says so.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec

from indexer.faces.calibration import Calibration
from indexer.faces.errors import CalibrationRefusedError
from indexer.observations import ModelStamp

FORMAT: Final = 1
_LENGTH_OF_SHA256: Final = 64


class CurvePoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At this similarity: FMR, FMR with the pairs that were left out, and FNMR, in [0, 1]."""

    similarity: float
    fmr: float
    fmr_with_left_out: float
    fnmr: float


class CalibrationCheck(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One threshold on people whom the calibration never saw: what it promised, what it gave."""

    similarity: float
    fmr_calibrated: float
    fmr_found: float
    fmr_found_interval: tuple[float, float] | None
    fnmr_calibrated: float
    fnmr_found: float


class HeldOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The people on whom it was checked; none of them is among those it was made of."""

    share: float
    people: int
    pairs_of_people: int
    rule: str
    checks: tuple[CalibrationCheck, ...]
    words: str


class CalibrationFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole calibration. Rates are weighted by person: every person, and for FMR every pair of
    people, counts the same.
    """

    format: int
    pack: str
    model_digest: str
    preprocessing: int
    runtime: str
    made_on: str
    set_name: str
    people: int
    pictures: int
    pictures_without_face: int
    people_with_several: int
    pairs_of_people: int
    impostor_pairs: int
    left_out_pairs_of_people: int
    how: str
    held_out: HeldOut
    default_threshold_fmr: float
    same_person_threshold_fmr: float
    default_threshold: float
    same_person_threshold: float
    tail_slope: float
    lowest_stated_fmr: float
    points: tuple[CurvePoint, ...]

    def calibration(self) -> Calibration:
        """What engines and the watch-list use of it."""
        return Calibration(
            measured_on=self.set_name,
            measured=True,
            points=tuple((point.similarity, point.fmr) for point in self.points),
            default_threshold=self.default_threshold,
            same_person_threshold=self.same_person_threshold,
            floor_fmr=self.lowest_stated_fmr,
            fnmr_points=tuple((point.similarity, point.fnmr) for point in self.points),
            tail_slope=self.tail_slope,
            details=f"{self.people:,} people, {self.pairs_of_people:,} pairs of people, each "
            f"counting the same, on {self.made_on} with {self.runtime}; checked on "
            f"{self.held_out.people:,} other people: {self.held_out.words}",
        )


def write_calibration(made: CalibrationFile, path: Path) -> None:
    """Write it, one value a line. Raises `OSError`."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")


def read_calibration(content: bytes, stamp: ModelStamp, name: str) -> CalibrationFile:
    """The calibration in a file called `name`, made with exactly this model.

    Raises `CalibrationRefusedError`.
    """
    try:
        said = msgspec.json.decode(content, type=CalibrationFile)
    except msgspec.MsgspecError as error:
        raise CalibrationRefusedError(f"{name} is no calibration: {error}") from error
    for wrong, words in _CONTRADICTIONS:
        if wrong(said):
            raise CalibrationRefusedError(f"{name} contradicts itself: {words}")
    if (said.model_digest, said.preprocessing) != (stamp.digest, stamp.preprocessing):
        raise CalibrationRefusedError(
            f"{name} was made with another model or preprocessing than this {stamp.pack!r}; its "
            "thresholds mean nothing here. Make one with `likeness bench faces "
            "--write-calibration`"
        )
    return said


@cache
def shipped_calibration(stamp: ModelStamp) -> Calibration | None:
    """The calibration shipped for a pack, if there is one of exactly this model."""
    file = files("indexer.faces") / "calibrations" / f"{stamp.pack}.json"
    if not file.is_file():
        return None
    content = file.read_bytes()
    try:
        return read_calibration(content, stamp, file.name).calibration()
    except CalibrationRefusedError:
        # Not an operator's fault, and nothing they could repair: the pack says provisional.
        return None


def _points_fall(said: CalibrationFile) -> bool:
    return all(
        a.similarity < b.similarity and a.fmr > b.fmr and a.fnmr <= b.fnmr
        for a, b in pairwise(said.points)
    )


_CONTRADICTIONS: Final[tuple[tuple[Callable[[CalibrationFile], bool], str], ...]] = (
    (lambda said: said.format != FORMAT, f"its format is not {FORMAT}"),
    (lambda said: len(said.model_digest) != _LENGTH_OF_SHA256, "its model has no digest"),
    (lambda said: len(said.points) < 2, "it needs two or more points"),
    (
        lambda said: not _points_fall(said),
        "its similarities must rise, its FMR fall and its FNMR not fall",
    ),
    (
        lambda said: not all(0 < p.fmr <= 1 and 0 <= p.fnmr <= 1 for p in said.points),
        "rates are between 0 and 1",
    ),
    (
        lambda said: not all(-1 <= p.similarity <= 1 for p in said.points),
        "similarities are between -1 and 1",
    ),
    (lambda said: said.tail_slope >= 0, "beyond its last point the FMR must fall"),
    (
        lambda said: not 0 < said.lowest_stated_fmr <= said.points[-1].fmr,
        "its lowest stated FMR must be above 0 and not above its last point",
    ),
    (
        lambda said: (
            not (
                said.points[0].similarity
                <= said.same_person_threshold
                <= said.default_threshold
                <= said.points[-1].similarity
            )
        ),
        "its thresholds must lie within its points, the one for one person's own photos lower",
    ),
)
