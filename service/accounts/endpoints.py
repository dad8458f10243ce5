"""The JSON API of accounts, in one router."""

from __future__ import annotations

from fastapi import APIRouter

from service.accounts import endpoints_organisation, endpoints_session

router = APIRouter()
router.include_router(endpoints_session.router)
router.include_router(endpoints_organisation.router)
