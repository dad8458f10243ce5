"""Where everything is put together: the rooms from the settings, and the web from the rooms.

Only `cli`, the entry points of `work` and tests import this module. Nothing here has rules of its
own; a room gets exactly what it needs through its constructor.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
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
from service.clock import Clock, SystemClock
from service.database import Database
from service.settings import Settings
from service.vault import Vault
from service.web.cookies import is_https
from service.web.csrf import check_csrf
from service.web.errors import error_responses, install_error_handlers
from service.web.render import STATIC_DIR
from service.web.route_check import check_routes
from service.web.security import BodyLimit, HostGuard, SecurityHeaders, allowed_hosts

API_PREFIX = "/api/v1"
ROOMS_WITH_PAGES = (
    "accounts",
    "enrolment",
    "hashbank",
    "sources",
    "candidates",
    "exhibits",
    "notices",
    "reports",
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

    def close(self) -> None:
        """Give connections back."""
        self.database.close()


def build_rooms(settings: Settings, *, clock: Clock | None = None) -> Rooms:
    """Open database and vault and build every room. Creates no tables: migrations do."""
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
    return Rooms(
        settings=settings,
        database=database,
        vault=vault,
        clock=clock,
        audit=audit,
        accounts=accounts,
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
    app.add_middleware(HostGuard, hosts=allowed_hosts(settings))
    app.add_middleware(SecurityHeaders, https=is_https(settings.effective_public_url))
    return app


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
