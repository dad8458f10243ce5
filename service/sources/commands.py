"""`likeness site`: configured sources, for operators on the server."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from service.accounts.actor import Actor
from service.command_context import rooms_of
from service.errors import NotFoundError
from service.sources.schemas import SiteOut
from service.sources.service import SourcesService
from service.sources.site_draft import SiteDraft
from service.sources.views import SiteView

app = typer.Typer(name="site", help="Sites to look at.", no_args_is_help=True)

_AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
_Name = Annotated[str, typer.Argument(help="Name or id of the site.")]
_Many = list[str]


@app.command("add")
def add_site(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="How you call the site.")],
    seed: Annotated[_Many, typer.Option(help="Address to begin at; may be given again.")],
    purpose: Annotated[str, typer.Option(help="Why it is looked at, in words.")],
    legal_basis: Annotated[str, typer.Option(help="What allows you to, in words.")],
    allow: Annotated[_Many, typer.Option(help="Host of pages; default: the seeds'.")] = [],  # noqa: B006 - typer's way
    media_host: Annotated[_Many, typer.Option(help="Further host of media.")] = [],  # noqa: B006
    path: Annotated[_Many, typer.Option(help="Beginning of paths, such as /forum/.")] = [],  # noqa: B006
    canary: Annotated[_Many, typer.Option(help='"LEAST_MEDIA ADDRESS" of a known page.')] = [],  # noqa: B006
    depth: Annotated[int, typer.Option(help="Links from the start, at most.")] = 5,
    pages: Annotated[int, typer.Option(help="Pages in one run, at most.")] = 1000,
    media: Annotated[int, typer.Option(help="Media in one run, at most.")] = 10_000,
    delay: Annotated[
        float | None, typer.Option(help="Seconds between requests; default: the setting.")
    ] = None,
    ignore_robots: Annotated[
        str, typer.Option(help="Reason in words for not obeying robots.txt.")
    ] = "",
    monitoring: Annotated[
        str, typer.Option(help="Purpose of visits while no case is open, in words.")
    ] = "",
    schedule: Annotated[str, typer.Option(help='Cron expression in UTC: "30 3 * * *".')] = "",
    extractors: Annotated[
        bool,
        typer.Option(help="Ask the extractors of yt-dlp about pages that show no video."),
    ] = False,
    adaptive: Annotated[
        bool,
        typer.Option(
            "--adaptive/--read-all", help="Read pages that hardly ever change not in each run."
        ),
    ] = True,
    needs_script: Annotated[
        bool,
        typer.Option(
            "--needs-script",
            help="Its pages show nothing without JavaScript: render them in a browser (slower).",
        ),
    ] = False,
    script_host: Annotated[_Many, typer.Option(help="Further host of scripts.")] = [],  # noqa: B006
    as_json: _AsJson = False,
) -> None:
    """Add a site to the first organisation of this installation."""
    with rooms_of(context) as rooms:
        draft = SiteDraft(
            name=name,
            seeds=tuple(seed),
            purpose=purpose,
            legal_basis=legal_basis,
            allowed_hosts=tuple(allow),
            media_hosts=tuple(media_host),
            path_prefixes=tuple(path),
            max_depth=depth,
            page_budget=pages,
            media_budget=media,
            delay_s=rooms.settings.crawl_delay_s if delay is None else delay,
            obey_robots=not ignore_robots,
            robots_reason=ignore_robots,
            monitoring_purpose=monitoring,
            schedule=schedule,
            canaries=tuple(canary),
            extractors=extractors,
            adaptive=adaptive,
            needs_script=needs_script,
            script_hosts=tuple(script_host),
        )
        with rooms.database.write() as session:
            organisation = rooms.accounts.default_organisation(session)
            actor = Actor.system("command line", organisation.id)
            site = rooms.sources.add_site(session, actor, draft)
    _show(site, as_json)


@app.command("list")
def list_sites(context: typer.Context, as_json: _AsJson = False) -> None:
    """List the sites of all organisations."""
    with rooms_of(context) as rooms, rooms.database.read() as session:
        sites = rooms.sources.sites(session, Actor.system("command line"))
    if as_json:
        typer.echo(json.dumps([_row(site) for site in sites], indent=2))
        return
    table = Table("site", "state", "hosts", "schedule", "next run")
    for site in sites:
        table.add_row(
            site.name,
            site.state,
            ", ".join(site.draft.allowed_hosts),
            site.draft.schedule or "by hand",
            f"{site.next_run_at:%Y-%m-%d %H:%M}" if site.next_run_at else "–",
        )
    Console().print(table)


@app.command("show")
def show_site(context: typer.Context, name: _Name, as_json: _AsJson = False) -> None:
    """Show one site with all its settings."""
    with rooms_of(context) as rooms, rooms.database.read() as session:
        site = _find(rooms.sources, session, name)
    _show(site, as_json)


@app.command("pause")
def pause_site(context: typer.Context, name: _Name, as_json: _AsJson = False) -> None:
    """Fetch nothing more from a site; a live run waits."""
    with rooms_of(context) as rooms, rooms.database.write() as session:
        site = _find(rooms.sources, session, name)
        actor = Actor.system("command line", site.organisation_id)
        site = rooms.sources.pause_site(session, actor, site.id)
    _show(site, as_json)


@app.command("resume")
def resume_site(context: typer.Context, name: _Name, as_json: _AsJson = False) -> None:
    """Visit a site again; a run that waited goes on."""
    with rooms_of(context) as rooms, rooms.database.write() as session:
        site = _find(rooms.sources, session, name)
        actor = Actor.system("command line", site.organisation_id)
        site = rooms.sources.resume_site(session, actor, site.id)
    _show(site, as_json)


def _find(sources: SourcesService, session: Any, name: str) -> SiteView:
    site = sources.site_named(session, Actor.system("command line"), name)
    if site is None:
        raise NotFoundError(f'There is no site called "{name}": see `likeness site list`.')
    return site


def _row(site: SiteView) -> dict[str, object]:
    row: dict[str, object] = SiteOut.of(site).model_dump(mode="json")
    return row


def _show(site: SiteView, as_json: bool) -> None:
    row = _row(site)
    if as_json:
        typer.echo(json.dumps(row, indent=2))
        return
    for field, value in row.items():
        shown = ", ".join(value) if isinstance(value, list) else value
        typer.echo(f"{field.replace('_', ' '):20} {shown}")
