"""Guided hand-over: the person goes to a service by themselves, and may note that they did.

Nothing is sent anywhere from here. The note is sealed under their key, so that their advocate knows
and asks them no second time.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.enrolment.own_services import OWN_SERVICES, OwnService, own_service
from service.errors import InvalidInputError, NotAllowedError
from service.hashbank.exchange.documents import HandOverDocument
from service.hashbank.exchange.models import HandOver
from service.hashbank.exchange.person_repository import PersonExchangeRepository
from service.vault import Vault


@dataclass(frozen=True, slots=True)
class HandOverView:
    """A service, and the day on which the person says that they went there."""

    service: OwnService
    done_on: str
    noted_at: datetime | None


class HandOverBook:
    """Keeps the person's own notes."""

    def __init__(self, vault: Vault, clock: Clock, audit: AuditTrail) -> None:
        self._vault = vault
        self._clock = clock
        self._audit = audit

    def services(
        self, session: Session, actor: Actor, person_id: uuid.UUID
    ) -> tuple[HandOverView, ...]:
        """Every service with the person's note of it, for themselves and their advocates."""
        repository = self._repository(session, actor)
        repository.require_visible(person_id)
        notes = {row.service: row for row in repository.hand_overs(person_id)}
        return tuple(self._view(service, notes.get(service.key)) for service in OWN_SERVICES)

    def note(
        self, session: Session, actor: Actor, person_id: uuid.UUID, service_key: str, done_on: str
    ) -> None:
        """The person says that they went to a service on a day; said again, it is changed."""
        service = _service(actor, service_key)
        day = self._day(done_on)
        repository = self._repository(session, actor)
        rows = [row for row in repository.hand_overs(person_id) if row.service == service.key]
        row = rows[0] if rows else HandOver(id=uuid.uuid4(), person_id=person_id)
        row.service = service.key
        row.noted_at = self._clock.now()
        row.document = self._vault.seal_document(
            person_id, _context(row), HandOverDocument(day.isoformat())
        )
        if not rows:
            repository.add(row)
        self._audit.record(
            session, actor, "hand_over.note", "hand_over", row.id, service=service.key
        )

    def forget(
        self, session: Session, actor: Actor, person_id: uuid.UUID, service_key: str
    ) -> None:
        """The person takes their note back."""
        service = _service(actor, service_key)
        repository = self._repository(session, actor)
        for row in repository.hand_overs(person_id):
            if row.service == service.key:
                repository.delete(row)
                self._audit.record(session, actor, "hand_over.forget", "hand_over", row.id)

    def _view(self, service: OwnService, row: HandOver | None) -> HandOverView:
        if row is None:
            return HandOverView(service, "", None)
        document = self._vault.unseal_document(
            row.person_id, _context(row), row.document, HandOverDocument
        )
        return HandOverView(service, document.done_on, row.noted_at)

    def _day(self, text: str) -> date:
        try:
            day = date.fromisoformat(text.strip())
        except ValueError:
            raise InvalidInputError(
                "Please say on which day you did it, such as 2026-11-23."
            ) from None
        today = self._clock.now().date()
        if day > today or day.year < 2015:
            raise InvalidInputError(
                "Please give the day on which you did it: today at the latest, and not before 2015."
            )
        return day

    def _repository(self, session: Session, actor: Actor) -> PersonExchangeRepository:
        return PersonExchangeRepository(session, actor, self._clock.now())


def _service(actor: Actor, key: str) -> OwnService:
    if actor.role is not Role.PERSON:
        raise NotAllowedError("Only the person notes what they did themselves.")
    found = own_service(key)
    if found is None:
        raise InvalidInputError("Service: one of those that are shown.")
    return found


def _context(row: HandOver) -> str:
    return f"hash_hand_overs.document:{row.id}"
