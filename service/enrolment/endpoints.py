"""The JSON API of enrolment, in one router."""

from __future__ import annotations

from fastapi import APIRouter

from service.enrolment import endpoints_cases, endpoints_my

router = APIRouter()
router.include_router(endpoints_my.router)
router.include_router(endpoints_cases.router)
