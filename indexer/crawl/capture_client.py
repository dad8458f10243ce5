"""The worker's side of capture: starts the child, asks, answers its slots."""

from __future__ import annotations

import itertools
import subprocess
import threading
from collections.abc import Callable
from types import TracebackType
from typing import BinaryIO, cast

from indexer.crawl.capture_messages import (
    Captured,
    CaptureInbound,
    CaptureOutbound,
    CaptureRequest,
)
from indexer.crawl.child import start_child
from indexer.crawl.messages import Scope, SlotGranted, SlotWanted
from indexer.errors import IndexerError, WireError
from indexer.wire import Channel


class CaptureChildDied(IndexerError):  # noqa: N818 (says what happened)
    """The capture child ended before it answered; nothing was captured, ask again."""

    code = "capture_child_died"


class CaptureClient:
    """One capture child, started when first needed. Several threads take turns."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel[CaptureInbound, CaptureOutbound] | None = None
        self._request_ids = itertools.count(1)
        self._turn = threading.Lock()

    def __enter__(self) -> CaptureClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def process_id(self) -> int | None:
        """The running child's process id, None when none runs."""
        return self._process.pid if self._process else None

    def capture(
        self,
        urls: tuple[str, ...],
        scope: Scope,
        keep_bodies: bool,
        slots: Callable[[str, float], float],
    ) -> Captured:
        """Capture `urls` in order (page, then medium). Raises `CaptureChildDied`.

        `slots(host_and_port, delay_s)` gives the seconds to wait before each request. Afterwards
        the next call starts a new child if this one died.
        """
        with self._turn:
            return self._capture(urls, scope, keep_bodies, slots)

    def close(self) -> None:
        """End the child."""
        with self._turn:
            if self._process is not None:
                cast(BinaryIO, self._process.stdin).close()
                try:
                    self._process.wait(5.0)
                except subprocess.TimeoutExpired:
                    self._process.kill()
            self._end()

    def _capture(
        self,
        urls: tuple[str, ...],
        scope: Scope,
        keep_bodies: bool,
        slots: Callable[[str, float], float],
    ) -> Captured:
        request = CaptureRequest(next(self._request_ids), urls, scope, keep_bodies)
        finished = False
        try:
            captured = self._converse(request, slots)
            finished = True
        except WireError as error:
            status = self._end()
            raise CaptureChildDied(
                f"the capture child ended before it answered (status {status}: {error}); ask again"
            ) from error
        finally:
            if not finished:
                self._end()
        return captured

    def _converse(self, request: CaptureRequest, slots: Callable[[str, float], float]) -> Captured:
        channel = self._running_channel()
        channel.send(request)
        while True:
            message = channel.receive()
            if isinstance(message, SlotWanted):
                wait_s = max(0.0, slots(message.host, message.delay_s))
                channel.send(SlotGranted(message.request_id, wait_s))
            elif message is None:
                raise WireError("it closed the pipe")
            elif message.request_id != request.request_id:
                raise WireError("it answered another request")
            else:
                return message

    def _running_channel(self) -> Channel[CaptureInbound, CaptureOutbound]:
        if self._process is not None and self._process.poll() is not None:
            self._end()
        if self._channel is None:
            self._process = start_child("indexer.crawl.capture")
            self._channel = Channel(
                cast(BinaryIO, self._process.stdout),
                cast(BinaryIO, self._process.stdin),
                CaptureOutbound,
            )
        return self._channel

    def _end(self) -> int | None:
        process, self._process, self._channel = self._process, None, None
        if process is None:
            return None
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            try:
                cast(BinaryIO, stream).close()
            except BrokenPipeError:
                continue
        return process.returncode
