"""Where everything is put together: the rooms from the settings, and the web from the rooms.

Only `cli`, the entry points of `work` and tests import this module. Nothing here has rules of its
own; a room gets exactly what it needs through its constructor.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib import import_module
from importlib.util import find_spec

from fastapi import APIRouter, Depends, FastAPI
from starlette.formparsers import MultiPartParser
from starlette.staticfiles import StaticFiles

from service import __version__
from service.accounts.organisations import Organisations
from service.accounts.rate_limits import RateLimits
from service.accounts.second_factor import SecondFactor
from service.accounts.service import AccountService
from service.accounts.sessions import Sessions
from service.audit import AuditTrail
from service.candidates.around_finds import AroundFinds
from service.candidates.bearable import BearableChance
from service.candidates.chance_rules import ChanceRules, FloodLimits
from service.candidates.find_hosts import finds_by_host, finds_of, media_with_finds
from service.candidates.intake import IntakeService
from service.candidates.looking_back import LookBack
from service.candidates.names_watch import NameWatch
from service.candidates.seen_before import SeenBefore
from service.candidates.service import CandidateService
from service.clock import Clock, SystemClock
from service.database import Database
from service.enrolment.collaborators import StorySource
from service.enrolment.erasure import ErasureService
from service.enrolment.eyes import Eyes
from service.enrolment.joining import Joining
from service.enrolment.model_changes import ModelChanges
from service.enrolment.photos import PhotoService
from service.enrolment.service import EnrolmentService
from service.exhibits.candidate_finds import CandidateFinds
from service.exhibits.outcomes import EvidenceOutcomes
from service.exhibits.scopes import SourceScopes
from service.exhibits.service import ExhibitService
from service.hashbank.exchange.outbound import OutboundRules
from service.hashbank.exchange.repository import media_on_lists
from service.hashbank.exchange.service import HashExchange, build_exchange
from service.hashbank.matches import MatchLimits
from service.hashbank.matches_repository import media_that_match
from service.hashbank.service import HashBankService
from service.notices.service import NoticeService
from service.reports.mail import MailServer, send_ready_notice
from service.reports.period_reports import PeriodReports
from service.reports.service import ReportService
from service.settings import Settings
from service.sources.around import AroundService
from service.sources.halted_media import HaltedMedia
from service.sources.retention import KeptFor, Retention
from service.sources.scopes import CrawlManners, address_exceptions, rendering_by
from service.sources.seen_index import SeenIndex
from service.sources.service import SourcesService
from service.sources.sweeps import SweepService
from service.vault import Vault
from service.web.cookies import is_https
from service.web.csrf import check_csrf
from service.web.errors import UnhandledErrors, error_responses, install_error_handlers
from service.web.render import STATIC_DIR
from service.web.route_check import check_routes
from service.web.security import BodyLimit, HostGuard, SecurityHeaders, allowed_hosts
from service.work.eyes import ExaminerEyes
from service.work.opening import ModelChoice

API_PREFIX = "/api/v1"
ROOMS_WITH_PAGES = (
    "accounts",
    "enrolment",
    "hashbank",
    "hashbank.exchange",
    "sources",
    "candidates",
    "exhibits",
    "notices",
    "reports",
    "work",
)
_UPLOADS_AT_ONCE = 4

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Rooms:
    """The services of one installation."""

    settings: Settings
    database: Database
    vault: Vault
    clock: Clock
    audit: AuditTrail
    accounts: AccountService
    enrolment: EnrolmentService
    photos: PhotoService
    models: ModelChanges
    hashbank: HashBankService
    exchange: HashExchange
    sources: SourcesService
    sweeps: SweepService
    around: AroundService
    around_finds: AroundFinds
    candidates: CandidateService
    intake: IntakeService
    names: NameWatch
    seen: SeenIndex
    look_back: LookBack
    seen_before: SeenBefore
    exhibits: ExhibitService
    notices: NoticeService
    reports: ReportService
    periods: PeriodReports
    retention: Retention
    erasure: ErasureService
    examiner: Eyes
    story: tuple[StorySource, ...]

    def close(self) -> None:
        """End the examiner, if it was started here, and give connections back."""
        if isinstance(self.examiner, ExaminerEyes):
            self.examiner.close()
        self.database.close()


def build_rooms(
    settings: Settings, *, clock: Clock | None = None, examiner: Eyes | None = None
) -> Rooms:
    """Open database and vault and build every room. Creates no tables: migrations do.

    `examiner` is the real one, started when first needed, unless a test brings its own eyes.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    clock = clock or SystemClock()
    vault = Vault.open(settings.vault_dir, settings.files_dir, settings.master_key)
    database = Database.open(settings.effective_database_url)
    audit = AuditTrail(clock)
    accounts = AccountService(
        clock,
        audit,
        Sessions(
            clock,
            person_idle_minutes=settings.person_session_minutes,
            staff_idle_minutes=settings.staff_session_minutes,
        ),
        RateLimits(vault, clock),
        SecondFactor(vault, clock, audit),
        Organisations(clock, audit),
    )
    enrolment = EnrolmentService(
        vault,
        clock,
        audit,
        accounts,
        mandate_days=settings.mandate_days,
        held_days=settings.held_days,
    )
    models = ModelChanges(vault, clock, audit, accounts)
    accounts.organisations.tell(enrolment.bump_gallery)
    hashbank = HashBankService(
        vault,
        clock,
        audit,
        enrolment.gallery,
        HaltedMedia(clock),
        max_upload_bytes=settings.max_upload_bytes,
        limits=MatchLimits(
            settings.common_picture_media,
            settings.common_picture_hosts,
            settings.collisions_to_hold_back,
        ),
    )
    photos = PhotoService(
        vault,
        clock,
        audit,
        enrolment.gallery,
        hashbank,
        max_upload_bytes=settings.max_upload_bytes,
        max_photos=settings.max_reference_photos,
    )
    bearable = BearableChance(clock, chance_matches_a_day=settings.chance_matches_a_day)
    eyes = examiner or ExaminerEyes(
        database,
        enrolment.gallery,
        hashbank,
        accounts.organisations.any_has_face_matching_on,
        ModelChoice.of(settings),
        bearable,
        models,
    )
    sources = SourcesService(
        clock,
        audit,
        enrolment,
        CrawlManners(
            settings.user_agent,
            settings.crawl_delay_s,
            tuple(settings.address_exceptions),
            settings.max_medium_bytes,
            settings.socks_proxy,
            settings.socks_onion,
            settings.socks_user,
            settings.effective_socks_password,
            settings.open_stream_keys,
            rendering_by(settings),
        ),
        finds_of,
    )
    sweeps = SweepService(clock, audit, Joining(enrolment.gallery, clock), finds_by_host)
    around_finds = AroundFinds(vault, clock, enrolment)
    around = AroundService(clock, audit, around_finds.places_of)
    exchange = build_exchange(
        vault,
        clock,
        audit,
        database,
        enrolment,
        sources.halted,
        OutboundRules(address_exceptions(tuple(settings.address_exceptions))),
        settings.hash_lists_index_dir,
    )
    outcomes = EvidenceOutcomes(vault, clock, audit, held_days=settings.held_days)
    candidates = CandidateService(
        vault,
        clock,
        audit,
        accounts,
        enrolment,
        photos,
        hashbank,
        outcomes,
        sources.halted,
        exchange.index,
        ChanceRules(
            settings.look_alike_days,
            FloodLimits(
                timedelta(hours=settings.flood_hours), settings.flood_events, settings.flood_sites
            ),
        ),
        held_days=settings.held_days,
    )
    seen = SeenIndex(settings.seen_index_dir, clock)
    look_back = LookBack(enrolment, hashbank, seen, candidates.findings, outcomes)
    intake = IntakeService(
        vault,
        clock,
        audit,
        enrolment,
        candidates,
        sources,
        exchange.index,
        held_days=settings.held_days,
        max_upload_bytes=settings.max_upload_bytes,
    )
    exhibits = ExhibitService(
        vault,
        clock,
        audit,
        finds=CandidateFinds(candidates, sources),
        cases=enrolment,
        organisations=accounts,
        scopes=SourceScopes(sources),
        eyes=eyes,
        held_days=settings.held_days,
    )
    notices = NoticeService(
        vault,
        clock,
        audit,
        exhibits=exhibits,
        cases=enrolment,
        organisations=accounts,
        max_proof_bytes=settings.max_upload_bytes,
    )
    reports = ReportService(clock, sources, candidates, exchange.hits, enrolment)
    periods = PeriodReports(clock, sources, settings.report_every, _ready_notice(settings))
    retention = Retention(
        clock,
        audit,
        KeptFor(settings.keep_run_addresses_days, settings.keep_sightings_days),
        (media_with_finds, media_that_match, media_on_lists),
        periods.reported_until,
        reports.keep_missing_report,
    )
    return Rooms(
        settings=settings,
        database=database,
        vault=vault,
        clock=clock,
        audit=audit,
        accounts=accounts,
        enrolment=enrolment,
        photos=photos,
        models=models,
        hashbank=hashbank,
        exchange=exchange,
        sources=sources,
        sweeps=sweeps,
        around=around,
        around_finds=around_finds,
        candidates=candidates,
        intake=intake,
        names=NameWatch(database, enrolment.names),
        seen=seen,
        look_back=look_back,
        seen_before=SeenBefore(enrolment, hashbank.matches, look_back),
        exhibits=exhibits,
        notices=notices,
        reports=reports,
        periods=periods,
        retention=retention,
        # those whose rows refer to other rooms' rows come first
        erasure=ErasureService(
            vault,
            clock,
            audit,
            accounts,
            (notices, exhibits, candidates, sweeps, around, exchange, hashbank, enrolment.names),
        ),
        examiner=eyes,
        story=(candidates, exhibits, notices, exchange),
    )


