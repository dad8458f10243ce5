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

from indexer.errors import IndexerError

RETRY_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})


class RefusedError(IndexerError):
    """An address was not fetched. `code` is one of `FetchRefused`'s; `retry`: later may help."""

    def __init__(
        self, code: str, message: str, *, status: int | None = None, retry: bool = False
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.retry = retry


NETWORK_ERRORS: tuple[type[Exception], ...] = (
    CannotResolveHostError,
    ConnectError,
    ConnectionClosed,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    OSError,
    EOFError,
    ResponseDataLossError,
    SSL.Error,
    ValueError,
    VerifyError,
    zlib.error,
)


def refusal_of(error: Exception) -> RefusedError:
    """The refusal that one of `NETWORK_ERRORS` means."""
    if _is_tls(error):
        return RefusedError("tls", "the server's certificate or TLS handshake was not acceptable")
    if isinstance(error, DownloadTimeoutError):
        return RefusedError("timeout", "the answer did not arrive in time", retry=True)
    if isinstance(error, DownloadCancelledError):
        return RefusedError("too_large", "the answer is larger than the limit")
    if isinstance(error, ResponseDataLossError):
        return RefusedError("truncated", "the answer ended before it was complete", retry=True)
    if isinstance(error, IgnoreRequest):
        # The decompression middleware is the only one of Scrapy's that runs here.
        return RefusedError("too_large", "the answer is larger than the limit once decompressed")
    if isinstance(error, CannotResolveHostError):
        return RefusedError("connection", "the host's name could not be resolved", retry=True)
    if isinstance(error, DownloadConnectionRefusedError | ConnectError | ConnectionClosed):
        return RefusedError("connection", "no connection could be made", retry=True)
    if isinstance(error, DownloadFailedError):
        return RefusedError("connection", "the connection ended before an answer came", retry=True)
    if isinstance(error, ValueError):
        return RefusedError("bad_address", "the address or the answer's form is not valid HTTP")
    return RefusedError("truncated", "the answer could not be decompressed")


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
