"""How pages and endpoints of the exchange get their service."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from service.hashbank.exchange.service import HashExchange
from service.web.dependencies import rooms_of


def get_exchange(request: Request) -> HashExchange:
    """The exchange of the running application."""
    exchange: HashExchange = rooms_of(request).exchange
    return exchange


ExchangeDep = Annotated[HashExchange, Depends(get_exchange)]
