"""Who is asking. Every repository is built for an `Actor` and shows only what they may see."""

from __future__ import annotations

import enum
import uuid
from dataclasses import dataclass


class Role(enum.StrEnum):
    """The three kinds of people who sign in, and the installation itself."""

    PERSON = "person"
    ADVOCATE = "advocate"
    OPERATOR = "operator"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller of a service: a signed-in person, advocate or operator, or the system itself.

    `organisation_id` is None only for the system acting across organisations (schedules).
    `reason` says why the system acts; it is empty for people.
    """

    role: Role
    organisation_id: uuid.UUID | None
    account_id: uuid.UUID | None = None
    person_id: uuid.UUID | None = None
    session_id: str | None = None
    reason: str = ""

    @classmethod
    def system(cls, reason: str, organisation_id: uuid.UUID | None = None) -> Actor:
        """The installation itself, for `reason` (a named exception to asking as somebody)."""
        if not reason:
            raise ValueError("the system acts only for a stated reason")
        return cls(Role.SYSTEM, organisation_id, reason=reason)

    @property
    def audit_name(self) -> str:
        """A stable name for the audit trail; never a person's name."""
        if self.role is Role.PERSON:
            return f"person:{self.person_id}"
        if self.role is Role.SYSTEM:
            return f"system:{self.reason}"
        return f"{self.role.value}:{self.account_id}"
