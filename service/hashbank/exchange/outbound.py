"""The one door through which exchanges are asked: one exact server, checked, bounded and patient.

1. A session is made for exact origins (scheme, host, port). Any other address, and every redirect,
   is refused, whoever named it: also the next page that a server points to.
2. The host is resolved once for each connection; only public addresses, or exact exceptions of the
   settings, are connected to, and the connection goes to what was checked.
3. TLS is verified; plain HTTP is for loopback alone.
4. Time, size and the number of attempts are bounded. Attempts wait longer each time.

What goes wrong is told without the address that was asked: some services want their key in it.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.util.connection import create_connection
from urllib3.util.retry import Retry

from indexer.crawl.addresses import (
    AddressNotPublicError,
    HostNotFoundError,
    NotAnAddressError,
    Resolve,
    numeric_host,
    resolve_by_system,
    vetted_addresses,
)
from indexer.crawl.messages import AddressException
from service.hashbank.exchange.errors import PeerRefusedError, PeerUnreachableError

TIMEOUT_S: Final = 30.0
MAX_ANSWER_S: Final = 120.0
MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
ATTEMPTS: Final = 4
FIRST_WAIT_S: Final = 1.0
_CHUNK_BYTES: Final = 64 * 1024
_AGAIN: Final = frozenset({429, 500, 502, 503, 504})
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_REDIRECTS: Final = range(300, 400)

# It would write whole addresses into the log, and some services want their key in the address.
logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class OutboundRules:
    """What every session keeps to. `resolve` and `sleep` are the system's but in tests."""

    exceptions: tuple[AddressException, ...] = ()
    timeout_s: float = TIMEOUT_S
    max_answer_s: float = MAX_ANSWER_S
    max_answer_bytes: int = MAX_ANSWER_BYTES
    attempts: int = ATTEMPTS
    first_wait_s: float = FIRST_WAIT_S
    resolve: Resolve = resolve_by_system
    sleep: Callable[[float], None] = time.sleep


class GuardedSession(requests.Session):
    """A `requests` session that asks only `origins`, by the rules of this module."""

    def __init__(self, rules: OutboundRules, origins: Collection[str]) -> None:
        super().__init__()
        self.trust_env = False
        self.max_redirects = 0
        self.headers["User-Agent"] = "Likeness"
        adapter = _GuardedAdapter(rules, frozenset(map(_origin, origins)))
        for prefix in ("http://", "https://"):
            super().mount(prefix, adapter)

    def mount(self, prefix: Any, adapter: Any) -> None:
        """Clients of the library mount adapters of their own; the guard stays."""


