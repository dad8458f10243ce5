"""How pages and endpoints of enrolment get their services, and who is asking."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from service.accounts.actor import Actor
from service.enrolment.collaborators import LooksAgain
from service.enrolment.consent import ConsentService
from service.enrolment.erasure import ErasureService
from service.enrolment.eyes import Eyes
from service.enrolment.photos import PhotoService
from service.enrolment.service import EnrolmentService
from service.errors import SignInRequiredError
from service.web.dependencies import rooms_of


def get_enrolment(request: Request) -> EnrolmentService:
    """Enrolment of the running application."""
    enrolment: EnrolmentService = rooms_of(request).enrolment
    return enrolment


def get_consent(request: Request) -> ConsentService:
    """Consent of the running application."""
    return get_enrolment(request).consent


def get_photos(request: Request) -> PhotoService:
    """Reference photos of the running application."""
    photos: PhotoService = rooms_of(request).photos
    return photos


def get_erasure(request: Request) -> ErasureService:
    """Erasure of the running application."""
    erasure: ErasureService = rooms_of(request).erasure
    return erasure


def get_eyes(request: Request) -> Eyes:
    """The examiner, started when first needed."""
    eyes: Eyes = rooms_of(request).examiner
    return eyes


def get_looks_again(request: Request) -> LooksAgain:
    """What is looked at again for a person who joins."""
    looks_again: LooksAgain = rooms_of(request).sweeps
    return looks_again


def own_person_id(actor: Actor) -> uuid.UUID:
    """Whose case a signed-in person sees: their own."""
    if actor.person_id is None:
        raise SignInRequiredError("Please sign in to your case first.")
    return actor.person_id


EnrolmentDep = Annotated[EnrolmentService, Depends(get_enrolment)]
ConsentDep = Annotated[ConsentService, Depends(get_consent)]
PhotosDep = Annotated[PhotoService, Depends(get_photos)]
ErasureDep = Annotated[ErasureService, Depends(get_erasure)]
LooksAgainDep = Annotated[LooksAgain, Depends(get_looks_again)]
EyesDep = Annotated[Eyes, Depends(get_eyes)]
