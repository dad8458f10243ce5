"""The hash bank: pictures known to show a person, kept as hashes, found without any biometrics.

Three ways in: reference photos, pictures that the person gives to be recognised (their hashes are
taken and the picture is forgotten at once) or hashes made elsewhere, and confirmed finds.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy.orm import Session

from indexer.examiner.protocol import GalleryHash
from indexer.observations import MediaHashes
from service.accounts.actor import Actor, Role
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.database import Database
from service.enrolment.collaborators import ErasedCount, KnownOrigin
from service.enrolment.errors import FileTooLargeError
from service.enrolment.eyes import Eyes
from service.enrolment.gallery import GallerySource
from service.errors import ConflictError, NotAllowedError
from service.hashbank.documents import KnownPictureDocument
from service.hashbank.errors import NoHashError, NotAHashError
from service.hashbank.models import KnownPicture
from service.hashbank.repository import HashBankRepository
from service.vault import Vault

_HEX_256_BITS = re.compile(r"[0-9a-f]{64}")
_MAX_NOTE = 200


@dataclass(frozen=True, slots=True)
class KnownPictureView:
    """One known picture, in words."""

    known_id: uuid.UUID
    origin: KnownOrigin
    photo_id: uuid.UUID | None
    has_perceptual_hash: bool
    note: str
    added_at: datetime


class HashBankService:
    """Keeps, lists and removes known pictures; gives them to the gallery."""

    def __init__(
        self,
        vault: Vault,
        clock: Clock,
        audit: AuditTrail,
        gallery: GallerySource,
        *,
        max_upload_bytes: int,
    ) -> None:
        self._vault = vault
        self._clock = clock
        self._audit = audit
        self._gallery = gallery
        self._max_upload_bytes = max_upload_bytes

    def add_known(
        self,
        session: Session,
        actor: Actor,
        person_id: uuid.UUID,
        origin: KnownOrigin,
        hashes: MediaHashes,
        photo_id: uuid.UUID | None = None,
        note: str = "",
    ) -> uuid.UUID:
        """Keep the hashes of one picture; one that is known already keeps its row."""
        repository = self._repository(session, actor)
        for row in repository.of_person(person_id):
            kept = self._document(row).hashes
            same = (kept.sha256, kept.pdq) == (hashes.sha256, hashes.pdq)
            if same and row.photo_id == photo_id:
                return row.id
        row = KnownPicture(
            id=uuid.uuid4(),
            person_id=person_id,
            origin=origin,
            photo_id=photo_id,
            added_at=self._clock.now(),
        )
        row.document = self._vault.seal_document(
            person_id, _context(row), KnownPictureDocument(hashes, note.strip()[:_MAX_NOTE])
        )
        repository.add(row)
        self._gallery.bump_gallery(session)
        self._audit.record(
            session, actor, "known_picture.add", "known_picture", row.id, origin=origin
        )
        return row.id

    def add_given_picture(
        self,
        database: Database,
        actor: Actor,
        eyes: Eyes,
        person_id: uuid.UUID,
        content: bytes,
        note: str = "",
    ) -> KnownPictureView:
        """Take the hashes of a picture or video that the person gives, and forget it at once.

        A file that is no readable picture (a video, for now) is recognised as an exact copy only.
        """
        _require_person(actor)
        if not 0 < len(content) <= self._max_upload_bytes:
            raise FileTooLargeError(
                f"Picture: between 1 byte and {self._max_upload_bytes // 1024 // 1024} MB."
            )
        with database.read() as session:
            self._repository(session, actor).of_person(person_id)
        hashes = eyes.hash(content).hashes
        if hashes is None:
            raise NoHashError("No fingerprint could be made of this file. Please try another one.")
        with database.write() as session:
            known_id = self.add_known(session, actor, person_id, "given", hashes, None, note)
            return self._view(self._repository(session, actor).known(known_id))

    def add_given_hash(
        self,
        session: Session,
        actor: Actor,
        person_id: uuid.UUID,
        *,
        sha256: str = "",
        pdq: str = "",
        note: str = "",
    ) -> uuid.UUID:
        """Keep a hash that was made elsewhere (on the person's own device, by a partner)."""
        if actor.role not in (Role.PERSON, Role.ADVOCATE, Role.SYSTEM):
            raise NotAllowedError("Only the person or their advocate may add hashes.")
        tidy_sha256, tidy_pdq = sha256.strip().lower(), pdq.strip().lower()
        for name, value in (("SHA-256", tidy_sha256), ("PDQ", tidy_pdq)):
            if value and not _HEX_256_BITS.fullmatch(value):
                raise NotAHashError(f"{name}: 64 hexadecimal digits.")
        if not tidy_sha256 and not tidy_pdq:
            raise NotAHashError("Give a SHA-256 or a PDQ hash: 64 hexadecimal digits.")
        hashes = MediaHashes(
            sha256=tidy_sha256, pdq=tidy_pdq or None, pdq_quality=100 if tidy_pdq else None
        )
        return self.add_known(session, actor, person_id, "given", hashes, None, note)

    def list_known(
        self, session: Session, actor: Actor, person_id: uuid.UUID
    ) -> tuple[KnownPictureView, ...]:
        """The known pictures of a person, the oldest first."""
        return tuple(
            self._view(row) for row in self._repository(session, actor).of_person(person_id)
        )

    def remove(self, session: Session, actor: Actor, known_id: uuid.UUID) -> None:
        """Forget one known picture (reference photos are removed with their photo)."""
        _require_person(actor)
        repository = self._repository(session, actor)
        row = repository.known(known_id)
        if row.photo_id is not None:
            raise ConflictError("This belongs to a reference photo: remove the photo instead.")
        repository.delete(row)
        self._gallery.bump_gallery(session)
        self._audit.record(session, actor, "known_picture.remove", "known_picture", known_id)

    def forget_photo(self, session: Session, actor: Actor, photo_id: uuid.UUID) -> int:
        """Delete what was kept for one reference photo; returns how many rows."""
        repository = self._repository(session, actor)
        rows = repository.of_photo(photo_id)
        for row in rows:
            repository.delete(row)
        if rows:
            self._gallery.bump_gallery(session)
        return len(rows)

    def forget_confirmed(
        self, session: Session, actor: Actor, person_id: uuid.UUID, hashes: MediaHashes
    ) -> int:
        """Forget a confirmed find's hashes again (it may show a minor); returns how many rows."""
        repository = self._repository(session, actor)
        rows = [
            row
            for row in repository.of_person(person_id)
            if row.origin == "confirmed" and self._document(row).hashes.sha256 == hashes.sha256
        ]
        for row in rows:
            repository.delete(row)
        if rows:
            self._gallery.bump_gallery(session)
        return len(rows)

    def hashes_for_gallery(self, session: Session) -> tuple[GalleryHash, ...]:
        """The hashes of everybody who may be looked for now."""
        actor = Actor.system("gallery")
        entries = []
        for row in self._repository(session, actor).searchable():
            hashes = self._document(row).hashes
            entries.append(
                GalleryHash(
                    person_ref=str(row.person_id),
                    known_ref=str(row.id),
                    sha256=hashes.sha256 or None,
                    pdq=hashes.pdq,
                    pdq_quality=hashes.pdq_quality,
                )
            )
        return tuple(entries)

    def erase(self, session: Session, person_id: uuid.UUID) -> tuple[ErasedCount, ...]:
        """See `PersonEraser`."""
        repository = self._repository(session, Actor.system("erasure"))
        return (ErasedCount("known pictures", repository.delete_all_of(person_id)),)

    def _document(self, row: KnownPicture) -> KnownPictureDocument:
        return self._vault.unseal_document(
            row.person_id, _context(row), row.document, KnownPictureDocument
        )

    def _view(self, row: KnownPicture) -> KnownPictureView:
        document = self._document(row)
        return KnownPictureView(
            known_id=row.id,
            origin=cast(KnownOrigin, row.origin),
            photo_id=row.photo_id,
            has_perceptual_hash=document.hashes.pdq is not None,
            note=document.note,
            added_at=row.added_at,
        )

    def _repository(self, session: Session, actor: Actor) -> HashBankRepository:
        return HashBankRepository(session, actor, self._clock.now())


def _context(row: KnownPicture) -> str:
    return f"known_pictures.document:{row.id}"


def _require_person(actor: Actor) -> None:
    if actor.role is not Role.PERSON:
        raise NotAllowedError("Only the person may do this with their own pictures.")
