"""The hash bank: pictures known to show a person, kept as hashes, found without any biometrics.

Three ways in: reference photos; what the person gives to be recognised (hashed on their own device
and never sent, or sent, hashed and forgotten at once) or hashes made elsewhere; confirmed finds.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, cast

import msgspec
from sqlalchemy.orm import Session

from indexer.examiner.protocol import GalleryHash
from indexer.hashing.hashes import PDQ_BITS
from indexer.observations import MediaHashes, PartHash
from service.accounts.actor import Actor, Role
from service.audit.trail import AuditTrail
from service.clock import Clock
from service.database import Database
from service.enrolment.collaborators import ErasedCount, KnownOrigin
from service.enrolment.errors import FileTooLargeError
from service.enrolment.eyes import Eyes
from service.enrolment.gallery import GallerySource
from service.errors import ConflictError, NotAllowedError
from service.hashbank.documents import FrameHash, KnownKind, KnownPictureDocument, context_of
from service.hashbank.entries import HashesOfOne, gallery_entries, hashes_of_one
from service.hashbank.errors import HaltedPictureError, NoHashError, NotAHashError
from service.hashbank.given import GivenMedium
from service.hashbank.matches import KnownMatches, MatchLimits
from service.hashbank.models import KnownPicture
from service.hashbank.repository import HashBankRepository
from service.vault import Vault

_HEX_256_BITS = re.compile(r"[0-9a-f]{64}")
_MAX_NOTE = 200
_MOST_UNEVEN = 48
"""PDQ sets the bits that are above the median: half of them, but for equal ones."""
_MAX_KNOWN = 500
"""More than anybody holds; each is looked for in everything that is seen."""


class HaltedPictures(Protocol):
    """The sources' room, as far as pictures that people give are concerned (design rule 6)."""

    def stops_hashes(
        self, session: Session, hashes: MediaHashes, frames: Iterable[tuple[str, int]] = ()
    ) -> bool:
        """Whether these are the hashes of something that may show a minor, or near them."""
        ...


@dataclass(frozen=True, slots=True)
class KnownPictureView:
    """One known picture or video, in words; `frames` counts a video's distinct frames."""

    known_id: uuid.UUID
    origin: KnownOrigin
    photo_id: uuid.UUID | None
    has_perceptual_hash: bool
    note: str
    added_at: datetime
    kind: KnownKind = "picture"
    frames: int = 0


