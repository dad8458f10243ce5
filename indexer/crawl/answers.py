"""What an answer says of itself, and where it leads: each small question in one place."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urljoin

from scrapy.http import HtmlResponse, Response, TextResponse

from indexer.crawl.refusals import RefusedError
from indexer.crawl.scope import BadAddressError, canonical_address
from indexer.crawl.sniff import looks_like_html

_MAX_HEADER_CHARS = 300


def joined(url: str, location: bytes) -> str:
    """The address that a `Location` header means. Raises `RefusedError`."""
    try:
        return urljoin(url, location.decode("utf-8", errors="replace").strip())
    except ValueError as error:
        raise RefusedError(
            "bad_address", "the redirect leads to something that is no address"
        ) from error


def canonical_or_refused(address: str) -> str:
    """The canonical spelling. Raises `RefusedError` when there is none."""
    try:
        return canonical_address(address)
    except BadAddressError as error:
        raise RefusedError(error.code, str(error)) from error


def is_page(response: TextResponse) -> bool:
    """Whether the answer is a web page, by its declared type, or by its body where it has none."""
    declared = (response.headers.get(b"Content-Type") or b"").lower()
    return (
        isinstance(response, HtmlResponse)
        or b"html" in declared
        or (not declared and looks_like_html(response.body))
    )


def header_of(response: Response, name: bytes) -> str | None:
    """The first header of this name, cut to a bounded length."""
    value = response.headers.get(name)
    return None if value is None else value.decode("latin-1")[:_MAX_HEADER_CHARS]


def now_in_words() -> str:
    """The present moment, in UTC, as ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
