"""Tables of accounts: organisations, the people who work there, sessions and rate limits."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.database import Base


class Organisation(Base):
    """A helpline or other body; everything else belongs to one (design rule 12)."""

    __tablename__ = "organisations"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    jurisdiction: Mapped[str] = mapped_column(default="")
    face_matching: Mapped[bool] = mapped_column(default=False)
    legal_basis: Mapped[str] = mapped_column(default="")
    impact_assessment: Mapped[str] = mapped_column(default="")
    face_matching_decided_at: Mapped[datetime | None]
    face_matching_decided_by: Mapped[uuid.UUID | None]
    keeps_media_bytes: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]


class Account(Base):
    """An advocate or operator. `trained` reviewers may confirm candidates.

    `totp_secret` and `totp_pending` (shown, not yet proven) are sealed; `totp_last_step` is the
    30-second step of the last code that was accepted: no code works twice.
    """

    __tablename__ = "accounts"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    role: Mapped[str]
    username: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str]
    password_hash: Mapped[str]
    totp_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    totp_pending: Mapped[bytes | None] = mapped_column(LargeBinary)
    totp_last_step: Mapped[int | None]
    trained: Mapped[bool] = mapped_column(default=False)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class Invitation(Base):
    """A one-time link: the first operator's set-up, a new account, or (with `account_id`) a new
    password for an account that is there. Only a hash of the token is kept.
    """

    __tablename__ = "invitations"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    organisation_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("organisations.id"))
    account_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.id"))
    role: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    trained: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SignInSession(Base):
    """A signed-in browser. `id` is the hash of the cookie's token, never the token."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str]
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisations.id"))
    account_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    person_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class RateBucket(Base):
    """Attempts of one kind in one window; `subject` is a keyed HMAC of an address or a name."""

    __tablename__ = "rate_buckets"
    __table_args__ = (UniqueConstraint("kind", "subject", "window_start"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    kind: Mapped[str]
    subject: Mapped[str]
    window_start: Mapped[datetime]
    count: Mapped[int] = mapped_column(default=0)
