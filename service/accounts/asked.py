"""How pages and endpoints of accounts get their service, and the limits on asking with links."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from service.accounts.rate_limits import Limit
from service.accounts.service import AccountService
from service.web.dependencies import client_address, get_database, rooms_of

LINK_BY_ADDRESS = Limit("link-address", 30, 15 * 60)


def get_accounts(request: Request) -> AccountService:
    """The accounts of the running application."""
    accounts: AccountService = rooms_of(request).accounts
    return accounts


def count_link_attempt(request: Request) -> None:
    """Count one try of a one-time link from this network address."""
    get_accounts(request).limits.hit(
        get_database(request),
        LINK_BY_ADDRESS.kind,
        client_address(request),
        LINK_BY_ADDRESS.attempts,
        LINK_BY_ADDRESS.window_s,
    )


AccountsDep = Annotated[AccountService, Depends(get_accounts)]
CountedLink = Depends(count_link_attempt)
