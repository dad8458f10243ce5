"""What goes in and out of the JSON API of enrolment."""

from __future__ import annotations

import uuid
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.config import JsonDict

from service.enrolment.acute import DEFAULT_HOURS, MAX_HOURS
from service.enrolment.model_views import FaceState
from service.enrolment.views import CaseLine, PersonView, PhotoOutcome
from service.enrolment.views_of import next_step

_ID = "3f0c7f0e-5d0e-4a55-9a43-1d8d7a1f2b6c"
_MOMENT = "2026-11-23T09:30:00Z"
_NUMBER = "K7F3-9QXM-2P4D"


def _example(values: JsonDict) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [values]})


class BeginIn(BaseModel):
    """Begin a case. Both answers on age must be true; otherwise nothing is kept."""

    model_config = _example(
        {
            "adult_now": True,
            "adult_in_pictures": True,
            "passphrase": "four unrelated quiet words",
            "display_name": "Ada",
            "country": "NL",
            "contact": "",
        }
    )

    adult_now: bool
    adult_in_pictures: bool
    passphrase: SecretStr
    display_name: str = Field(default="", max_length=200)
    country: str = Field(default="", max_length=200)
    contact: str = Field(default="", max_length=200)


class BegunOut(BaseModel):
    """A case that was begun. Number and code are shown only here."""

    model_config = _example(
        {
            "person_id": _ID,
            "case_number": _NUMBER,
            "deletion_code": "D-7WQK-3F9M-XH2P-6RTB",
            "token": "0b5l…",
        }
    )

    person_id: uuid.UUID
    case_number: str
    deletion_code: str
    token: str


class CaseSignInIn(BaseModel):
    """Case number and passphrase."""

    model_config = _example({"case_number": _NUMBER, "passphrase": "four unrelated quiet words"})

    case_number: str = Field(max_length=64)
    passphrase: SecretStr


class TokenOut(BaseModel):
    """A session's token, for `Authorization: Bearer`."""

    model_config = _example({"token": "0b5l…"})

    token: str


class CaseNumberIn(BaseModel):
    """The case number, typed again."""

    model_config = _example({"case_number": _NUMBER})

    case_number: str = Field(max_length=64)


class SignReleaseIn(BaseModel):
    """The person's signature under the release."""

    model_config = _example({"signature_name": "Ada L.", "agreed": True, "covers_faces": False})

    signature_name: str = Field(max_length=200)
    agreed: bool
    covers_faces: bool = False


class SignMandateIn(BaseModel):
    """The person's signature under a mandate with exactly these scopes."""

    model_config = _example(
        {
            "signature_name": "Ada L.",
            "agreed": True,
            "may_search": True,
            "may_capture": True,
            "may_notify": True,
            "days": 180,
        }
    )

    signature_name: str = Field(max_length=200)
    agreed: bool
    may_search: bool = False
    may_capture: bool = False
    may_notify: bool = False
    days: int | None = Field(default=None, ge=1, le=365)


class SignedOut(BaseModel):
    """The id of what was signed."""

    model_config = _example({"id": _ID})

    id: uuid.UUID


class AttestIn(BaseModel):
    """An advocate's attestation, or refusal with a reason that the person reads."""

    model_config = _example(
        {
            "accepted": True,
            "method": "We met and looked at a passport.",
            "statement_ticked": True,
            "reason": "",
            "photos": [_ID],
        }
    )

    accepted: bool
    method: str = Field(default="", max_length=2000)
    statement_ticked: bool = False
    reason: str = Field(default="", max_length=2000)
    photos: list[uuid.UUID] | None = Field(
        default=None,
        max_length=1000,
        description="The photos that were looked at; without it, all that are there now.",
    )


class ReasonIn(BaseModel):
    """Why."""

    model_config = _example({"reason": "A question has to be answered first."})

    reason: str = Field(max_length=2000)


class AcuteIn(BaseModel):
    """Why it cannot wait, and for how many hours what is done for the case goes first."""

    model_config = _example({"reason": "Somebody threatens to publish more today.", "hours": 72})

    reason: str = Field(max_length=2000)
    hours: int = Field(default=DEFAULT_HOURS, ge=1, le=MAX_HOURS)


class AcuteOut(BaseModel):
    """Until when."""

    model_config = _example({"acute_until": _MOMENT})

    acute_until: datetime


class LendIn(BaseModel):
    """The account number of a trained reviewer of another organisation."""

    model_config = _example({"reviewer": _ID, "days": 30})

    reviewer: uuid.UUID
    days: int = Field(default=30, ge=1, le=90)


class PhotoOut(BaseModel):
    """A reference photo, in words."""

    model_config = _example(
        {
            "photo_id": _ID,
            "added_at": _MOMENT,
            "has_template": True,
            "is_attested": True,
            "face_words": "",
        }
    )

    photo_id: uuid.UUID
    added_at: datetime
    has_template: bool
    is_attested: bool
    face_words: str
    """Why the model that compares faces cannot use it; empty when it can."""


