"""The watch-list as the service keeps it: sealed templates, opened for the examiner's memory.

1. Who: active people with a live release and search mandate, who opted in, whose organisation has
   its switch on; by those of their photos that an advocate vouched for (design rules 1, 2, 11).
   Templates of another model never go along (rule 14).
2. Every change of that set bumps one counter, in the transaction that makes the change; examiners
   follow the counter and load the gallery anew.

No copy of the gallery is ever written in the clear.
"""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Session

from indexer.examiner.protocol import GalleryTemplate, Reference
from indexer.observations import ModelStamp
from service.accounts.actor import Actor
from service.accounts.service import AccountService
from service.clock import Clock
from service.enrolment.models import Person
from service.enrolment.repository import EnrolmentRepository
from service.enrolment.sealed import PHOTO_FILE, SealedRows
from service.vault import Vault

_SYSTEM = Actor.system("gallery")


class GallerySource:
    """Templates and references of the people who may be looked for."""

    def __init__(self, vault: Vault, clock: Clock, accounts: AccountService) -> None:
        self._vault = vault
        self._sealed = SealedRows(vault)
        self._clock = clock
        self._accounts = accounts

    def templates_for_gallery(
        self, session: Session, model: ModelStamp
    ) -> tuple[GalleryTemplate, ...]:
        """Every template that may be compared now, of exactly this model."""
        rows = self._repository(session).searchable_templates(model.digest, model.preprocessing)
        usable: dict[uuid.UUID, frozenset[uuid.UUID]] = {}
        templates = []
        for row in rows:
            if row.person_id not in usable:
                usable[row.person_id] = self._usable_photos(session, row.person_id)
            if row.photo_id in usable[row.person_id]:
                templates.append(
                    GalleryTemplate(str(row.person_id), str(row.id), self._sealed.vector(row))
                )
        return tuple(templates)

    def _usable_photos(self, session: Session, person_id: uuid.UUID) -> frozenset[uuid.UUID]:
        """Photos that may be searched with now: wanted by everybody, and vouched for."""
        if not self._switch_is_on(session, person_id):
            return frozenset()
        return frozenset(
            photo.id
            for photo in self._repository(session).photos(person_id)
            if self._sealed.photo(photo).attested_at
        )

    def people_lacking_templates(
        self, session: Session, model: ModelStamp
    ) -> tuple[uuid.UUID, ...]:
        """People who may be compared but have a photo without a template of this model."""
        repository = self._repository(session)
        lacking = []
        for person_id in repository.searchable_ids():
            person = repository.person(person_id)
            if not self.may_compare_faces(session, repository, person):
                continue
            have = {
                row.photo_id
                for row in repository.templates(person_id)
                if row.model_digest == model.digest
            }
            if any(photo.id not in have for photo in repository.photos(person_id)):
                lacking.append(person_id)
        return tuple(lacking)

    def references_of(self, session: Session, person_id: uuid.UUID) -> tuple[Reference, ...]:
        """The decrypted reference photos of one person, for the whole-picture comparison.

        Used only after a hit for that person, or for media that the person pointed to.
        """
        repository = self._repository(session)
        return tuple(
            Reference(str(row.id), self._vault.get_file(person_id, PHOTO_FILE, row.file_id))
            for row in repository.photos(person_id)
        )

    def gallery_change(self, session: Session) -> int:
        """How often the watch-list has changed so far."""
        return self._repository(session).gallery_change()

    def bump_gallery(self, session: Session) -> int:
        """Count a change of the watch-list; returns the new number."""
        return self._repository(session).bump_gallery()

    def may_find_faces(self, session: Session, person_id: uuid.UUID) -> bool:
        """Whether this person may be found by their face now."""
        return self._switch_is_on(session, person_id)

    def may_compare_faces(
        self, session: Session, repository: EnrolmentRepository, person: Person
    ) -> bool:
        """Whether templates of this person may be made: opted in by a live release, switch on."""
        release = repository.live_release(person.id)
        return (
            person.face_opt_in
            and release is not None
            and release.covers_faces
            and self._accounts.face_matching_on(session, person.organisation_id)
        )

    def _switch_is_on(self, session: Session, person_id: uuid.UUID) -> bool:
        repository = self._repository(session)
        return self.may_compare_faces(session, repository, repository.person(person_id))

    def _repository(self, session: Session) -> EnrolmentRepository:
        return EnrolmentRepository(session, _SYSTEM, self._clock.now())
