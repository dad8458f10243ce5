"""The demo from its first stage to its last, on loopback, through the same services and workers.

1. Serve the site; make an empty installation of its own in a folder that is removed at the end.
2. Set up an organisation, enrol the person, attest, add a known picture and a known clip.
3. Add the site, run it, look at what was found where.
4. Take a brought link in; confirm some finds, dismiss one.
5. Seal, verify, spoil and verify again; notice; report; audit trail.

Whatever happens, `summary.json` says how far it came.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from rich.console import Console

from indexer.faces.fetch import fetch_pack
from service.app import Rooms, build_rooms
from service.database_migration import upgrade
from service.demo import cast, deciding, looking, proving
from service.demo.memory import MemoryPeak
from service.demo.pictures import PersonPictures, person_pictures
from service.demo.server import LoopbackServer
from service.demo.site import Site, built_in, of_folder, picture_files
from service.demo.stages import StageFailedError, Stages
from service.demo.summary import (
    DemoSummary,
    ExhibitOutcome,
    MediumOutcome,
    NoticeOutcome,
    PageOutcome,
    Speed,
    Totals,
    problems_of,
)
from service.errors import InvalidInputError
from service.settings import Settings
from service.sources.views import RunView
from service.work.assembly import assemble, work_rooms

WORKER = "demo"
CANARY = "/private/hidden.jpg"


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """`photos` and `media` are folders of the user's own; both or neither are given."""

    out: Path
    photos: Path | None = None
    media: Path | None = None


@dataclass(slots=True)
class Results:
    """What is known so far; a failed stage leaves the rest empty."""

    site: str = ""
    references_accepted: int = 0
    references_refused: tuple[str, ...] = ()
    media: tuple[MediumOutcome, ...] = ()
    pages: tuple[PageOutcome, ...] = ()
    totals: Totals | None = None
    brought_link: str | None = None
    exhibits: list[ExhibitOutcome] = field(default_factory=list)
    notice: NoticeOutcome | None = None
    reports: tuple[str, ...] = ()
    audit_entries: int = 0
    audit_intact: bool | None = None
    run: RunView | None = None
    problems: list[str] = field(default_factory=list)
    failed_stage: str | None = None


def run_demo(options: DemoOptions, settings: Settings, console: Console) -> DemoSummary:
    """Run the whole demo; writes everything into `options.out` and returns the summary."""
    if (options.photos is None) != (options.media is None):
        raise InvalidInputError("give both --photos and --media, or neither")
    options.out.mkdir(parents=True, exist_ok=True)
    stages, results, memory = Stages(console), Results(), MemoryPeak()
    with memory:
        try:
            _run(options, settings, stages, results)
        except StageFailedError as error:
            results.failed_stage = next(reversed(stages.seconds), "start")
            results.problems.append(str(error))
    summary = _summary(stages, results, memory.peak_bytes)
    (options.out / "summary.json").write_bytes(
        msgspec.json.format(msgspec.json.encode(summary), indent=2)
    )
    return summary


def _run(options: DemoOptions, settings: Settings, stages: Stages, results: Results) -> None:
    with LoopbackServer() as server, LoopbackServer() as unlisted:
        with stages.stage("make the site"):
            site, references, known = _material(options, unlisted.port)
            server.serve(*site.items)
            results.site = server.url
        with stages.stage("check the face models"):
            fetch_pack(
                settings.pack, settings.models_dir, accepted_licences=settings.accepted_licences
            )
        with (
            tempfile.TemporaryDirectory(prefix="likeness-demo-") as folder,
            _installation(Path(folder), settings, server, stages) as rooms,
        ):
            _loop(rooms, server, site, references, known, options.out, stages, results)
        _hostile_ends(server, unlisted, results)


def _material(
    options: DemoOptions, unlisted_port: int
) -> tuple[Site, Sequence[tuple[str, bytes]], PersonPictures | None]:
    """The site, the person's reference photos, and what is known only by its hashes."""
    if options.photos is None or options.media is None:
        person = person_pictures()
        return built_in(person, unlisted_port), person.references, person
    photos = picture_files(options.photos)
    if not photos:
        raise StageFailedError(f"there is no picture in {options.photos}")
    return of_folder(options.media), [(path.name, path.read_bytes()) for path in photos], None


@contextmanager
def _installation(
    folder: Path, settings: Settings, server: LoopbackServer, stages: Stages
) -> Iterator[Rooms]:
    """An empty installation in `folder` with its workers, allowed to visit the site alone."""
    own = settings.model_copy(
        update={
            "data_dir": folder,
            "database_url": "",
            "master_key": None,
            "address_exceptions": (server.host,),
            "crawl_delay_s": 0.0,
        }
    )
    with stages.stage("make an installation"):
        rooms = build_rooms(own)
        upgrade(rooms.database)
        engine = assemble(work_rooms(rooms), WORKER)
        engine.launch()
    try:
        yield rooms
    finally:
        engine.close()
        rooms.close()