class _GuardedAdapter(HTTPAdapter):
    def __init__(self, rules: OutboundRules, origins: frozenset[str]) -> None:
        self._rules = rules
        self._origins = origins
        super().__init__(max_retries=Retry(0, read=False))

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        self._latest = _LatestConnection()
        self.poolmanager.pool_classes_by_scheme = _pool_classes(self._rules, self._latest)

    def close(self) -> None:
        """Let go of connections."""
        super().close()
        self._latest.close()

    def send(self, request: requests.PreparedRequest, *_: Any, **named: Any) -> requests.Response:
        """Ask, again after a while where that is harmless, and read the answer within bounds."""
        self._check(request)
        # a bundle of authorities to trust, or the usual ones; never none
        trusted = named.get("verify") or True
        attempts = self._rules.attempts if request.method in _SAFE_METHODS else 1
        for attempt in range(attempts):
            if attempt:
                self._rules.sleep(self._rules.first_wait_s * 2 ** (attempt - 1))
            last = attempt == attempts - 1
            try:
                response = self._once(request, trusted)
            except PeerUnreachableError:
                if last:
                    raise
                continue
            if response.status_code in _REDIRECTS:
                raise PeerRefusedError(
                    "The server sent us elsewhere, which is not followed. Give its own address."
                )
            if response.status_code not in _AGAIN or last:
                return response
        raise PeerUnreachableError("The server did not answer.")

    def _once(self, request: requests.PreparedRequest, trusted: Any) -> requests.Response:
        # A server that sends a byte now and then keeps every single read within its time.
        deadline = threading.Timer(self._rules.max_answer_s, self._latest.cut)
        deadline.daemon = True
        deadline.start()
        try:
            response = super().send(
                request, stream=True, timeout=self._rules.timeout_s, verify=trusted
            )
            self._read(response)
        except AddressNotPublicError:
            raise PeerRefusedError(
                "The server's address is not a public one. If it is your own, list its exact "
                "address and port in LIKENESS_ADDRESS_EXCEPTIONS."
            ) from None
        except (NotAnAddressError, HostNotFoundError):
            raise PeerUnreachableError("The server's name cannot be resolved.") from None
        except requests.exceptions.SSLError:
            raise PeerRefusedError("The server's certificate is not valid.") from None
        except (requests.RequestException, HTTPError, OSError):
            # neither the message nor the chain: both may hold the address with a key in it
            if self._latest.was_cut:
                raise PeerUnreachableError("The server's answer took too long.") from None
            raise PeerUnreachableError("The server cannot be reached, or broke off.") from None
        finally:
            deadline.cancel()
        return response

    def _read(self, response: requests.Response) -> None:
        kept: list[bytes] = []
        size = 0
        try:
            for chunk in response.iter_content(_CHUNK_BYTES):
                size += len(chunk)
                if size > self._rules.max_answer_bytes:
                    raise PeerRefusedError("The server's answer is too large.")
                kept.append(chunk)
        finally:
            response.close()
        # as `requests` itself does when it reads an answer whole
        response._content = b"".join(kept)
        response._content_consumed = True

    def _check(self, request: requests.PreparedRequest) -> None:
        if _origin(request.url or "") not in self._origins:
            raise PeerRefusedError("The server pointed to another address, which is not asked.")


class _LatestConnection:
    """The connection that a session uses, so that it can be cut when its time is over.

    A duplicate of the socket is kept: TLS takes the socket itself over before its handshake.
    """

    def __init__(self) -> None:
        self._duplicate: socket.socket | None = None
        self.was_cut = False

    def opened(self, fresh: socket.socket) -> socket.socket:
        """Remember a connection that was opened, in place of the one before."""
        self.close()
        self._duplicate = fresh.dup()
        self.was_cut = False
        return fresh

    def cut(self) -> None:
        """End the connection: whoever waits for it sees its end."""
        self.was_cut = True
        if self._duplicate is not None:
            with suppress(OSError):
                self._duplicate.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of it."""
        if self._duplicate is not None:
            self._duplicate.close()
            self._duplicate = None


def _pool_classes(
    rules: OutboundRules, latest: _LatestConnection
) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return latest.opened(_connect(rules, self))

    class Encrypted(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return latest.opened(_connect(rules, self))

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return {"http": PlainPool, "https": EncryptedPool}


def _connect(rules: OutboundRules, connection: HTTPConnection) -> socket.socket:
    """A connection to an address that was checked; the name is not resolved again."""
    host, port = connection.host.strip("[]"), int(connection.port or connection.default_port)
    if not isinstance(connection, HTTPSConnection):
        literal = numeric_host(host)
        loopback = host == "localhost" or (literal is not None and literal.is_loopback)
        if not loopback:
            raise AddressNotPublicError("plain HTTP is for loopback alone")
    failure: Exception | None = None
    for address in vetted_addresses(host, port, rules.exceptions, rules.resolve):
        try:
            return create_connection(
                (address, port),
                timeout=rules.timeout_s,
                socket_options=connection.socket_options,
            )
        except OSError as error:
            failure = error
    raise NewConnectionError(connection, "no address answers") from failure


def _origin(url: str) -> str:
    """Scheme, host and port; of anything else an origin that is never allowed."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port or (443 if parts.scheme == 'https' else 80)}"


@contextmanager
def quiet_library() -> Iterator[None]:
    """Keep the library's own log lines out of ours: they hold hashes, and records of cases."""

    def foreign(record: logging.LogRecord) -> bool:
        return "/threatexchange/" not in record.pathname

    root = logging.getLogger()
    root.addFilter(foreign)
    try:
        yield
    finally:
        root.removeFilter(foreign)
