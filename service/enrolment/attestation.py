"""The advocate's attestation: who the person is, and which photos show them.

Only photos that an advocate has looked at are ever searched with (design rule 2): otherwise
somebody could be attested as themselves and then look for another person's face. Photos given, or
first read for a face, after an attestation wait for the next one.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection

import msgspec
from sqlalchemy.orm import Session

from service.accounts.actor import Actor, Role
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.enrolment.documents import AttestationDocument
from service.enrolment.errors import StatementNotTickedError, WrongStateError
from service.enrolment.models import Attestation, Person, ReferencePhoto
from service.enrolment.release_text import ATTESTATION_STATEMENT
from service.enrolment.repository import EnrolmentRepository
from service.enrolment.sealed import SealedRows
from service.errors import InvalidInputError, NotAllowedError
from service.vault import Vault

_MAX_TEXT = 2000


class AttestationService:
    """Takes attestations and refusals."""

    def __init__(self, vault: Vault, clock: Clock, audit: AuditTrail) -> None:
        self._sealed = SealedRows(vault)
        self._clock = clock
        self._audit = audit

    def attest(
        self,
        session: Session,
        actor: Actor,
        person_id: uuid.UUID,
        *,
        accepted: bool,
        method: str,
        statement_ticked: bool = False,
        reason: str = "",
        photos: Collection[uuid.UUID] | None = None,
    ) -> None:
        """An advocate says how they checked who this is, or why they could not.

        Accepting needs the statement ticked by themselves and makes a waiting case active; refusing
        needs a reason, which the person reads, and gives the case back to them. `photos` are those
        whose face they were offered to see; None means all that are there now.
        """
        if actor.role is not Role.ADVOCATE or actor.account_id is None:
            raise NotAllowedError("Only an advocate may attest who a person is.")
        now = self._clock.now()
        repository = EnrolmentRepository(session, actor, now)
        person = repository.person(person_id)
        unseen = self._unseen(repository, person)
        if person.state != "waiting" and not (person.state in ("active", "paused") and unseen):
            raise WrongStateError(
                "Only a case that was handed in, or has new photos, can be attested."
            )
        if accepted and not statement_ticked:
            raise StatementNotTickedError("Please tick the statement if it is true.")
        if accepted and not method.strip():
            raise InvalidInputError("Method: say how you checked, in a few words.")
        if not accepted and not reason.strip():
            raise InvalidInputError("Reason: say what is missing; the person will read it.")
        looked_at = [photo for photo in unseen if photos is None or photo.id in photos]
        row = Attestation(
            id=uuid.uuid4(),
            person_id=person_id,
            account_id=actor.account_id,
            accepted=accepted,
            attested_at=now,
        )
        self._sealed.put_attestation(
            row,
            AttestationDocument(
                method=method.strip()[:_MAX_TEXT],
                statement=ATTESTATION_STATEMENT if accepted else "",
                reason=reason.strip()[:_MAX_TEXT],
                attested_at=now.isoformat(),
                photos=tuple(str(photo.id) for photo in looked_at) if accepted else (),
            ),
        )
        repository.add(row)
        if accepted:
            self._vouch(looked_at, now.isoformat())
        if not accepted or person.state == "waiting":
            person.state = "active" if accepted else "draft"
        person.changed_at = now
        repository.bump_gallery()
        self._audit.record(
            session,
            actor,
            "case.attest",
            "person",
            person_id,
            accepted=accepted,
            photos=len(looked_at) if accepted else 0,
        )

    def _unseen(self, repository: EnrolmentRepository, person: Person) -> list[ReferencePhoto]:
        """Photos with a face that no advocate has vouched for yet."""
        unseen = []
        for photo in repository.photos(person.id):
            document = self._sealed.photo(photo)
            if document.face_crop_png is not None and not document.attested_at:
                unseen.append(photo)
        return unseen

    def _vouch(self, photos: list[ReferencePhoto], at: str) -> None:
        for photo in photos:
            document = self._sealed.photo(photo)
            self._sealed.put_photo(photo, msgspec.structs.replace(document, attested_at=at))
