"""The pages behind one-time links: first set-up, an invitation, a new password."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from service.accounts.asked import AccountsDep, CountedLink
from service.accounts.pages_signing_in import first_page_of
from service.errors import InvalidInputError
from service.web.dependencies import DatabaseDep, ReadSession
from service.web.render import render
from service.web.responses import signed_in

router = APIRouter(dependencies=[CountedLink])

Field = Annotated[str, Form()]


@router.get("/setup/{token}")
def show_setup(
    request: Request, token: str, session: ReadSession, accounts: AccountsDep
) -> Response:
    """The form for the organisation and its first operator."""
    accounts.check_setup_link(session, token)
    return _setup_form(request, token)


@router.post("/setup/{token}")
def set_up(
    request: Request,
    token: str,
    database: DatabaseDep,
    accounts: AccountsDep,
    organisation_name: Field = "",
    jurisdiction: Field = "",
    username: Field = "",
    display_name: Field = "",
    password: Field = "",
) -> Response:
    """Make both, sign the operator in, and go on to the settings."""
    with database.read() as session:
        accounts.check_setup_link(session, token)
    try:
        with database.write() as session:
            account = accounts.set_up(
                session, token, organisation_name, username, password, display_name, jurisdiction
            )
            cookie = accounts.open_staff_session(session, account.id)
    except InvalidInputError as error:
        return _setup_form(
            request,
            token,
            status_code=error.http_status,
            problem=str(error),
            organisation_name=organisation_name,
            jurisdiction=jurisdiction,
            username=username,
            display_name=display_name,
        )
    return signed_in(request, "/settings", cookie)


@router.get("/invitations/{token}")
def show_invitation(
    request: Request, token: str, session: ReadSession, accounts: AccountsDep
) -> Response:
    """The form for a new account, or for a new password."""
    return _invitation_form(request, token, session, accounts)


@router.post("/invitations/{token}")
def accept_invitation(
    request: Request,
    token: str,
    database: DatabaseDep,
    accounts: AccountsDep,
    username: Field = "",
    display_name: Field = "",
    password: Field = "",
) -> Response:
    """Spend the link, sign in, and go on."""
    with database.read() as session:
        invitation = accounts.invitation(session, token)
    try:
        with database.write() as session:
            if invitation.for_account is not None:
                account = accounts.set_new_password(session, token, password)
            else:
                account = accounts.accept_invitation(
                    session, token, username, password, display_name
                )
            cookie = accounts.open_staff_session(session, account.id)
            actor = accounts.actor_of(session, cookie)
    except InvalidInputError as error:
        with database.read() as session:
            return _invitation_form(
                request,
                token,
                session,
                accounts,
                status_code=error.http_status,
                problem=str(error),
                username=username,
                display_name=display_name,
            )
    return signed_in(request, first_page_of(actor) if actor else "/staff/sign-in", cookie)


def _setup_form(
    request: Request,
    token: str,
    *,
    status_code: int = 200,
    problem: str | None = None,
    organisation_name: str = "",
    jurisdiction: str = "",
    username: str = "",
    display_name: str = "",
) -> Response:
    return render(
        request,
        "accounts/setup.html",
        status_code=status_code,
        token=token,
        problem=problem,
        organisation_name=organisation_name,
        jurisdiction=jurisdiction,
        username=username,
        display_name=display_name,
    )


def _invitation_form(
    request: Request,
    token: str,
    session: ReadSession,
    accounts: AccountsDep,
    *,
    status_code: int = 200,
    problem: str | None = None,
    username: str = "",
    display_name: str = "",
) -> Response:
    return render(
        request,
        "accounts/invitation.html",
        status_code=status_code,
        token=token,
        invitation=accounts.invitation(session, token),
        problem=problem,
        username=username,
        display_name=display_name,
    )
