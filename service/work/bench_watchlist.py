"""`likeness bench watchlist`: the watch-list beside FAISS flat, at any size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType
from rich.table import Table

from service.errors import InvalidInputError
from service.work.bench_app import app, check_target, give, progress_of

if TYPE_CHECKING:
    from indexer.benchmarks.watchlist import WatchlistBenchmark


@app.command("watchlist")
def bench_watchlist(
    size: Annotated[int, typer.Option(min=1, help="How many templates.")] = 100_000,
    dim: Annotated[int, typer.Option(min=8, max=4096, help="Numbers in a template.")] = 512,
    batch: Annotated[
        list[int] | None, typer.Option(min=1, help="Probes at once; may be given repeatedly.")
    ] = None,
    drawn: Annotated[
        str,
        typer.Option(help="clustered (several templates a person, look-alikes) or random."),
    ] = "clustered",
    threshold: Annotated[
        float, typer.Option(min=0.05, max=0.99, help="The similarity that counts as a match.")
    ] = 0.42,
    threads: Annotated[int, typer.Option(min=1, help="For each contestant.")] = 2,
    seed: Annotated[int, typer.Option(min=0, help="All that chance decides.")] = 1,
    seconds: Annotated[
        float, typer.Option(min=0, help="For each batch size, about; three rounds at least.")
    ] = 60.0,
    alone: Annotated[bool, typer.Option("--alone", help="Without FAISS.")] = False,
    json_file: Annotated[
        str, typer.Option("--json", help="Write all figures to this file; - is standard output.")
    ] = "",
) -> None:
    """Time, memory and exactness of the watch-list of SIZE drawn templates, beside FAISS flat."""
    # imported late: loads FAISS and the runtimes
    from indexer.benchmarks.watchlist import (  # noqa: PLC0415
        DEFAULT_BATCHES,
        Wanted,
        run_watchlist_benchmark,
    )

    if drawn not in ("clustered", "random"):
        raise InvalidInputError("What is drawn is clustered or random.")
    check_target(json_file)
    wanted = Wanted(
        size=size,
        dimension=dim,
        batches=tuple(batch or DEFAULT_BATCHES),
        kind="random" if drawn == "random" else "clustered",
        threshold=threshold,
        threads=threads,
        seed=seed,
        seconds=seconds,
        with_peer=not alone,
    )
    with progress_of() as said:
        result = run_watchlist_benchmark(wanted, said)
    give(result, json_file, watchlist_tables(result))


def watchlist_tables(result: WatchlistBenchmark) -> Iterator[RenderableType]:
    """What was measured, how, and what it does not say."""
    versions = ", ".join(f"{name} {number}" for name, number in result.versions.items())
    yield (
        f"{result.size:,} templates of {result.dimension}, {result.kind}, threshold "
        f"{result.threshold:g}; {result.threads} threads; seed {result.seed}; {result.machine}; "
        f"{result.processor}; {versions}; load when it began {result.busy_with:.1f}"
    )
    batches = sorted({timing.batch for timing in result.timings})
    table = Table(
        "",
        *(f"{batch} at once, ms a probe" for batch in batches),
        "taken in, s",
        "memory, MB",
        "peak, MB",
        title="Median (best round, processor time of all threads)",
    )
    contests = {contest.contestant: contest for contest in result.contests}
    for name in dict.fromkeys(timing.contestant for timing in result.timings):
        timed = {each.batch: each for each in result.timings if each.contestant == name}
        cells = [
            f"{timed[batch].median_ms:.2f}  ({timed[batch].best_ms:.2f}, "
            f"{timed[batch].processor_ms:.2f})"
            for batch in batches
        ]
        contest = contests.get(name)
        cells += (
            [f"{contest.build_s:.1f}", f"{contest.memory_mb:,.0f}", f"{contest.peak_mb:,.0f}"]
            if contest is not None
            else ["", "", ""]
        )
        table.add_row(name, *cells)
    yield table
    exact = result.exactness
    if exact is not None:
        yield (
            f"Of {exact.exact_hits:,} exact matches {exact.missed} were missed, {exact.invented} "
            f"were found besides; {exact.at_border} of these are at the border. Recall "
            f"{exact.recall:.5f}"
        )
    yield _changes(result)
    for caveat in result.caveats:
        yield f"- {caveat}"


def _changes(result: WatchlistBenchmark) -> Table:
    changes = result.changes
    table = Table("change", "", title="Changes; first pass: " + result.contests[0].first_pass)
    table.add_row("one template added", f"{changes.add_1_ms:.1f} ms")
    table.add_row("one template removed", f"{changes.remove_1_ms:.1f} ms")
    table.add_row("1,000 added", f"{changes.add_1000_ms:.1f} ms")
    table.add_row("1,000 removed", f"{changes.remove_1000_ms:.1f} ms")
    table.add_row("slowest of all", f"{changes.slowest_ms:.1f} ms")
    table.add_row("changes without effect", str(changes.wrong))
    table.add_row("memory more after 100 rounds", f"{changes.growth_mb:.1f} MB")
    table.add_row("a second one beside it", f"{changes.rebuilt_s:.1f} s")
    table.add_row("peak meanwhile", f"{changes.rebuilt_peak_mb:,.0f} MB")
    return table
