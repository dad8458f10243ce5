"""Names and handles that a person chose to be looked for, or an advocate under their mandate.

1. Chosen in words, with what for, and a statement ticked that they are the person's own; sealed
   under the person's key. Anybody who may choose may remove, at any time.
2. They are looked for while the person may be: active, release and search mandate live. Face search
   has nothing to do with it (design rule 11).
3. Each time that names come into force a number of the organisation goes up: a page that was read
   under an earlier number is read again, also where its server calls it unchanged.

No name leaves this room but to those who may see the person, and to the memory of a worker.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.enrolment.collaborators import ErasedCount
from service.enrolment.documents import NameDocument
from service.enrolment.errors import (
    ReleaseNeededError,
    StatementNotTickedError,
    TooManyNamesError,
    WrongStateError,
)
from service.enrolment.names_models import ChosenName
from service.enrolment.names_repository import NamesRepository
from service.enrolment.names_rules import CheckedName, NameRefusedError, checked_purpose
from service.enrolment.repository import EnrolmentRepository
from service.enrolment.sealed import SealedRows
from service.errors import NotAllowedError
from service.vault import Vault

MAX_NAMES = 20
OWN_NAME_STATEMENT = "This is my own name or user name, or one that others use for me."
CLIENTS_NAME_STATEMENT = (
    "The person asked for this: it is their own name or user name, or one that others use for them."
)


@dataclass(frozen=True, slots=True)
class ChosenNameView:
    """One name, for those who may see the person."""

    name_id: uuid.UUID
    text: str
    is_handle: bool
    purpose: str
    by_advocate: bool
    chosen_at: datetime


@dataclass(frozen=True, slots=True, repr=False)
class NameInForce:
    """One name that is looked for now, in the worker's memory alone: it has no repr."""

    name_id: uuid.UUID
    person_id: uuid.UUID
    text: str
    is_handle: bool


