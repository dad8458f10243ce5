"""Figures of face quality as tables for a person to read."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table

from indexer.benchmarks.face_quality import QualityBenchmark


def quality_tables(result: QualityBenchmark) -> Iterator[RenderableType]:
    """What was measured, how, and what it does not say."""
    looser, stricter = result.thresholds
    yield (
        f"{result.set_name}: {result.views:,} views; fitted on {result.people_fitted:,} people, "
        f"measured on {result.people_tested:,} others; {result.model.pack} in {result.runtime}, "
        f"preprocessing {result.model.preprocessing}; thresholds {looser:.3f} and {stricter:.3f} "
        f"(one false match in 1,000 and in 10,000); seed {result.seed}; {result.machine}"
    )
    for which in dict.fromkeys(curve.set for curve in result.curves):
        yield _curves(result, which)
    yield _kept(result)
    yield _strangers(result)
    yield _refusals(result)
    yield _kinds(result)
    left_out = result.left_out
    yield (
        f"Left out as no face, by a vector shorter than {left_out.shorter_than:g}: "
        f"{left_out.left_out:,} of {left_out.views:,} spoiled faces, of which "
        f"{left_out.would_match:,} would match at one false match in 1,000"
    )
    if result.fusing:
        yield _fusing(result)
    else:
        yield "Several photos as one decision: too few people have more than two pictures."
    for fit in result.fits:
        weights = ", ".join(f"{sign} {weight:g}" for sign, weight in fit.weights.items())
        yield f"Fitted {fit.name}: {fit.intercept:g}; {weights}"
    for caveat in result.caveats:
        yield f"- {caveat}"


def _curves(result: QualityBenchmark, which: str) -> Table:
    table = Table(
        "sign",
        *(f"{share:.0%}" for share in result.rejected),
        "area",
        "area at 1e-3",
        title=f"FNMR (%) at one false match in 10,000, worst left out: photos {which}",
    )
    for curve in sorted(
        (each for each in result.curves if each.set == which), key=lambda each: each.area
    ):
        missed = (f"{100 * rate:.2f}" for rate in curve.missed)
        table.add_row(curve.sign, *missed, f"{curve.area:.3f}", f"{curve.area_looser:.3f}")
    return table


def _kept(result: QualityBenchmark) -> Table:
    table = Table(
        "figure from", "comparisons", "expected to pass", "passed", title="Does the figure hold?"
    )
    for each in result.kept:
        table.add_row(
            f"{each.least:.2f}",
            f"{each.comparisons:,}",
            f"{each.expected:.1%}",
            f"{each.passed:.1%}",
        )
    return table


def _strangers(result: QualityBenchmark) -> Table:
    table = Table(
        "figure from",
        "views",
        "as a probe",
        "as a template",
        "as a template, poor probes",
        title="False matches, as multiples of one in 10,000",
    )
    for each in result.strangers:
        table.add_row(
            f"{each.least:.2f}",
            f"{each.views:,}",
            f"{each.as_probe:.2f}",
            f"{each.as_template:.1f}",
            f"{each.as_template_of_poor:.1f}",
        )
    return table


def _refusals(result: QualityBenchmark) -> Table:
    table = Table(
        "refusal",
        "of photos as they are",
        "of spoiled photos",
        "FNMR of those",
        title="Refusing reference photos: what it costs and spares",
    )
    for each in result.refusals:
        table.add_row(
            each.code or "(taken)",
            f"{each.of_good:.2%}",
            f"{each.of_spoiled:.1%}",
            f"{each.missed:.1%}",
        )
    return table


def _kinds(result: QualityBenchmark) -> Table:
    table = Table(
        "spoiled", "looked for", "not found", "median figure", "FNMR", "refused", title="By kind"
    )
    for each in result.kinds:
        table.add_row(
            each.kind,
            f"{each.looked_for:,}",
            f"{each.not_found:,}",
            f"{each.figure:.2f}",
            f"{each.missed:.1%}",
            f"{each.refused:.1%}",
        )
    return table


def _fusing(result: QualityBenchmark) -> Table:
    columns = list(
        dict.fromkeys((each.photos, each.one_is_poor, each.people) for each in result.fusing)
    )
    table = Table(
        "way",
        *(
            f"{photos} photos{', one poor' if poor else ''} ({people} people)"
            for photos, poor, people in columns
        ),
        title="Several photos: FNMR (%) at 1e-3 / 1e-4, false matches beside a single photo",
    )
    found = {(each.way, each.photos, each.one_is_poor): each for each in result.fusing}
    for way in dict.fromkeys(each.way for each in result.fusing):
        cells = []
        for photos, poor, _ in columns:
            rate = found[way, photos, poor]
            missed = " / ".join(f"{100 * value:.2f}" for value in rate.missed)
            cells.append(f"{missed}, x{rate.false_beside_single:.1f}")
        table.add_row(way, *cells)
    return table
