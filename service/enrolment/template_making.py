"""Templates from the encrypted reference photos, for whichever model is looking.

1. Read the photo and the person's other templates of the same model.
2. Look at it; no transaction is open meanwhile.
3. Write the template, or why the model could make none, each in a transaction of its own that
   reads again whether it is still wanted: a person may have left in between (design rule 7).

Each part may be done twice: a photo has one template of each model, by the database's unique key.
Templates of different models never meet (design rule 14).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from indexer.examiner.protocol import Enrolled
from indexer.observations import ModelStamp
from service.accounts.actor import Actor
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.database import Database
from service.enrolment.documents import RefusalDocument
from service.enrolment.errors import WrongModelError
from service.enrolment.gallery import GallerySource
from service.enrolment.model_repository import ModelRepository
from service.enrolment.model_views import PHOTO_LOST
from service.enrolment.models import ReferencePhoto, StoredTemplate, TemplateRefusal
from service.enrolment.repository import EnrolmentRepository
from service.enrolment.sealed import PHOTO_FILE, SealedRows
from service.errors import NotFoundError
from service.vault import Vault
from service.vault.errors import KeyDestroyedError, VaultDamagedError

Made = Literal["made", "refused", "not_wanted"]

NO_MODEL = "face_matching_off"

_ACTOR = Actor.system("templates for a model")


class Enroller(Protocol):
    """What makes templates: the eyes that search, or an examiner with another model."""

    @property
    def model(self) -> ModelStamp | None:
        """The loaded model."""
        ...

    def enrol(self, content: bytes, others: Sequence[bytes]) -> Enrolled:
        """Make a template of a reference photo; `others` are this person's earlier vectors."""
        ...


@dataclass(frozen=True, slots=True)
class _Task:
    """A photo to look at, and the person's other vectors of the same model."""

    person_id: uuid.UUID
    file_id: str
    vectors: tuple[bytes, ...]


