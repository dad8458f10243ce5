"""The pages of candidates, in one router: the queue, one find, one's own case, links, one case,
and searches that rest.
"""

from __future__ import annotations

from fastapi import APIRouter

from service.candidates import (
    pages_case,
    pages_chance,
    pages_links,
    pages_my,
    pages_names,
    pages_review,
)

router = APIRouter()
for part in (pages_review, pages_my, pages_links, pages_case, pages_chance, pages_names):
    router.include_router(part.router)
