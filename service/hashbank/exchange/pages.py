"""The pages of the exchange, in one router: lists, connections, programmes, hand-over."""

from __future__ import annotations

from fastapi import APIRouter

from service.hashbank.exchange import (
    pages_case,
    pages_connections,
    pages_lists,
    pages_person,
)

router = APIRouter()
for part in (pages_lists, pages_connections, pages_case, pages_person):
    router.include_router(part.router)
