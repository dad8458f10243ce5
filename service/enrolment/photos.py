"""Reference photos: judged, then kept encrypted with their hashes and, if wanted, a template.

1. Read what is needed (may faces be compared, earlier templates, how many photos there are).
2. Look at the photo in the examiner; no transaction is open meanwhile.
3. A refused photo is forgotten, and the person is told why and what to do.
4. An accepted one is written: the encrypted file first, then one transaction with the photo, its
   template, its hashes in the hash bank and the gallery's change.

With face matching off, or not opted in, only hashes are taken (design rule 11).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy.orm import Session

from indexer.examiner.protocol import Enrolled, PhotoQuality
from indexer.observations import MediaHashes, ModelStamp, PartHash, Refusal
from service.accounts.actor import Actor, Role
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.database import Database
from service.enrolment.collaborators import KnownPictures
from service.enrolment.documents import PhotoDocument
from service.enrolment.errors import FileTooLargeError, TooManyPhotosError, WrongStateError
from service.enrolment.eyes import Eyes
from service.enrolment.gallery import GallerySource
from service.enrolment.models import ReferencePhoto
from service.enrolment.photo_words import words_of_refusal
from service.enrolment.repository import EnrolmentRepository
from service.enrolment.sealed import PHOTO_FILE, SealedRows
from service.enrolment.template_making import TemplateMaker
from service.enrolment.views import PhotoOutcome
from service.errors import NotAllowedError, NotFoundError
from service.vault import Vault


@dataclass(frozen=True, slots=True)
class _Situation:
    """What was true of the case before the slow look at the photo."""

    with_faces: bool
    vectors: tuple[bytes, ...]
    sha256s: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Looked:
    """What the examiner said of a photo."""

    hashes: MediaHashes | None
    quality: PhotoQuality | None = None
    vector: bytes | None = None
    model: ModelStamp | None = None
    face_crop_png: bytes | None = None
    refusal: Refusal | None = None
    parts: tuple[PartHash, ...] = ()
    turned: tuple[str, ...] = ()


class PhotoService:
    """Adds, shows and removes reference photos; makes templates for a new model."""

    def __init__(
        self,
        vault: Vault,
        clock: Clock,
        audit: AuditTrail,
        gallery: GallerySource,
        known_pictures: KnownPictures,
        *,
        max_upload_bytes: int,
        max_photos: int,
    ) -> None:
        self._vault = vault
        self._sealed = SealedRows(vault)
        self._clock = clock
        self._audit = audit
        self._gallery = gallery
        self._known = known_pictures
        self._max_upload_bytes = max_upload_bytes
        self._max_photos = max_photos
        self.templates = TemplateMaker(vault, clock, audit, gallery)

    def add_photo(
        self, database: Database, actor: Actor, eyes: Eyes, person_id: uuid.UUID, content: bytes
    ) -> PhotoOutcome:
        """Judge and keep one photo, or say in words why not. Slow: seconds on a phone's picture."""
        if not 0 < len(content) <= self._max_upload_bytes:
            raise FileTooLargeError(
                f"Photo: between 1 byte and {self._max_upload_bytes // 1024 // 1024} MB."
            )
        situation = self._situation(database, actor, eyes, person_id)
        looked = _look(eyes, situation, content)
        if looked.refusal is not None or looked.hashes is None:
            return _refused(looked.refusal or Refusal("unreadable", ""))
        if looked.hashes.sha256 in situation.sha256s:
            return _refused(Refusal("already_there", ""))
        file_id = self._vault.put_file(person_id, PHOTO_FILE, content)
        try:
            photo_id = self._keep(database, actor, person_id, content, file_id, looked)
        except BaseException:
            self._vault.delete_file(person_id, file_id)
            raise
        return PhotoOutcome(True, photo_id, looked.vector is not None, looked.quality)

    def remove_photo(self, database: Database, actor: Actor, photo_id: uuid.UUID) -> None:
        """Delete a photo: its template, hashes, row and file."""
        if actor.role is not Role.PERSON:
            raise NotAllowedError("Only the person may remove their own photo.")
        with database.write() as session:
            repository = EnrolmentRepository(session, actor, self._clock.now())
            photo = repository.photo(photo_id)
            for template in repository.templates(photo.person_id):
                if template.photo_id == photo_id:
                    repository.delete(template)
            repository.forget_refusals(photo.person_id)
            self._known.forget_photo(session, actor, photo_id)
            repository.delete(photo)
            repository.bump_gallery()
            self._audit.record(session, actor, "photo.remove", "photo", photo_id)
        self._vault.delete_file(photo.person_id, photo.file_id)

    def face_crop(self, database: Database, actor: Actor, photo_id: uuid.UUID) -> bytes:
        """The aligned greyscale 112x112 face of a reference photo (PNG); the view is audited."""
        with database.write() as session:
            repository = EnrolmentRepository(session, actor, self._clock.now())
            document = self._sealed.photo(repository.reviewable_photo(photo_id))
            if document.face_crop_png is None:
                raise NotFoundError("There is no face picture of this photo.")
            self._audit.record(session, actor, "photo.show_face", "photo", photo_id)
        return document.face_crop_png

    def faces_for_review(
        self, session: Session, actor: Actor, person_id: uuid.UUID
    ) -> tuple[uuid.UUID, ...]:
        """Ids of the photos whose aligned face a reviewer may ask for with `face_crop`.

        Only those that an advocate has vouched for: what a find is compared with has to be right.
        """
        repository = EnrolmentRepository(session, actor, self._clock.now())
        documents = (
            (photo.id, self._sealed.photo(photo))
            for photo in repository.reviewable_photos(person_id)
        )
        return tuple(
            photo_id
            for photo_id, document in documents
            if document.face_crop_png is not None and document.attested_at
        )

    def rebuild_templates(self, database: Database, eyes: Eyes, person_id: uuid.UUID) -> int:
        """Make the templates that are missing for the loaded model; returns how many were made.

        After the person opted in, or came back. A photo that the model refuses keeps its place as a
        known picture, and is not tried again until the person's photos change.
        """
        model = eyes.model
        if model is None:
            return 0
        with database.read() as session:
            actor = Actor.system("templates for a model")
            repository = EnrolmentRepository(session, actor, self._clock.now())
            repository.person(person_id)
            photos = [photo.id for photo in repository.photos(person_id)]
        made = (self.templates.make(database, eyes, each, searching=True) for each in photos)
        return sum(one == "made" for one in made)

    def _situation(
        self, database: Database, actor: Actor, eyes: Eyes, person_id: uuid.UUID
    ) -> _Situation:
        if actor.role is not Role.PERSON:
            raise NotAllowedError("Only the person may give their own photos.")
        model = eyes.model
        with database.read() as session:
            repository = EnrolmentRepository(session, actor, self._clock.now())
            person = repository.person(person_id)
            if person.state in ("closed", "erased") or repository.live_release(person_id) is None:
                raise WrongStateError("Please sign the release first; then photos can be added.")
            photos = repository.photos(person_id)
            if len(photos) >= self._max_photos:
                raise TooManyPhotosError(
                    f"At most {self._max_photos} photos are kept. Remove one to add another."
                )
            with_faces = model is not None and self._gallery.may_compare_faces(
                session, repository, person
            )
            vectors = tuple(
                self._sealed.vector(row)
                for row in repository.templates(person_id)
                if model is not None and row.model_digest == model.digest
            )
            sha256s = frozenset(self._sealed.photo(row).hashes.sha256 for row in photos)
        return _Situation(with_faces, vectors, sha256s)

    def _keep(
        self,
        database: Database,
        actor: Actor,
        person_id: uuid.UUID,
        content: bytes,
        file_id: str,
        looked: _Looked,
    ) -> uuid.UUID:
        assert looked.hashes is not None  # noqa: S101 - refused before
        now = self._clock.now()
        photo = ReferencePhoto(id=uuid.uuid4(), person_id=person_id, file_id=file_id, added_at=now)
        document = PhotoDocument(looked.hashes, looked.quality, len(content), looked.face_crop_png)
        self._sealed.put_photo(photo, document)
        with database.write() as session:
            repository = EnrolmentRepository(session, actor, now)
            person = repository.hold(person_id)
            repository.forget_refusals(person_id)
            if len(repository.photos(person_id)) >= self._max_photos:
                raise TooManyPhotosError(f"At most {self._max_photos} photos are kept.")
            repository.add(photo)
            still_wanted = self._gallery.may_compare_faces(session, repository, person)
            if looked.vector is not None and looked.model is not None and still_wanted:
                self.templates.put_template(repository, photo, looked.model, looked.vector)
            self._known.add_known(
                session,
                actor,
                person_id,
                "reference",
                looked.hashes,
                photo.id,
                parts=looked.parts,
                turned=looked.turned,
            )
            person.changed_at = now
            repository.bump_gallery()
            self._audit.record(
                session,
                actor,
                "photo.add",
                "photo",
                photo.id,
                person=str(person_id),
                with_template=looked.vector is not None and still_wanted,
            )
        return photo.id


def _look(eyes: Eyes, situation: _Situation, content: bytes) -> _Looked:
    if situation.with_faces:
        enrolled = eyes.enrol(content, situation.vectors)
        if enrolled.refusal is None or enrolled.refusal.code != "face_matching_off":
            return _of_enrolled(enrolled)
    hashed = eyes.hash(content)
    return _Looked(
        hashes=hashed.hashes, refusal=hashed.refusal, parts=hashed.parts, turned=hashed.turned
    )


def _of_enrolled(enrolled: Enrolled) -> _Looked:
    return _Looked(
        enrolled.hashes,
        enrolled.quality,
        enrolled.vector,
        enrolled.model,
        enrolled.face_crop_png,
        enrolled.refusal,
        enrolled.parts,
        enrolled.turned,
    )


def _refused(refusal: Refusal) -> PhotoOutcome:
    words = words_of_refusal(refusal.code)
    return PhotoOutcome(False, None, False, None, refusal.code, words.reason, words.advice)
