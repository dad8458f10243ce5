"""Puts one worker together from the rooms: what looks, what crawls, what keeps evidence."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.orm import Session

from indexer.crawl.capture_client import CaptureClient
from service.accounts.actor import Actor
from service.clock import Clock
from service.database import Database
from service.settings import Settings
from service.sources.host_slots import HostSlots
from service.sources.service import SourcesService
from service.work.around_rounds import AroundRounds
from service.work.child_pool import ChildPool
from service.work.crawl_run import RunReports
from service.work.dispatcher import Dispatcher, DispatcherParts
from service.work.engine import APPLICATION_VERSION, Engine, Work, WorkTables
from service.work.evidence import EvidenceRounds, Exhibits, ExpiringCandidates
from service.work.index_keeper import IndexKeeper, SeenFollower
from service.work.line_parts import Findings, GalleryEyes, LineParts, ListedMedia, SoughtNames
from service.work.listed_media import MediaOnLists
from service.work.look_back_rounds import LookBackRounds, LooksBack
from service.work.model_building import BuildParts, ModelBuilding
from service.work.model_rounds import BuildsModels
from service.work.opening import ModelChoice
from service.work.retention_rounds import RetentionRounds
from service.work.schedules import Chores, Upkeep
from service.work.sweep_rounds import SweepRounds
from service.work.telemetry import crawl_runs
from service.work.templates import MissingTemplates

_ACTOR = Actor.system("upkeep")


class WorkCandidates(Findings, ExpiringCandidates, Protocol):
    """What workers ask of candidates."""


@dataclass(frozen=True, slots=True)
class WorkRooms:
    """The rooms that a worker works for."""

    settings: Settings
    database: Database
    clock: Clock
    sources: SourcesService
    candidates: WorkCandidates
    lists: ListedMedia
    names: SoughtNames
    exhibits: Exhibits
    seen: SeenFollower
    look_back: LooksBack
    models: BuildsModels
    reports: RunReports
    eyes: GalleryEyes
    face_matching_on: Callable[[Session, uuid.UUID], bool]
    each_minute: Chores
    each_hour: Chores
    at_start: Callable[[], object]


def assemble(rooms: WorkRooms, worker: str) -> Engine:
    """One worker under this name, not yet launched."""
    stopping = threading.Event()
    children = ChildPool()
    captures = CaptureClient()
    slots = HostSlots(rooms.database)
    line = LineParts(
        database=rooms.database,
        clock=rooms.clock,
        sources=rooms.sources,
        findings=rooms.candidates,
        lists=rooms.lists,
        names=rooms.names,
        slots=slots,
        eyes=rooms.eyes,
        face_matching_on=rooms.face_matching_on,
        slice_pages=rooms.settings.slice_pages,
        stopping=stopping,
    )
    crawl = crawl_runs(line, children, rooms.reports, worker, traced=rooms.settings.telemetry)
    evidence = EvidenceRounds(
        rooms.database, rooms.exhibits, rooms.candidates, captures, slots, stopping
    )

    look_back = LookBackRounds(rooms.database, rooms.look_back, stopping)

    def end_children() -> None:
        children.close()
        captures.close()
        rooms.models.close()

    work = Work(
        crawl=crawl,
        evidence=evidence,
        look_back=look_back,
        models=rooms.models,
        upkeep=Upkeep(
            rooms.database, rooms.clock, rooms.sources, rooms.each_minute, rooms.each_hour
        ),
        dispatcher=Dispatcher(
            DispatcherParts(
                rooms.database,
                rooms.sources,
                crawl,
                evidence.is_waiting,
                look_back.is_waiting,
                rooms.models.is_waiting,
                rooms.eyes.keep_up,
                worker,
                APPLICATION_VERSION,
            )
        ),
        index_keeper=IndexKeeper(rooms.database, rooms.seen),
        stopping=stopping,
        at_start=rooms.at_start,
        prepare=lambda: children.prepare(rooms.settings.crawls_at_once),
        kill_children=children.kill_lent,
        end_children=end_children,
    )
    tables = WorkTables(rooms.settings.data_dir, rooms.settings.effective_database_url)
    return Engine(
        tables,
        work,
        worker,
        rooms.database.engine,
        crawls_at_once=rooms.settings.crawls_at_once,
    )


def work_rooms(rooms: Any) -> WorkRooms:
    """What a worker takes of all rooms (`service.app.Rooms`)."""
    database: Database = rooms.database
    missing = MissingTemplates(
        database,
        rooms.enrolment.gallery,
        rooms.photos,
        rooms.examiner,
        rooms.accounts.organisations.any_has_face_matching_on,
    )

    def end_sessions() -> int:
        with database.write() as session:
            ended: int = rooms.accounts.sessions.purge(session)
            return ended

    def end_releases() -> int:
        with database.write() as session:
            ended: int = rooms.enrolment.consent.end_expired(session, _ACTOR)
            return ended

    settings: Settings = rooms.settings
    models = ModelBuilding(
        BuildParts(
            database,
            rooms.models,
            rooms.photos.templates,
            ModelChoice.of(settings),
            settings.model_build_photos_per_s,
        )
    )

    def at_start() -> None:
        rooms.erasure.finish_interrupted(database)
        models.settle()

    return WorkRooms(
        settings=settings,
        database=database,
        clock=rooms.clock,
        sources=rooms.sources,
        candidates=rooms.candidates,
        names=rooms.names,
        lists=MediaOnLists(rooms.exchange.index, rooms.exchange.hits, rooms.candidates),
        exhibits=rooms.exhibits,
        seen=rooms.seen,
        look_back=rooms.look_back,
        models=models,
        reports=rooms.reports,
        eyes=rooms.examiner,
        face_matching_on=rooms.accounts.face_matching_on,
        each_minute={
            "templates": missing.make,
            "lists": lambda: rooms.candidates.follow_lists(database),
            "around": AroundRounds(database, rooms.around, rooms.around_finds).go_round,
            "sweeps": SweepRounds(database, rooms.sweeps).go_round,
            "names": rooms.names.forget_idle,
        },
        each_hour={
            "sessions": end_sessions,
            "releases": end_releases,
            "look-alikes": lambda: rooms.candidates.end_look_alikes(database),
            "drafts": lambda: rooms.erasure.forget_stale_drafts(database),
            "list fetches": lambda: rooms.exchange.lists.fetch_due(database),
            "removed lists": lambda: rooms.exchange.lists.finish_removals(database),
            "withdrawn hashes": lambda: rooms.exchange.exports.take_back(database),
            "period reports": lambda: rooms.periods.keep_due(database),
            "report mails": lambda: rooms.periods.mail_due(database),
            "retention": RetentionRounds(database, rooms.retention).go_round,
        },
        at_start=at_start,
    )