class HashBankService:
    """Keeps, lists and removes known pictures; gives them to the gallery."""

    def __init__(
        self,
        vault: Vault,
        clock: Clock,
        audit: AuditTrail,
        gallery: GallerySource,
        halted: HaltedPictures,
        *,
        max_upload_bytes: int,
        limits: MatchLimits,
    ) -> None:
        self._vault = vault
        self._clock = clock
        self._audit = audit
        self._gallery = gallery
        self._halted = halted
        self.matches = KnownMatches(vault, clock, audit, limits)
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
        frames: Sequence[FrameHash] = (),
        parts: Sequence[PartHash] = (),
        turned: Sequence[str] = (),
    ) -> uuid.UUID:
        """Keep the hashes of one picture; one that is known already keeps its row.

        With `frames` it is a video, and these are its distinct frames; `parts` and `turned` are a
        picture's (see `KnownPictureDocument`).
        Raises `HaltedPictureError` for what looks like something that was halted.
        """
        kind: KnownKind = "video" if frames else "picture"
        document = KnownPictureDocument(
            hashes, note.strip()[:_MAX_NOTE], kind, tuple(frames), tuple(parts), tuple(turned)
        )
        return self._keep(session, actor, person_id, origin, document, photo_id)

    def _keep(
        self,
        session: Session,
        actor: Actor,
        person_id: uuid.UUID,
        origin: KnownOrigin,
        document: KnownPictureDocument,
        photo_id: uuid.UUID | None = None,
    ) -> uuid.UUID:
        repository = self._repository(session, actor)
        rows = repository.of_person(person_id)
        for row in rows:
            known = self._document(row)
            if row.photo_id == photo_id and _is_same(known, document):
                added = {
                    name: getattr(document, name)
                    for name in ("parts", "turned")
                    if getattr(document, name) and not getattr(known, name)
                }
                if added:
                    known = msgspec.structs.replace(known, **added)
                    self._refuse_halted(session, origin, known)
                    row.look_backs = 0
                    row.document = self._vault.seal_document(person_id, _context(row), known)
                    self._gallery.bump_gallery(session)
                return row.id
        self._refuse_halted(session, origin, document)
        if origin == "given" and len(rows) >= _MAX_KNOWN:
            raise ConflictError(
                f"At most {_MAX_KNOWN} pictures are recognised. Please forget some of them first."
            )
        row = KnownPicture(
            id=uuid.uuid4(),
            person_id=person_id,
            origin=origin,
            photo_id=photo_id,
            added_at=self._clock.now(),
        )
        row.document = self._vault.seal_document(person_id, _context(row), document)
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

        A file that is no readable picture or video is recognised as an exact copy only.
        """
        _require_person(actor)
        if not 0 < len(content) <= self._max_upload_bytes:
            raise FileTooLargeError(
                f"File: between 1 byte and {self._max_upload_bytes // 1024 // 1024} MB."
            )
        with database.read() as session:
            self._repository(session, actor).of_person(person_id)
        hashed = eyes.hash(content)
        if hashed.hashes is None:
            raise NoHashError("No fingerprint could be made of this file. Please try another one.")
        document = KnownPictureDocument(
            hashes=hashed.hashes,
            note=note.strip()[:_MAX_NOTE],
            kind="video" if hashed.kind == "video" else "picture",
            frames=tuple(FrameHash(frame.pdq, frame.quality) for frame in hashed.frames),
            parts=hashed.parts,
            turned=hashed.turned,
        )
        with database.write() as session:
            known_id = self._keep(session, actor, person_id, "given", document)
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
                raise NotAHashError(f"{name}: exactly 64 digits and letters from a to f.")
        if tidy_pdq and abs(int(tidy_pdq, 16).bit_count() - PDQ_BITS // 2) > _MOST_UNEVEN:
            raise NotAHashError(
                "PDQ: this is not the hash of a picture with enough detail. Half of its bits are "
                "set in one that is."
            )
        if not tidy_sha256 and not tidy_pdq:
            raise NotAHashError("Please choose a file, or type in a SHA-256 or a PDQ hash.")
        hashes = MediaHashes(
            sha256=tidy_sha256, pdq=tidy_pdq or None, pdq_quality=100 if tidy_pdq else None
        )
        return self.add_known(session, actor, person_id, "given", hashes, None, note)

    def add_given_media(
        self,
        session: Session,
        actor: Actor,
        person_id: uuid.UUID,
        media: Sequence[GivenMedium],
        note: str = "",
    ) -> tuple[uuid.UUID, ...]:
        """Keep what the person's own device counted; the pictures and videos never came here."""
        _require_person(actor)
        return tuple(
            self._keep(session, actor, person_id, "given", _document_of(medium, note))
            for medium in media
        )

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

    def forget_halted(self, session: Session, actor: Actor, person_id: uuid.UUID) -> int:
        """Forget what a person gave, or was confirmed for them, that looks like a halted medium.

        Their own reference photos stay: they are theirs, and adults' by their own word and an
        advocate's.
        """
        repository = self._repository(session, actor)
        rows = [
            row
            for row in repository.of_person(person_id)
            if row.origin != "reference" and self._looks_halted(session, self._document(row))
        ]
        for row in rows:
            repository.delete(row)
        if rows:
            self._gallery.bump_gallery(session)
        return len(rows)

    def _refuse_halted(
        self, session: Session, origin: KnownOrigin, document: KnownPictureDocument
    ) -> None:
        if origin != "confirmed" and self._looks_halted(session, document):
            raise HaltedPictureError(
                "This picture cannot be looked for here. If you or somebody else in it was under "
                "18, there are services that are made for this; the help page shows where."
            )

    def _looks_halted(self, session: Session, document: KnownPictureDocument) -> bool:
        frames = [(frame.pdq, frame.quality) for frame in document.frames]
        # also what a device says that the picture is like when it is turned
        quality = document.hashes.pdq_quality
        frames += [(pdq, 100 if quality is None else quality) for pdq in document.turned]
        return self._halted.stops_hashes(session, document.hashes, frames)

    def hashes_for_gallery(self, session: Session) -> tuple[GalleryHash, ...]:
        """The hashes of everybody who may be looked for now; a video's frames stay together."""
        actor = Actor.system("gallery")
        entries: list[GalleryHash] = []
        for row in self._repository(session, actor).searchable():
            entries.extend(gallery_entries(row, self._document(row)))
        return tuple(entries)

    def hashes_of(self, session: Session, actor: Actor, known_id: uuid.UUID) -> HashesOfOne | None:
        """Whose one known picture is, and its hashes; None when it was forgotten meanwhile."""
        row = self._repository(session, actor).known_if_there(known_id)
        if row is None:
            return None
        return hashes_of_one(row, self._document(row))

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
            has_perceptual_hash=document.hashes.pdq is not None or bool(document.frames),
            note=document.note,
            added_at=row.added_at,
            kind=document.kind,
            frames=len(document.frames) if document.kind == "video" else 0,
        )

    def _repository(self, session: Session, actor: Actor) -> HashBankRepository:
        return HashBankRepository(session, actor, self._clock.now())


def _context(row: KnownPicture) -> str:
    return context_of(row.id)


def _document_of(medium: GivenMedium, note: str) -> KnownPictureDocument:
    tidy_note, frames = note.strip()[:_MAX_NOTE], medium.frame_hashes()
    if medium.kind == "video":
        return KnownPictureDocument(MediaHashes(sha256=medium.sha256), tidy_note, "video", frames)
    if not frames:
        return KnownPictureDocument(MediaHashes(sha256=medium.sha256), tidy_note)
    full, *shrunk = frames
    hashes = MediaHashes(sha256=medium.sha256, pdq=full.pdq, pdq_quality=full.quality)
    return KnownPictureDocument(
        hashes, tidy_note, "picture", tuple(shrunk), medium.part_hashes(), medium.turned
    )


def _is_same(one: KnownPictureDocument, other: KnownPictureDocument) -> bool:
    return (one.hashes.sha256, one.hashes.pdq, one.frames) == (
        other.hashes.sha256,
        other.hashes.pdq,
        other.frames,
    )


def _require_person(actor: Actor) -> None:
    if actor.role is not Role.PERSON:
        raise NotAllowedError("Only the person may do this with their own pictures.")
