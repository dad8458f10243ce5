"""`likeness demo` and `likeness practice`: a site that is served on this machine only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from service.command_context import settings_of
from service.demo.summary import DemoSummary, MediumOutcome

app = typer.Typer()
PRACTICE_PORT = 8899


@app.command()
def demo(
    context: typer.Context,
    out: Annotated[
        Path, typer.Option(help="Folder for the bundles, the notice, the reports, summary.json.")
    ],
    photos: Annotated[
        Path | None, typer.Option(help="Photos of one person, to be enrolled with.")
    ] = None,
    media: Annotated[
        Path | None, typer.Option(help="Any pictures: they become the site that is visited.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Run the whole loop on this machine: enrol, crawl, confirm, seal, notice, report.

    Nothing leaves the machine. Exit code 1 when a stage fails, or, on the built-in site, when a
    planted picture is missed, somebody else is matched, or a hostile item is not refused.
    """
    from service.demo.loop import DemoOptions, run_demo  # noqa: PLC0415 - loads every room

    console = Console(stderr=True, quiet=json and not Console(stderr=True).is_terminal)
    summary = run_demo(DemoOptions(out, photos, media), settings_of(context), console)
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(summary), indent=2).decode())
    else:
        _show(summary, Console())
    if not summary.succeeded:
        raise typer.Exit(1)


@app.command()
def practice(
    out: Annotated[Path, typer.Option(help="Folder for the practice person's photos.")],
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the site.")] = PRACTICE_PORT,
) -> None:
    """Serve the demo's site for practising in the browser, until Ctrl-C.

    Only this machine can reach it, and `likeness serve` visits it only with the setting that is
    printed here.
    """
    from service.demo.practice import practice_site, write_photos  # noqa: PLC0415 - loads pictures

    photos = write_photos(out)
    with practice_site(port) as server:
        typer.echo(f"Photos of the practice person: {', '.join(map(str, photos))}")
        typer.echo(f"The practice site:             {server.url}/")
        typer.echo(f"A link that nothing leads to:  {server.url}{server.brought}")
        typer.echo("Start Likeness in another terminal so that it may visit this site:")
        typer.echo(f"  LIKENESS_ADDRESS_EXCEPTIONS='[\"{server.host}\"]' make run")
        typer.echo("Stop the site with Ctrl-C.")
        server.wait()


def _show(summary: DemoSummary, console: Console) -> None:
    table = Table(title="What was found", show_lines=False)
    for column in ("file", "what it is", "found by", "similarity", "manipulation", "refused"):
        table.add_column(column, overflow="fold")
    for outcome in summary.media:
        table.add_row(*_row(outcome))
    console.print(table)
    for exhibit in summary.exhibits:
        console.print(f"exhibit  {exhibit.path}")
        # on one line, however narrow the terminal: it is there to be copied
        verify = f".venv/bin/likeness exhibit verify {exhibit.path}"
        console.print(f"  verify it: {verify} --trust {exhibit.signer_fingerprint}", soft_wrap=True)
    if summary.notice is not None:
        console.print(f"notice   {summary.notice.pdf_path}")
    for report in summary.reports:
        console.print(f"report   {report}")
    if summary.speed is not None:
        speed = summary.speed
        console.print(
            f"speed    {speed.pages_per_s} pages/s, {speed.pictures_per_s} pictures/s, "
            f"at most {speed.peak_memory_bytes / 1e6:.0f} MB"
        )
    for problem in summary.problems:
        console.print(f"[red]problem[/red]  {problem}")
    if summary.succeeded:
        console.print("[green]All stages done, all as it should be.[/green]")


def _row(outcome: MediumOutcome) -> tuple[str, ...]:
    similarity = max((find.similarity or 0.0 for find in outcome.finds), default=0.0)
    return (
        outcome.file,
        outcome.what,
        " and ".join(sorted({find.kind for find in outcome.finds})),
        f"{similarity:.2f}" if similarity else "",
        outcome.manipulation or "",
        outcome.refusal or "",
    )
