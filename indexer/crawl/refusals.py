"""Why an address was not fetched: every failure of the network as one of the stable codes."""

from __future__ import annotations

import zlib

from OpenSSL import SSL
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from twisted.internet.error import ConnectError, ConnectionClosed, VerifyError
from twisted.python.failure import Failure

from indexer.crawl.proxy import ProxyError
from indexer.errors import IndexerError

RETRY_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})


class RefusedError(IndexerError):
    """An address was not fetched. `code` is one of `FetchRefused`'s; `retry`: later may help."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        retry: bool = False,
        wall: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.retry = retry
        self.wall = wall


# In order: the first kind that fits. Whether trying again later makes sense stands last.
_MEANINGS: tuple[tuple[tuple[type[Exception], ...], str, str, bool], ...] = (
    ((DownloadTimeoutError,), "timeout", "the answer did not arrive in time", True),
    ((DownloadCancelledError,), "too_large", "the answer is larger than the limit", False),
    (
        (ResponseDataLossError,),
        "truncated",
        "the answer ended before it was complete",
        True,
    ),
    # Scrapy's decompression is the only one of its middlewares that runs here.
    ((IgnoreRequest,), "too_large", "the answer is larger than the limit, decompressed", False),
    ((CannotResolveHostError,), "connection", "the host's name could not be resolved", True),
    (
        (DownloadConnectionRefusedError, ConnectError, ConnectionClosed),
        "connection",
        "no connection could be made",
        True,
    ),
    ((DownloadFailedError,), "connection", "the connection ended before an answer came", True),
    ((ValueError,), "bad_address", "the address or the answer's form is not valid HTTP", False),
    ((OSError, EOFError, zlib.error), "truncated", "the answer could not be decompressed", False),
)


NETWORK_ERRORS: tuple[type[Exception], ...] = (
    SSL.Error,
    VerifyError,
    ProxyError,
    *(kind for kinds, *_ in _MEANINGS for kind in kinds),
)


def refusal_of(error: Exception) -> RefusedError:
    """The refusal that one of `NETWORK_ERRORS` means."""
    if isinstance(error, ProxyError):
        return RefusedError(error.code, str(error), retry=error.retry)
    if _is_tls(error):
        message = "the server's certificate or TLS handshake was not acceptable"
        return RefusedError("tls", message)
    for kinds, code, message, retry in _MEANINGS:
        if isinstance(error, kinds):
            return RefusedError(code, message, retry=retry)
    raise TypeError(f"{type(error).__name__} is not one of NETWORK_ERRORS") from error


def _is_tls(error: BaseException) -> bool:
    waiting: list[BaseException] = [error]
    while waiting:
        current = waiting.pop()
        if isinstance(current, SSL.Error | VerifyError):
            return True
        if current.__cause__ is not None:
            waiting.append(current.__cause__)
        for reason in getattr(current, "reasons", None) or ():
            waiting.append(reason.value if isinstance(reason, Failure) else reason)
    return False
