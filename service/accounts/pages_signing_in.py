"""Signing in for staff, signing out for everybody, and leaving at once."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from service.accounts.actor import Actor, Role
from service.accounts.asked import AccountsDep
from service.accounts.errors import SignInFailedError
from service.errors import TooManyAttemptsError
from service.web.cookies import session_token
from service.web.dependencies import (
    CurrentActor,
    DatabaseDep,
    ReadSession,
    client_address,
    get_settings,
)
from service.web.render import render
from service.web.responses import leave, see_other, signed_in, signed_out

router = APIRouter()

Field = Annotated[str, Form()]


@router.get("/staff/sign-in")
def show_sign_in(
    request: Request, session: ReadSession, accounts: AccountsDep, actor: CurrentActor
) -> Response:
    """The form for advocates and operators."""
    if actor is not None and actor.role is not Role.PERSON:
        return see_other(first_page_of(actor))
    return render(
        request,
        "accounts/sign_in.html",
        is_set_up=accounts.is_set_up(session),
        username="",
        problem=None,
    )


@router.post("/staff/sign-in")
def sign_in(
    request: Request,
    database: DatabaseDep,
    accounts: AccountsDep,
    username: Field = "",
    password: Field = "",
    code: Field = "",
) -> Response:
    """Check name, password and code; a session that the browser had before ends."""
    try:
        result = accounts.sign_in_staff(database, username, password, code, client_address(request))
    except (SignInFailedError, TooManyAttemptsError) as error:
        return render(
            request,
            "accounts/sign_in.html",
            status_code=error.http_status,
            is_set_up=True,
            username=username,
            problem=str(error),
        )
    _end_earlier(request, database, accounts)
    return signed_in(request, first_page_of(result.actor), result.token)


@router.post("/sign-out")
def sign_out(
    request: Request, database: DatabaseDep, accounts: AccountsDep, actor: CurrentActor
) -> Response:
    """End this session and go back to where one signs in."""
    _end_earlier(request, database, accounts)
    is_person = actor is None or actor.role is Role.PERSON
    return signed_out(request, "/" if is_person else "/staff/sign-in")


@router.get("/exit")
def leave_at_once(request: Request, database: DatabaseDep, accounts: AccountsDep) -> Response:
    """End this session and go to the neutral page; works by a plain link."""
    _end_earlier(request, database, accounts)
    return leave(request, get_settings(request).exit_url)


@router.post("/sign-out-everywhere")
def sign_out_everywhere(
    request: Request, database: DatabaseDep, accounts: AccountsDep, actor: CurrentActor
) -> Response:
    """End every session of whoever asks."""
    if actor is None:
        return see_other("/")
    with database.write() as session:
        accounts.sign_out_everywhere(session, actor)
    return signed_out(request, "/" if actor.role is Role.PERSON else "/staff/sign-in")


def first_page_of(actor: Actor) -> str:
    """Where somebody begins after signing in."""
    return {
        Role.OPERATOR: "/settings",
        Role.ADVOCATE: "/cases",
        Role.PERSON: "/my",
    }.get(actor.role, "/")


def _end_earlier(request: Request, database: DatabaseDep, accounts: AccountsDep) -> None:
    token = session_token(request)
    if token is not None:
        with database.write() as session:
            accounts.sign_out(session, token)
