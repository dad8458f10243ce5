"""A small web server on loopback that serves planned items and remembers what it was asked for.

It listens on 127.0.0.1 only. It is there for the demo, for practice and for tests.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

from service.demo.planned import Planned

_SHUTDOWN_POLL_S = 0.05


class LoopbackServer:
    """Serves `items` by their path on a port of 127.0.0.1 (a free one) while the context lasts."""

    def __init__(self, port: int = 0) -> None:
        self._items: dict[str, Planned] = {}
        self._asked: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_SHUTDOWN_POLL_S,), name="demo-site"
        )

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    @property
    def host(self) -> str:
        """Address and port, as a scope names them."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The address of the site, without a slash at its end."""
        return f"http://{self.host}"

    @property
    def asked(self) -> Mapping[str, int]:
        """How often each path was asked for since the start."""
        with self._lock:
            return dict(self._asked)

    def serve(self, *items: Planned) -> None:
        """Add items, or replace those with the same path."""
        self._items.update({item.path: item for item in items})

    def __enter__(self) -> Self:
        """Start answering."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, and give the port back."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            server_version = "demo"
            sys_version = ""

            def do_GET(self) -> None:
                outer._answer(self, with_body=True)

            def do_HEAD(self) -> None:
                outer._answer(self, with_body=False)

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                """Keep the terminal free: `asked` remembers the requests."""

        return Handler

    def _answer(self, request: BaseHTTPRequestHandler, *, with_body: bool) -> None:
        path = request.path.partition("?")[0]
        with self._lock:
            self._asked[path] += 1
        item = self._items.get(path)
        if item is None:
            request.send_error(404)
            return
        body = item.content.read_bytes() if isinstance(item.content, Path) else item.content
        request.send_response(item.status)
        request.send_header("Content-Type", item.content_type)
        request.send_header("Content-Length", str(len(body)))
        for name, value in item.headers:
            request.send_header(name, value)
        request.end_headers()
        if with_body:
            request.wfile.write(body)
