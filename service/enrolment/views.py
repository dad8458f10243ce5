"""What other rooms and pages are told of a case: frozen, opened from the sealed documents."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from indexer.examiner.protocol import PhotoQuality
from service.enrolment.face_words import (
    FaceWords,
    short_words,
    words_for_advocate,
    words_for_person,
)
from service.enrolment.model_views import PersonFaces

CaseState = Literal["draft", "waiting", "active", "paused", "closed", "erased"]
ActsNext = Literal["you", "advocate", "nobody"]


@dataclass(frozen=True, slots=True)
class BegunCase:
    """A case that was just begun. Number and code are shown once; only hashes of them stay."""

    person_id: uuid.UUID
    organisation_id: uuid.UUID
    case_number: str
    deletion_code: str


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """A signed release."""

    release_id: uuid.UUID
    text_version: str
    text: str
    signature_name: str
    covers_faces: bool
    signed_at: datetime
    ends_at: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class MandateView:
    """A signed mandate."""

    mandate_id: uuid.UUID
    may_search: bool
    may_capture: bool
    may_notify: bool
    signature_name: str
    text: str
    signed_at: datetime
    expires_at: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class AttestationView:
    """An advocate's attestation, or refusal with its reason."""

    account_id: uuid.UUID
    accepted: bool
    method: str
    reason: str
    attested_at: datetime


@dataclass(frozen=True, slots=True)
class PhotoView:
    """A reference photo, in words. `has_template`: the model that searches can compare with it.

    `is_attested`: an advocate vouched that it shows the person; before, it is not searched with.
    `face_words`: why the model that compares faces cannot use it; empty when it can.
    """

    photo_id: uuid.UUID
    added_at: datetime
    quality: PhotoQuality | None
    has_template: bool
    has_face_crop: bool
    is_attested: bool
    face_words: str = ""


@dataclass(frozen=True, slots=True)
class NextStep:
    """What happens next, in words, and who acts."""

    who: ActsNext
    words: str
    link: str = ""
    link_words: str = ""


@dataclass(frozen=True, slots=True)
class PersonView:
    """One case, for those who may see it.

    `release` and `mandate` are the live ones (None when withdrawn, expired or not yet signed).
    Until `acute_until` what is done for them goes first, because of `acute_reason`; None when that
    is over.
    """

    person_id: uuid.UUID
    organisation_id: uuid.UUID
    state: CaseState
    display_name: str
    case_number: str
    country: str
    contact: str
    number_confirmed: bool
    pause_reason: str
    face_opt_in: bool
    release: ReleaseView | None
    mandate: MandateView | None
    attestation: AttestationView | None
    photos: tuple[PhotoView, ...]
    created_at: datetime
    changed_at: datetime
    faces: PersonFaces
    acute_until: datetime | None = None
    acute_reason: str = ""

    @property
    def face_search_words(self) -> str:
        """Whether their face is looked for, in a few words."""
        return short_words(self.faces) if self.face_opt_in else "off"

    @property
    def face_words(self) -> FaceWords:
        """What the person reads of their face search, where something is in its way."""
        return words_for_person(self.faces)

    @property
    def face_words_for_advocate(self) -> FaceWords:
        """What their advocates read of it."""
        return words_for_advocate(self.faces)

    @property
    def person_ref(self) -> str:
        """How galleries and observations call this person; never a name."""
        return str(self.person_id)

    @property
    def photos_to_check(self) -> tuple[PhotoView, ...]:
        """Photos with a face that no advocate has vouched for yet."""
        return tuple(
            photo for photo in self.photos if photo.has_face_crop and not photo.is_attested
        )


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One line of an advocate's list of cases."""

    person_id: uuid.UUID
    display_name: str
    case_number: str
    state: CaseState
    photos: int
    photos_to_check: int
    face_opt_in: bool
    mandate_expires_at: datetime | None
    changed_at: datetime
    faces: PersonFaces
    acute_until: datetime | None = None

    @property
    def needs_photo(self) -> bool:
        """Whether no photo can be used for face search, now or soon."""
        return self.faces.state in ("no_usable_photo", "soon_no_usable_photo")


@dataclass(frozen=True, slots=True)
class CaseCount:
    """What an operator may know of a case: its id, state and times; nothing of the person."""

    person_id: uuid.UUID
    state: CaseState
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class LoanView:
    """A reviewer of another organisation who was lent to a case."""

    loan_id: uuid.UUID
    account_id: uuid.UUID
    lent_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PhotoOutcome:
    """What became of a photo that was given: kept, or refused with the reason in plain words."""

    accepted: bool
    photo_id: uuid.UUID | None
    has_template: bool
    quality: PhotoQuality | None
    refusal_code: str = ""
    words: str = ""
    advice: str = ""
