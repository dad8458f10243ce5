"""What goes in and out of the JSON API of accounts."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.config import JsonDict

from service.accounts.actor import Actor
from service.accounts.views import AccountView, InvitationView, OrganisationView
from service.audit import AuditLine

_ID = "3f0c7f0e-5d0e-4a55-9a43-1d8d7a1f2b6c"
_MOMENT = "2026-11-23T09:30:00Z"
StaffRole = Literal["advocate", "operator"]


def _example(values: JsonDict) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [values]})


class SignInIn(BaseModel):
    """Name, password and, where it is set up, the six digits of the second factor."""

    model_config = _example({"username": "anna", "password": "four unrelated words do", "code": ""})

    username: str = Field(max_length=64)
    password: SecretStr
    code: str = Field(default="", max_length=16)


class WhoOut(BaseModel):
    """Who is signed in."""

    model_config = _example(
        {"role": "advocate", "organisation_id": _ID, "account_id": _ID, "person_id": None}
    )

    role: str
    organisation_id: uuid.UUID | None
    account_id: uuid.UUID | None
    person_id: uuid.UUID | None

    @classmethod
    def of(cls, actor: Actor) -> WhoOut:
        """From the actor."""
        return cls(
            role=actor.role.value,
            organisation_id=actor.organisation_id,
            account_id=actor.account_id,
            person_id=actor.person_id,
        )


class SessionOut(BaseModel):
    """A new session. Send `token` as `Authorization: Bearer`; it is shown only here."""

    model_config = _example(
        {
            "token": "mF0w…",
            "who": {
                "role": "advocate",
                "organisation_id": _ID,
                "account_id": _ID,
                "person_id": None,
            },
        }
    )

    token: str
    who: WhoOut


class SetUpIn(BaseModel):
    """The organisation and its first operator."""

    model_config = _example(
        {
            "token": "mF0w…",
            "organisation_name": "Helpline One",
            "jurisdiction": "Austria",
            "username": "anna",
            "display_name": "Anna A.",
            "password": "four unrelated words do",
        }
    )

    token: str = Field(max_length=128)
    organisation_name: str = Field(max_length=120)
    jurisdiction: str = Field(default="", max_length=120)
    username: str = Field(max_length=64)
    display_name: str = Field(default="", max_length=120)
    password: SecretStr


class AcceptInvitationIn(BaseModel):
    """A new account, by an invitation."""

    model_config = _example(
        {
            "token": "mF0w…",
            "username": "ben",
            "display_name": "Ben B.",
            "password": "four unrelated words do",
        }
    )

    token: str = Field(max_length=128)
    username: str = Field(max_length=64)
    display_name: str = Field(default="", max_length=120)
    password: SecretStr


class NewPasswordIn(BaseModel):
    """A new password, by a one-time link."""

    model_config = _example({"token": "mF0w…", "password": "four unrelated words do"})

    token: str = Field(max_length=128)
    password: SecretStr


class ChangePasswordIn(BaseModel):
    """The current password and the new one."""

    model_config = _example(
        {"current_password": "the old words", "new_password": "four unrelated words"}
    )

    current_password: SecretStr
    new_password: SecretStr


class CodeIn(BaseModel):
    """Six digits of the second factor."""

    model_config = _example({"code": "123456"})

    code: str = Field(max_length=16)


class PasswordIn(BaseModel):
    """The current password, asked for again."""

    model_config = _example({"password": "four unrelated words do"})

    password: SecretStr


class PendingSecondFactorOut(BaseModel):
    """A secret that counts once a code made from it was sent."""

    model_config = _example(
        {"secret": "JBSWY3DPEHPK3PXP", "address": "otpauth://totp/Likeness:anna?secret=…"}
    )

    secret: str
    address: str


class InviteIn(BaseModel):
    """Whom to invite."""

    model_config = _example({"role": "advocate", "trained": True})

    role: StaffRole
    trained: bool = False


class LinkOut(BaseModel):
    """A one-time link; shown only here."""

    model_config = _example(
        {"link": "https://likeness.example/invitations/mF0w…", "token": "mF0w…"}
    )

    link: str
    token: str


class InvitationOut(BaseModel):
    """An open one-time link, without its token."""

    model_config = _example(
        {
            "id": _ID,
            "role": "advocate",
            "trained": True,
            "for_account": None,
            "created_at": _MOMENT,
            "expires_at": _MOMENT,
        }
    )

    id: uuid.UUID
    role: str
    trained: bool
    for_account: uuid.UUID | None
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, view: InvitationView) -> InvitationOut:
        """From the room's view."""
        return cls(
            id=view.id,
            role=view.role.value,
            trained=view.trained,
            for_account=view.for_account,
            created_at=view.created_at,
            expires_at=view.expires_at,
        )


