"""Scrapy's HTTP handler, with connections that are kept for as long as a slice and never ask twice.

1. A connection is kept for the next request to the same scheme, host and port: one handshake
   serves many requests. It leads to the address that was checked when it was made.
2. Twisted would repeat a request by itself when a kept connection turns out to be closed. Every
   request here has taken its host's lease, so that is off: the request fails, marked as one that a
   kept connection never carried, and the door (`outbound.py`) asks again under a lease of its own.
3. Where the slice has a proxy, every connection goes by it.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

from scrapy import Request
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler, _ScrapyAgent
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadFailedError
from scrapy.http import Response
from scrapy.utils._download_handlers import wrap_twisted_exceptions
from scrapy.utils.defer import maybe_deferred_to_future
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.web.client import HTTPConnectionPool, ResponseNeverReceived
from zope.interface import implementer  # type: ignore[import-untyped]  # it has no types

from indexer.crawl.messages import Scope
from indexer.crawl.proxy_endpoint import SocksScrapyAgent

SCOPE_SETTING = "LIKENESS_SCOPE"
"""Scrapy's setting that holds the slice's scope: the way out is chosen where connections are made,
for all requests of the slice, and not by each request."""

CONNECTION_KEPT_S: Final = 15.0
"""How long a connection that nobody uses stays open: less than most servers keep theirs."""

NEW_CONNECTION: Final = "new_connection"
"""In a request's meta: not by a kept connection."""

_WAS_KEPT: Final = "was_kept"


def never_carried(request: Request, error: Exception) -> bool:
    """Whether `request` failed because the kept connection that it was given had ended."""
    return (
        bool(request.meta.get(_WAS_KEPT))
        and isinstance(error, DownloadFailedError)
        and isinstance(error.__cause__, ResponseNeverReceived)
    )


class KeptConnectionHandler(HTTP11DownloadHandler):
    """HTTP/1.1 with kept connections, of which each request says whether it was given one."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._pool.retryAutomatically = False
        self._pool.cachedConnectionTimeout = CONNECTION_KEPT_S
        self._scope: Scope = crawler.settings[SCOPE_SETTING]

    async def download_request(self, request: Request) -> Response:
        """Fetch by the slice's proxy where it has one. Raises `ProxyError`."""
        named: dict[str, Any] = {
            "contextFactory": self._contextFactory,
            "pool": _PoolOfOne(self._pool, request),
            "maxsize": self._default_maxsize,
            "warnsize": self._default_warnsize,
            "fail_on_dataloss": self._fail_on_dataloss,
            "crawler": self._crawler,
        }
        by_proxy = self._scope.proxy is not None
        agent = SocksScrapyAgent(self._scope, **named) if by_proxy else _ScrapyAgent(**named)
        with wrap_twisted_exceptions():
            return await maybe_deferred_to_future(agent.download_request(request))


class _PoolOfOne:
    """The handler's pool as one request sees it; notes in its meta whether it got a kept one."""

    def __init__(self, pool: HTTPConnectionPool, request: Request) -> None:
        self._pool = pool
        self._request = request
        self.persistent = pool.persistent

    def getConnection(  # noqa: N802 (Twisted's interface)
        self, key: Hashable, endpoint: IStreamClientEndpoint
    ) -> Deferred[Any]:
        """A connection for this request."""
        if self._request.meta.get(NEW_CONNECTION):
            return self._pool._newConnection(key, endpoint)
        noted = _NotedEndpoint(endpoint)
        connection = self._pool.getConnection(key, noted)
        self._request.meta[_WAS_KEPT] = not noted.was_used
        return connection


@implementer(IStreamClientEndpoint)
class _NotedEndpoint:
    """An endpoint that knows whether a connection was made by it."""

    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        self._endpoint = endpoint
        self.was_used = False

    def connect(self, factory: IProtocolFactory) -> Deferred[Any]:
        """As the endpoint does."""
        self.was_used = True
        return self._endpoint.connect(factory)
