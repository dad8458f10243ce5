"""`likeness report`: build a report now."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from service.accounts.actor import Actor
from service.command_context import rooms_of
from service.errors import InvalidInputError, NotFoundError
from service.reports.period_files import report_file
from service.reports.period_reports import period_json
from service.reports.periods import PERIOD_KINDS
from service.reports.service import report_json
from service.reports.views import CrawlReport

app = typer.Typer(name="report", help="Reports, built from the database.", no_args_is_help=True)

_BLIND = 4


@app.command("run")
def report_run(
    context: typer.Context,
    run: Annotated[
        str, typer.Argument(help="Id of the run; the latest one when none is given.")
    ] = "",
    site: Annotated[str, typer.Option(help="The latest run of this site.")] = "",
    out: Annotated[Path | None, typer.Option(help="Write the JSON to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Build the report of a run. Exit code 4 when the run was blind (could not look)."""
    actor = Actor.system("command line")
    with rooms_of(context) as rooms, rooms.database.read() as session:
        if run:
            run_id = _id(run)
        else:
            site_id = None
            if site:
                found = rooms.sources.site_named(session, actor, site)
                if found is None:
                    raise NotFoundError(f'There is no site called "{site}".')
                site_id = found.id
            latest = rooms.sources.runs(session, actor, site_id=site_id, limit=1)
            if not latest:
                raise NotFoundError("There was no run yet.")
            run_id = latest[0].id
        report = rooms.reports.build_run_report(session, actor, run_id)
    content = msgspec.json.format(report_json(report), indent=2).decode()
    if out is not None:
        out.write_text(content + "\n", "utf-8")
    if as_json:
        typer.echo(content)
    else:
        _show(report)
    if report.blind:
        raise typer.Exit(_BLIND)


@app.command("period")
def report_period(
    context: typer.Context,
    kind: Annotated[str, typer.Option(help="day, week or month.")] = "week",
    so_far: Annotated[
        bool, typer.Option("--so-far", help="The period that goes on, not the last complete one.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Write it to this file: .pdf, .html or .json.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Build the report of a day, week or month. Exit code 4 when no site could be looked at."""
    if kind not in PERIOD_KINDS:
        raise InvalidInputError(f'"{kind}" is no period: take day, week or month.')
    if out is not None and out.suffix not in (".pdf", ".html", ".json"):
        raise InvalidInputError("The file's name ends with .pdf, .html or .json.")
    with rooms_of(context) as rooms, rooms.database.read() as session:
        organisation = rooms.accounts.default_organisation(session)
        actor = Actor.system("command line", organisation.id)
        build = rooms.periods.so_far if so_far else rooms.periods.last
        report = build(session, actor, kind)
    if out is not None:
        out.write_bytes(report_file(report, out.suffix))
    if as_json:
        typer.echo(msgspec.json.format(period_json(report), indent=2).decode())
    else:
        for sentence in report.sentences:
            typer.echo(sentence)
        for site in report.sites:
            typer.echo(f"  {site.site_name}: {site.sentence}")
    if report.total.runs and report.total.runs == report.total.runs_blind:
        raise typer.Exit(_BLIND)


def _id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise InvalidInputError(f'"{text}" is not the id of a run.') from error


def _show(report: CrawlReport) -> None:
    typer.echo(f"{report.site_name}: {report.conclusion}")
    typer.echo(
        f"pages {report.pages_seen} seen, {report.pages_waiting} not visited; media "
        f"{report.media_seen} seen, {report.media_examined} examined, {report.media_repeated} "
        f"examined before, {report.media_unreadable} unreadable; faces counted "
        f"{report.faces_counted}; candidates {report.candidates_found}"
    )
    typer.echo(f"{report.pages_per_s} pages/s, {report.media_per_s} media/s")
    for reason in (*report.unreadable, *report.refusals):
        typer.echo(f"  {reason.count:6}  {reason.kind}: {reason.words}")
