"""A name that is everywhere stops itself and asks.

1. Many new finds of one name, of many events on many sites in a short time, are more than truth
   explains: others have this name, too.
2. From then on no find of this name is made: they are counted, and nothing is kept of them. Other
   names, faces and known pictures are looked for all the while, and pages say that this name rests.
3. An operator or an advocate decides: go on, or rest on. After going on pages are read again: what
   was left out is found there, from nothing kept. The person may remove the name at any time.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.audit.trail import AuditTrail
from service.candidates.chance_rules import FloodLimits
from service.candidates.models import Candidate
from service.candidates.names_models import NameFlood
from service.candidates.names_repository import RESTING, NameFindsRepository
from service.clock import Clock
from service.enrolment.service import EnrolmentService
from service.errors import ConflictError, InvalidInputError, NotAllowedError

DECISIONS = ("go_on", "stop")

NameFloodState = Literal["open", "stopped", "going_on"]


@dataclass(frozen=True, slots=True)
class NameFloodView:
    """Why a name rests. `person_label` and `name` are empty for operators."""

    flood_id: uuid.UUID
    person_id: uuid.UUID
    name_id: uuid.UUID
    person_label: str
    name: str
    state: NameFloodState
    finds: int
    sites: int
    not_made: int
    began_at: datetime


class NameFloods:
    """Notices floods in the worker's transaction, and takes decisions."""

    def __init__(
        self, clock: Clock, audit: AuditTrail, enrolment: EnrolmentService, limits: FloodLimits
    ) -> None:
        self._clock = clock
        self._audit = audit
        self._enrolment = enrolment
        self._limits = limits

    # --- while finds are made -------------------------------------------------------------------

    def resting(
        self, session: Session, worker: Actor, name_ids: Sequence[uuid.UUID]
    ) -> frozenset[uuid.UUID]:
        """Which of these names rest; the find that is not made on account of it is counted."""
        rows = self._repository(session, worker).resting(name_ids)
        for row in rows:
            row.not_made += 1
        return frozenset(row.name_id for row in rows)

    def found(self, session: Session, worker: Actor, row: Candidate) -> None:
        """A new find by name: the one that makes a flood is the last of it."""
        if row.name_id is None:
            return
        repository, now = self._repository(session, worker), self._clock.now()
        since = now - self._limits.within
        decided_at = repository.last_decided_at(row.name_id)
        new = repository.new_finds(row.name_id, max(since, decided_at) if decided_at else since)
        if new.events < self._limits.events or new.sites < self._limits.sites:
            return
        flood = NameFlood(
            id=uuid.uuid4(),
            organisation_id=row.organisation_id,
            person_id=row.person_id,
            name_id=row.name_id,
            state="open",
            finds=new.finds,
            sites=new.sites,
            not_made=0,
            began_at=now,
        )
        if not repository.add_flood(flood):
            return
        self._audit.record(
            session,
            worker,
            "name.stop_itself",
            "flood",
            flood.id,
            finds=new.finds,
            sites=new.sites,
        )

    # --- people's doors -------------------------------------------------------------------------

    def open(self, session: Session, actor: Actor) -> list[NameFloodView]:
        """What rests and may be decided by the caller; those that ask come first."""
        if actor.role not in (Role.OPERATOR, Role.ADVOCATE):
            raise NotAllowedError("Only operators and advocates decide on this.")
        return [
            view
            for row in self._repository(session, actor).floods(*RESTING)
            if (view := self._view(session, actor, row)) is not None
        ]

    def names_at_rest(
        self, session: Session, actor: Actor, person_id: uuid.UUID
    ) -> frozenset[uuid.UUID]:
        """The names of a person whom the caller may know of that rest now."""
        rows = self._repository(session, actor).floods(*RESTING)
        return frozenset(row.name_id for row in rows if row.person_id == person_id)

    def decide(
        self, session: Session, actor: Actor, flood_id: uuid.UUID, decision: str
    ) -> NameFloodState:
        """Go on, or rest on; audited with who decided."""
        if actor.role not in (Role.OPERATOR, Role.ADVOCATE):
            raise NotAllowedError("Only operators and advocates decide on this.")
        row = self._repository(session, actor).flood(flood_id)
        if decision not in DECISIONS:
            raise InvalidInputError("Please choose how to go on.")
        if row.state not in RESTING:
            raise ConflictError("This was decided already.")
        state: NameFloodState = "going_on" if decision == "go_on" else "stopped"
        row.state = state
        row.decided_at = self._clock.now()
        row.decided_by = actor.account_id
        if state == "going_on":
            # what was left out is found by reading the pages again
            self._enrolment.names.look_again(session, row.organisation_id)
        self._audit.record(
            session,
            actor,
            "name.decide",
            "flood",
            row.id,
            decision=decision,
            not_made=row.not_made,
        )
        return state

    # --- parts ----------------------------------------------------------------------------------

    def _view(self, session: Session, actor: Actor, row: NameFlood) -> NameFloodView | None:
        """None where the person has removed the name meanwhile."""
        system = Actor.system("names that rest", row.organisation_id)
        chosen = self._enrolment.names.chosen(session, system, row.person_id)
        names = {each.name_id: each.text for each in chosen}
        if row.name_id not in names:
            return None
        is_advocate = actor.role is Role.ADVOCATE
        label = self._enrolment.label(session, actor, row.person_id) if is_advocate else None
        return NameFloodView(
            row.id,
            row.person_id,
            row.name_id,
            label or "",
            names[row.name_id] if is_advocate else "",
            row.state,  # type: ignore[arg-type]  # one of the states of the table
            row.finds,
            row.sites,
            row.not_made,
            row.began_at,
        )

    def _repository(self, session: Session, actor: Actor) -> NameFindsRepository:
        return NameFindsRepository(session, actor, self._clock.now())
