"""`likeness bench`: figures on your own data, side by side with named peers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.errors import InvalidInputError
from service.work import (
    bench_crawl,  # noqa: F401 - registers its command
    bench_faces,  # noqa: F401 - registers its command
    bench_pipeline,  # noqa: F401 - registers its command
    bench_quality,  # noqa: F401 - registers its command
    bench_watchlist,  # noqa: F401 - registers its command
)
from service.work.bench_app import app, check_target, give, progress_of

__all__ = ["app"]


@app.command("hashing")
def bench_hashing(
    data: Annotated[
        Path, typer.Option("--data", help="Any folder of pictures, with its subfolders.")
    ],
    limit: Annotated[int, typer.Option(min=2, help="How many pictures are edited.")] = 100,
    compared: Annotated[
        int, typer.Option(min=2, help="How many pictures are compared with each other.")
    ] = 10_000,
    seed: Annotated[int, typer.Option(help="Which pictures, and all that chance decides.")] = 1,
    edits: Annotated[
        list[str] | None, typer.Option("--edits", help="Only edits whose name holds this.")
    ] = None,
    kinds: Annotated[
        list[str] | None, typer.Option("--kinds", help="Only kinds whose name holds this.")
    ] = None,
    slow_limit: Annotated[
        int | None,
        typer.Option(min=1, help="How many pictures are edited for kinds that take long."),
    ] = None,
    index_sizes: Annotated[
        str, typer.Option(help="Also the index of hashes, at these sizes: 1000000,10000000.")
    ] = "",
    json_file: Annotated[
        str, typer.Option("--json", help="Write all figures to this file; - is standard output.")
    ] = "",
) -> None:
    """Which edits each kind of hash sees through, what it mistakes, and what it costs."""
    # imported late: loads every library that is compared
    from indexer.benchmarks.hashing import Wanted, run_hashing_benchmark  # noqa: PLC0415
    from service.work.bench_tables import hashing_tables  # noqa: PLC0415

    if not data.is_dir():
        raise InvalidInputError(f"{data} is no folder.")
    check_target(json_file)
    wanted = Wanted(
        folder=data,
        limit=limit,
        compared=compared,
        seed=seed,
        edits=tuple(edits or ()),
        kinds=tuple(kinds or ()),
        slow_limit=slow_limit,
        index_sizes=_sizes(index_sizes),
    )
    with progress_of() as said:
        result = run_hashing_benchmark(wanted, said)
    give(result, json_file, hashing_tables(result))


def _sizes(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise InvalidInputError("Sizes are whole numbers with commas: 1000000,10000000.") from error
    if any(size < 1 for size in sizes):
        raise InvalidInputError("A size is 1 or more.")
    return sizes
