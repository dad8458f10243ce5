"""Consent: the release and the mandate are signed, withdrawn and renewed; never edited.

Withdrawing is as easy as signing. What ends face search ends it at once: the examiner masks the
person before anything else happens, then one unit of work deletes the templates and counts the
gallery's change.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.accounts.service import AccountService
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.database import Database
from service.enrolment.documents import MandateDocument, ReleaseDocument
from service.enrolment.errors import ReleaseNeededError, StatementNotTickedError, WrongStateError
from service.enrolment.eyes import Eyes
from service.enrolment.models import Mandate, Person, Release
from service.enrolment.release_text import mandate_text, release_text
from service.enrolment.repository import EnrolmentRepository
from service.enrolment.sealed import SealedRows
from service.errors import InvalidInputError, NotAllowedError
from service.vault import Vault

_MAX_NAME = 200


class ConsentService:
    """What a person lets us do."""

    def __init__(
        self,
        vault: Vault,
        clock: Clock,
        audit: AuditTrail,
        accounts: AccountService,
        *,
        mandate_days: int,
        held_days: int,
    ) -> None:
        self._sealed = SealedRows(vault)
        self._clock = clock
        self._audit = audit
        self._accounts = accounts
        self._mandate_days = mandate_days
        self._held_days = held_days

    def sign_release(
        self,
        session: Session,
        actor: Actor,
        person_id: uuid.UUID,
        *,
        signature_name: str,
        agreed: bool,
        covers_faces: bool = False,
    ) -> uuid.UUID:
        """Sign the release in force; `agreed` and `covers_faces` were ticked by the person.

        A later release takes the place of an earlier one. Returns the release's id.
        """
        name = _signature(actor, person_id, signature_name, agreed)
        now = self._clock.now()
        repository = EnrolmentRepository(session, actor, now)
        person = repository.person(person_id)
        if covers_faces and not self._accounts.face_matching_on(session, person.organisation_id):
            raise WrongStateError(
                "Face search is switched off here. Everything else works without it."
            )
        organisation = self._accounts.organisation(session, actor)
        text = release_text(organisation.name, covers_faces=covers_faces, held_days=self._held_days)
        had_faces = person.face_opt_in
        for earlier in repository.releases(person_id):
            earlier.withdrawn_at = earlier.withdrawn_at or now
        row = Release(
            id=uuid.uuid4(),
            person_id=person_id,
            text_version=text.version,
            covers_faces=covers_faces,
            signed_at=now,
        )
        self._sealed.put_release(
            row, ReleaseDocument(text.version, text.whole, name, covers_faces, now.isoformat())
        )
        repository.add(row)
        person.face_opt_in = covers_faces
        person.changed_at = now
        if had_faces and not covers_faces:
            repository.delete_templates(person_id)
        if person.state == "closed":
            # what an advocate let rest or closed comes back through an advocate only
            rested = bool(self._sealed.person(person).pause_reason)
            returns = _was_attested(repository, person_id) and not rested
            person.state = "active" if returns else "draft"
        repository.bump_gallery()
        self._audit.record(
            session,
            actor,
            "release.sign",
            "person",
            person_id,
            version=text.version,
            covers_faces=covers_faces,
        )
        return row.id

    def sign_mandate(
        self,
        session: Session,
        actor: Actor,
        person_id: uuid.UUID,
        *,
        signature_name: str,
        agreed: bool,
        may_search: bool = True,
        may_capture: bool = True,
        may_notify: bool = True,
        days: int | None = None,
    ) -> uuid.UUID:
        """Sign or renew the mandate with exactly these scopes. Returns the mandate's id."""
        name = _signature(actor, person_id, signature_name, agreed)
        if not (may_search or may_capture or may_notify):
            raise InvalidInputError("Mandate: choose at least one thing that your advocate may do.")
        lasts = self._mandate_days if days is None else days
        if not 1 <= lasts <= self._mandate_days:
            raise InvalidInputError(f"Mandate: between 1 and {self._mandate_days} days.")
        now = self._clock.now()
        repository = EnrolmentRepository(session, actor, now)
        person = repository.person(person_id)
        text = mandate_text(
            self._accounts.organisation(session, actor).name,
            may_search=may_search,
            may_capture=may_capture,
            may_notify=may_notify,
            days=lasts,
        )
        for earlier in repository.mandates(person_id):
            earlier.withdrawn_at = earlier.withdrawn_at or now
        row = Mandate(
            id=uuid.uuid4(),
            person_id=person_id,
            organisation_id=person.organisation_id,
            may_search=may_search,
            may_capture=may_capture,
            may_notify=may_notify,
            signed_at=now,
            expires_at=now + timedelta(days=lasts),
        )
        document = MandateDocument(
            text.version, text.whole, name, now.isoformat(), row.expires_at.isoformat()
        )
        self._sealed.put_mandate(row, document)
        repository.add(row)
        person.changed_at = now
        repository.bump_gallery()
        self._audit.record(
            session,
            actor,
            "mandate.sign",
            "person",
            person_id,
            may_search=may_search,
            may_capture=may_capture,
            may_notify=may_notify,
            days=lasts,
        )
        return row.id

    def withdraw_release(
        self, database: Database, actor: Actor, eyes: Eyes | None, person_id: uuid.UUID
    ) -> None:
        """End everything that the release allowed: masked at once, templates gone, case closed."""
        self._end_now(database, actor, eyes, person_id)
        with database.write() as session:
            repository = EnrolmentRepository(session, actor, self._clock.now())
            person = repository.person(person_id)
            release = repository.live_release(person_id)
            if release is None:
                raise ReleaseNeededError("There is no release to withdraw.")
            release.withdrawn_at = self._clock.now()
            self._end_faces(repository, person)
            if person.state in ("active", "waiting", "paused"):
                person.state = "closed"
            self._audit.record(session, actor, "release.withdraw", "person", person_id)

    def withdraw_mandate(
        self, database: Database, actor: Actor, eyes: Eyes | None, person_id: uuid.UUID
    ) -> None:
        """The advocates may do nothing more, and nothing is looked for, until a new mandate."""
        self._end_now(database, actor, eyes, person_id)
        with database.write() as session:
            repository = EnrolmentRepository(session, actor, self._clock.now())
            person = repository.person(person_id)
            mandate = repository.live_mandate(person_id)
            if mandate is None:
                raise WrongStateError("There is no mandate to withdraw.")
            mandate.withdrawn_at = self._clock.now()
            person.changed_at = self._clock.now()
            repository.bump_gallery()
            self._audit.record(session, actor, "mandate.withdraw", "person", person_id)

    def opt_out_of_faces(
        self, database: Database, actor: Actor, eyes: Eyes | None, person_id: uuid.UUID
    ) -> int:
        """End face search alone; the rest goes on. Returns how many templates were deleted."""
        self._end_now(database, actor, eyes, person_id)
        with database.write() as session:
            repository = EnrolmentRepository(session, actor, self._clock.now())
            deleted = self._end_faces(repository, repository.person(person_id))
            self._audit.record(
                session, actor, "faces.opt_out", "person", person_id, templates=deleted
            )
        return deleted

    def end_expired(self, session: Session, actor: Actor) -> int:
        """Delete the templates of everybody whose release is past its term; returns how many.

        Called by a schedule; what is past its term is not looked for even before that.
        """
        repository = EnrolmentRepository(session, actor, self._clock.now())
        people = repository.without_release_but_templates()
        for person_id in people:
            deleted = self._end_faces(repository, repository.person(person_id))
            self._audit.record(
                session, actor, "release.expire", "person", person_id, templates=deleted
            )
        return len(people)

    def _end_now(
        self, database: Database, actor: Actor, eyes: Eyes | None, person_id: uuid.UUID
    ) -> None:
        with database.read() as session:
            EnrolmentRepository(session, actor, self._clock.now()).person(person_id)
        if actor.role not in (Role.PERSON, Role.SYSTEM):
            raise NotAllowedError("Only the person may withdraw their own consent.")
        if eyes is not None:
            eyes.mask_person(str(person_id))

    def _end_faces(self, repository: EnrolmentRepository, person: Person) -> int:
        repository.hold(person.id)
        person.face_opt_in = False
        person.changed_at = self._clock.now()
        deleted = repository.delete_templates(person.id)
        repository.bump_gallery()
        return deleted


def _signature(actor: Actor, person_id: uuid.UUID, signature_name: str, agreed: bool) -> str:
    if actor.role is not Role.PERSON or actor.person_id != person_id:
        raise NotAllowedError("Only the person may sign this.")
    if not agreed:
        raise StatementNotTickedError("Please tick the statement if you agree; it is your choice.")
    name = " ".join(signature_name.split())
    if not name or len(name) > _MAX_NAME:
        raise InvalidInputError("Signature: type your name, as you would sign a letter.")
    return name


def _was_attested(repository: EnrolmentRepository, person_id: uuid.UUID) -> bool:
    attestations = repository.attestations(person_id)
    return bool(attestations) and attestations[-1].accepted
