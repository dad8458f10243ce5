"""SOCKS5 for Twisted, and Scrapy's HTTP agent that connects by it and by nothing else.

The reactor's resolver knows the proxy's address alone then (`outbound.py` pins nothing else), so
that a request which somehow went beside the proxy would reach nothing.
"""

from __future__ import annotations

from typing import Any

from scrapy import Request
from scrapy.core.downloader.handlers.http11 import _BindAddressAgent, _ScrapyAgent
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from twisted.web.client import URI
from zope.interface import implementer  # type: ignore[import-untyped]  # it has no types

from indexer.crawl.messages import Scope, SocksProxy
from indexer.crawl.proxy import (
    MAX_REPLY_BYTES,
    ProxyError,
    check_bound,
    connect_request,
    connected,
    greeted,
    greeting,
    let_in,
    login,
)


class _Tunnel(Protocol):
    """Asks the proxy to connect; from then on passes everything to the protocol inside."""

    def __init__(
        self,
        scope: Scope,
        proxy: SocksProxy,
        host: str,
        port: int,
        inside: IProtocolFactory,
        ready: Deferred[Any],
    ) -> None:
        self._scope = scope
        self._proxy = proxy
        self._host = host
        self._port = port
        self._factory = inside
        self._ready = ready
        self._received = b""
        self._is_greeted = False
        self._is_in = False
        self._inside: Any = None
        self._failed = False

    def connectionMade(self) -> None:  # noqa: N802 (Twisted's interface)
        """Greet the proxy."""
        self._transport().write(greeting(self._proxy))

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """The proxy's answers, then the site's bytes."""
        if self._inside is not None:
            self._inside.dataReceived(data)
            return
        if self._failed:
            return
        self._received += data
        try:
            self._proceed()
        except ProxyError as error:
            self._fail(error)

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802
        """The end, for whoever speaks by this connection."""
        if self._inside is not None:
            self._inside.connectionLost(reason)
        elif not self._failed:
            self._fail(ProxyError("proxy", "the proxy ended the connection", retry=True))

    def give_up(self) -> None:
        """The caller does not wait any longer."""
        self._failed = True
        self._transport().abortConnection()

    def _proceed(self) -> None:
        if not self._is_greeted:
            size = greeted(self._received, self._proxy)
            if size is None:
                return
            self._is_greeted, self._received = True, self._received[size:]
            wanted = login(self._proxy)
            self._is_in = not wanted
            self._transport().write(wanted or connect_request(self._host, self._port))
        if not self._is_in:
            size = let_in(self._received)
            if size is None:
                return
            self._is_in, self._received = True, self._received[size:]
            self._transport().write(connect_request(self._host, self._port))
        told = connected(self._received)
        if told is None:
            if len(self._received) > MAX_REPLY_BYTES:
                raise ProxyError("proxy", "the proxy's answer is not SOCKS5", retry=True)
            return
        bound, size = told
        check_bound(bound, self._port, self._scope.address_exceptions)
        rest, self._received = self._received[size:], b""
        inside: Any = self._factory.buildProtocol(self._transport().getPeer())
        if inside is None:
            raise ProxyError("connection", "the connection was given up", retry=True)
        self._inside = inside
        inside.makeConnection(self.transport)
        self._ready.callback(inside)
        if rest:
            inside.dataReceived(rest)

    def _fail(self, error: ProxyError) -> None:
        self._failed = True
        self._transport().abortConnection()
        self._ready.errback(Failure(error))

    def _transport(self) -> Any:
        return self.transport


@implementer(IStreamClientEndpoint)
class SocksEndpoint:
    """Connects to `host` and `port` by the scope's proxy; fails with `ProxyError`."""

    def __init__(self, reactor: Any, scope: Scope, host: str, port: int, timeout_s: float) -> None:
        if scope.proxy is None:
            raise ProxyError("proxy", "no proxy is set", retry=False)
        self._way = HostnameEndpoint(reactor, scope.proxy.host, scope.proxy.port, timeout=timeout_s)
        self._scope = scope
        self._proxy = scope.proxy
        self._host = host
        self._port = port

    def connect(self, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """A protocol of `factory`, connected to the site."""
        tunnels: list[_Tunnel] = []

        def cancel(_: Deferred[IProtocol]) -> None:
            way.cancel()
            for tunnel in tunnels:
                tunnel.give_up()

        def unreachable(reason: Failure) -> None:
            if not ready.called:
                told = ProxyError(
                    "proxy",
                    f"the proxy could not be reached: {reason.getErrorMessage()}",
                    retry=True,
                )
                ready.errback(Failure(told))

        ready: Deferred[IProtocol] = Deferred(cancel)
        scope, proxy, host, port = self._scope, self._proxy, self._host, self._port

        class Tunnels(Factory):
            """Makes the one protocol of this connection."""

            noisy = False

            def buildProtocol(self, _: object) -> _Tunnel:  # noqa: N802
                tunnel = _Tunnel(scope, proxy, host, port, factory, ready)
                tunnels.append(tunnel)
                return tunnel

        way: Deferred[Any] = self._way.connect(Tunnels())
        way.addErrback(unreachable)
        return ready


class _SocksAgent(_BindAddressAgent):
    def __init__(self, scope: Scope, timeout_s: float, **named: Any) -> None:
        super().__init__(**named)
        self._scope = scope
        self._timeout_s = timeout_s
        self._policy = named["contextFactory"]

    def _getEndpoint(self, uri: URI) -> Any:  # noqa: N802 (Twisted's interface)
        host = uri.host.decode("ascii")
        endpoint = SocksEndpoint(self._reactor, self._scope, host, uri.port, self._timeout_s)
        if uri.scheme == b"https":
            return wrapClientTLS(self._policy.creatorForNetloc(uri.host, uri.port), endpoint)
        return endpoint


class SocksScrapyAgent(_ScrapyAgent):
    """Scrapy's agent, by the scope's proxy only."""

    def __init__(self, scope: Scope, **named: Any) -> None:
        super().__init__(**named)
        self._scope = scope

    def _get_agent(self, _request: Request, timeout: float) -> _SocksAgent:
        from twisted.internet import reactor  # noqa: PLC0415 (only exists once it is installed)

        return _SocksAgent(
            self._scope,
            timeout,
            reactor=reactor,
            contextFactory=self._contextFactory,
            connectTimeout=timeout,
            pool=self._pool,
        )