class NamesService:
    """Chosen names: given, seen, removed, and opened for those who look."""

    def __init__(self, vault: Vault, clock: Clock, audit: AuditTrail) -> None:
        self._sealed = SealedRows(vault)
        self._clock = clock
        self._audit = audit

    # --- people's doors -------------------------------------------------------------------------

    def choose(
        self,
        session: Session,
        actor: Actor,
        person_id: uuid.UUID,
        text: str,
        purpose: str,
        *,
        statement_ticked: bool,
    ) -> uuid.UUID:
        """Have a name looked for from now on, or as soon as the person may be."""
        self._check_chooser(session, actor, person_id)
        checked, what_for = CheckedName.of(text), checked_purpose(purpose)
        if not statement_ticked:
            raise StatementNotTickedError("Please tick whose name this is, if it is true.")
        repository = self._repository(session, actor)
        # one of two that are chosen at once waits for the other, and then counts it
        EnrolmentRepository(session, actor, self._clock.now()).hold(person_id)
        rows = repository.of_person(person_id)
        if len(rows) >= MAX_NAMES:
            raise TooManyNamesError(
                f"At most {MAX_NAMES} names are looked for. Remove one to add another."
            )
        if any(CheckedName.of(self._sealed.name(row).text).words == checked.words for row in rows):
            raise NameRefusedError("This name is looked for already, in this or another spelling.")
        now, by_advocate = self._clock.now(), actor.role is Role.ADVOCATE
        row = ChosenName(id=uuid.uuid4(), person_id=person_id, chosen_at=now)
        document = NameDocument(
            text=checked.text,
            is_handle=checked.is_handle,
            purpose=what_for,
            statement=CLIENTS_NAME_STATEMENT if by_advocate else OWN_NAME_STATEMENT,
            by_advocate=by_advocate,
            chosen_at=now.isoformat(),
        )
        self._sealed.put_name(row, document)
        repository.add(row)
        self._audit.record(session, actor, "name.choose", "person", person_id, names=len(rows) + 1)
        return row.id

    def remove(
        self, session: Session, actor: Actor, name_id: uuid.UUID, person_id: uuid.UUID
    ) -> None:
        """A name is looked for no longer."""
        if actor.role not in (Role.PERSON, Role.ADVOCATE):
            raise NotAllowedError("Only the person or their advocate can remove a name.")
        repository = self._repository(session, actor)
        row = repository.name(name_id, person_id)
        repository.delete(row)
        left = len(repository.of_person(person_id))
        self._audit.record(session, actor, "name.remove", "person", person_id, names=left)

    def chosen(
        self, session: Session, actor: Actor, person_id: uuid.UUID
    ) -> tuple[ChosenNameView, ...]:
        """The names of a person whom the caller may see."""
        return tuple(
            self._view(row) for row in self._repository(session, actor).of_person(person_id)
        )

    def ids_of(self, session: Session, actor: Actor, person_id: uuid.UUID) -> frozenset[uuid.UUID]:
        """The same, as ids."""
        rows = self._repository(session, actor).of_person(person_id)
        return frozenset(row.id for row in rows)

    def erase(self, session: Session, person_id: uuid.UUID) -> tuple[ErasedCount, ...]:
        """See `PersonEraser`."""
        repository = self._repository(session, Actor.system("erasure"))
        return (ErasedCount("names to look for", repository.delete_all_of(person_id)),)

    # --- from the workers -----------------------------------------------------------------------

    def is_settled(self, session: Session, organisation_id: uuid.UUID) -> bool:
        """Whether every name that may be looked for now has its number, and no other one has."""
        repository = self._repository(session, _worker(organisation_id))
        searchable = repository.searchable(organisation_id)
        return None not in searchable.values() and not repository.has_left_over(
            organisation_id, set(searchable)
        )

    def settle(self, session: Session, organisation_id: uuid.UUID) -> None:
        """Put names into force, and take those out that may not be looked for."""
        repository = self._repository(session, _worker(organisation_id))
        searchable = repository.searchable(organisation_id)
        repository.end_force(organisation_id, set(searchable))
        new = [name_id for name_id, change in searchable.items() if change is None]
        if new:
            repository.put_in_force(new, repository.count_change(organisation_id))

    def change(self, session: Session, organisation_id: uuid.UUID) -> int:
        """The organisation's change number; 0 while nobody ever chose a name."""
        return self._repository(session, _worker(organisation_id)).change(organisation_id)

    def look_again(self, session: Session, organisation_id: uuid.UUID) -> None:
        """Pages that were read before are to be read once more for names."""
        self._repository(session, _worker(organisation_id)).count_change(organisation_id)

    def ids_in_force(self, session: Session, organisation_id: uuid.UUID) -> frozenset[uuid.UUID]:
        """Names that may be looked for now, as ids."""
        repository = self._repository(session, _worker(organisation_id))
        return frozenset(repository.searchable(organisation_id))

    def open_names(
        self, session: Session, organisation_id: uuid.UUID, ids: Collection[uuid.UUID]
    ) -> Mapping[uuid.UUID, NameInForce]:
        """These names in the clear, for a worker's memory."""
        opened = {}
        for row in self._repository(session, _worker(organisation_id)).by_id(sorted(ids)):
            document = self._sealed.name(row)
            opened[row.id] = NameInForce(row.id, row.person_id, document.text, document.is_handle)
        return opened

    # --- parts ----------------------------------------------------------------------------------

    def _check_chooser(self, session: Session, actor: Actor, person_id: uuid.UUID) -> None:
        if actor.role not in (Role.PERSON, Role.ADVOCATE):
            raise NotAllowedError("Only the person or their advocate can choose names.")
        repository = EnrolmentRepository(session, actor, self._clock.now())
        person = repository.person(person_id)
        if person.state in ("closed", "erased"):
            raise WrongStateError("This case is closed: nothing is looked for any more.")
        if repository.live_release(person_id) is None:
            raise ReleaseNeededError("The agreement has to be signed before names are looked for.")
        mandate = repository.live_mandate(person_id)
        if actor.role is Role.ADVOCATE and (mandate is None or not mandate.may_search):
            raise NotAllowedError("The person’s mandate does not cover searching.")

    def _view(self, row: ChosenName) -> ChosenNameView:
        document = self._sealed.name(row)
        return ChosenNameView(
            row.id,
            document.text,
            document.is_handle,
            document.purpose,
            document.by_advocate,
            row.chosen_at,
        )

    def _repository(self, session: Session, actor: Actor) -> NamesRepository:
        return NamesRepository(session, actor, self._clock.now())


def _worker(organisation_id: uuid.UUID) -> Actor:
    return Actor.system("names", organisation_id)
