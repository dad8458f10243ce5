"""Conditional requests: what a server said of an answer, kept and sent back (RFC 9110, 13.1).

ETag and Last-Modified are a stranger's text that goes into our database and into later requests:
one line of printable ASCII, of bounded length, or they do not count. Nothing is cut: half an ETag
would be another one. A 304 counts only where a condition was sent.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from scrapy.http import Headers, Response

from indexer.crawl.messages import Condition

MAX_ETAG_CHARS = 256
MAX_DATE_CHARS = 64
NOT_MODIFIED = 304


def validators_of(response: Response) -> tuple[str | None, str | None]:
    """(ETag, Last-Modified) of an answer, each None when it is missing or no good."""
    return _etag(response.headers), _last_modified(response.headers)


def headers_of(condition: Condition | None, url: str) -> dict[str, str]:
    """The headers that make a request for `url` a conditional one; none for another address."""
    if condition is None or condition.url != url:
        return {}
    headers = {}
    if condition.etag is not None and _is_plain(condition.etag, MAX_ETAG_CHARS):
        headers["If-None-Match"] = condition.etag
    if condition.last_modified is not None and _is_date(condition.last_modified):
        headers["If-Modified-Since"] = condition.last_modified
    return headers


def _etag(headers: Headers) -> str | None:
    value = _line(headers, b"ETag")
    return value if value is not None and _is_plain(value, MAX_ETAG_CHARS) else None


def _last_modified(headers: Headers) -> str | None:
    value = _line(headers, b"Last-Modified")
    return value if value is not None and _is_date(value) else None


def _line(headers: Headers, name: bytes) -> str | None:
    values = headers.getlist(name)
    # Two of them contradict each other, or are an attempt to smuggle something.
    return values[0].decode("latin-1").strip() if len(values) == 1 else None


def _is_plain(text: str, max_chars: int) -> bool:
    return 0 < len(text) <= max_chars and text.isascii() and text.isprintable()


def _is_date(text: str) -> bool:
    if not _is_plain(text, MAX_DATE_CHARS):
        return False
    try:
        parsedate_to_datetime(text)
    except ValueError:
        return False
    return True
