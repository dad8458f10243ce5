"""For operators: what the organisation decided, and who works there."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from service.accounts.actor import Actor, Role
from service.accounts.asked import AccountsDep
from service.accounts.service import AccountService
from service.database import Database
from service.errors import ConflictError, InvalidInputError
from service.web.dependencies import DatabaseDep, OperatorActor, WriteSession, get_settings
from service.web.render import render
from service.web.responses import see_other

router = APIRouter()

Field = Annotated[str, Form()]
_ROLES = {"advocate": Role.ADVOCATE, "operator": Role.OPERATOR}
_REVIEWERS_NEEDED = 2


@router.get("/settings")
def show_settings(
    request: Request, database: DatabaseDep, accounts: AccountsDep, actor: OperatorActor
) -> Response:
    """The steps of a new operator, and the organisation's switches."""
    return _settings_page(request, database, accounts, actor)


@router.post("/settings/face-matching")
def set_face_matching(
    request: Request,
    database: DatabaseDep,
    accounts: AccountsDep,
    actor: OperatorActor,
    on: Field = "",
    jurisdiction: Field = "",
    legal_basis: Field = "",
    impact_assessment: Field = "",
) -> Response:
    """Turn the face-matching switch, with what it needs."""
    try:
        with database.write() as session:
            accounts.set_face_matching(
                session, actor, on == "on", jurisdiction, legal_basis, impact_assessment
            )
    except InvalidInputError as error:
        return _settings_page(
            request,
            database,
            accounts,
            actor,
            error,
            jurisdiction=jurisdiction,
            legal_basis=legal_basis,
            impact_assessment=impact_assessment,
        )
    return see_other("/settings#face-matching")


@router.post("/settings/media-bytes")
def set_media_bytes(
    session: WriteSession, accounts: AccountsDep, actor: OperatorActor, on: Field = ""
) -> Response:
    """Allow captures to keep the bytes of media, or only hashes and headers."""
    accounts.organisations.set_keeps_media_bytes(session, actor, on == "on")
    return see_other("/settings#media-bytes")


@router.get("/accounts")
def show_accounts(
    request: Request, database: DatabaseDep, accounts: AccountsDep, actor: OperatorActor
) -> Response:
    """Everybody who works here, and open invitations."""
    return _accounts_page(request, database, accounts, actor)


@router.post("/accounts/invitations")
def invite(
    request: Request,
    database: DatabaseDep,
    accounts: AccountsDep,
    actor: OperatorActor,
    role: Field = "",
    trained: Field = "",
) -> Response:
    """Make a one-time link; it is shown once, on the page that answers."""
    if role not in _ROLES:
        raise InvalidInputError("Role: choose advocate or operator.")
    with database.write() as session:
        token = accounts.invite(session, actor, _ROLES[role], trained == "on")
    return _accounts_page(request, database, accounts, actor, new_token=token)


@router.post("/accounts/invitations/{invitation_id}/withdraw")
def withdraw_invitation(
    invitation_id: uuid.UUID, session: WriteSession, accounts: AccountsDep, actor: OperatorActor
) -> Response:
    """End an invitation before it is used."""
    accounts.withdraw_invitation(session, actor, invitation_id)
    return see_other("/accounts")


@router.post("/accounts/{account_id}/trained")
def set_trained(
    account_id: uuid.UUID,
    session: WriteSession,
    accounts: AccountsDep,
    actor: OperatorActor,
    on: Field = "",
) -> Response:
    """Record whether a reviewer was trained."""
    accounts.set_trained(session, actor, account_id, on == "on")
    return see_other("/accounts")


@router.post("/accounts/{account_id}/active")
def set_active(
    request: Request,
    account_id: uuid.UUID,
    database: DatabaseDep,
    accounts: AccountsDep,
    actor: OperatorActor,
    on: Field = "",
) -> Response:
    """Close or reopen an account."""
    try:
        with database.write() as session:
            accounts.set_active(session, actor, account_id, on == "on")
    except ConflictError as error:
        return _accounts_page(request, database, accounts, actor, problem=error)
    if account_id == actor.account_id and on != "on":
        return see_other("/staff/sign-in")
    return see_other("/accounts")


@router.post("/accounts/{account_id}/new-password-link")
def new_password_link(
    request: Request,
    account_id: uuid.UUID,
    database: DatabaseDep,
    accounts: AccountsDep,
    actor: OperatorActor,
) -> Response:
    """Make a link by which an account gets a new password; shown once."""
    with database.write() as session:
        token = accounts.create_new_password_link(session, actor, account_id)
    return _accounts_page(request, database, accounts, actor, new_token=token)


def _settings_page(
    request: Request,
    database: Database,
    accounts: AccountService,
    actor: Actor,
    error: InvalidInputError | None = None,
    **typed: str,
) -> Response:
    with database.read() as session:
        organisation = accounts.organisation(session, actor)
        views = accounts.accounts(session, actor)
    reviewers = [
        view for view in views if view.role is Role.ADVOCATE and view.trained and view.active
    ]
    decided_by = next(
        (view for view in views if view.id == organisation.face_matching_decided_by), None
    )
    return render(
        request,
        "accounts/settings.html",
        status_code=200 if error is None else error.http_status,
        organisation=organisation,
        decided_by=decided_by.display_name if decided_by else "",
        reviewers=len(reviewers),
        reviewers_needed=_REVIEWERS_NEEDED,
        problem=str(error) if error is not None else "",
        jurisdiction=typed.get("jurisdiction", organisation.jurisdiction),
        legal_basis=typed.get("legal_basis", organisation.legal_basis),
        impact_assessment=typed.get("impact_assessment", organisation.impact_assessment),
    )


def _accounts_page(
    request: Request,
    database: Database,
    accounts: AccountService,
    actor: Actor,
    *,
    new_token: str = "",
    problem: ConflictError | None = None,
) -> Response:
    with database.read() as session:
        views = accounts.accounts(session, actor)
        invitations = accounts.open_invitations(session, actor)
    base = get_settings(request).effective_public_url
    return render(
        request,
        "accounts/accounts.html",
        status_code=200 if problem is None else problem.http_status,
        accounts=views,
        names={view.id: view.username for view in views},
        invitations=invitations,
        new_link=f"{base}/invitations/{new_token}" if new_token else "",
        problem=str(problem) if problem is not None else "",
    )
