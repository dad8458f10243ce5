"""What endpoints and pages ask for: database, sessions, who is asking, and with which role.

A unit of work is `session: WriteSession` (committed before the answer leaves) or, where slow work
comes first, `database: DatabaseDep` with `with database.write() as session:`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Protocol, cast

from fastapi import Depends
from sqlalchemy.orm import Session
from starlette.requests import Request

from service.accounts.actor import Actor, Role
from service.accounts.sessions import Sessions
from service.clock import Clock
from service.database import Database
from service.errors import NotAllowedError, SignInRequiredError
from service.settings import Settings
from service.vault import Vault
from service.web import cookies
from service.web.csrf import bearer_token


class _Accounts(Protocol):
    sessions: Sessions


class WebRooms(Protocol):
    """What the web needs of all rooms."""

    settings: Settings
    database: Database
    vault: Vault
    clock: Clock
    accounts: _Accounts


def rooms_of(request: Request) -> Any:
    """All rooms of the running application; a room's pages take their own service from it."""
    return request.app.state.rooms


def get_settings(request: Request) -> Settings:
    """The installation's settings."""
    return _web(request).settings


def get_database(request: Request) -> Database:
    """The database, for handlers that do slow work before their unit of work."""
    return _web(request).database


def get_vault(request: Request) -> Vault:
    """The vault."""
    return _web(request).vault


def get_clock(request: Request) -> Clock:
    """The clock."""
    return _web(request).clock


def read_session(request: Request) -> Iterator[Session]:
    """A session for looking only."""
    with get_database(request).read() as session:
        yield session


def write_session(request: Request) -> Iterator[Session]:
    """A unit of work. Use it as `WriteSession`: it must commit before the answer leaves."""
    with get_database(request).write() as session:
        yield session


def request_token(request: Request) -> str | None:
    """The session token that the request carries: the bearer's, else the cookie's."""
    return bearer_token(request) or cookies.session_token(request)


def current_actor(request: Request) -> Actor | None:
    """Who is asking, or None; looked up once a request."""
    if not hasattr(request.state, "actor"):
        request.state.actor = _find_actor(request)
    return cast("Actor | None", request.state.actor)


def require_signed_in(request: Request) -> Actor:
    """Anybody who is signed in."""
    actor = current_actor(request)
    if actor is None:
        raise SignInRequiredError("Please sign in first.")
    return actor


def require_person(request: Request) -> Actor:
    """A person, signed in to their own case."""
    return _require(request, Role.PERSON)


def require_advocate(request: Request) -> Actor:
    """An advocate."""
    return _require(request, Role.ADVOCATE)


def require_operator(request: Request) -> Actor:
    """An operator."""
    return _require(request, Role.OPERATOR)


def require_staff(request: Request) -> Actor:
    """An advocate or operator."""
    return _require(request, Role.ADVOCATE, Role.OPERATOR)


def client_address(request: Request) -> str:
    """The network address that the request came from, for rate limits; never stored."""
    return request.client.host if request.client else "unknown"


def _web(request: Request) -> WebRooms:
    return cast("WebRooms", request.app.state.rooms)


def _find_actor(request: Request) -> Actor | None:
    token = request_token(request)
    if token is None:
        return None
    rooms = _web(request)
    sessions = rooms.accounts.sessions
    with rooms.database.read() as session:
        actor = sessions.actor_of(session, token)
    if actor is not None:
        sessions.touch(rooms.database, actor)
    return actor


def _require(request: Request, *roles: Role) -> Actor:
    actor = require_signed_in(request)
    if actor.role not in roles:
        raise NotAllowedError("This page is not for your kind of account.")
    return actor


DatabaseDep = Annotated[Database, Depends(get_database)]
ReadSession = Annotated[Session, Depends(read_session)]
WriteSession = Annotated[Session, Depends(write_session, scope="function")]
CurrentActor = Annotated[Actor | None, Depends(current_actor)]
SignedInActor = Annotated[Actor, Depends(require_signed_in)]
PersonActor = Annotated[Actor, Depends(require_person)]
AdvocateActor = Annotated[Actor, Depends(require_advocate)]
OperatorActor = Annotated[Actor, Depends(require_operator)]
StaffActor = Annotated[Actor, Depends(require_staff)]
