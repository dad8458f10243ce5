"""`likeness serve`, `worker`, `crawl`, `doctor`, `bench` and `models`."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

import typer
from rich.console import Console

from service.accounts.actor import Actor
from service.command_context import command_context, rooms_of, settings_of
from service.errors import InvalidInputError, NotConfiguredError, NotFoundError
from service.sources.service import SourcesService
from service.sources.views import RunView
from service.sources.words import STATE_WORDS
from service.work import bench_commands, model_change_commands, model_commands
from service.work.run_watching import follow

app = typer.Typer()
app.add_typer(bench_commands.app)
app.add_typer(model_change_commands.app)

_AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
_WORKER_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_MAIN = "main"
_EXIT_CODES = {"finished": 0, "blind": 4}
_UNSOUND = 1


@app.command()
def serve(
    context: typer.Context,
    name: Annotated[str, typer.Option(help="Name of the worker inside; one process each.")] = _MAIN,
    as_json: _AsJson = False,
) -> None:
    """Serve pages and do the work, in one process tree; prints the one-time link at first."""
    from service.work import (  # noqa: PLC0415 - loads the web, DBOS and Alembic
        logs,
        model_in_use,
        preflight,
        serving,
    )
    from service.work.assembly import assemble, work_rooms  # noqa: PLC0415

    found = command_context(context)
    settings = found.settings
    logs.configure(settings.log_format, settings.log_level)
    preflight.close_process()
    preflight.check_libraries()
    preflight.check_folder(settings.data_dir)
    preflight.check_port(settings.host, settings.port)
    rooms = found.open_rooms(settings)
    try:
        preflight.prepare_database(rooms.database)
        with rooms.database.read() as session:
            faces = rooms.accounts.organisations.any_has_face_matching_on(session)
        bar = partial(model_commands.progress_bar, quiet=as_json)
        named = model_in_use.named_model(settings)
        found_settings = model_in_use.with_named_model(settings, named)
        warning = preflight.prepare_models(found_settings, bar, needed=faces)
        link = _setup_link(rooms)
        engine = assemble(work_rooms(rooms), _checked(name))
        serving.serve(
            settings,
            found.create_web(rooms),
            engine,
            lambda: _say_started(settings.effective_public_url, link, warning, as_json),
        )
    finally:
        rooms.close()


@app.command()
def worker(
    context: typer.Context,
    name: Annotated[str, typer.Option(help="Its name: stable, and one process each.")],
) -> None:
    """Run one more worker on a shared PostgreSQL database."""
    from service.work import logs, preflight, serving  # noqa: PLC0415 - loads DBOS
    from service.work.assembly import assemble, work_rooms  # noqa: PLC0415

    settings = settings_of(context)
    if settings.effective_database_url.startswith("sqlite"):
        raise NotConfiguredError(
            "One more worker needs a shared PostgreSQL database (LIKENESS_DATABASE_URL). With the "
            "embedded database `likeness serve` does all the work."
        )
    logs.configure(settings.log_format, settings.log_level)
    preflight.close_process()
    preflight.check_libraries()
    preflight.check_folder(settings.data_dir)
    with rooms_of(context) as rooms:
        engine = assemble(work_rooms(rooms), _checked(name))
        serving.work(engine, lambda: typer.echo(f"Worker {name} works. Stop it with Ctrl-C."))


@app.command()
def crawl(
    context: typer.Context,
    site: Annotated[str, typer.Argument(help="Name or id of the site.")],
    now: Annotated[bool, typer.Option("--now", help="Wait for the run's end.")] = False,
    purpose: Annotated[
        str, typer.Option(help="Purpose of monitoring, needed while no case is open.")
    ] = "",
    as_json: _AsJson = False,
) -> None:
    """Queue a run of a site for the workers; with --now wait, and show how it goes.

    Exit code 0 when it finished, 4 when it was blind (could not look), 1 otherwise.
    """
    with rooms_of(context) as rooms:
        run = _start(rooms, site, purpose)
        if now:
            run = follow(rooms, run, quiet=as_json)
        if as_json:
            typer.echo(json.dumps(_run_row(run), indent=2))
        else:
            typer.echo(_run_line(run))
        if now and run.state != "finished":
            raise typer.Exit(_EXIT_CODES.get(run.state, 1))


@app.command()
def doctor(context: typer.Context, as_json: _AsJson = False) -> None:
    """Say whether this installation is sound. Exit code 1 when something is not."""
    from service.work.doctor import examine_installation  # noqa: PLC0415 - loads the libraries

    findings = examine_installation(settings_of(context))
    sound = all(finding.verdict != "bad" for finding in findings)
    if as_json:
        rows = [asdict(finding) for finding in findings]
        typer.echo(json.dumps({"sound": sound, "findings": rows}, indent=2))
    else:
        colours = {"good": "green", "warning": "yellow", "bad": "red"}
        console = Console(soft_wrap=True)
        for finding in findings:
            colour = colours[finding.verdict]
            console.print(f"[{colour}]{finding.verdict:8}[/{colour}]", end="")
            console.print(f"{finding.name}: {finding.words}", markup=False, highlight=False)
    if not sound:
        raise typer.Exit(_UNSOUND)


def _checked(name: str) -> str:
    if _WORKER_NAME.fullmatch(name) is None:
        raise InvalidInputError("A worker's name has 1 to 40 letters, digits, - or _.")
    return name


def _setup_link(rooms: Any) -> str:
    with rooms.database.write() as session:
        if rooms.accounts.is_set_up(session):
            return ""
        token = rooms.accounts.create_setup_link(session)
    return f"{rooms.settings.effective_public_url}/setup/{token}"


def _say_started(url: str, link: str, warning: str, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"url": url, "setup_link": link or None, "warning": warning or None}))
        return
    typer.echo(f"Likeness answers on {url} (stop it with Ctrl-C).")
    if link:
        typer.echo("Set it up once, in a browser on this machine, with this one-time link:")
        typer.echo(f"  {link}")
        typer.echo("A new one: likeness account setup-link")
    if warning:
        typer.echo(warning, err=True)


def _start(rooms: Any, site: str, purpose: str) -> RunView:
    sources: SourcesService = rooms.sources
    everybody = Actor.system("command line")
    with rooms.database.write() as session:
        found = sources.site_named(session, everybody, site)
        if found is None:
            raise NotFoundError(f'There is no site called "{site}": see `likeness site list`.')
        actor = Actor.system("command line", found.organisation_id)
        return sources.start_run(session, actor, found.id, purpose)


def _run_line(run: RunView) -> str:
    reason = f" ({run.state_reason})" if run.state_reason else ""
    return (
        f"{STATE_WORDS[run.state]}{reason}: {run.pages_seen} pages, {run.media_seen} media, "
        f"{run.candidates_found} candidates, {run.refusals} refused  [run {run.id}]"
    )


def _run_row(run: RunView) -> dict[str, object]:
    return {
        "run_id": str(run.id),
        "site": run.site_name,
        "state": run.state,
        "state_reason": run.state_reason,
        "pages_seen": run.pages_seen,
        "media_seen": run.media_seen,
        "media_examined": run.media_examined,
        "media_unreadable": run.media_unreadable,
        "faces_counted": run.faces_counted,
        "candidates_found": run.candidates_found,
        "refusals": run.refusals,
    }
