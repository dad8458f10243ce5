"""A medium whose signed address has expired since it was found: its address as its page names it.

Its page, captured a moment before, is read as in the crawl; of the media that it names the one is
taken that differs in its signature alone. Reading is bounded in time: the page is hostile.
"""

from __future__ import annotations

import threading

from scrapy.http import HtmlResponse

from indexer.crawl.capture_messages import CapturedResource
from indexer.crawl.discovery import discover
from indexer.crawl.messages import Scope
from indexer.crawl.signed_addresses import is_signed, renewed_among

MAX_READING_S = 10.0


def renewed_address(
    page: CapturedResource, body: bytes, medium_url: str, scope: Scope
) -> str | None:
    """Where the medium of `medium_url` is now, by the captured `page`; None when it tells none."""
    if page.status != 200 or not is_signed(medium_url):
        return None
    found: list[str | None] = []

    def read() -> None:
        headers = {"Content-Type": page.content_type or "text/html"}
        response = HtmlResponse(page.final_url, headers=headers, body=body)
        named = discover(
            response.selector, page.final_url, scope, depth=0, encoding=response.encoding
        )
        found.append(renewed_among(named.links, medium_url))

    # A page can be made to take hours; the thread then ends with the process.
    reading = threading.Thread(target=read, daemon=True, name="page")
    reading.start()
    reading.join(MAX_READING_S)
    return found[0] if found else None
