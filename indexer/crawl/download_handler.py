"""Scrapy's HTTP handler with a new connection for every request.

Twisted repeats a request by itself when a kept connection turns out to be closed. Every request
here has taken its host's lease, so none may be sent twice; a new connection also cannot outlive
the check of its address.
"""

from __future__ import annotations

from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.crawler import Crawler


class FreshConnectionHandler(HTTP11DownloadHandler):
    """HTTP/1.1 without kept connections."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._pool.persistent = False
        self._pool.retryAutomatically = False
