"""Results of benchmarks as tables for a person to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table

from indexer.benchmarks.hash_index import IndexBenchmark
from indexer.benchmarks.hashing import HashingBenchmark, Recall


def hashing_tables(result: HashingBenchmark) -> Iterator[RenderableType]:
    """What was measured, how, and what it does not say."""
    yield (
        f"{result.pictures} pictures ({result.unreadable} files could not be read), "
        f"{result.edited} of them edited, {result.median_megapixels:g} megapixels in the median; "
        f"seed {result.seed}; {result.machine}"
    )
    yield _recalls(result.recalls)
    yield _mistakes(result)
    yield _costs(result)
    if result.index is not None:
        yield from _index(result.index)
    for caveat in result.caveats:
        yield f"- {caveat}"


def _recalls(recalls: Sequence[Recall]) -> Table:
    kinds = list(dict.fromkeys(recall.kind for recall in recalls))
    table = Table("edit", *kinds, title="Copies found, of 100")
    found = {(recall.family, recall.strength, recall.kind): recall for recall in recalls}
    family_before = ""
    for family, strength in dict.fromkeys((each.family, each.strength) for each in recalls):
        if family != family_before:
            table.add_section()
            family_before = family
        cells = [_share(found[family, strength, kind]) for kind in kinds]
        table.add_row(f"{family} {strength}", *cells)
    return table


def _share(recall: Recall) -> str:
    return f"{100 * recall.found / recall.copies:.0f}" if recall.copies else "-"


def _mistakes(result: HashingBenchmark) -> Table:
    table = Table(
        "kind",
        "pictures",
        "pairs",
        "threshold",
        "false",
        "ambiguous",
        "not compared",
        title="Different pictures taken for copies of each other",
    )
    for each in result.mistakes:
        table.add_row(
            each.kind,
            f"{each.pictures:,}",
            f"{each.pairs:,}",
            str(each.threshold),
            f"{each.false:,}",
            f"{each.ambiguous:,}",
            f"{each.uncompared:,}",
        )
    return table


def _costs(result: HashingBenchmark) -> Table:
    table = Table("kind", "pictures", "ms", "decoding, ms", title="Cost of one picture, median")
    for cost in result.costs:
        table.add_row(
            cost.kind, str(cost.pictures), f"{cost.median_ms:.2f}", f"{cost.median_decode_ms:.2f}"
        )
    return table


def _index(index: IndexBenchmark) -> Iterator[RenderableType]:
    batches = sorted({timing.batch for contest in index.contests for timing in contest.timings})
    table = Table(
        "index",
        "hashes",
        "built, s",
        "memory, MB",
        "disk, MB",
        *(f"ms a look-up, {batch} at once" for batch in batches),
        "missed",
        "invented",
        title=f"Look-ups within 31 bits; the bits are {index.bits}",
    )
    for contest in index.contests:
        timed = {timing.batch: timing.median_ms for timing in contest.timings}
        table.add_row(
            contest.contestant,
            f"{contest.hashes:,}",
            f"{contest.build_s:.1f}",
            f"{contest.memory_mb:,.0f}",
            f"{contest.disk_mb:,.0f}",
            *(f"{timed[batch]:.2f}" if batch in timed else "-" for batch in batches),
            str(contest.missed),
            str(contest.invented),
        )
    yield table
    for left_out in index.left_out:
        yield f"- {left_out.contestant} at {left_out.hashes:,}: {left_out.reason}"
