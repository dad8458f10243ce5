"""One process tree: the worker's engine beside the web server, started and stopped together.

1. The engine takes its name and takes up what was left unfinished.
2. The web server answers until a signal asks it to stop.
3. The engine stops: leases returned, children ended; what is unfinished goes on at the next start.
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from fastapi import FastAPI
from uvicorn.config import LOGGING_CONFIG

from service.settings import Settings
from service.work.engine import Engine

GRACE_S = 5
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def serve(settings: Settings, app: FastAPI, engine: Engine, started: Callable[[], None]) -> None:
    """Serve until asked to stop; `started` is called once pages are answered."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        # ours are set up already (see `logs.py`); plain ones are uvicorn's own
        log_config=None if settings.log_format == "json" else LOGGING_CONFIG,
        # A line a request would hold network addresses of people who look for help.
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        ws="none",
    )

    def answers() -> None:
        started()
        engine.prepare()

    server = _Server(config, answers)
    with _signals_noted(lambda: setattr(server, "should_exit", True)):
        engine.launch()
        try:
            if not server.should_exit:
                server.run()
        finally:
            engine.close()


def work(engine: Engine, started: Callable[[], None]) -> None:
    """Only the engine, until a signal asks it to stop."""
    stop = threading.Event()
    with _signals_noted(stop.set):
        engine.launch()
        try:
            engine.prepare()
            started()
            stop.wait()
        finally:
            engine.close()


class _Server(uvicorn.Server):
    """Says when it answers."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._started()


@contextmanager
def _signals_noted(stop: Callable[[], None]) -> Iterator[None]:
    """Signals ask to stop instead of ending the process.

    uvicorn has handlers of its own while it runs and raises the signal again after it has ended,
    which would end the process before the engine could return its leases.
    """

    def note(_number: int, _frame: FrameType | None) -> None:
        stop()

    before = {number: signal.signal(number, note) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
