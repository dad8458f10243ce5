"""The pages of accounts, in one router: signing in and out, one's own account, the organisation."""

from __future__ import annotations

from fastapi import APIRouter

from service.accounts import (
    pages_audit,
    pages_information,
    pages_links,
    pages_organisation,
    pages_own_account,
    pages_signing_in,
)

router = APIRouter()
for part in (
    pages_signing_in,
    pages_links,
    pages_own_account,
    pages_organisation,
    pages_audit,
    pages_information,
):
    router.include_router(part.router)