def create_web(rooms: Rooms, *, lifespan: Lifespan | None = None) -> FastAPI:
    """The web application over `rooms`; `lifespan` starts and stops what runs beside it."""
    settings = rooms.settings
    # a reference photo in a temporary file would lie on the disk in the clear
    MultiPartParser.spool_max_size = _upload_limit(settings)
    app = FastAPI(
        title="Likeness",
        version=__version__,
        description="The same as the pages, for programs. Sign in with "
        "`POST /api/v1/session` and send the token as `Authorization: Bearer`, or use the "
        "pages' cookie together with the header `X-CSRF-Token`.",
        openapi_url=f"{API_PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(check_csrf)],
        responses=error_responses(422),
        lifespan=lifespan or _nothing_beside,
    )
    app.state.rooms = rooms
    install_error_handlers(app)
    app.mount("/static", StaticFiles(directory=STATIC_DIR), name="static")
    for room in ROOMS_WITH_PAGES:
        for part, prefix in (("pages", ""), ("endpoints", API_PREFIX)):
            router = _router_of(f"service.{room}.{part}")
            if router is not None:
                app.include_router(router, prefix=prefix, include_in_schema=bool(prefix))
    check_routes(app)
    app.add_middleware(BodyLimit, upload_bytes=_upload_limit(settings))
    app.add_middleware(UnhandledErrors)
    app.add_middleware(HostGuard, hosts=allowed_hosts(settings))
    app.add_middleware(SecurityHeaders, https=is_https(settings.effective_public_url))
    return app


def _ready_notice(settings: Settings) -> Callable[[], None] | None:
    """What sends the neutral mail on a report; None without a mail server."""
    server = MailServer(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_security,
        settings.smtp_user,
        settings.smtp_password,
        settings.mail_from,
        settings.report_mail_to,
    )
    return partial(send_ready_notice, server) if server.is_configured else None


def _router_of(module: str) -> APIRouter | None:
    if find_spec(module) is None:
        return None
    router = import_module(module).router
    if not isinstance(router, APIRouter):
        raise TypeError(f"{module}.router is not an APIRouter")
    return router


def _upload_limit(settings: Settings) -> int:
    return _UPLOADS_AT_ONCE * settings.max_upload_bytes + 1024 * 1024


@asynccontextmanager
async def _nothing_beside(_app: FastAPI) -> AsyncIterator[None]:
    yield
