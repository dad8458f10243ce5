"""`likeness bench quality`: what each sign of a face's quality is worth, on your own pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.command_context import settings_of
from service.errors import InvalidInputError
from service.work.bench_app import app, check_target, give, progress_of


@app.command("quality")
def bench_quality(
    context: typer.Context,
    data: Annotated[Path, typer.Option("--data", help="A folder of DIR/<person>/*.jpg.")],
    pack: Annotated[str, typer.Option(help="The model pack; the one in use by itself.")] = "",
    models: Annotated[
        Path | None, typer.Option(help="The folder of model packs; that of the settings.")
    ] = None,
    accept_licence: Annotated[
        list[str] | None,
        typer.Option("--accept-licence", help="A pack or licence that you know you may use."),
    ] = None,
    runtime: Annotated[str, typer.Option(help="auto, or a runtime by name.")] = "auto",
    threads: Annotated[int, typer.Option(min=1, help="Threads of the networks.")] = 2,
    limit_people: Annotated[
        int | None, typer.Option(min=8, help="Only so many people, chosen by chance.")
    ] = None,
    ways: Annotated[
        int, typer.Option(min=1, max=10, help="In how many ways a picture is spoiled.")
    ] = 3,
    seed: Annotated[int, typer.Option(help="All that chance decides.")] = 1,
    json_file: Annotated[
        str, typer.Option("--json", help="Write all figures to this file; - is standard output.")
    ] = "",
) -> None:
    """Error versus reject, the figure fitted anew, refusals, and several photos as one decision."""
    # imported late: loads the runtimes
    from indexer.benchmarks.face_quality import Wanted, run_quality_benchmark  # noqa: PLC0415
    from indexer.benchmarks.quality_views import Sample  # noqa: PLC0415
    from service.work.bench_quality_tables import quality_tables  # noqa: PLC0415

    settings = settings_of(context)
    if not data.is_dir():
        raise InvalidInputError(f"{data} is no folder.")
    check_target(json_file)
    wanted = Wanted(
        folder=data,
        pack=pack or settings.pack,
        models_dir=models or settings.models_dir,
        accepted_licences=(*settings.accepted_licences, *(accept_licence or ())),
        runtime=runtime,
        threads=threads,
        limit_people=limit_people,
        sample=Sample(ways_a_picture=ways),
        seed=seed,
    )
    with progress_of() as said:
        result = run_quality_benchmark(wanted, said)
    give(result, json_file, quality_tables(result))
