"""A flood of finds by face stops itself and asks.

1. Many new finds of one person by face, of many events on many sites in a short time, are more than
   truth explains: a template that looks like many people, or a look-alike who is everywhere.
2. From then on no find by face of this person is made: they are counted, and nothing is kept of
   them. Finds by hash go on. Pages and reports say that this rests (design rule 13).
3. An operator or an advocate decides: go on, raise the threshold for this person, or rest on. After
   going on the sites are looked at again: what was left out is found there, from nothing kept.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.audit.trail import AuditTrail
from service.candidates.basis import finding_of
from service.candidates.chance_repository import RESTING, ChanceRepository
from service.candidates.chance_rules import FloodLimits
from service.candidates.look_alikes import LookAlikes
from service.candidates.models import Candidate, FaceFlood
from service.candidates.sealed import SealedCandidates
from service.candidates.words import best_face
from service.clock import Clock
from service.enrolment.service import EnrolmentService
from service.errors import ConflictError, InvalidInputError, NotAllowedError
from service.vault import Vault

FLOOD_FACES_A_DAY = 500
"""So many in a day are a flood from wherever they are."""
DECISIONS = ("go_on", "raise", "stop")
_DAY = timedelta(days=1)

FloodDecision = Literal["go_on", "raise", "stop"]
FloodState = Literal["open", "stopped", "going_on", "raised"]


@dataclass(frozen=True, slots=True)
class FloodView:
    """Why finds of one person by face rest. `person_label` is empty for operators."""

    flood_id: uuid.UUID
    person_id: uuid.UUID
    person_label: str
    state: FloodState
    finds: int
    sites: int
    not_made: int
    began_at: datetime


class FaceFloods:
    """Notices floods in the worker's transaction, and takes decisions."""

    def __init__(
        self,
        vault: Vault,
        clock: Clock,
        audit: AuditTrail,
        enrolment: EnrolmentService,
        look_alikes: LookAlikes,
        limits: FloodLimits,
    ) -> None:
        self._sealed = SealedCandidates(vault)
        self._clock = clock
        self._audit = audit
        self._enrolment = enrolment
        self._look_alikes = look_alikes
        self._limits = limits

    # --- while finds are made -------------------------------------------------------------------

    def holds_back(self, session: Session, worker: Actor, person_id: uuid.UUID) -> bool:
        """Whether finds of this person by face rest; then this one is counted."""
        row = self._repository(session, worker).resting(person_id)
        if row is None:
            return False
        row.not_made += 1
        return True

    def found(self, session: Session, worker: Actor, row: Candidate) -> None:
        """A new find by face: the one that makes a flood is the last of it."""
        repository, now = self._repository(session, worker), self._clock.now()
        decided_at = repository.last_decided_at(row.person_id)
        new = repository.new_finds(row.person_id, _later(now - self._limits.within, decided_at))
        is_flood = new.events >= self._limits.events and new.sites >= self._limits.sites
        if not is_flood:
            of_day = repository.new_finds(row.person_id, _later(now - _DAY, decided_at))
            if of_day.finds <= FLOOD_FACES_A_DAY:
                return
            new = of_day
        if repository.resting(row.person_id) is not None:
            return
        flood = FaceFlood(
            id=uuid.uuid4(),
            organisation_id=row.organisation_id,
            person_id=row.person_id,
            state="open",
            finds=new.finds,
            sites=new.sites,
            not_made=0,
            began_at=now,
        )
        if not repository.add(flood):
            return
        self._audit.record(
            session,
            worker,
            "flood.stop_itself",
            "flood",
            flood.id,
            finds=new.finds,
            sites=new.sites,
        )

    # --- people's doors -------------------------------------------------------------------------

    def open(self, session: Session, actor: Actor) -> list[FloodView]:
        """What rests and may be decided by the caller; those that ask come first."""
        if actor.role not in (Role.OPERATOR, Role.ADVOCATE):
            raise NotAllowedError("Only operators and advocates decide on this.")
        rows = self._repository(session, actor).floods(*RESTING)
        views = [self._view(session, actor, row) for row in rows]
        return sorted(views, key=lambda view: view.state != "open")

    def rests(self, session: Session, actor: Actor, person_id: uuid.UUID) -> bool:
        """Whether finds of a person whom the caller may know of rest now."""
        resting = self._repository(session, actor).floods(*RESTING)
        return any(row.person_id == person_id for row in resting)

    def count_resting(self, session: Session, actor: Actor, organisation_id: uuid.UUID) -> int:
        """For how many people of an organisation search by face rests."""
        return self._repository(session, actor).any_resting_in(organisation_id)

    def decide(
        self, session: Session, actor: Actor, flood_id: uuid.UUID, decision: str
    ) -> FloodState:
        """Go on, go on above a limit, or rest on; audited with who decided."""
        if actor.role not in (Role.OPERATOR, Role.ADVOCATE):
            raise NotAllowedError("Only operators and advocates decide on this.")
        row = self._repository(session, actor).flood(flood_id)
        if decision not in DECISIONS:
            raise InvalidInputError("Please choose how to go on.")
        if row.state not in RESTING:
            raise ConflictError("This was decided already.")
        if decision == "raise":
            self._raise(session, row)
        row.state = {"go_on": "going_on", "raise": "raised", "stop": "stopped"}[decision]
        row.decided_at = self._clock.now()
        row.decided_by = actor.account_id
        if decision != "stop":
            # what was left out is found by looking at the sites again
            self._enrolment.bump_gallery(session)
        self._audit.record(
            session,
            actor,
            "flood.decide",
            "flood",
            row.id,
            decision=decision,
            not_made=row.not_made,
        )
        return row.state  # type: ignore[return-value]  # one of the three just written

    # --- parts ----------------------------------------------------------------------------------

    def _raise(self, session: Session, row: FaceFlood) -> None:
        """From the latest find's own threshold; whoever decides is shown nothing of it."""
        system = Actor.system("flood", row.organisation_id)
        latest = self._repository(session, system).latest_face(row.person_id)
        examination = self._sealed.document(latest).examination if latest is not None else None
        finding = finding_of(latest, examination) if latest is not None else None
        best = best_face(finding.faces) if finding is not None else None
        if best is None or examination is None:
            raise ConflictError(
                "All finds of this person by face are decided: there is no threshold to raise. "
                "Go on, or stop."
            )
        self._look_alikes.raise_everywhere(session, row.person_id, best, examination.model)

    def _view(self, session: Session, actor: Actor, row: FaceFlood) -> FloodView:
        is_advocate = actor.role is Role.ADVOCATE
        label = self._enrolment.label(session, actor, row.person_id) if is_advocate else None
        return FloodView(
            row.id,
            row.person_id,
            label or "",
            row.state,  # type: ignore[arg-type]  # one of the states of the table
            row.finds,
            row.sites,
            row.not_made,
            row.began_at,
        )

    def _repository(self, session: Session, actor: Actor) -> ChanceRepository:
        return ChanceRepository(session, actor, self._clock.now())


def _later(moment: datetime, other: datetime | None) -> datetime:
    return moment if other is None else max(moment, other)
