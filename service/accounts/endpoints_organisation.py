"""The organisation's decisions, its accounts, and the audit trail, for programs."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.requests import Request

from service.accounts.actor import Role
from service.accounts.asked import AccountsDep
from service.accounts.schemas import (
    AccountChangeIn,
    AccountOut,
    AuditLineOut,
    FaceMatchingIn,
    InvitationOut,
    InviteIn,
    LinkOut,
    OrganisationOut,
    SwitchIn,
)
from service.audit import AuditTrail
from service.web.dependencies import (
    OperatorActor,
    ReadSession,
    StaffActor,
    WriteSession,
    get_settings,
    rooms_of,
)
from service.web.errors import error_responses

router = APIRouter()

_NO_CONTENT = 204
_CREATED = 201
_LARGEST_NUMBER = 2**53


@router.get(
    "/organisation",
    tags=["organisation"],
    summary="The organisation",
    responses=error_responses(401, 403),
)
def show_organisation(
    session: ReadSession, accounts: AccountsDep, actor: StaffActor
) -> OrganisationOut:
    """The organisation of whoever asks, and what it decided."""
    return OrganisationOut.of(accounts.organisation(session, actor))


@router.put(
    "/organisation/face-matching",
    tags=["organisation"],
    summary="Turn the face-matching switch",
    responses=error_responses(401, 403, 422),
)
def set_face_matching(
    body: FaceMatchingIn, session: WriteSession, accounts: AccountsDep, actor: OperatorActor
) -> OrganisationOut:
    """On only with jurisdiction, legal basis and impact assessment."""
    return OrganisationOut.of(
        accounts.set_face_matching(
            session, actor, body.on, body.jurisdiction, body.legal_basis, body.impact_assessment
        )
    )


@router.put(
    "/organisation/media-bytes",
    tags=["organisation"],
    summary="Keep the bytes of media, or not",
    responses=error_responses(401, 403, 422),
)
def set_media_bytes(
    body: SwitchIn, session: WriteSession, accounts: AccountsDep, actor: OperatorActor
) -> OrganisationOut:
    """Whether captures keep the bytes of media (encrypted), or only hashes and headers."""
    return OrganisationOut.of(accounts.organisations.set_keeps_media_bytes(session, actor, body.on))


@router.get(
    "/accounts",
    tags=["accounts"],
    summary="List accounts",
    responses=error_responses(401, 403),
)
def list_accounts(
    session: ReadSession, accounts: AccountsDep, actor: StaffActor
) -> list[AccountOut]:
    """Operators see every account of the organisation, advocates its advocates."""
    return [AccountOut.of(view) for view in accounts.accounts(session, actor)]


@router.patch(
    "/accounts/{account_id}",
    tags=["accounts"],
    summary="Record training, close or reopen",
    responses=error_responses(401, 403, 404, 409, 422),
)
def change_account(
    account_id: uuid.UUID,
    body: AccountChangeIn,
    session: WriteSession,
    accounts: AccountsDep,
    actor: OperatorActor,
) -> AccountOut:
    """Closing an account ends its sessions at once; the last operator cannot be closed."""
    if body.trained is not None:
        accounts.set_trained(session, actor, account_id, body.trained)
    if body.active is not None:
        accounts.set_active(session, actor, account_id, body.active)
    return AccountOut.of(accounts.account(session, actor, account_id))


@router.post(
    "/accounts/{account_id}/new-password-link",
    status_code=_CREATED,
    tags=["accounts"],
    summary="Make a new-password link",
    responses=error_responses(401, 403, 404),
)
def new_password_link(
    request: Request,
    account_id: uuid.UUID,
    session: WriteSession,
    accounts: AccountsDep,
    actor: OperatorActor,
) -> LinkOut:
    """A one-time link by which the account gets a new password, without its second factor."""
    return _link(request, accounts.create_new_password_link(session, actor, account_id))


@router.get(
    "/invitations",
    tags=["accounts"],
    summary="List open links",
    responses=error_responses(401, 403),
)
def list_invitations(
    session: ReadSession, accounts: AccountsDep, actor: OperatorActor
) -> list[InvitationOut]:
    """Links that can still be used, without their tokens."""
    return [InvitationOut.of(view) for view in accounts.open_invitations(session, actor)]


@router.post(
    "/invitations",
    status_code=_CREATED,
    tags=["accounts"],
    summary="Invite somebody",
    responses=error_responses(401, 403, 422),
)
def invite(
    request: Request,
    body: InviteIn,
    session: WriteSession,
    accounts: AccountsDep,
    actor: OperatorActor,
) -> LinkOut:
    """A one-time link for a new advocate or operator."""
    return _link(request, accounts.invite(session, actor, Role(body.role), body.trained))


@router.delete(
    "/invitations/{invitation_id}",
    status_code=_NO_CONTENT,
    tags=["accounts"],
    summary="Withdraw a link",
    responses=error_responses(401, 403, 404, 409),
)
def withdraw_invitation(
    invitation_id: uuid.UUID, session: WriteSession, accounts: AccountsDep, actor: OperatorActor
) -> Response:
    """End a link before it is used."""
    accounts.withdraw_invitation(session, actor, invitation_id)
    return Response(status_code=_NO_CONTENT)


@router.get(
    "/audit",
    tags=["audit"],
    summary="Read the audit trail",
    responses=error_responses(401, 403, 422),
)
def read_audit(
    request: Request,
    session: ReadSession,
    actor: OperatorActor,
    before: Annotated[int | None, Query(ge=1, le=_LARGEST_NUMBER)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[AuditLineOut]:
    """Entries of the organisation, the newest first; `before` is the number to go on from."""
    trail: AuditTrail = rooms_of(request).audit
    return [
        AuditLineOut.of(line) for line in trail.page(session, actor, before=before, limit=limit)
    ]


def _link(request: Request, token: str) -> LinkOut:
    base = get_settings(request).effective_public_url
    return LinkOut(link=f"{base}/invitations/{token}", token=token)