class PhotoOutcomeOut(BaseModel):
    """What became of a photo that was given."""

    model_config = _example(
        {
            "accepted": False,
            "photo_id": None,
            "has_template": False,
            "refusal_code": "too_dark",
            "words": "The photo is too dark.",
            "advice": "Turn towards a window or a lamp and try again.",
        }
    )

    accepted: bool
    photo_id: uuid.UUID | None
    has_template: bool
    refusal_code: str
    words: str
    advice: str

    @classmethod
    def of(cls, outcome: PhotoOutcome) -> PhotoOutcomeOut:
        """From the outcome."""
        return cls(
            accepted=outcome.accepted,
            photo_id=outcome.photo_id,
            has_template=outcome.has_template,
            refusal_code=outcome.refusal_code,
            words=outcome.words,
            advice=outcome.advice,
        )


class CaseOut(BaseModel):
    """One case, for those who may see it."""

    model_config = _example(
        {
            "person_id": _ID,
            "state": "active",
            "display_name": "Ada",
            "case_number": _NUMBER,
            "country": "NL",
            "contact": "",
            "face_opt_in": False,
            "face_search": "off",
            "release_ends_at": _MOMENT,
            "mandate_expires_at": _MOMENT,
            "attested": True,
            "photos": [],
            "acts_next": "advocate",
            "next_step": "Sites are looked at as planned.",
            "acute_until": None,
        }
    )

    person_id: uuid.UUID
    state: str
    display_name: str
    case_number: str
    country: str
    contact: str
    face_opt_in: bool
    face_search: FaceState
    """Whether the person can be found by their face now, or what is in the way."""
    release_ends_at: datetime | None
    mandate_expires_at: datetime | None
    attested: bool
    photos: list[PhotoOut]
    acts_next: str
    next_step: str
    acute_until: datetime | None

    @classmethod
    def of(cls, view: PersonView) -> CaseOut:
        """From the view."""
        step = next_step(view)
        return cls(
            person_id=view.person_id,
            state=view.state,
            display_name=view.display_name,
            case_number=view.case_number,
            country=view.country,
            contact=view.contact,
            face_opt_in=view.face_opt_in,
            face_search=view.faces.state,
            release_ends_at=view.release.ends_at if view.release else None,
            mandate_expires_at=view.mandate.expires_at if view.mandate else None,
            attested=view.attestation is not None and view.attestation.accepted,
            photos=[
                PhotoOut(
                    photo_id=photo.photo_id,
                    added_at=photo.added_at,
                    has_template=photo.has_template,
                    is_attested=photo.is_attested,
                    face_words=photo.face_words,
                )
                for photo in view.photos
            ],
            acts_next=step.who,
            next_step=step.words,
            acute_until=view.acute_until,
        )


class CaseLineOut(BaseModel):
    """One line of the list of cases."""

    model_config = _example(
        {
            "person_id": _ID,
            "display_name": "Ada",
            "case_number": _NUMBER,
            "state": "waiting",
            "photos": 3,
            "photos_to_check": 0,
            "face_opt_in": True,
            "mandate_expires_at": _MOMENT,
            "changed_at": _MOMENT,
            "acute_until": None,
        }
    )

    person_id: uuid.UUID
    display_name: str
    case_number: str
    state: str
    photos: int
    photos_to_check: int
    face_opt_in: bool
    mandate_expires_at: datetime | None
    changed_at: datetime
    acute_until: datetime | None

    @classmethod
    def of(cls, line: CaseLine) -> CaseLineOut:
        """From the line."""
        return cls(
            person_id=line.person_id,
            display_name=line.display_name,
            case_number=line.case_number,
            state=line.state,
            photos=line.photos,
            photos_to_check=line.photos_to_check,
            face_opt_in=line.face_opt_in,
            mandate_expires_at=line.mandate_expires_at,
            changed_at=line.changed_at,
            acute_until=line.acute_until,
        )


class EraseIn(BaseModel):
    """The passphrase again: erasing cannot be undone."""

    model_config = _example({"passphrase": "four unrelated quiet words", "sure": True})

    passphrase: SecretStr
    sure: bool


class ErasedCountOut(BaseModel):
    """How many of what were deleted."""

    model_config = _example({"what": "reference photos", "count": 3})

    what: str
    count: int


class ErasedOut(BaseModel):
    """An erasure that is done; the signed receipt lies at `/erasure-receipts/{receipt}.json`."""

    model_config = _example({"receipt": _ID, "deleted": [{"what": "reference photos", "count": 3}]})

    receipt: uuid.UUID
    deleted: list[ErasedCountOut]
