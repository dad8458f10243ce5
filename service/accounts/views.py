"""What other rooms and pages see of accounts: frozen, without any secret."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from service.accounts.actor import Actor, Role
from service.accounts.models import Account, Invitation, Organisation


@dataclass(frozen=True, slots=True)
class OrganisationView:
    """An organisation and its decisions on face matching and on keeping media."""

    id: uuid.UUID
    slug: str
    name: str
    jurisdiction: str
    face_matching: bool
    legal_basis: str
    impact_assessment: str
    face_matching_decided_at: datetime | None
    face_matching_decided_by: uuid.UUID | None
    keeps_media_bytes: bool
    created_at: datetime

    @classmethod
    def of(cls, row: Organisation) -> OrganisationView:
        """The view of a row."""
        return cls(
            id=row.id,
            slug=row.slug,
            name=row.name,
            jurisdiction=row.jurisdiction,
            face_matching=row.face_matching,
            legal_basis=row.legal_basis,
            impact_assessment=row.impact_assessment,
            face_matching_decided_at=row.face_matching_decided_at,
            face_matching_decided_by=row.face_matching_decided_by,
            keeps_media_bytes=row.keeps_media_bytes,
            created_at=row.created_at,
        )


@dataclass(frozen=True, slots=True)
class AccountView:
    """An advocate's or operator's account."""

    id: uuid.UUID
    organisation_id: uuid.UUID
    username: str
    display_name: str
    role: Role
    trained: bool
    active: bool
    has_second_factor: bool
    created_at: datetime

    @classmethod
    def of(cls, row: Account) -> AccountView:
        """The view of a row."""
        return cls(
            id=row.id,
            organisation_id=row.organisation_id,
            username=row.username,
            display_name=row.display_name,
            role=Role(row.role),
            trained=row.trained,
            active=row.active,
            has_second_factor=row.totp_secret is not None,
            created_at=row.created_at,
        )


@dataclass(frozen=True, slots=True)
class InvitationView:
    """An open one-time link; the link itself is shown once, when it is made."""

    id: uuid.UUID
    role: Role
    trained: bool
    for_account: uuid.UUID | None
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, row: Invitation) -> InvitationView:
        """The view of a row."""
        return cls(
            id=row.id,
            role=Role(row.role),
            trained=row.trained,
            for_account=row.account_id,
            created_at=row.created_at,
            expires_at=row.expires_at,
        )


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who signed in, and the token for the cookie (kept nowhere else)."""

    actor: Actor
    token: str
