"""`likeness bench pipeline`: from bytes to matches, beside InsightFace's `FaceAnalysis`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType
from rich.table import Table

from service.command_context import settings_of
from service.errors import InvalidInputError
from service.work.bench_app import app, check_target, give, progress_of

if TYPE_CHECKING:
    from indexer.benchmarks.pipeline import PipelineBenchmark

_MEGA = 1_000_000


@app.command("pipeline")
def bench_pipeline(
    context: typer.Context,
    data: Annotated[
        Path, typer.Option("--data", help="A folder of pictures, best DIR/<person>/*.jpg.")
    ],
    photos: Annotated[int, typer.Option(min=1, help="How many are examined.")] = 64,
    rounds: Annotated[int, typer.Option(min=1, help="How often, in turns.")] = 5,
    made_megapixels: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=50.0,
            help="Make photographs of this size of the folder's small ones; 0: as they are.",
        ),
    ] = 0.0,
    gallery: Annotated[int, typer.Option(min=0, help="How many people are enrolled.")] = 200,
    pack: Annotated[str, typer.Option(help="Our pack; that of the settings when empty.")] = "",
    models: Annotated[
        Path | None, typer.Option(help="The folder of our packs; that of the settings if none.")
    ] = None,
    runtime: Annotated[str, typer.Option(help="Ours; that of the settings when empty.")] = "",
    peer: Annotated[
        str, typer.Option(help="The pack that FaceAnalysis uses; empty: without a peer.")
    ] = "",
    peer_root: Annotated[
        Path | None, typer.Option(help="The folder that holds models/<peer>.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="All that chance decides.")] = 1,
    json_file: Annotated[
        str, typer.Option("--json", help="Write all figures to this file; - is standard output.")
    ] = "",
) -> None:
    """Pictures a second, faces and matches: ours and FaceAnalysis, in turns, on the same bytes."""
    # As in an examiner: NumPy's threads spin after each small product, beside whoever works.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # imported late: loads the models' runtimes
    from indexer.benchmarks.pipeline import Wanted, run_pipeline_benchmark  # noqa: PLC0415

    if not data.is_dir():
        raise InvalidInputError(f"{data} is no folder.")
    if bool(peer) != (peer_root is not None):
        raise InvalidInputError("A peer needs both: --peer, its pack, and --peer-root, its folder.")
    settings = settings_of(context)
    check_target(json_file)
    wanted = Wanted(
        folder=data,
        photos=photos,
        rounds=rounds,
        made_pixels=round(made_megapixels * _MEGA),
        gallery=gallery,
        pack=pack or settings.pack,
        models_dir=models or settings.models_dir,
        runtime=runtime or settings.runtime,
        accepted_licences=settings.accepted_licences,
        peer_pack=peer,
        peer_root=peer_root,
        memory_bytes=settings.examiner_memory_mb * 1024 * 1024,
        seed=seed,
    )
    with progress_of() as said:
        result = run_pipeline_benchmark(wanted, said)
    give(result, json_file, pipeline_tables(result))


def pipeline_tables(result: PipelineBenchmark) -> Iterator[RenderableType]:
    """What was measured, how, and what it does not say."""
    versions = ", ".join(f"{name} {number}" for name, number in result.versions.items())
    yield (
        f"{result.photos} {'made ' if result.made else ''}photographs of "
        f"{result.mean_megapixels:.2f} megapixels and {result.mean_kilobytes:.0f} kB on average, "
        f"{result.enrolled} people enrolled; {result.lanes} lanes; seed {result.seed}; "
        f"{result.machine}; {result.device}; {versions}; load when it began "
        f"{result.busy_with:.1f}"
    )
    table = Table(
        "",
        "photographs/s",
        "times the peer (of each round)",
        "processor ms a photograph",
        "faces",
        "fewer than the peer on",
        "found",
        "missed",
        "wrong",
        "others than the peer on",
        title="In turns, medians",
    )
    for each in result.contests:
        ratios = ", ".join(f"{ratio:.2f}" for ratio in each.ratios)
        times = "" if each.ratio_to_peer is None else f"{each.ratio_to_peer:.2f} ({ratios})"
        table.add_row(
            each.name,
            f"{each.photos_a_second:.1f}",
            times,
            f"{each.processor_ms:.1f}",
            str(each.faces),
            _or_nothing(each.photos_with_fewer_faces_than_peer),
            str(each.found),
            str(each.missed),
            str(each.wrong),
            _or_nothing(each.photos_with_other_people_than_peer),
        )
    yield table
    yield f"Decoding alone, over all lanes: {result.decoding_photos_a_second:.1f} photographs/s"
    steps = Table("step, one thread", "median, ms", "mean, ms")
    for step in result.steps:
        steps.add_row(step.name, f"{step.median_ms:.2f}", f"{step.mean_ms:.2f}")
    yield steps
    for caveat in result.caveats:
        yield f"- {caveat}"


def _or_nothing(count: int | None) -> str:
    return "" if count is None else str(count)
