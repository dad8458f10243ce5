"""Signing in, one-time links, and one's own account, for programs."""

from __future__ import annotations

from fastapi import APIRouter, Response
from starlette.requests import Request

from service.accounts.asked import AccountsDep, CountedLink
from service.accounts.schemas import (
    AcceptInvitationIn,
    AccountOut,
    ChangePasswordIn,
    CodeIn,
    NewPasswordIn,
    PasswordIn,
    PendingSecondFactorOut,
    SessionOut,
    SetUpIn,
    SignInIn,
    WhoOut,
)
from service.errors import NotFoundError
from service.web.dependencies import (
    DatabaseDep,
    ReadSession,
    SignedInActor,
    StaffActor,
    WriteSession,
    client_address,
    request_token,
)
from service.web.errors import error_responses

router = APIRouter()

_NO_CONTENT = 204
_CREATED = 201


@router.post(
    "/session",
    status_code=_CREATED,
    tags=["session"],
    summary="Sign in",
    responses=error_responses(401, 422, 429),
)
def sign_in(
    request: Request, body: SignInIn, database: DatabaseDep, accounts: AccountsDep
) -> SessionOut:
    """Check name, password and code; answers the token of a new session. Sets no cookie."""
    result = accounts.sign_in_staff(
        database,
        body.username,
        body.password.get_secret_value(),
        body.code,
        client_address(request),
    )
    return SessionOut(token=result.token, who=WhoOut.of(result.actor))


@router.get(
    "/session", tags=["session"], summary="Who is signed in", responses=error_responses(401)
)
def who_is_signed_in(actor: SignedInActor) -> WhoOut:
    """The role and ids behind the token that was sent."""
    return WhoOut.of(actor)


@router.delete(
    "/session",
    status_code=_NO_CONTENT,
    tags=["session"],
    summary="Sign out",
    responses=error_responses(401, 403),
)
def sign_out(
    request: Request, session: WriteSession, accounts: AccountsDep, _actor: SignedInActor
) -> Response:
    """End the session of the token that was sent."""
    accounts.sign_out(session, request_token(request) or "")
    return Response(status_code=_NO_CONTENT)


@router.delete(
    "/sessions",
    status_code=_NO_CONTENT,
    tags=["session"],
    summary="Sign out everywhere",
    responses=error_responses(401, 403),
)
def sign_out_everywhere(
    session: WriteSession, accounts: AccountsDep, actor: SignedInActor
) -> Response:
    """End every session of whoever asks."""
    accounts.sign_out_everywhere(session, actor)
    return Response(status_code=_NO_CONTENT)


@router.post(
    "/setup",
    status_code=_CREATED,
    tags=["links"],
    summary="Set up an organisation",
    dependencies=[CountedLink],
    responses=error_responses(410, 422, 429),
)
def set_up(body: SetUpIn, database: DatabaseDep, accounts: AccountsDep) -> AccountOut:
    """Spend a set-up link: the organisation and its first operator."""
    with database.read() as session:
        accounts.check_setup_link(session, body.token)
    with database.write() as session:
        view = accounts.set_up(
            session,
            body.token,
            body.organisation_name,
            body.username,
            body.password.get_secret_value(),
            body.display_name,
            body.jurisdiction,
        )
    return AccountOut.of(view)


@router.post(
    "/invitations/accept",
    status_code=_CREATED,
    tags=["links"],
    summary="Accept an invitation",
    dependencies=[CountedLink],
    responses=error_responses(410, 422, 429),
)
def accept_invitation(
    body: AcceptInvitationIn, database: DatabaseDep, accounts: AccountsDep
) -> AccountOut:
    """Spend an invitation: a new account with the role that the operator chose."""
    with database.read() as session:
        accounts.invitation(session, body.token)
    with database.write() as session:
        view = accounts.accept_invitation(
            session,
            body.token,
            body.username,
            body.password.get_secret_value(),
            body.display_name,
        )
    return AccountOut.of(view)


@router.post(
    "/new-password",
    tags=["links"],
    summary="Set a new password by a link",
    dependencies=[CountedLink],
    responses=error_responses(410, 422, 429),
)
def set_new_password(
    body: NewPasswordIn, database: DatabaseDep, accounts: AccountsDep
) -> AccountOut:
    """Spend a new-password link; every session of the account ends."""
    with database.read() as session:
        accounts.invitation(session, body.token)
    with database.write() as session:
        view = accounts.set_new_password(session, body.token, body.password.get_secret_value())
    return AccountOut.of(view)


@router.get(
    "/account",
    tags=["own account"],
    summary="One's own account",
    responses=error_responses(401, 403),
)
def own_account(session: ReadSession, accounts: AccountsDep, actor: StaffActor) -> AccountOut:
    """The account of whoever asks."""
    return AccountOut.of(accounts.own_account(session, actor))


@router.put(
    "/account/password",
    status_code=_NO_CONTENT,
    tags=["own account"],
    summary="Change one's own password",
    responses=error_responses(401, 403, 422, 429),
)
def change_password(
    body: ChangePasswordIn, database: DatabaseDep, accounts: AccountsDep, actor: StaffActor
) -> Response:
    """Every other session of the account ends."""
    accounts.change_password(
        database,
        actor,
        body.current_password.get_secret_value(),
        body.new_password.get_secret_value(),
    )
    return Response(status_code=_NO_CONTENT)


@router.post(
    "/account/second-factor",
    status_code=_CREATED,
    tags=["own account"],
    summary="Begin a second factor",
    responses=error_responses(401, 403, 409),
)
def begin_second_factor(
    session: WriteSession, accounts: AccountsDep, actor: StaffActor
) -> PendingSecondFactorOut:
    """A new secret; it counts after one code was confirmed."""
    accounts.second_factor.begin(session, actor)
    pending = accounts.second_factor.pending(session, actor)
    if pending is None:
        raise NotFoundError("There is no second factor waiting.")
    return PendingSecondFactorOut(secret=pending.secret, address=pending.address)


@router.post(
    "/account/second-factor/confirm",
    status_code=_NO_CONTENT,
    tags=["own account"],
    summary="Turn the second factor on",
    responses=error_responses(401, 403, 404, 422, 429),
)
def confirm_second_factor(
    body: CodeIn, database: DatabaseDep, accounts: AccountsDep, actor: StaffActor
) -> Response:
    """Prove the secret with one code."""
    accounts.confirm_second_factor(database, actor, body.code)
    return Response(status_code=_NO_CONTENT)


@router.post(
    "/account/second-factor/remove",
    status_code=_NO_CONTENT,
    tags=["own account"],
    summary="Take the second factor off",
    responses=error_responses(401, 403, 422, 429),
)
def remove_second_factor(
    body: PasswordIn, database: DatabaseDep, accounts: AccountsDep, actor: StaffActor
) -> Response:
    """Asks for the password again."""
    accounts.remove_second_factor(database, actor, body.password.get_secret_value())
    return Response(status_code=_NO_CONTENT)
