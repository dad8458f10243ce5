"""Makes a pack's calibration: on some people the curve, on others, whom it never saw, the check.

1. People are put into an order by the SHA-256 of their folders' names: the same on every machine.
   The first of them, as large a share as is to be held out, are never seen. A fifth of them are
   those whom the training of the orientation network held out, too (`docs/training`).
2. The curve is measured on the others, weighted by person, down to the lowest rate that enough of
   their pairs show; from there it goes on as extrapolated.
3. Thresholds are taken from it at stated false-match rates.
4. Each is tried on the people held out; what it promised and what it gave is written down.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import numpy as np

from indexer.benchmarks.faces_seen import NothingToMeasureError, SeenSet
from indexer.benchmarks.impostors import Impostors, compare_impostors
from indexer.benchmarks.verification import Genuine, compare_genuine, curve
from indexer.faces.calibration_file import (
    FORMAT,
    CalibrationCheck,
    CalibrationFile,
    CurvePoint,
    HeldOut,
)
from indexer.observations import ModelStamp

DEFAULT_THRESHOLD_FMR: Final = 1e-4
SAME_PERSON_THRESHOLD_FMR: Final = 1e-3
LOWEST_STATED_FMR: Final = 1e-7
DEFAULT_HELD_OUT_SHARE: Final = 0.2
_CHECKED_FMRS: Final = (1e-2, 1e-3, 1e-4, 1e-5)
_DECADE: Final = 10.0
_FEWEST_COUPLES: Final = 2
_DRAWS: Final = 300
_FEWEST_POINTS: Final = 2
RULE: Final = (
    "with n the first 32 bits of the SHA-256 of the folder's name, (n mod 5 + n / 2^32) / 5 is "
    "below the share"
)
HOW: Final = (
    "every pair of people counts the same (FMR), every person with two or more pictures counts the "
    "same (FNMR); pairs of people far more similar than the fitted tail of all others explains, "
    "fewer than 0.05 pairs expected in the whole set, are probable label errors and left out of "
    "the FMR: it is also given with them"
)


def is_held_out(name: str, share: float) -> bool:
    """Whether calibrations that hold out this share never see this person."""
    number = int.from_bytes(sha256(name.encode()).digest()[:4])
    return (number % 5 + number / 2**32) / 5 < share


def calibrate(
    seen: SeenSet,
    stamp: ModelStamp,
    *,
    runtime: str,
    set_name: str,
    held_out_share: float,
    today: dt.date,
) -> CalibrationFile:
    """The calibration of one set, on people and pictures. Raises `NothingToMeasureError`."""
    # 1. Divide the people.
    apart = [who for who, name in enumerate(seen.people) if is_held_out(name, held_out_share)]
    others = sorted(set(range(len(seen.people))) - set(apart))
    calibrated_on, checked_on = seen.only(others), seen.only(apart)
    # 2. The curve.
    genuine, impostors = compare_genuine(calibrated_on), compare_impostors(calibrated_on)
    points = curve(genuine, impostors)
    if len(points) < _FEWEST_POINTS or points[-1].fmr > DEFAULT_THRESHOLD_FMR:
        raise NothingToMeasureError(
            f"{impostors.people} people show no false-match rate below {impostors.floor_fmr:.0e}; "
            f"a calibration needs at least {DEFAULT_THRESHOLD_FMR:g}: bring more people"
        )
    # 3. Thresholds.
    default = round(impostors.threshold(DEFAULT_THRESHOLD_FMR), 4)
    same_person = round(impostors.threshold(SAME_PERSON_THRESHOLD_FMR), 4)
    # 4. The check.
    held_out = _check(checked_on, impostors, genuine, held_out_share)
    return CalibrationFile(
        format=FORMAT,
        pack=stamp.pack,
        model_digest=stamp.digest,
        preprocessing=stamp.preprocessing,
        runtime=runtime,
        made_on=today.isoformat(),
        set_name=set_name,
        people=impostors.people,
        pictures=len(calibrated_on.person),
        pictures_without_face=int(calibrated_on.missed.sum()),
        people_with_several=int((genuine.pairs_of > 0).sum()),
        pairs_of_people=impostors.pairs_of_people,
        impostor_pairs=impostors.pairs,
        left_out_pairs_of_people=len(impostors.suspects),
        how=HOW,
        held_out=held_out,
        default_threshold_fmr=DEFAULT_THRESHOLD_FMR,
        same_person_threshold_fmr=SAME_PERSON_THRESHOLD_FMR,
        default_threshold=default,
        same_person_threshold=same_person,
        tail_slope=_tail_slope(impostors),
        lowest_stated_fmr=min(LOWEST_STATED_FMR, points[-1].fmr),
        points=tuple(
            CurvePoint(
                similarity=round(point.similarity, 4),
                fmr=float(f"{point.fmr:.4g}"),
                fmr_with_left_out=float(f"{point.fmr_with_suspects:.4g}"),
                fnmr=round(point.fnmr, 5),
            )
            for point in points
        ),
    )


def _tail_slope(impostors: Impostors) -> float:
    """log10(FMR) for each unit of similarity beyond the last point: the flattest that was seen.

    From one decade above the lowest rate shown, a line to every rate below it that at least two
    pairs of people still reach. Relatives make the end of the tail flatter than its middle, and a
    steep line would promise too much.
    """
    from_fmr = impostors.floor_fmr * _DECADE
    start = impostors.threshold(from_fmr)
    reached = np.cumsum(impostors.tail.weight)
    further = np.flatnonzero(reached < impostors.floor_fmr)
    slopes = [
        float(np.log10(reached[place] / from_fmr)) / (similarity - start)
        for place in further
        if (similarity := float(impostors.tail.similarity[place])) > start
        and impostors.couples(similarity) >= _FEWEST_COUPLES
    ]
    middle = impostors.threshold(impostors.floor_fmr)
    slopes.append(-1.0 / max(middle - start, 1e-6))
    return round(max(slopes), 3)


def _check(others: SeenSet, impostors: Impostors, genuine: Genuine, share: float) -> HeldOut:
    """The calibrated thresholds on people whom the calibration never saw."""
    their_genuine, their_impostors = compare_genuine(others), compare_impostors(others)
    checks = tuple(
        CalibrationCheck(
            similarity=at,
            fmr_calibrated=float(f"{impostors.fmr(at):.3g}"),
            fmr_found=float(f"{their_impostors.fmr(at):.3g}"),
            fmr_found_interval=_fmr_interval(their_impostors, at),
            fnmr_calibrated=round(1 - genuine.tar(at), 4),
            fnmr_found=round(1 - their_genuine.tar(at), 4),
        )
        for fmr in _CHECKED_FMRS
        if fmr >= max(impostors.floor_fmr, their_impostors.floor_fmr) * 0.999
        for at in (round(impostors.threshold(fmr), 4),)
    )
    return HeldOut(
        share=share,
        people=their_impostors.people,
        pairs_of_people=their_impostors.pairs_of_people,
        rule=RULE,
        checks=checks,
        words=_words(checks),
    )


def _words(checks: Sequence[CalibrationCheck]) -> str:
    """How far off it was where it matters most: the check nearest to the default threshold."""
    if not checks:
        return "too few to check a false-match rate"
    check = min(checks, key=lambda each: abs(np.log(each.fmr_calibrated / DEFAULT_THRESHOLD_FMR)))
    found = f"{check.fmr_found:.1e}"
    if check.fmr_found_interval is not None:
        low, high = check.fmr_found_interval
        found += f" ({low:.1e} to {high:.1e})"
    return (
        f"at {check.similarity:.3f} a false-match rate of {check.fmr_calibrated:.1e} was promised "
        f"and {found} found; {check.fnmr_calibrated:.1%} missed was promised and "
        f"{check.fnmr_found:.1%} found"
    )


def _fmr_interval(impostors: Impostors, similarity: float) -> tuple[float, float] | None:
    """95 %, by drawing people anew; None where more pairs reach it than are kept one by one."""
    if similarity < impostors.tail_from:
        return None
    chance = np.random.default_rng(5)
    above = impostors.tail.similarity >= similarity
    found = [
        float(impostors.drawn_tail(impostors.draw(chance))[above].sum()) for _ in range(_DRAWS)
    ]
    low, high = np.percentile(found, [2.5, 97.5])
    return float(f"{low:.3g}"), float(f"{high:.3g}")
