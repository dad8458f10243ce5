"""`likeness bench faces`: how well a pack recognises people, on labelled pictures of your own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from service.command_context import settings_of
from service.errors import InvalidInputError
from service.work.bench_app import app, check_target, give, progress_of

if TYPE_CHECKING:
    from indexer.benchmarks.faces import FacesBenchmark


@app.command("faces")
def bench_faces(
    context: typer.Context,
    data: Annotated[Path, typer.Option("--data", help="A folder of DIR/<person>/*.jpg.")],
    pairs: Annotated[
        Path | None, typer.Option("--pairs", help="Pairs in the form of LFW's pairs.txt.")
    ] = None,
    gallery: Annotated[
        int | None,
        typer.Option(min=2, help="How many people are enrolled; all who have two pictures."),
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="CSV or TSV of person,group: errors by group.")
    ] = None,
    conditions: Annotated[
        bool,
        typer.Option("--conditions", help="Also what is found when turned, covered, blurred …"),
    ] = False,
    only_conditions: Annotated[
        list[str] | None,
        typer.Option("--only-conditions", help="Only conditions whose name holds this."),
    ] = None,
    condition_people: Annotated[
        int, typer.Option(min=2, help="On how many people conditions are measured.")
    ] = 150,
    baseline: Annotated[
        Path | None,
        typer.Option(help="The --json file of an earlier run, to be shown beside this one."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(min=-1, max=1, help="For groups and conditions; the pack's own by itself."),
    ] = None,
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
        int | None, typer.Option(min=2, help="Only so many people, chosen by chance.")
    ] = None,
    seed: Annotated[int, typer.Option(help="All that chance decides.")] = 1,
    write_calibration: Annotated[
        Path | None, typer.Option(help="Also calibrate the pack, into this file.")
    ] = None,
    hold_out: Annotated[
        float,
        typer.Option(
            min=0.1, max=0.9, help="Share of people a calibration never sees, to check it."
        ),
    ] = 0.2,
    set_name: Annotated[
        str, typer.Option(help="What the pictures are, in words; the folder's name by itself.")
    ] = "",
    json_file: Annotated[
        str, typer.Option("--json", help="Write all figures to this file; - is standard output.")
    ] = "",
) -> None:
    """Verification, identification, errors by group and by condition; calibration of a pack."""
    # imported late: loads the runtimes
    from indexer.benchmarks.faces import Wanted, run_faces_benchmark  # noqa: PLC0415
    from indexer.faces.calibration_file import write_calibration as write  # noqa: PLC0415
    from service.work.bench_faces_tables import faces_tables  # noqa: PLC0415

    settings = settings_of(context)
    if not data.is_dir():
        raise InvalidInputError(f"{data} is no folder.")
    before = _read_baseline(baseline) if baseline is not None else None
    check_target(json_file)
    check_target(str(write_calibration or ""))
    wanted = Wanted(
        folder=data,
        pack=pack or settings.pack,
        models_dir=models or settings.models_dir,
        accepted_licences=(*settings.accepted_licences, *(accept_licence or ())),
        runtime=runtime,
        threads=threads,
        limit_people=limit_people,
        seed=seed,
        pairs=pairs,
        gallery=gallery,
        labels=labels,
        conditions=tuple(only_conditions or ()) if conditions or only_conditions else None,
        condition_people=condition_people,
        threshold=threshold,
        calibrate=write_calibration is not None,
        held_out_share=hold_out,
        set_name=set_name,
    )
    with progress_of() as said:
        run = run_faces_benchmark(wanted, said)
    if write_calibration is not None and run.calibration is not None:
        write(run.calibration, write_calibration)
    give(run.figures, json_file, faces_tables(run.figures, before, run.calibration))


def _read_baseline(path: Path) -> FacesBenchmark:
    from indexer.benchmarks.faces import FacesBenchmark  # noqa: PLC0415 - loads the runtimes

    try:
        return msgspec.json.decode(path.read_bytes(), type=FacesBenchmark)
    except (OSError, msgspec.MsgspecError) as error:
        raise InvalidInputError(
            f"{path} is no --json file of an earlier `likeness bench faces`: {error}"
        ) from error
