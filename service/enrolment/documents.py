"""What is sealed under a person's key in this room: one document for each kind of row.

Only these types are ever handed to `Vault.seal_document` here. Times inside are ISO 8601 in UTC.
"""

from __future__ import annotations

import msgspec

from indexer.examiner.protocol import PhotoQuality
from indexer.observations import MediaHashes


class PersonDocument(msgspec.Struct, frozen=True):
    """Who the person is to us: a name to call them by, how to reach them, if they want that.

    `number_confirmed` is true once they typed their case number again.
    """

    display_name: str
    case_number: str
    country: str = ""
    contact: str = ""
    adult_now: bool = False
    adult_in_pictures: bool = False
    number_confirmed: bool = False
    pause_reason: str = ""
    acute_reason: str = ""


class ReleaseDocument(msgspec.Struct, frozen=True):
    """The release as signed: the whole text, so that a later version changes nothing."""

    text_version: str
    text: str
    signature_name: str
    covers_faces: bool
    signed_at: str


class MandateDocument(msgspec.Struct, frozen=True):
    """The mandate as signed."""

    text_version: str
    text: str
    signature_name: str
    signed_at: str
    expires_at: str


class AttestationDocument(msgspec.Struct, frozen=True):
    """How an advocate checked who the person is, the statement they ticked, or why they refused.

    `photos` are the ids of the photos that they vouched for.
    """

    method: str
    statement: str
    reason: str
    attested_at: str
    photos: tuple[str, ...] = ()


class PhotoDocument(msgspec.Struct, frozen=True):
    """Hashes and quality of a reference photo, and its aligned greyscale face for comparison.

    `attested_at` is when an advocate vouched that it shows the person; empty until then, and it is
    not searched with before.
    """

    hashes: MediaHashes
    quality: PhotoQuality | None
    content_bytes: int
    face_crop_png: bytes | None = None
    attested_at: str = ""


class NameDocument(msgspec.Struct, frozen=True):
    """A name or handle that is looked for, why, and the statement that was ticked for it."""

    text: str
    is_handle: bool
    purpose: str
    statement: str
    by_advocate: bool
    chosen_at: str


class RefusalDocument(msgspec.Struct, frozen=True):
    """Why a model could make no template of a photo: the examiner's code, or "photo_lost" where the
    photo's encrypted file is no longer there.
    """

    code: str