class TemplateMaker:
    """Makes templates of photos that are kept already."""

    def __init__(
        self, vault: Vault, clock: Clock, audit: AuditTrail, gallery: GallerySource
    ) -> None:
        self._vault = vault
        self._sealed = SealedRows(vault)
        self._clock = clock
        self._audit = audit
        self._gallery = gallery

    def make(
        self, database: Database, eyes: Enroller, photo_id: uuid.UUID, *, searching: bool
    ) -> Made:
        """Make the template of one photo with the model of `eyes`.

        `searching`: it is the model in use, so that the watch-list changes with the template.
        Raises `WrongModelError` where `eyes` lost their model or got another one meanwhile.
        """
        model = eyes.model
        if model is None:
            raise WrongModelError("There is no model loaded that could make templates.")
        with database.read() as session:
            task = self._task(session, photo_id, model)
        if task is None:
            return "not_wanted"
        try:
            content = self._vault.get_file(task.person_id, PHOTO_FILE, task.file_id)
        except KeyDestroyedError:
            return "not_wanted"
        except VaultDamagedError:
            return self._refuse(database, photo_id, model, PHOTO_LOST)
        enrolled = eyes.enrol(content, task.vectors)
        if enrolled.refusal is not None and enrolled.refusal.code == NO_MODEL:
            raise WrongModelError("The model was unloaded while templates were made.")
        if enrolled.model is not None and enrolled.model != model:
            raise WrongModelError("Another model was loaded while templates were made.")
        if enrolled.vector is None or enrolled.model is None:
            code = enrolled.refusal.code if enrolled.refusal is not None else "unreadable"
            return self._refuse(database, photo_id, model, code)
        return self._keep(database, photo_id, enrolled, searching=searching)

    def put_template(
        self,
        repository: EnrolmentRepository,
        photo: ReferencePhoto,
        model: ModelStamp,
        vector: bytes,
    ) -> None:
        """Seal and write a template, in the caller's unit of work."""
        row = StoredTemplate(
            id=uuid.uuid4(),
            person_id=photo.person_id,
            photo_id=photo.id,
            model_pack=model.pack,
            model_digest=model.digest,
            model_preprocessing=model.preprocessing,
            made_at=self._clock.now(),
        )
        self._sealed.put_vector(row, vector)
        repository.add(row)

    def _task(self, session: Session, photo_id: uuid.UUID, model: ModelStamp) -> _Task | None:
        repository = self._repository(session)
        photo = self._wanted(session, repository, photo_id, model, to_write=False)
        if photo is None:
            return None
        vectors = (
            self._sealed.vector(row)
            for row in repository.templates(photo.person_id)
            if row.model_digest == model.digest
        )
        return _Task(photo.person_id, photo.file_id, tuple(vectors))

    def _wanted(
        self,
        session: Session,
        repository: EnrolmentRepository,
        photo_id: uuid.UUID,
        model: ModelStamp,
        *,
        to_write: bool = True,
    ) -> ReferencePhoto | None:
        """The photo, as long as it is there, may be compared, and has no template or refusal."""
        try:
            photo = repository.photo(photo_id)
            of = repository.hold if to_write else repository.person
            person = of(photo.person_id)
        except NotFoundError:
            return None
        if not self._gallery.may_compare_faces(session, repository, person):
            return None
        if photo_id in repository.looked_at(photo.person_id, model.digest):
            return None
        return photo

    def _keep(
        self, database: Database, photo_id: uuid.UUID, enrolled: Enrolled, *, searching: bool
    ) -> Made:
        assert enrolled.model is not None  # noqa: S101 - the caller looked
        assert enrolled.vector is not None  # noqa: S101 - likewise
        try:
            with database.write() as session:
                repository = self._repository(session)
                photo = self._wanted(session, repository, photo_id, enrolled.model)
                if photo is None:
                    return "not_wanted"
                self._describe(photo, enrolled, searching=searching)
                self.put_template(repository, photo, enrolled.model, enrolled.vector)
                if searching or self._searches(session, enrolled.model):
                    repository.bump_gallery()
                self._audit.record(
                    session,
                    _ACTOR,
                    "template.make",
                    "photo",
                    photo_id,
                    pack=enrolled.model.pack,
                    preprocessing=enrolled.model.preprocessing,
                )
        except IntegrityError:
            # another worker made it at the same moment, or the person left
            return "not_wanted"
        return "made"

    def _searches(self, session: Session, model: ModelStamp) -> bool:
        """Whether this model has taken the other one's place while the photo was looked at."""
        used = ModelRepository(session, self._clock.now()).any_in_use(to_stay=True)
        return used is not None and used.digest == model.digest

    def _describe(self, photo: ReferencePhoto, enrolled: Enrolled, *, searching: bool) -> None:
        """Quality and face as the model in use saw them; another one only fills in what is not
        there (also the figure of photos that came before it was made): what reviewers compare with
        is not changed by a model that may be given up.
        """
        document = self._sealed.photo(photo)
        quality = enrolled.quality or document.quality
        crop = enrolled.face_crop_png or document.face_crop_png
        if not searching:
            judged = document.quality is not None and document.quality.figure is not None
            quality = document.quality if judged else quality
            crop = document.face_crop_png or crop
        self._sealed.put_photo(
            photo, msgspec.structs.replace(document, quality=quality, face_crop_png=crop)
        )

    def _refuse(
        self, database: Database, photo_id: uuid.UUID, model: ModelStamp, code: str
    ) -> Made:
        try:
            with database.write() as session:
                repository = self._repository(session)
                photo = self._wanted(session, repository, photo_id, model)
                if photo is None:
                    return "not_wanted"
                row = TemplateRefusal(
                    id=uuid.uuid4(),
                    person_id=photo.person_id,
                    photo_id=photo_id,
                    model_digest=model.digest,
                    tried_at=self._clock.now(),
                )
                self._sealed.put_refusal(row, RefusalDocument(code))
                repository.add(row)
                self._audit.record(
                    session, _ACTOR, "template.refuse", "photo", photo_id, pack=model.pack
                )
        except IntegrityError:
            return "not_wanted"
        return "refused"

    def _repository(self, session: Session) -> EnrolmentRepository:
        return EnrolmentRepository(session, _ACTOR, self._clock.now())
