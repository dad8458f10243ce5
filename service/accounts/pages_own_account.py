"""One's own account: password, second factor, sessions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from service.accounts.actor import Actor
from service.accounts.asked import AccountsDep
from service.accounts.service import AccountService
from service.database import Database
from service.errors import InvalidInputError, NotFoundError, TooManyAttemptsError
from service.web.dependencies import DatabaseDep, ReadSession, StaffActor, WriteSession
from service.web.render import render
from service.web.responses import see_other

router = APIRouter()

Field = Annotated[str, Form()]


@router.get("/account")
def show_account(
    request: Request, database: DatabaseDep, accounts: AccountsDep, actor: StaffActor
) -> Response:
    """The account of whoever is signed in."""
    return _page(request, database, accounts, actor)


@router.post("/account/password")
def change_password(
    request: Request,
    database: DatabaseDep,
    accounts: AccountsDep,
    actor: StaffActor,
    current_password: Field = "",
    new_password: Field = "",
) -> Response:
    """Change the password; other sessions of the account end."""
    try:
        accounts.change_password(database, actor, current_password, new_password)
    except (InvalidInputError, TooManyAttemptsError) as error:
        return _page(request, database, accounts, actor, error)
    return _page(request, database, accounts, actor, done="The password is changed.")


@router.post("/account/second-factor")
def begin_second_factor(
    session: WriteSession, accounts: AccountsDep, actor: StaffActor
) -> Response:
    """Make a secret; the account's page shows it to be scanned."""
    accounts.second_factor.begin(session, actor)
    return see_other("/account#second-factor")


@router.get("/account/second-factor.svg")
def second_factor_picture(
    session: ReadSession, accounts: AccountsDep, actor: StaffActor
) -> Response:
    """The secret that waits to be proven, as a QR code."""
    pending = accounts.second_factor.pending(session, actor)
    if pending is None:
        raise NotFoundError("There is no second factor waiting.")
    return Response(pending.as_svg(), media_type="image/svg+xml")


@router.post("/account/second-factor/confirm")
def confirm_second_factor(
    request: Request,
    database: DatabaseDep,
    accounts: AccountsDep,
    actor: StaffActor,
    code: Field = "",
) -> Response:
    """Prove the secret with one code."""
    try:
        accounts.confirm_second_factor(database, actor, code)
    except (InvalidInputError, TooManyAttemptsError) as error:
        return _page(request, database, accounts, actor, error)
    return _page(request, database, accounts, actor, done="The second factor is on.")


@router.post("/account/second-factor/remove")
def remove_second_factor(
    request: Request,
    database: DatabaseDep,
    accounts: AccountsDep,
    actor: StaffActor,
    current_password: Field = "",
) -> Response:
    """Take the second factor off, with the password."""
    try:
        accounts.remove_second_factor(database, actor, current_password)
    except (InvalidInputError, TooManyAttemptsError) as error:
        return _page(request, database, accounts, actor, error)
    return _page(request, database, accounts, actor, done="The second factor is off.")


def _page(
    request: Request,
    database: Database,
    accounts: AccountService,
    actor: Actor,
    error: InvalidInputError | TooManyAttemptsError | None = None,
    *,
    done: str = "",
) -> Response:
    with database.read() as session:
        return render(
            request,
            "accounts/account.html",
            status_code=200 if error is None else error.http_status,
            account=accounts.own_account(session, actor),
            pending=accounts.second_factor.pending(session, actor),
            problem=str(error) if error is not None else "",
            done=done,
        )
