"""Figures of faces as tables for a person to read, an earlier run beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table

from indexer.benchmarks.condition_rates import ConditionRate, ConditionsBenchmark
from indexer.benchmarks.face_groups import Groups
from indexer.benchmarks.faces import FacesBenchmark
from indexer.benchmarks.identification import Identification
from indexer.benchmarks.pairs import PairsAccuracy
from indexer.benchmarks.verification import TarAt, Verification
from indexer.faces.calibration_file import CalibrationFile


def faces_tables(
    result: FacesBenchmark,
    before: FacesBenchmark | None,
    calibration: CalibrationFile | None,
) -> Iterator[RenderableType]:
    """What was measured, how, and what it does not say."""
    seen = result.seen
    yield (
        f"{result.set_name}: {seen.people:,} people, {seen.pictures:,} pictures "
        f"({seen.unreadable} could not be read), no face in {seen.missed} "
        f"({_percent(seen.missed_by_person)} by person); {result.model.pack} in {result.runtime}, "
        f"preprocessing {result.model.preprocessing}; seed {result.seed}; {result.machine}"
    )
    yield from _verification(result.verification)
    if result.pairs is not None:
        yield _pairs(result.pairs)
    if result.identification is not None:
        yield from _identification(result.identification)
    else:
        yield f"Identification was left out: {result.identification_left_out}"
    if result.groups is not None:
        yield _groups(result.groups)
    if result.conditions is not None:
        yield from _conditions(result.conditions, before.conditions if before else None)
    if calibration is not None:
        yield f"Calibration: {calibration.calibration().words}"
    for caveat in result.caveats:
        yield f"- {caveat}"


def _verification(result: Verification) -> Iterator[RenderableType]:
    table = Table(
        "FMR",
        "by person: TAR",
        "threshold",
        "by pair of pictures: TAR",
        "threshold",
        title=f"Verification: {result.genuine_pairs:,} genuine pairs of "
        f"{result.people_with_several:,} people, {result.impostor_pairs:,} impostor pairs of "
        f"{result.pairs_of_people:,} pairs of people",
    )
    for one, other in zip(result.by_person, result.by_pair, strict=True):
        table.add_row(
            f"{one.fmr:g}{'' if one.is_shown else ' (too few pairs)'}",
            _tar(one),
            f"{one.threshold:.3f}",
            _tar(other),
            f"{other.threshold:.3f}",
        )
    yield table
    yield (
        f"One person supplies {_percent(result.largest_share)} of the genuine pairs. The lowest "
        f"false-match rate that these people show is {result.floor_fmr:.1g}."
    )
    for suspect in result.suspects:
        yield (
            f"Left out as a probable label error: {suspect.one} and {suspect.other}, "
            f"{suspect.similarity:.3f}"
        )


def _tar(at: TarAt) -> str:
    return f"{_percent(at.tar)}{_between(at.tar_interval)}"


def _pairs(result: PairsAccuracy) -> Table:
    half = (result.accuracy_interval[1] - result.accuracy_interval[0]) / 2
    table = Table(
        "pairs", "of one person", "not here", "no face", "accuracy", "thresholds", title="Pairs"
    )
    table.add_row(
        f"{result.pairs:,} of {result.people:,} people",
        f"{result.same:,}",
        str(result.left_out),
        str(result.undetected),
        f"{_percent(result.accuracy)} ± {100 * half:.2f}, {result.folds} folds without a person "
        "in common",
        f"{min(result.thresholds):.3f} to {max(result.thresholds):.3f}",
    )
    return table


def _identification(result: Identification) -> Iterator[RenderableType]:
    table = Table(
        "FPIR",
        "FNIR",
        "threshold",
        "people who raise an alarm",
        "FNIR without label errors",
        "threshold",
        title=f"Identification: {result.enrolled:,} people enrolled, {result.mated_probes:,} "
        f"pictures of them, {result.unmated_probes:,} of {result.without_reference:,} others; "
        f"rank one {_percent(result.rank_one)}",
    )
    pairs = zip(result.at_fpir, result.at_fpir_without_label_errors, strict=True)
    for every, fewer in pairs:
        table.add_row(
            f"{every.fpir:g}{'' if every.is_shown else ' (too few people)'}",
            f"{_percent(every.fnir)}{_between(every.fnir_interval)}",
            f"{every.threshold:.3f}",
            str(every.alarms),
            f"{_percent(fewer.fnir)}{_between(fewer.fnir_interval)}",
            f"{fewer.threshold:.3f}",
        )
    yield table


def _groups(result: Groups) -> Table:
    table = Table(
        "group",
        "people",
        "no face",
        "missed (FNMR)",
        "taken for each other (FMR within)",
        "pairs of people",
        title=f"By group at {result.threshold:.3f}; {result.unlabelled_people} people have none",
    )
    for each in result.groups:
        table.add_row(
            each.group,
            f"{each.people:,}",
            _percent(each.missed_share),
            "-" if each.fnmr is None else f"{_percent(each.fnmr)}{_between(each.fnmr_interval)}",
            f"{each.fmr_within:.1e} ({each.false_couples} pairs of people)",
            f"{each.pairs_of_people:,}",
        )
    return table


def _conditions(
    result: ConditionsBenchmark, before: ConditionsBenchmark | None
) -> Iterator[RenderableType]:
    headings = ["condition", "people", "face found", "recognised", "with up to 3 references"]
    headings += ["taken for others"]
    if before is not None:
        headings += ["before: face found", "recognised", "taken for others"]
    table = Table(
        *headings,
        title=f"Conditions at {result.threshold:.3f}, one reference, "
        f"{result.strangers:,} references of others",
    )
    earlier = {(rate.family, rate.name): rate for rate in (before.rates if before else ())}
    family_before = ""
    for rate in result.rates:
        if rate.family != family_before:
            table.add_section()
            family_before = rate.family
        cells = [
            f"{rate.family}: {rate.name}",
            str(rate.people),
            f"{rate.detected:.3f}",
            f"{rate.found:.3f}{_between(rate.found_interval)}",
            "-" if rate.found_several is None else f"{rate.found_several:.3f}",
            _false(rate),
        ]
        if before is not None:
            cells += _earlier(earlier.get((rate.family, rate.name)))
        table.add_row(*cells)
    yield table
    yield f"Threshold {result.threshold:.3f}: {result.threshold_words}"
    yield f"Conditions are measured on {result.people_words}"
    if before is not None:
        same = before.people_digest == result.people_digest
        yield (
            f"Before: threshold {before.threshold:.3f}, "
            + ("the same people" if same else "OTHER PEOPLE: compare with care")
        )


def _earlier(rate: ConditionRate | None) -> Sequence[str]:
    if rate is None:
        return ["-", "-", "-"]
    return [f"{rate.detected:.3f}", f"{rate.found:.3f}", _false(rate)]


def _false(rate: ConditionRate) -> str:
    if not rate.comparisons:
        return "-"
    if not rate.false_matches:
        # The rule of three: what no event in so many comparisons leaves possible.
        return f"0 (below {3 / rate.comparisons:.0e})"
    return f"{rate.false_match_rate:.1e} ({rate.false_matches})"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _between(interval: tuple[float, float] | None) -> str:
    if interval is None:
        return ""
    return f" ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})"