def _loop(
    rooms: Rooms,
    server: LoopbackServer,
    site: Site,
    references: Sequence[tuple[str, bytes]],
    known: PersonPictures | None,
    out: Path,
    stages: Stages,
    results: Results,
) -> None:
    with stages.stage("set up the organisation"):
        staff = cast.staff(rooms)
        cast.switch_faces_on(rooms, staff.operator)
        cast.keep_bytes(rooms, staff.operator)
    with stages.stage("enrol the person"):
        person = cast.enrol(rooms, references[: rooms.settings.max_reference_photos])
        cast.attest(rooms, staff.reviewers[0], person.person_id)
        results.references_accepted = person.photos_accepted
        results.references_refused = person.photos_refused
    if known is not None:
        with stages.stage("add a known picture and a known clip"):
            cast.add_known_picture(rooms, person, known.known)
            cast.add_known_clip(rooms, person, known.known_clip)
    with stages.stage("visit the site"):
        site_id = looking.add_site(rooms, staff.operator, server, site)
        results.run = looking.run_to_end(rooms, staff.operator, site_id)
        seen = looking.addresses(rooms, staff.operator, results.run.id, server.url)
        found = looking.found_in(rooms, staff.reviewers[0], server.url)
        results.media = looking.media_outcomes(site.media, seen, found, server)
        results.pages = looking.page_outcomes(site.pages, seen, server)
    confirmed: list[uuid.UUID] = []
    if site.brought is not None:
        with stages.stage("take in a brought link"):
            medium, page = server.url + site.brought.medium, server.url + site.brought.page
            confirmed.append(deciding.bring_link(rooms, staff, person, medium, page))
            results.brought_link = medium
    with stages.stage("confirm and dismiss"):
        chosen, dismissed = deciding.choose(found)
        deciding.confirm(rooms, staff, person, chosen)
        confirmed += chosen
        if dismissed is not None:
            deciding.dismiss(rooms, staff, dismissed)
    with stages.stage("seal the evidence"):
        exhibits = deciding.wait_until_sealed(rooms, staff, confirmed)
    with stages.stage("verify the evidence"):
        for exhibit_id in exhibits:
            results.exhibits.append(proving.take_bundle(rooms, staff.reviewers[0], exhibit_id, out))
    if exhibits:
        with stages.stage("make the notice"):
            results.notice = proving.make_notice(rooms, staff.reviewers[0], exhibits, out)
    with stages.stage("write the report"):
        results.reports = proving.write_report(rooms, staff.operator_token, results.run.id, out)
    with stages.stage("check the audit trail"):
        results.audit_entries = proving.check_audit(rooms)
        results.audit_intact = True
    results.totals = Totals(
        media=len(results.media),
        seen=sum(one.seen for one in results.media),
        with_finds=sum(bool(one.finds) for one in results.media),
        refused=sum(one.refusal is not None for one in results.media)
        + sum(one.refusal is not None for one in results.pages),
        candidates=len({one.candidate_id for one in found}) + (site.brought is not None),
        confirmed=len(confirmed),
        dismissed=int(dismissed is not None),
        exhibits=len(results.exhibits),
    )


def _hostile_ends(server: LoopbackServer, unlisted: LoopbackServer, results: Results) -> None:
    """Nothing may have been asked of the unlisted port, nor of what robots.txt forbids."""
    for path, times in unlisted.asked.items():
        results.problems.append(f"the unlisted port was asked for {path} {times} times")
    if server.asked.get(CANARY):
        results.problems.append("a picture on a forbidden page was asked for")


def _summary(stages: Stages, results: Results, peak_bytes: int) -> DemoSummary:
    problems = (*results.problems, *problems_of(results.media), *problems_of(results.pages))
    return DemoSummary(
        succeeded=not problems and results.failed_stage is None,
        problems=problems,
        failed_stage=results.failed_stage,
        site=results.site,
        references_accepted=results.references_accepted,
        references_refused=results.references_refused,
        media=results.media,
        pages=results.pages,
        totals=results.totals,
        brought_link=results.brought_link,
        exhibits=tuple(results.exhibits),
        notice=results.notice,
        reports=results.reports,
        audit_entries=results.audit_entries,
        audit_intact=results.audit_intact,
        seconds=stages.seconds,
        speed=_speed(results.run, peak_bytes),
    )


def _speed(run: RunView | None, peak_bytes: int) -> Speed | None:
    if run is None or run.started_at is None or run.finished_at is None:
        return None
    seconds = (run.finished_at - run.started_at).total_seconds()
    return Speed(
        pages_per_s=round(run.pages_seen / seconds, 2) if seconds else 0.0,
        pictures_per_s=round(run.media_examined / seconds, 2) if seconds else 0.0,
        pages=run.pages_seen,
        pictures=run.media_examined,
        crawl_seconds=round(seconds, 3),
        peak_memory_bytes=peak_bytes,
    )
