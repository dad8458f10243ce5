"""Scrapy's HTTP handler with a new connection for every request.

Twisted repeats a request by itself when a kept connection turns out to be closed. Every request
here has taken its host's lease, so none may be sent twice; a new connection also cannot outlive
the check of its address. Where the slice has a proxy, every connection goes by it.
"""

from __future__ import annotations

from scrapy import Request
from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.utils._download_handlers import wrap_twisted_exceptions
from scrapy.utils.defer import maybe_deferred_to_future

from indexer.crawl.messages import Scope
from indexer.crawl.proxy_endpoint import SocksScrapyAgent

SCOPE_SETTING = "LIKENESS_SCOPE"
"""Scrapy's setting that holds the slice's scope: the way out is chosen where connections are made,
for all requests of the slice, and not by each request."""


class FreshConnectionHandler(HTTP11DownloadHandler):
    """HTTP/1.1 without kept connections."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._pool.persistent = False
        self._pool.retryAutomatically = False
        self._scope: Scope = crawler.settings[SCOPE_SETTING]

    async def download_request(self, request: Request) -> Response:
        """Fetch by the slice's proxy where it has one. Raises `ProxyError`."""
        if self._scope.proxy is None:
            return await super().download_request(request)
        agent = SocksScrapyAgent(
            self._scope,
            contextFactory=self._contextFactory,
            pool=self._pool,
            maxsize=self._default_maxsize,
            warnsize=self._default_warnsize,
            fail_on_dataloss=self._fail_on_dataloss,
            crawler=self._crawler,
        )
        with wrap_twisted_exceptions():
            return await maybe_deferred_to_future(agent.download_request(request))
