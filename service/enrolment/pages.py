"""The pages of enrolment, in one router: begin, sign, photos, come back, erase, list of cases."""

from __future__ import annotations

from fastapi import APIRouter

from service.enrolment import (
    pages_beginning,
    pages_cases,
    pages_consent,
    pages_erasing,
    pages_photos,
)

router = APIRouter()
for part in (pages_beginning, pages_consent, pages_photos, pages_erasing, pages_cases):
    router.include_router(part.router)
