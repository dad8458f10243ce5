"""Acute danger: what is done for a person goes before everything else, for a stated time.

An advocate of the case says so, with a reason that is sealed under the person's key. In the clear
is only until when; it ends by itself, and every change of it is in the audit trail.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import msgspec
from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.enrolment.errors import WrongStateError
from service.enrolment.repository import EnrolmentRepository
from service.enrolment.sealed import SealedRows
from service.errors import InvalidInputError, NotAllowedError

DEFAULT_HOURS = 72
MAX_HOURS = 168
LEAST_REASON_CHARACTERS = 5
MAX_REASON_CHARACTERS = 300


class AcuteSigns:
    """Sets and ends the sign of one case."""

    def __init__(self, clock: Clock, audit: AuditTrail, sealed: SealedRows) -> None:
        self._clock = clock
        self._audit = audit
        self._sealed = sealed

    def set(
        self,
        session: Session,
        actor: Actor,
        person_id: uuid.UUID,
        reason: str,
        hours: int = DEFAULT_HOURS,
    ) -> datetime:
        """Everything for this case goes first for so many hours; returns until when.

        Set again, it counts from now on, with the new reason. Raises `InvalidInputError`, and
        `WrongStateError` for a case that is closed.
        """
        if actor.role is not Role.ADVOCATE:
            raise NotAllowedError("Only an advocate of the case may say that a danger is acute.")
        person = EnrolmentRepository(session, actor, self._clock.now()).person(person_id)
        tidy = " ".join(reason.split())
        if not LEAST_REASON_CHARACTERS <= len(tidy) <= MAX_REASON_CHARACTERS:
            raise InvalidInputError(
                f"Reason: say in {LEAST_REASON_CHARACTERS} to {MAX_REASON_CHARACTERS} characters "
                "why it cannot wait."
            )
        if not 1 <= hours <= MAX_HOURS:
            raise InvalidInputError(f"Hours: between 1 and {MAX_HOURS}.")
        if person.state in ("closed", "erased"):
            raise WrongStateError("This is not possible while the case is closed.")
        until = self._clock.now() + timedelta(hours=hours)
        person.acute_until = until
        document = self._sealed.person(person)
        self._sealed.put_person(person, msgspec.structs.replace(document, acute_reason=tidy))
        self._audit.record(session, actor, "case.acute", "person", person_id, hours=hours)
        return until

    def end(self, session: Session, actor: Actor, person_id: uuid.UUID) -> None:
        """The case is like others again; the reason is deleted."""
        if actor.role is not Role.ADVOCATE:
            raise NotAllowedError("Only an advocate of the case may end this.")
        person = EnrolmentRepository(session, actor, self._clock.now()).person(person_id)
        if person.acute_until is None:
            return
        person.acute_until = None
        document = self._sealed.person(person)
        self._sealed.put_person(person, msgspec.structs.replace(document, acute_reason=""))
        self._audit.record(session, actor, "case.acute_end", "person", person_id)