class AccountOut(BaseModel):
    """An advocate's or operator's account."""

    model_config = _example(
        {
            "id": _ID,
            "username": "ben",
            "display_name": "Ben B.",
            "role": "advocate",
            "trained": True,
            "active": True,
            "has_second_factor": False,
            "created_at": _MOMENT,
        }
    )

    id: uuid.UUID
    username: str
    display_name: str
    role: str
    trained: bool
    active: bool
    has_second_factor: bool
    created_at: datetime

    @classmethod
    def of(cls, view: AccountView) -> AccountOut:
        """From the room's view."""
        return cls(
            id=view.id,
            username=view.username,
            display_name=view.display_name,
            role=view.role.value,
            trained=view.trained,
            active=view.active,
            has_second_factor=view.has_second_factor,
            created_at=view.created_at,
        )


class AccountChangeIn(BaseModel):
    """What to change of an account; what is left out stays."""

    model_config = _example({"trained": True})

    trained: bool | None = None
    active: bool | None = None


class FaceMatchingIn(BaseModel):
    """The switch, with what it needs: none of the three may be empty when it is on."""

    model_config = _example(
        {
            "on": True,
            "jurisdiction": "Austria",
            "legal_basis": "Art. 9(2)(a) GDPR for the person; …",
            "impact_assessment": "DPIA of 2026-10-01, signed by the DPO, file 12/2026",
        }
    )

    on: bool
    jurisdiction: str = Field(default="", max_length=20_000)
    legal_basis: str = Field(default="", max_length=20_000)
    impact_assessment: str = Field(default="", max_length=20_000)


class SwitchIn(BaseModel):
    """On or off."""

    model_config = _example({"on": True})

    on: bool


class OrganisationOut(BaseModel):
    """The organisation and what it decided."""

    model_config = _example(
        {
            "id": _ID,
            "name": "Helpline One",
            "jurisdiction": "Austria",
            "face_matching": False,
            "legal_basis": "",
            "impact_assessment": "",
            "face_matching_decided_at": None,
            "face_matching_decided_by": None,
            "keeps_media_bytes": False,
        }
    )

    id: uuid.UUID
    name: str
    jurisdiction: str
    face_matching: bool
    legal_basis: str
    impact_assessment: str
    face_matching_decided_at: datetime | None
    face_matching_decided_by: uuid.UUID | None
    keeps_media_bytes: bool

    @classmethod
    def of(cls, view: OrganisationView) -> OrganisationOut:
        """From the room's view."""
        return cls(
            id=view.id,
            name=view.name,
            jurisdiction=view.jurisdiction,
            face_matching=view.face_matching,
            legal_basis=view.legal_basis,
            impact_assessment=view.impact_assessment,
            face_matching_decided_at=view.face_matching_decided_at,
            face_matching_decided_by=view.face_matching_decided_by,
            keeps_media_bytes=view.keeps_media_bytes,
        )


class AuditLineOut(BaseModel):
    """One entry of the audit trail."""

    model_config = _example(
        {
            "number": 12,
            "at": _MOMENT,
            "actor": f"operator:{_ID}",
            "action": "account.invite",
            "object_kind": "invitation",
            "object_id": "9f2c",
            "detail": "role: advocate, trained: True",
            "hash": "5d41…",
        }
    )

    number: int
    at: datetime
    actor: str
    action: str
    object_kind: str
    object_id: str
    detail: str
    hash: str

    @classmethod
    def of(cls, line: AuditLine) -> AuditLineOut:
        """From the room's view."""
        return cls(
            number=line.number,
            at=line.at,
            actor=line.actor,
            action=line.action,
            object_kind=line.object_kind,
            object_id=line.object_id,
            detail=line.detail,
            hash=line.hash,
        )
